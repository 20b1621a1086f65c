"""The HTML listing, read back with a parser as a browser or rclone would read it."""

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ugrpy.frontend.page import (
    CONTENT_SECURITY_POLICY,
    ListingView,
    Row,
    Sort,
    SortKey,
    human_size,
    parse_sort,
    render_listing,
    sort_rows,
)
from ugrpy.namespace.model import Kind
from ugrpy.webdav.provenance import Provenance

ODD_NAMES = [
    ";",
    "a\"b<c>&'d",
    "c:d",
    "javascript:alert(1)",
    "x#y",
    "q?r",
    "p%41",
    "ünï",
    "日本",
    "sp  ace",
    "+plus",
    "b\udcff",
    "semi;x=1",
    "-dash",
    "a&amp;b",
    "{{ 7 * 7 }}",
]


def page(**changes: Any) -> Any:
    view = ListingView(**{"path": "/atlas/x y", "rows": [], **changes})
    return lxml.html.document_fromstring(b"".join(render_listing(view)))


def files(*names: str) -> list[Row]:
    return [Row(name, Kind.FILE, 5, 0, 2) for name in names]


def text(element: Any) -> str:
    return " ".join(element.text_content().split())


def children_as_rclone_sees_them(document: Any, base: bytes = b"/atlas/x y/") -> list[bytes]:
    """Links without a query that lead exactly one level below the page, decoded to bytes."""
    # not by urljoin: it drops an empty ";" at the end, which Go and browsers keep
    paths = [unquote_to_bytes(href) for href in document.xpath("//a/@href") if "?" not in href]
    names = [path.removeprefix(base) for path in paths if path.startswith(base)]
    return [name for name in names if name and b"/" not in name[:-1]]


def as_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


# -- links -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("kind", Kind)
def test_an_odd_name_is_linked_plainly_once_and_shown(name, kind):
    document = page(rows=[Row(name, kind)])

    slash = "/" if kind is Kind.COLLECTION else ""
    assert children_as_rclone_sees_them(document) == [as_bytes(name + slash)]
    (cell,) = document.xpath("//td[@class='f'][not(a/@rel)]")
    assert cell.text_content() == name.replace("\udcff", "\ufffd") + slash
    assert cell.find("a").get("href").isascii()


@pytest.mark.parametrize("name", ["a\nb", "\x00", "c\x1fd", "e\x7f"])
@pytest.mark.parametrize("kind", Kind)
def test_a_name_that_no_request_can_mean_is_shown_without_a_link(name, kind):
    document = page(rows=[Row(name, kind, replicas=2)])

    assert children_as_rclone_sees_them(document) == []
    (cell,) = document.xpath("//td[@class='f'][not(a/@rel)]")
    assert re.sub("[\x00-\x1f\x7f]", "\ufffd", name) in cell.text_content()
    assert "metalink" not in document.text_content()


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/")
    | st.sampled_from([chr(code) for code in range(0xDC80, 0xDD00)]),
    min_size=1,
    max_size=20,
).filter(lambda name: name not in (".", ".."))


@given(st.lists(NAMES, unique_by=as_bytes))
def test_every_name_is_found_again_through_its_link(names):
    # a surrogate next to another may form a character once joined: what counts are the bytes
    document = page(rows=files(*names))

    assert children_as_rclone_sees_them(document) == [as_bytes(name) for name in names]


def test_links_are_absolute_paths_so_the_slash_of_the_request_does_not_matter():
    document = page(rows=[*files("f"), Row("d", Kind.COLLECTION)])

    for href in document.xpath("//tbody//a/@href"):
        assert href.startswith("/")
        assert not href.startswith("//")
    assert document.xpath("//td[@class='f']/a/@href") == [
        "/atlas/",
        "/atlas/x%20y/f",
        "/atlas/x%20y/d/",
    ]


def test_links_to_paths_need_no_escaping():
    """wget2 takes attributes as they stand, and would ask for a&amp;b."""
    names = ["a&b", "it's", "<i>", 'say "so"', "&amp;"]
    source = b"".join(render_listing(ListingView(path="/x&y/it's/z", rows=files(*names)))).decode()
    links = re.findall(r'href="(/[^"]*)"', source)
    assert "/x%26y/it%27s/z/a%26b" in links
    assert "/x%26y/it%27s/" in links
    assert not [link for link in links if "&" in link]


