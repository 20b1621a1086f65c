"""Error bodies."""

import json
from typing import Any

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ugrpy.frontend.problem import prefers_html, render_problem

CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)


def html_of(**changes: Any) -> Any:
    arguments = {"instance": "/a/b", "wants_html": True, **changes}
    content_type, body = render_problem(404, "Not Found", "no <such> name", **arguments)
    assert content_type == "text/html; charset=utf-8"
    return lxml.html.document_fromstring(body)


def json_of(**changes: Any) -> Any:
    content_type, body = render_problem(
        504, "Gateway Timeout", "silent", **{"instance": "/a", **changes}
    )
    assert content_type == "application/problem+json"
    return json.loads(body)


# -- bodies ----------------------------------------------------------------------------------------


def test_programs_get_problem_details():
    assert json_of() == {
        "type": "about:blank",
        "title": "Gateway Timeout",
        "status": 504,
        "detail": "silent",
        "instance": "/a",
    }


def test_the_instance_is_a_uri_reference_that_never_names_a_host():
    assert json_of(instance="//evil.example/ü b\udcff")["instance"] == "/evil.example/%C3%BC%20b%FF"
    assert json_of(instance="/")["instance"] == "/"


@pytest.mark.parametrize("wants_html", [False, True])
def test_missing_endpoints_are_told_only_when_allowed(wants_html):
    arguments = {"instance": "/a", "missing": {"uvic": "refused <it>"}, "wants_html": wants_html}

    _, hidden = render_problem(503, "Service Unavailable", "out", **arguments)
    assert b"uvic" not in hidden
    _, shown = render_problem(503, "Service Unavailable", "out", show_endpoints=True, **arguments)
    assert b"uvic" in shown


def test_missing_and_hint_are_members():
    told = json_of(missing={"uvic": "refused\udcff"}, hint="start it", show_endpoints=True)
    assert told["missing"] == {"uvic": "refused\ufffd"}
    assert told["hint"] == "start it"


def test_browsers_get_a_page():
    document = html_of(missing={"b": "<late>", "a": "down"}, show_endpoints=True, hint="ask <us>")

    assert document.findtext(".//title") == document.findtext(".//h1") == "404 Not Found"
    assert document.xpath("//main/p[1]/text()") == ["no <such> name"]
    assert document.xpath("//li/text()") == ["a: down", "b: <late>"]
    assert document.xpath("//p[@class='hint']/text()") == ["ask <us>"]
    assert document.xpath("//such | //us | //late | //script") == []


@pytest.mark.parametrize(
    ("instance", "up"), [("/a/b c/d", ["/a/b%20c/"]), ("/a", ["/"]), ("//x/y", ["/x/"]), ("/", [])]
)
def test_the_page_leads_one_step_up(instance, up):
    assert html_of(instance=instance).xpath("//a/@href") == up


# -- negotiation -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (CHROMIUM, True),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", True),
        ("TEXT/HTML", True),
        ("text/html, */*", True),
        ("application/xhtml+xml;q=0.5", True),
        ("text/html;level=1;q=0.4, */*;q=0.1", True),
        (None, False),
        ("", False),
        ("*/*", False),
        ("text/*", False),
        ("application/json", False),
        ("application/problem+json, text/html", False),
        ("text/html;q=0.5, application/json;q=0.6", False),
        ("text/html;q=0.5, */*", False),
        ("text/html;q=0", False),
        ("text/html;q=much", False),
        ("text/html;q=", False),
    ],
)
def test_html_must_be_asked_for(accept, html):
    assert prefers_html(accept) is html


@given(st.text(st.sampled_from("texthml/*;,q=01. +jsonapplication")) | st.text())
def test_no_accept_header_breaks_the_negotiation(accept):
    assert prefers_html(accept) in (True, False)
