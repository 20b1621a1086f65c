"""Do the pages work for people: on a phone and on a desk, by day and by night, without scripts, with hostile names?"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.functional import clients
from tests.functional.clients import (
    MISS,
    NAMES,
    ODD,
    ODD_NAMES,
    SHARED,
    SHARED_BYTES,
    WIDE,
    Grid,
    odd_bytes,
    only,
    only_bytes,
    write,
)
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.process import free_port
from tests.slow.browsing import SIZES, beyond_the_side, contrasts
from ugrpy.core.urls import decode_path

pytestmark = pytest.mark.slow
grid = clients.grid
odd = clients.odd

HOSTILE = "/hostile <b>&\"'"
HOSTILE_NAMES = (
    "<script>alert(1)<script>",
    "<img src=x onerror=alert(1)>.txt",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)' x='",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;&#60;",
    "data:text\\html,<script>alert(1)<script>",
    "%3Cscript%3E",
    "{{7*7}}${7*7}",
    "\u202egnp.exe",
    "]]><b>",
    "--><b>",
    "</td".replace("/", "\u2215"),
    "w" * 250,
)


def hostile_bytes(name: str) -> bytes:
    """Plain text, which Chromium shows."""
    return f"file {HOSTILE_NAMES.index(name)} of the hostile ones".encode()


@pytest.fixture(scope="module")
def hostile(grid: Grid) -> Grid:
    for name in HOSTILE_NAMES:
        write(grid.storages["apache"], f"{HOSTILE}/{name}", hostile_bytes(name))
    return grid


@pytest.fixture(scope="module")
def half_dead(grid: Grid, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway before nginx and before an endpoint where nobody listens."""
    endpoints = {
        "nginx": grid.storages["nginx"].url,
        "gone": f"http://127.0.0.1:{free_port('127.0.0.1')}",
    }
    with GatewayStarter(tmp_path_factory.mktemp("half-dead")) as start:
        yield start(endpoints)


def file_links(page: Page) -> list[str]:
    """The names as shown, in order, without the way up."""
    shown = page.locator("td.f a").all_inner_texts()
    return [name for name in shown if name != "../"]


def path_of(url: str) -> str:
    return decode_path(urlsplit(url).path)


def arrives(page: Page, path: str) -> None:
    """A click only begins a navigation."""
    page.wait_for_url(lambda url: path_of(url) == path)


# -- getting about ---------------------------------------------------------------------------------


@pytest.mark.row("K58")
@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_a_tree_is_walked_by_clicking(grid, open_page, seen, size, scripts):
    page = open_page(grid.at("/"), size=size, scripts=scripts)
    for name, path in [
        ("nested", "/nested/"),
        ("one", "/nested/one/"),
        ("two", "/nested/one/two/"),
    ]:
        page.get_by_role("link", name=f"{name}/", exact=True).click()
        arrives(page, path)
        assert page.title() == f"Index of {path}"
    page.get_by_role("link", name="../", exact=True).click()
    arrives(page, "/nested/one/")
    page.get_by_role("navigation").get_by_role("link", name="nested/").click()
    arrives(page, "/nested/")
    page.get_by_role("navigation").get_by_role("link", name="/", exact=True).click()
    arrives(page, "/")
    page.go_back()
    arrives(page, "/nested/")
    assert seen.nothing_bad(), seen


@pytest.mark.row("K59")
def test_a_collection_without_slash_is_its_page(grid, open_page):
    page = open_page(grid.at("/nested/one"))
    arrives(page, "/nested/one/")
    expect(page.get_by_role("link", name="two/", exact=True)).to_be_visible()


@pytest.mark.row("K58")
@pytest.mark.parametrize("scripts", [True, False])
def test_columns_sort_by_clicking(grid, open_page, seen, scripts):
    page = open_page(grid.at("/data/"), scripts=scripts)
    folders = [server.root / "data" for server in grid.storages.values()]
    sizes = {path.name: path.stat().st_size for folder in folders for path in folder.glob("*")}
    names = sorted(sizes)
    by_size = sorted(names, key=lambda name: (sizes[name], name))
    assert file_links(page) == names
    header = page.get_by_role("columnheader")
    for column, state, expected in [
        ("Name", "descending", names[::-1]),
        ("Size", "ascending", by_size),
        ("Size", "descending", sorted(names, key=lambda name: (-sizes[name], name))),
        ("Name", "ascending", names),
    ]:
        header.get_by_role("link", name=column).click()
        expect(header.filter(has_text=column)).to_have_attribute("aria-sort", state)
        assert file_links(page) == expected
        assert page.locator("th[aria-sort]").count() == 1
    assert seen.nothing_bad(), seen