def test_each_file_has_a_metalink_link_and_a_replica_count():
    document = page(rows=[*files("f&g"), Row("d", Kind.COLLECTION)])

    parent, file, collection = document.xpath("//td[@class='r']")
    assert text(file) == "2 metalink"
    assert file.find("a").get("href") == "/atlas/x%20y/f%26g?metalink"
    assert file.find("a").get("aria-label") == "metalink of f&g"
    assert text(parent) == text(collection) == ""


def test_the_root_has_no_parent():
    document = page(path="/", rows=files("f"))

    assert document.xpath("//a[@rel='up']") == []
    assert document.xpath("//td[@class='f']/a/@href") == ["/f"]
    assert text(document.find(".//nav")) == "/"


def test_the_parent_is_one_step_up():
    (link,) = page(path="/a/b c/d/").xpath("//a[@rel='up']")
    assert (link.text, link.get("href")) == ("../", "/a/b%20c/")


def test_the_breadcrumb_leads_to_each_ancestor_and_names_the_page():
    document = page(path="/a/<b>/c:d")

    links = [(a.text, a.get("href")) for a in document.xpath("//nav//a")]
    assert links == [("/", "/"), ("a/", "/a/"), ("<b>/", "/a/%3Cb%3E/")]
    (here,) = document.xpath("//nav//*[@aria-current='page']")
    assert here.text == "c:d/"


@pytest.mark.parametrize("path", ["//evil.example/x", "/x//y///"])
def test_doubled_slashes_never_make_a_link_to_another_host(path):
    for href in page(path=path, rows=files("f")).xpath("//a/@href"):
        assert not href.startswith("//")


# -- columns ---------------------------------------------------------------------------------------


def cells(document: Any, row_number: int) -> list[str]:
    return [text(cell) for cell in document.xpath("//tbody/tr")[row_number].findall("td")]


def test_the_columns_are_those_people_know():
    rows = [Row("d", Kind.COLLECTION, None, 1_700_000_000), Row("f", Kind.FILE, 1_234_567, 0, 3)]
    document = page(rows=rows)

    heads = [text(head) for head in document.xpath("//thead//th")]
    assert [head.rstrip(" ▲▼") for head in heads] == [
        "Mode", "UID", "GID", "Size", "Modified", "Name", "Replicas",
    ]  # fmt: skip
    assert cells(document, 1) == ["drwxr-xr-x", "0", "0", "-", "2023-11-14 22:13:20", "d/", ""]
    assert cells(document, 2) == [
        "-r--r--r--", "0", "0", "1.23 MB", "1970-01-01 00:00:00", "f", "3 metalink",
    ]  # fmt: skip
    assert document.xpath("//td/@title") == ["1234567 bytes"]
    assert document.xpath("//time/@datetime") == ["2023-11-14T22:13:20Z", "1970-01-01T00:00:00Z"]
    assert text(document.xpath("//*[@class='summary']")[0]) == "1 collection, 1 file"


@pytest.mark.parametrize("mtime_s", [None, 10**20, -(10**20)])
def test_a_date_nobody_told_or_no_calendar_holds_is_a_dash(mtime_s):
    assert cells(page(rows=[Row("f", Kind.FILE, 1, mtime_s)]), 1)[4] == "-"


def test_an_unknown_size_is_not_shown_as_zero():
    assert cells(page(rows=[Row("f", Kind.FILE), Row("g", Kind.FILE, 0)]), 1)[3] == "?"
    assert cells(page(rows=[Row("f", Kind.FILE), Row("g", Kind.FILE, 0)]), 2)[3] == "0 B"


def test_a_conflict_stands_beside_the_name():
    (note,) = page(rows=[Row("f", Kind.FILE, conflict="size <differs>")]).xpath("//*[@class='c']")
    assert note.text == "size <differs>"


def test_who_holds_a_row_stands_beside_the_name_where_names_are_shown():
    rows = [Row("f", Kind.FILE, 1, 0, 2, holders=("one", "<two>")), Row("d", Kind.COLLECTION)]
    assert [one.text for one in page(rows=rows, show_endpoints=True).xpath("//*[@class='h']")] == [
        "one, <two>"
    ]
    assert page(rows=rows).xpath("//*[@class='h']") == []


TOLD = Provenance(
    75, {"one": 75, "<two>": 0, "half": 3}, {"half": "denied", "three": "down"}, asked=4
)


