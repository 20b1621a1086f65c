"""The page for people: sixteen columns, colours, order, pages, a map, and nothing that a hostile cache could smuggle in."""

import re
from dataclasses import replace
from ipaddress import ip_address

import pytest
from lxml import html
from lxml.html import HtmlElement

from shoalpy.model import Health
from shoalpy.registry import Registry
from shoalpy.templates import CONTENT_SECURITY_POLICY, STYLE
from shoalpy.web.page import PageAsk, PageView, parse_ask, render
from tests.unit.shoalpy.tracked import BATAVIA, GENEVA, NOW, VANCOUVER, add, beat, facts
from ugrpy.locality import Position

COLUMNS = (
    *("#", "Hostname", "Public IP", "Private IP", "Port", "Cache", "Upstream"),
    *("Bytes Out (kB/s)", "City", "Country", "Latitude", "Longitude"),
    *("Last Received", "Alive", "Clock Sync", "Access Level"),
)


def view(registry: Registry, now_s: float = NOW, **more) -> PageView:
    caches = list(registry.live(now_s))
    return PageView(caches, now_s, 180.0, 10.0, "1.2", **({"shows_private": lambda _: True} | more))


def page(registry: Registry, ask: PageAsk | None = None, now_s: float = NOW, **more) -> HtmlElement:
    return html.document_fromstring(render(view(registry, now_s, **more), ask or PageAsk()))


def rows(document) -> list[list[str]]:
    return [
        [cell.text_content() for cell in row.findall("td")]
        for row in document.iterfind(".//tbody/tr")
    ]


def hosts(document) -> list[str]:
    return [row[1].partition(".")[0] for row in rows(document)]


def test_all_that_is_known_of_a_cache_stands_in_its_row():
    registry = Registry()
    one = beat("a", load=1234.5678, private="10.0.0.7", port=8080)
    add(registry, one, facts(GENEVA, city="Geneva"), now_s=NOW, message="All systems OK!")

    document = page(registry, now_s=NOW + 65)

    headings = [cell.text_content() for cell in document.iterfind(".//thead/tr/th")]
    assert headings == list(COLUMNS)
    assert rows(document) == [
        [
            *("1", "a.example.org", "192.0.2.1", "10.0.0.7", "8080", "squid", "both"),
            *("1234.568", "Geneva", "CH", "46.2", "6.15"),
            *("1m 5s ago", "1m 5s", "✓", "GlobalAll systems OK!"),
        ]
    ]
    assert "1 active in the last 180 seconds" in document.text_content()
    assert document.find(".//footer").text == "shoalpy 1.2"
    labels = [cell.get("data-label") for cell in document.iterfind(".//tbody/tr/td")]
    assert labels == list(COLUMNS)


@pytest.mark.row("S14")
@pytest.mark.parametrize(
    ("age_s", "health", "drift_s", "colour"),
    [
        (0, Health.PASSED, 0, "good"),
        (59, Health.PASSED, 0, "good"),
        (60, Health.PASSED, 0, "pending"),
        (119, Health.OFF, 0, "pending"),
        (120, Health.PASSED, 0, "bad"),
        (0, Health.PENDING, 0, "pending"),
        (0, Health.FAILED, 0, "good"),
        (0, Health.PASSED, 25, "bad"),
        (0, Health.PASSED, -11, "bad"),
        (0, Health.PASSED, 10, "good"),
    ],
)
def test_colours(age_s, health, drift_s, colour):
    registry = Registry()
    add(registry, beat("a", sent_at_s=NOW + drift_s), health=health)

    (row,) = page(registry, now_s=NOW + age_s).iterfind(".//tbody/tr")

    assert row.get("class") == colour
    assert row.findall("td")[14].text == (f"{drift_s:+d} s" if abs(drift_s) > 10 else "✓")


