"""Does the page of caches work for people: on a phone and on a desk, by day and by night, without scripts, with hostile texts?"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.functional.shoalpy.shoal import Shoal, ShoalStarter
from tests.slow.browsing import SIZES, Open, Seen, beyond_the_side, contrasts

pytestmark = pytest.mark.slow

PHONES = [size for size in SIZES if size != "desk"]
# As long as host names may be (RFC 1035 section 2.3.4), without a place to break a line at.
LONG = ".".join(["w" * 63] * 3) + ".example"
COUNT = 45


@pytest.fixture(scope="module")
def shoal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shoal]:
    """45 caches in three places; one with a long name and IPv6, and one that failed its test for a reason that is markup."""
    with ShoalStarter(tmp_path_factory.mktemp("shoal")) as start:
        shoal = start("[registry]\ninactive_s = 3600\n")
        for number in range(COUNT - 1):
            address = ("192.0.2.1", "198.51.100.1", "203.0.113.1")[number % 3]
            said = shoal.beat(
                f"c{number:02}",
                public_ip=address,
                private_ip=f"10.0.0.{number}",
                cache_port=2000 + number,
                load=float((number * 37) % 1000),
            )
            assert said.status == 200
        said = shoal.beat("long", hostname=LONG, public_ip="2001:db8:12:1111:2222:3333:4444:5555")
        assert said.status == 200
        yield shoal


def hosts(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("tbody td:nth-child(2)").all_inner_texts()]


@pytest.mark.row("S14", "S16")
@pytest.mark.parametrize("path", ["/", "/0", "/20?page=3"])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_reaches_over_the_side(
    shoal: Shoal, open_page: Open, seen: Seen, size: str, path: str
):
    page = open_page(shoal.url + path, size=size)
    assert beyond_the_side(page, size) == []
    box = page.locator("svg.map").bounding_box()
    assert box is not None
    assert box["width"] > SIZES[size][0] / 2
    assert seen.requests == [shoal.url + path]  # neither a style sheet nor an icon of anybody
    assert seen.nothing_bad(), seen


@pytest.mark.row("S14")
@pytest.mark.parametrize("size", PHONES)
def test_on_a_phone_each_value_stands_beside_its_name(shoal: Shoal, open_page: Open, size: str):
    page = open_page(shoal.url + "/0", size=size)
    row = page.locator("tbody tr").filter(has_text="c07.example.org")
    cells = row.locator("td:visible")
    names = cells.evaluate_all(
        "all => all.map(one => getComputedStyle(one, '::before').content.replaceAll('\"', ''))"
    )
    values = [text.strip() for text in cells.all_inner_texts()]
    told = dict(zip(names, values, strict=True))
    assert told["Hostname"] == "c07.example.org"
    assert (told["Port"], told["City"], told["Private IP"]) == ("2007", "Batavia", "10.0.0.7")
    boxes = [cell.bounding_box() for cell in cells.all()]
    tops = [box["y"] for box in boxes if box is not None]
    assert tops == sorted(set(tops)), "one below the other"


@pytest.mark.row("S15")
@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_all_caches_are_sorted_and_paged_by_touching(
    shoal: Shoal, open_page: Open, seen: Seen, size: str, scripts: bool
):
    page = open_page(shoal.url + "/", size=size, scripts=scripts)
    header = page.get_by_role("columnheader")
    header.get_by_role("link", name="Port", exact=True).click()
    expect(header.filter(has_text="Port")).to_have_attribute("aria-sort", "ascending")
    assert hosts(page)[:2] == ["c00.example.org", "c01.example.org"]
    page.get_by_role("navigation", name="pages").get_by_role("link", name="last").click()
    expect(page.locator("tbody tr")).to_have_count(COUNT - 40)
    assert hosts(page)[-1] == LONG  # port 3128, the highest
    assert seen.nothing_bad(), seen


@pytest.mark.parametrize("size", PHONES)
def test_links_are_large_enough_for_a_finger(shoal: Shoal, open_page: Open, size: str):
    """24 by 24 CSS pixels: WCAG 2.2, 2.5.8."""
    page = open_page(shoal.url + "/", size=size)
    links = page.locator("a:visible").all()
    assert len(links) >= 15 + 5
    small = {
        link.inner_text(): box
        for link in links
        if (box := link.bounding_box()) is not None and min(box["width"], box["height"]) < 24
    }
    assert small == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "desk"])
def test_text_can_be_read_by_day_and_by_night(
    shoal: Shoal, open_page: Open, size: str, scheme: str
):
    page = open_page(shoal.url + "/", size=size, scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    assert {kind: ratio for kind, ratio in contrasts(page).items() if not ratio >= 4.5} == {}