def test_how_old_a_listing_is_and_each_part_of_it():
    document = page(told=TOLD, show_endpoints=True)
    assert document.findtext(".//details/summary") == "2 of 4 storage elements answered, 75 s ago"
    assert document.xpath("//details//li/text()") == ["<two>: just now", "one: 75 s ago"]


def test_without_names_the_age_is_all():
    document = page(told=TOLD)
    assert document.xpath("//details") == []
    assert "2 of 4 storage elements answered, 75 s ago" in document.xpath(
        "//p[@class='summary']/text()"
    )
    assert "one" not in document.text_content().split()


def test_a_collection_that_only_prefixes_make_has_no_age():
    assert "answered" not in page(told=None).text_content()


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (9_999, "10.0 kB"),
        (99_949, "99.9 kB"),
        (99_999, "100 kB"),
        (999_499, "999 kB"),
        (999_999, "1.00 MB"),
        (1_500_000_000, "1.50 GB"),
        (12_300_000_000_000, "12.3 TB"),
        (10**21, "1000 EB"),
    ],
)
def test_sizes_have_three_digits_and_a_decimal_unit(size_bytes, shown):
    assert human_size(size_bytes) == shown


# -- order -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "sort"),
    [
        ({}, Sort()),
        ({"sort": "size"}, Sort(SortKey.SIZE)),
        ({"sort": "mtime", "order": "desc"}, Sort(SortKey.MTIME, True)),
        ({"sort": "name", "order": "asc"}, Sort(SortKey.NAME)),
        ({"sort": "SIZE", "order": "desc"}, Sort()),
        ({"sort": "colour"}, Sort()),
        ({"order": "desc"}, Sort()),
        ({"sort": "size", "order": "sideways"}, Sort(SortKey.SIZE)),
    ],
)
def test_parse_sort_falls_back_to_the_name(query, sort):
    assert parse_sort(query) == sort


def names(rows: Iterable[Row]) -> list[str]:
    return [row.name for row in rows]


def test_names_compare_as_people_count_and_collections_come_first():
    rows = [*files("run10", "Run9", "run1", "a", "run09", "B"), Row("z", Kind.COLLECTION)]

    assert names(sort_rows(rows, Sort())) == ["z", "a", "B", "run1", "Run9", "run09", "run10"]
    assert names(sort_rows(rows, Sort(descending=True))) == [
        "z", "run10", "run09", "Run9", "run1", "B", "a",
    ]  # fmt: skip


def test_what_is_unknown_comes_last_in_both_directions_and_ties_go_by_name():
    rows = [
        Row("unknown", Kind.FILE, None),
        Row("big", Kind.FILE, 9),
        Row("small-b", Kind.FILE, 1),
        Row("small-a", Kind.FILE, 1),
        Row("d2", Kind.COLLECTION),
        Row("d1", Kind.COLLECTION),
    ]
    assert names(sort_rows(rows, Sort(SortKey.SIZE))) == [
        "d1", "d2", "small-a", "small-b", "big", "unknown",
    ]  # fmt: skip
    assert names(sort_rows(rows, Sort(SortKey.SIZE, True))) == [
        "d1", "d2", "big", "small-a", "small-b", "unknown",
    ]  # fmt: skip


def test_dates_sort_too():
    rows = [Row("new", Kind.FILE, 1, 20), Row("old", Kind.FILE, 1, 10)]
    assert names(sort_rows(rows, Sort(SortKey.MTIME))) == ["old", "new"]
    assert names(sort_rows(rows, Sort(SortKey.MTIME, True))) == ["new", "old"]


def test_a_number_of_any_length_sorts():
    long = "9" * 10_000  # int() refuses more than 4300 digits
    assert names(sort_rows(files(long, "10"), Sort())) == ["10", long]


@given(st.lists(NAMES), st.builds(Sort, st.sampled_from(SortKey), st.booleans()), st.randoms())
def test_order_does_not_depend_on_the_order_of_arrival(some_names, sort, random):
    rows = files(*some_names)
    shuffled = random.sample(rows, len(rows))

    assert sort_rows(shuffled, sort) == sort_rows(rows, sort)
    assert sorted(names(sort_rows(rows, sort))) == sorted(some_names)