@pytest.mark.parametrize(
    ("health", "message", "shown"),
    [
        (Health.PASSED, "", "GlobalAll systems OK!"),
        (Health.PENDING, "", "PrivateNot verified yet."),
        (Health.OFF, "", "GlobalVerification is switched off."),
        (Health.FAILED, "", "PrivateError during verification."),
        (Health.FAILED, "time <out>", "Privatetime <out>"),
    ],
)
def test_access_and_the_last_message(health, message, shown):
    registry = Registry()
    add(registry, beat("a"), health=health, message=message)

    assert rows(page(registry))[0][15] == shown


def test_nothing_a_cache_says_becomes_markup():
    registry = Registry()
    add(
        registry,
        beat("a"),
        facts(GENEVA, city='<script>alert("1")</script>'),
        message="</details><img src=x>",
    )
    hostile = replace(beat("b", port=9), hostname='"><script>alert(2)</script>')
    add(registry, hostile)

    text = render(view(registry), PageAsk())

    document: HtmlElement = html.document_fromstring(text)
    assert list(document.iter("script", "img")) == []
    assert '<script>alert("1")</script>' in document.text_content()
    assert '"><script>alert(2)</script>' in document.text_content()


def test_nothing_is_fetched_from_elsewhere_and_the_policy_names_the_one_style_sheet():
    registry = Registry()
    add(registry, beat("a"))
    text = render(view(registry), PageAsk())

    fetched = re.findall(r'(?:src|href|url)\s*[=(]\s*"?([^">)]*)', text)
    assert fetched
    assert all(one.startswith(("/", "data:")) for one in fetched)
    document: HtmlElement = html.document_fromstring(text)
    assert [one.text for one in document.iter("style")] == [STYLE]
    assert document.xpath("//*[@style or @onclick]") == []
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; style-src 'sha256-")


@pytest.mark.parametrize(
    ("path", "query", "ask"),
    [
        ("/", {}, PageAsk()),
        ("", {}, None),
        ("/0", {}, PageAsk(0)),
        ("/50", {"page": "3"}, PageAsk(50, 3)),
        ("/", {"page": "abc"}, PageAsk()),
        ("/", {"page": "-1"}, PageAsk()),
        ("/", {"page": "0"}, PageAsk()),
        ("/", {"page": "9" * 5000}, PageAsk()),
        ("/", {"page": "\N{ARABIC-INDIC DIGIT TWO}"}, PageAsk()),
        ("/", {"sort": "load", "order": "desc"}, PageAsk(sort="load", descending=True)),
        ("/", {"sort": "__class__", "order": "sideways"}, PageAsk()),
        ("/x", {}, None),
        ("/5/5", {}, None),
    ],
)
def test_what_is_asked_for(path, query, ask):
    assert parse_ask(path, query) == ask


def test_pages_are_cut_and_clamped():
    registry = Registry()
    for number in range(45):
        add(registry, beat(f"c{number:02}", port=1 + number))

    def shown(ask: PageAsk) -> tuple[int, list[str]]:
        document = page(registry, ask)
        links = {
            link.text: link.get("href") for link in document.iterfind(".//nav[@class='pages']/a")
        }
        assert all(
            target.startswith(f"/{ask.size}?") or text == "show all"
            for text, target in links.items()
        )
        return len(rows(document)), sorted(links)

    everywhere = ["first", "last", "next", "previous", "show all"]
    assert shown(PageAsk(20, 1)) == (20, ["last", "next", "show all"])
    assert shown(PageAsk(20, 2)) == (20, everywhere)
    assert shown(PageAsk(20, 3)) == (5, ["first", "previous", "show all"])
    assert shown(PageAsk(20, 99)) == (5, ["first", "previous", "show all"])
    assert shown(PageAsk(0, 1)) == (45, [])
    assert shown(PageAsk(0, 7)) == (45, [])


def test_sorting_goes_across_pages_and_numbers_sort_by_value():
    registry = Registry()
    for number, load in enumerate((900.0, 1000.0, 8.0, 70.0)):
        add(registry, beat(f"c{number}", load=load, port=1 + number))

    first = hosts(page(registry, PageAsk(2, 1, "load")))
    second = hosts(page(registry, PageAsk(2, 2, "load")))
    assert first + second == ["c2", "c3", "c0", "c1"]
    assert hosts(page(registry, PageAsk(2, 1, "load", descending=True))) == ["c1", "c0"]