@pytest.mark.parametrize("scripts", [True, False])
def test_a_file_comes_from_its_storage(grid, open_page, seen, scripts):
    # a metalink waits for all: after it the nearest is known to hold the file, however busy the machine
    assert grid.ask("GET", f"{SHARED}?metalink=4").status == 200
    page = open_page(grid.at("/data/"), scripts=scripts)
    with page.expect_download() as saved:
        page.get_by_role("link", name="shared.bin", exact=True).click()
    assert saved.value.path().read_bytes() == SHARED_BYTES
    assert saved.value.url == grid.replica("nginx", SHARED)
    # Apache tells no type here, so this one is shown
    page.get_by_role("link", name="only-apache.txt", exact=True).click()
    page.wait_for_url(grid.replica("apache", only("apache")))
    assert page.inner_text("body").encode().split() == only_bytes("apache").split()
    assert seen.dialogs == seen.errors == []
    assert [told for told in seen.console if grid.url in told] == []  # the storage has no icon


def test_a_metalink_is_saved_under_its_own_name(grid, open_page):
    page = open_page(grid.at("/data/"))
    with page.expect_download() as saved:
        page.get_by_role("link", name="metalink of shared.bin", exact=True).click()
    assert saved.value.suggested_filename == "shared.bin.metalink"
    assert saved.value.path().read_bytes().count(b"<url ") == 3


# -- strange names ---------------------------------------------------------------------------------


@pytest.mark.row("K58")
@pytest.mark.parametrize("size", SIZES)
def test_hostile_names_are_text_and_nothing_else(hostile, open_page, seen, size):
    page = open_page(hostile.at(f"{HOSTILE}/"), size=size)
    assert sorted(file_links(page)) == sorted(HOSTILE_NAMES)
    assert page.title() == f"Index of {HOSTILE}/"
    assert page.locator("script, img, svg, b, iframe").count() == 0
    links = page.locator("td.f a")
    addresses = [links.nth(number).get_attribute("href") or "" for number in range(links.count())]
    paths = {decode_path(href) for href in addresses[1:]}
    assert paths == {f"{HOSTILE}/{name}" for name in HOSTILE_NAMES}
    for row in page.get_by_role("row").all():
        row.hover()
    assert seen.requests == [hostile.at(f"{HOSTILE}/")]  # nothing was loaded besides
    assert seen.nothing_bad(), seen


@pytest.mark.row("K58")
def test_every_hostile_name_leads_to_its_bytes_by_a_click(hostile, open_page, seen):
    page = open_page(hostile.at(f"{HOSTILE}/"))
    for name in HOSTILE_NAMES:
        page.locator("td.f a").filter(has_text=re.compile(f"^{re.escape(name)}$")).click()
        arrives(page, f"{HOSTILE}/{name}")
        assert page.url.startswith(hostile.storages["apache"].url)
        assert page.inner_text("body").encode() == hostile_bytes(name)
        page.go_back()
        arrives(page, f"{HOSTILE}/")
    assert seen.dialogs == seen.errors == []


@pytest.mark.row("K58")
def test_odd_names_are_shown_as_they_are_and_downloaded(odd, open_page, seen):
    page = open_page(odd.at(f"{ODD}/"))
    assert sorted(file_links(page)) == sorted(ODD_NAMES)
    for name in ODD_NAMES:
        with page.expect_download() as saved:
            page.get_by_role("link", name=name, exact=True).click()
        assert saved.value.path().read_bytes() == odd_bytes(name), name
    assert seen.nothing_bad(), seen


# -- looks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "path", ["/", "/data/", f"{WIDE}/", f"{HOSTILE}/", MISS, f"{MISS}{'x' * 400}"]
)
def test_nothing_reaches_over_the_side(hostile, open_page, size, path):
    page = open_page(hostile.at(path), size=size)
    assert beyond_the_side(page, size) == []


