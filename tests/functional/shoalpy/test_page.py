"""The page over the wire: what is on it, how it is sorted and paged, that nothing breaks it, and how it looks to a browser's rules."""

import json
import re
import time
from typing import Any

import pytest
from lxml import html

from tests.functional.shoalpy.shoal import GENEVA, Shoal, ShoalStarter

pytestmark = pytest.mark.functional

COLUMNS = [
    *("#", "Hostname", "Public IP", "Private IP", "Port", "Cache", "Upstream"),
    *("Bytes Out (kB/s)", "City", "Country", "Latitude", "Longitude"),
    *("Last Received", "Alive", "Clock Sync", "Access Level"),
]


def page(shoal: Shoal, path: str = "/") -> Any:
    answer = shoal.ask(path, source=GENEVA)
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return html.document_fromstring(answer.body)


def rows(document: Any) -> list[list[str]]:
    return [
        [cell.text_content() for cell in row.findall("td")]
        for row in document.iterfind(".//tbody/tr")
    ]


def hosts(document: Any) -> list[str]:
    return [row[1].removesuffix(".example.org") for row in rows(document)]


@pytest.fixture(scope="module")
def many(start_shoal: ShoalStarter) -> Shoal:
    """45 caches in three places."""
    shoal = start_shoal()
    for number in range(45):
        address = ("192.0.2.1", "198.51.100.1", "203.0.113.1")[number % 3]
        load = (number * 37) % 1000
        answer = shoal.beat(f"c{number:02}", public_ip=address, cache_port=2000 + number, load=load)
        assert answer.status == 200
    return shoal


@pytest.mark.row("S14")
def test_sixteen_columns_colours_and_the_last_message(start_shoal):
    shoal = start_shoal("[registry]\ninactive_s = 150\n", verifies=True)
    shoal.beat("failing", private_ip="10.0.0.1", load=12.3456)
    shoal.beat("drifting", cache_port=3129, timestamp=time.time() + 25)

    def told() -> Any:
        return json.loads(shoal.ask("/v2/caches/failing").body)["verification"]

    deadline = time.monotonic() + 30
    while told()["health"] == "pending":  # addresses of documentation are not connected to
        assert time.monotonic() < deadline
        time.sleep(0.05)
    document = page(shoal)
    assert [cell.text_content() for cell in document.iterfind(".//thead//th")] == COLUMNS
    shown = {row[1]: row for row in rows(document)}
    assert shown["failing.example.org"][2:12] == [
        *("192.0.2.1", "10.0.0.1", "3128", "squid", "both", "12.346"),
        *("Geneva", "CH", "46.2", "6.15"),
    ]
    assert shown["failing.example.org"][14] == "✓"
    assert shown["drifting.example.org"][14] == "+25 s"
    assert shown["failing.example.org"][15] == f"Private{told()['message']}"
    assert told()["message"].startswith("Error during verification: this server does not connect")
    assert "2 active in the last 150 seconds" in document.text_content()

    def colours() -> dict[str, str]:
        return {
            row.findall("td")[1].text.partition(".")[0]: row.get("class")
            for row in page(shoal).iterfind(".//tbody/tr")
        }

    assert colours() == {"failing": "good", "drifting": "bad"}
    open_ = start_shoal()
    open_.beat("verified-by-nobody")
    (row,) = page(open_).iterfind(".//tbody/tr")
    assert row.get("class") == "good"
    assert rows(page(open_))[0][15] == "GlobalVerification is switched off."


@pytest.mark.row("S15")
def test_pages_are_clamped_and_sorting_goes_across_them(many):
    assert len(rows(page(many))) == 20
    assert hosts(page(many, "/20?page=2")) != hosts(page(many, "/20?page=1"))
    assert len(rows(page(many, "/20?page=3"))) == 5
    assert hosts(page(many, "/20?page=99")) == hosts(page(many, "/20?page=3"))
    assert hosts(page(many, "/20?page=0")) == hosts(page(many, "/20"))
    assert len(rows(page(many, "/0"))) == 45
    assert len(rows(page(many, "/7"))) == 7

    for descending in ("asc", "desc"):
        loads = []
        for number in (1, 2, 3):
            document = page(many, f"/20?sort=load&order={descending}&page={number}")
            loads += [float(row[7]) for row in rows(document)]
        assert len(loads) == 45
        assert loads == sorted(loads, reverse=descending == "desc")
    document = page(many, "/20?sort=load&order=desc&page=2")
    (onward,) = [a.get("href") for a in document.iterfind(".//nav/a") if a.text == "next"]
    assert onward == "/20?page=3&sort=load&order=desc"


@pytest.mark.row("S15")
@pytest.mark.parametrize(
    "path",
    [
        *("/?page=abc", "/?page=-1", "/?page=1.5", "/?page=", "/?page=%F0", "/?page=1&page=x"),
        *(
            "/?sort=nothing",
            "/?sort=__init__&order=x",
            "/?%00=%00",
            "/20?page=99999999999999999999",
        ),
    ],
)
def test_no_query_breaks_it(many, path):
    assert len(rows(page(many, path))) in (5, 20)


@pytest.mark.row("S16")
def test_hostile_names_are_text_and_nothing_is_loaded(start_shoal):
    shoal = start_shoal(
        '[[geo.networks]]\nnetworks = ["100.64.0.0/10"]\ncity = "<script>alert(1)</script>\\"\'&"\n'
    )
    assert shoal.beat("hostile", hostname="<script>alert(1)</script>").status == 422
    assert shoal.beat("named", public_ip="100.64.0.1").status == 200

    answer = shoal.ask("/")
    document: Any = html.document_fromstring(answer.body)

    assert list(document.iter("script", "img", "iframe", "object")) == []
    assert rows(document)[0][8] == "<script>alert(1)</script>\"'&"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    for attribute in ("src", "href"):
        for element in document.xpath(f"//*[@{attribute}]"):
            assert element.get(attribute).startswith(("/", "data:image/")), element.get(attribute)
    assert "url(" not in (document.find(".//style").text or "")
    assert document.xpath("//*[@style or starts-with(name(@*), 'on')]") == []


def test_the_map_is_drawn_and_the_page_fits_a_phone(many):
    document = page(many)
    dots = list(document.iterfind(".//svg/circle"))
    assert {(dot.get("cx"), dot.get("cy")) for dot in dots} == {
        *(("6", "-46"), ("-88.5", "-42"), ("-123.5", "-48.5"))
    }
    assert (
        document.find('.//meta[@name="viewport"]').get("content").startswith("width=device-width")
    )
    style = document.find(".//style").text
    assert re.search(r"@media \(max-width: 60rem\)", style)
    cells = document.findall(".//tbody/tr/td")
    assert all(cell.get("data-label") for cell in cells)