def test_addresses_sort_by_number_and_what_is_not_known_comes_last():
    registry = Registry()
    for key, address in (
        ("a", "192.0.2.10"),
        ("b", "192.0.2.9"),
        ("c", None),
        ("d", "2001:db8::1"),
    ):
        add(registry, beat(key, public=address, private="10.0.0.1" if address is None else None))

    assert hosts(page(registry, PageAsk(sort="public"))) == ["b", "a", "d", "c"]
    assert hosts(page(registry, PageAsk(sort="public", descending=True))) == ["d", "a", "b", "c"]


@pytest.mark.parametrize(
    "name",
    [
        *("host", "public", "private", "port", "cache", "upstream", "load", "city", "country"),
        *("latitude", "longitude", "received", "alive", "clock", "access"),
    ],
)
def test_every_column_can_be_sorted_both_ways(name):
    registry = Registry()
    add(registry, beat("a", port=1, private="10.0.0.2"), facts(GENEVA, city="Geneva"))
    add(registry, beat("b", port=2), facts(None), health=Health.FAILED)
    add(registry, beat("c", port=3, load=5), facts(BATAVIA, city="Batavia"))

    for descending in (False, True):
        document = page(registry, PageAsk(sort=name, descending=descending))
        assert sorted(hosts(document)) == ["a", "b", "c"]
        (sorted_by,) = document.iterfind(".//th[@aria-sort]")
        assert sorted_by.get("aria-sort") == ("descending" if descending else "ascending")
        link = sorted_by.find("a").get("href")
        assert link == f"/20?sort={name}&order={'asc' if descending else 'desc'}"


def test_the_latest_message_comes_first_unless_asked_otherwise():
    registry = Registry()
    add(registry, beat("old", port=1), now_s=NOW)
    add(registry, beat("new", port=2, sent_at_s=NOW + 5), now_s=NOW + 5)

    assert hosts(page(registry, now_s=NOW + 9)) == ["new", "old"]
    assert [row[12] for row in rows(page(registry, now_s=NOW + 9))] == ["4s ago", "9s ago"]


def test_hours_are_told_with_minutes_and_seconds():
    registry = Registry()
    add(registry, beat("a"), now_s=NOW)
    for hour in range(1, 80):
        moment = NOW + hour * 100
        registry.apply(beat("a", sent_at_s=moment), facts(GENEVA), moment)

    assert rows(page(registry, now_s=NOW + 7987))[0][13] == "2h 13m 7s"


def test_the_map_has_a_dot_for_each_place_and_none_for_the_unknown():
    registry = Registry()
    add(registry, beat("a", port=1), facts(GENEVA))
    add(registry, beat("b", port=2), facts(Position(46.21, 6.16)), health=Health.PENDING)
    add(registry, beat("c", port=3), facts(VANCOUVER), health=Health.PENDING)
    add(registry, beat("d", port=4), facts(None))

    dots = list(page(registry).iterfind(".//svg/circle"))

    assert [(dot.get("cx"), dot.get("cy"), dot.get("class")) for dot in dots] == [
        ("6", "-46", "good"),
        ("-123", "-49.5", "pending"),
    ]
    assert [dot.find("title").text for dot in dots] == [
        "a.example.org, b.example.org",
        "c.example.org",
    ]


def test_private_addresses_are_shown_to_those_who_may_see_them():
    registry = Registry()
    add(registry, beat("a", private="10.0.0.1", port=1))
    add(registry, beat("b", private="10.0.0.2", port=2))

    document = page(
        registry,
        PageAsk(sort="private"),
        shows_private=lambda cache: cache.beat.private_ip == ip_address("10.0.0.2"),
    )

    assert [row[3] for row in rows(document)] == ["10.0.0.2", ""]