@pytest.mark.parametrize("size", ["phone", "small phone"])
def test_links_are_large_enough_for_a_finger(grid, open_page, size):
    """24 by 24 CSS pixels: WCAG 2.2, 2.5.8."""
    page = open_page(grid.at("/nested/one/"), size=size)
    boxes = [link.bounding_box() for link in page.locator("a:visible").all()]
    assert len(boxes) == 7  # two crumbs, three columns, the way up, the child
    assert all(box is not None and box["height"] >= 24 for box in boxes), boxes
    crumbs = [link.bounding_box() for link in page.locator("nav a").all()]
    assert all(box is not None and box["width"] >= 24 for box in crumbs), crumbs


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/data/", MISS])
def test_text_can_be_read_by_day_and_by_night(grid, open_page, scheme, path):
    page = open_page(grid.at(path), scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    assert page.locator("main").count() == 1
    dim = {kind: ratio for kind, ratio in contrasts(page).items() if not ratio >= 4.5}
    assert dim == {}
    if path != MISS:
        page.locator("tbody tr").nth(1).hover()
        assert {kind for kind, ratio in contrasts(page).items() if not ratio >= 4.5} == set()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_an_incomplete_listing_says_so_where_it_is_seen(half_dead, open_page, seen, size, scheme):
    page = open_page(f"{half_dead.url}/data/", size=size, scheme=scheme)
    note = page.get_by_role("note")
    expect(note).to_be_visible()
    expect(note).to_be_in_viewport(ratio=1)
    assert note.inner_text().startswith("Incomplete listing: 1 of 2 storage elements answered;")
    assert f"only-{NAMES[0]}.txt" in file_links(page)
    assert min(contrasts(page).values()) >= 4.5
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert seen.nothing_bad(), seen


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_whose_a_listing_is_can_be_seen_and_opened(half_dead, open_page, seen, size, scripts):
    page = open_page(f"{half_dead.url}/data/", size=size, scripts=scripts)
    row = page.locator("tbody tr", has_text=f"only-{NAMES[0]}.txt")
    expect(row.locator(".h")).to_be_visible()
    expect(row.locator(".h")).to_have_text("nginx")
    page.locator("details summary").click()
    expect(page.locator("details li")).to_be_visible()
    assert page.locator("details li").inner_text().startswith("nginx: ")
    assert beyond_the_side(page, size) == []
    assert min(contrasts(page).values()) >= 4.5
    assert seen.nothing_bad(), seen


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_a_miss_shows_the_way_up(grid, open_page, seen, size, scripts):
    page = open_page(grid.at("/data/no such <i>file"), size=size, scripts=scripts)
    expect(page.get_by_role("heading", level=1)).to_have_text("404 Not Found")
    assert "/data/no such <i>file" in page.inner_text("main")
    page.get_by_role("link", name="Up to /data/").click()
    arrives(page, "/data/")
    assert seen.dialogs == seen.errors == []
    # Chromium's own word for a page whose status is an error
    assert [text for text in seen.console if "404 (Not Found)" not in text] == []


# -- structure -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/data/", MISS])
def test_what_a_screen_reader_needs_is_there(grid, open_page, path):
    page = open_page(grid.at(path))
    root = page.locator("html")
    assert root.get_attribute("lang") == "en"
    assert page.title()
    assert page.locator("main").count() == 1
    viewport = page.locator("meta[name=viewport]").get_attribute("content") or ""
    assert "user-scalable" not in viewport
    assert "maximum-scale" not in viewport
    links = page.get_by_role("link").all()
    names = [(link.get_attribute("aria-label") or link.inner_text()).strip() for link in links]
    assert all(names)
    if path == MISS:
        return
    assert page.locator("caption").inner_text() == f"Contents of {path}"
    assert page.locator("thead th:not([scope=col])").count() == 0
    columns = page.locator("thead th").count()
    cells = page.evaluate("[...document.querySelectorAll('tbody tr')].map(row => row.cells.length)")
    assert set(cells) == {columns}
    expect(page.get_by_role("navigation", name="Path")).to_be_visible()
    metalinks = [name for name in names if name.startswith("metalink")]
    assert len(metalinks) == len(set(metalinks))


def test_the_keyboard_shows_where_it_is(grid, open_page):
    page = open_page(grid.at("/data/"))
    page.keyboard.press("Tab")
    focused = page.evaluate(
        "[document.activeElement.getAttribute('href'), getComputedStyle(document.activeElement).outlineStyle]"
    )
    assert focused == ["/", "solid"]
    page.keyboard.press("Enter")
    page.wait_for_url(grid.at("/"))


@pytest.mark.parametrize("path", ["/", "/data/", f"{ODD}/", MISS])
def test_without_scripts_it_looks_the_same(odd, open_page, path):
    def looks(*, scripts: bool) -> bytes:
        page = open_page(odd.at(path), scripts=scripts)
        # how old the listing is grows in between
        return bytes(page.screenshot(mask=[page.locator("details")]))

    assert looks(scripts=True) == looks(scripts=False)