def test_the_sorted_column_says_so_and_its_link_turns_the_order_round():
    document = page(sort=Sort(SortKey.SIZE))

    (head,) = document.xpath("//th[@aria-sort]")
    assert (text(head), head.get("aria-sort")) == ("Size ▲", "ascending")
    assert document.xpath("//thead//a/@href") == [
        "?sort=size&order=desc",
        "?sort=mtime&order=asc",
        "?sort=name&order=asc",
    ]
    (head,) = page(sort=Sort(SortKey.SIZE, True)).xpath("//th[@aria-sort]")
    assert (text(head), head.get("aria-sort")) == ("Size ▼", "descending")
    assert head.find("a").get("href") == "?sort=size&order=asc"


# -- what is missing -------------------------------------------------------------------------------


def banner(**changes: Any) -> str:
    notes = page(**changes).xpath("//*[@role='note']")
    return text(notes[0]) if notes else ""


def test_a_partial_listing_says_how_many_answered():
    said = banner(missing={"uvic": "silent for 10 s"}, asked=3, partial=True)
    assert "Incomplete listing: 2 of 3 storage elements answered" in said
    assert "1 storage element did not answer" in banner(missing={"uvic": "silent"})
    assert "names may be missing" in banner(partial=True)
    assert banner() == ""


def test_endpoints_are_named_only_when_allowed():
    missing = {"uvic": "silent for 10 s", "b<c": "refused <here>"}

    document = page(missing=missing, show_endpoints=True)
    assert [text(item) for item in document.xpath("//*[@role='note']//li")] == [
        "b<c: refused <here>",
        "uvic: silent for 10 s",
    ]
    whole = b"".join(render_listing(ListingView("/a", (), missing=missing)))
    assert b"uvic" not in whole
    assert b"silent" not in whole


# -- the document as a whole -----------------------------------------------------------------------


def test_the_page_declares_utf8_language_and_phone_width():
    whole = b"".join(render_listing(ListingView("/a", files("ünï\udcff"))))

    assert whole.startswith(b'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">')
    whole.decode("utf-8")
    (viewport,) = page().xpath("//meta[@name='viewport']/@content")
    assert "width=device-width" in viewport


def test_nothing_is_loaded_or_run_and_the_policy_allows_just_the_style():
    document = page(rows=files(*ODD_NAMES), missing={"a": "b"}, show_endpoints=True)

    (style,) = document.xpath("//style")
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; ")
    assert CONTENT_SECURITY_POLICY.isascii()
    assert document.xpath("//script | //img | //iframe | //form | //@style | //@onclick") == []
    assert document.xpath("//link/@rel") == ["icon"]
    assert document.xpath("//link/@href")[0].startswith("data:")
    assert not re.search(r"@import|url\(", style.text)
    assert "prefers-color-scheme: dark" in style.text


def test_the_table_is_fit_for_screen_readers():
    document = page(rows=files("f"))

    assert {head.get("scope") for head in document.xpath("//th")} == {"col"}
    assert document.xpath("//nav/@aria-label") == ["Path"]
    assert text(document.find(".//caption")) == "Contents of /atlas/x y/"
    assert len(document.xpath("//main")) == 1


def test_markup_in_the_path_or_identity_stays_text():
    document = page(path="/<script>x</script>\udcff", identity="/CN=<b>me</b>\x07")

    assert document.xpath("//script | //b") == []
    assert document.findtext(".//title") == "Index of /<script>x</script>\ufffd/"
    assert "Asked by /CN=<b>me</b>\ufffd." in text(document.find(".//footer"))


def test_a_thousand_rows_come_in_pieces_and_none_is_lost():
    rows = files(*[f"data.{number:08d}.root" for number in range(1000)])
    pieces = list(render_listing(ListingView("/atlas/x y", rows)))

    assert len(pieces) > 5
    assert all(16_000 < len(piece) < 100_000 for piece in pieces[:-1])
    document = lxml.html.document_fromstring(b"".join(pieces))
    assert children_as_rclone_sees_them(document) == [as_bytes(row.name) for row in rows]


def test_rendering_starts_before_the_last_row_is_touched():
    class Watched(list[Row]):
        touched = 0

        def __getitem__(self, index):
            self.touched = max(self.touched, index.stop)
            return super().__getitem__(index)

    rows = Watched(files(*[f"data.{number:08d}.root" for number in range(5000)]))
    next(render_listing(ListingView("/a", rows)))
    assert rows.touched < 1000
