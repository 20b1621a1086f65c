"""Error bodies and the three status headers."""

import json
import re
from typing import Any

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ugrpy.frontend.problem import (
    cache_status,
    error_token,
    prefers_html,
    proxy_status,
    render_problem,
    server_timing,
)
from ugrpy.namespace.model import Cause

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


# -- headers ---------------------------------------------------------------------------------------

SF_STRING = r'"(?:[ !#-\[\]-~]|\\["\\])*"'
PROXY_MEMBER = rf"ugrpy; error=[a-z_]+(; next-hop={SF_STRING})?(; details={SF_STRING})?"


def test_each_missing_endpoint_is_a_member():
    problems = [
        ("uvic", "http_response_timeout", "silent for 10 s"),
        ("", "destination_unavailable", ""),
    ]
    assert proxy_status(problems) == (
        'ugrpy; error=http_response_timeout; next-hop="uvic"; details="silent for 10 s", '
        "ugrpy; error=destination_unavailable"
    )
    assert proxy_status([]) == ""


@given(st.text(), st.text(max_size=400))
def test_strings_in_headers_are_structured_fields_whatever_storage_said(name, details):
    assert re.fullmatch(PROXY_MEMBER, proxy_status([(name, "http_protocol_error", details)]))


def test_quotes_and_line_ends_cannot_leave_a_string():
    assert proxy_status([("a", "http_protocol_error", 'x"y\\z\r\nSet-Cookie: é')]) == (
        'ugrpy; error=http_protocol_error; next-hop="a"; details="x\\"y\\\\z??Set-Cookie: ?"'
    )


def test_long_details_are_cut():
    assert len(proxy_status([("a", "http_protocol_error", "x" * 10_000)])) < 300


def test_an_error_type_has_to_be_a_token():
    with pytest.raises(ValueError, match="not a token"):
        proxy_status([("a", "two words", "")])


def test_every_cause_has_an_error_type_of_the_registry():
    registered = {
        "http_response_timeout",
        "destination_unavailable",
        "http_protocol_error",
        "http_response_incomplete",
    }
    assert {error_token(cause) for cause in Cause} == registered


def test_cache_status():
    assert cache_status(True, ttl_s=30) == "ugrpy; hit; ttl=30"
    assert cache_status(True, ttl_s=-2, fwd="stale") == "ugrpy; hit; ttl=-2"
    assert cache_status(False, fwd="uri-miss") == "ugrpy; fwd=uri-miss"
    assert cache_status(False, detail='shared "cache" is down') == (
        'ugrpy; fwd=miss; detail="shared \\"cache\\" is down"'
    )


def test_server_timing_is_in_milliseconds():
    assert (
        server_timing([("fan-out", 0.01234), ("two words", 2.0)])
        == "fan-out;dur=12.3, two_words;dur=2000.0"
    )
    assert server_timing([]) == ""
