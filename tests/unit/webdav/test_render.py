"""The writer: what clients asked for, read back with lxml and with our own reader."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from lxml import etree

from ugrpy.namespace.model import Kind
from ugrpy.webdav.multistatus import MultistatusReader, Resource
from ugrpy.webdav.properties import KNOWN
from ugrpy.webdav.provenance import Provenance
from ugrpy.webdav.render import Described, render_multistatus
from ugrpy.webdav.request import PropfindForm, PropfindRequest

ALLPROP = PropfindRequest()
DAV = "{DAV:}"
FILE = Described("/fed/a b&c", "a b&c", Kind.FILE, 12, 1709210096, 'W/"ab"', replicas=2)
COLLECTION = Described("/fed", "fed", Kind.COLLECTION, None, 0, 'W/"cd"')
BARE = Described("/fed/x", "x", Kind.FILE)


def asking(*names: tuple[str, str]) -> PropfindRequest:
    return PropfindRequest(PropfindForm.PROP, names)


def rendered(items: list[Described], request: PropfindRequest) -> bytes:
    return b"".join(render_multistatus(items, request))


def propstats(item: Described, request: PropfindRequest) -> dict[str, dict[str, str]]:
    """Status code -> property -> its text, or its children's names."""
    root = etree.fromstring(rendered([item], request))
    [response] = root
    found: dict[str, dict[str, str]] = {}
    for propstat in response.iterchildren(f"{DAV}propstat"):
        status = (propstat.findtext(f"{DAV}status") or "").split()[1]
        assert status not in found
        [prop] = propstat.iterchildren(f"{DAV}prop")
        found[status] = {
            str(value.tag): (value.text or "") + "".join(str(child.tag) for child in value)
            for value in prop
        }
    return found


def test_allprop_of_a_file():
    assert propstats(FILE, ALLPROP) == {
        "200": {
            f"{DAV}displayname": "a b&c",
            f"{DAV}resourcetype": "",
            f"{DAV}getcontentlength": "12",
            f"{DAV}getlastmodified": "Thu, 29 Feb 2024 12:34:56 GMT",
            f"{DAV}creationdate": "2024-02-29T12:34:56Z",
            f"{DAV}getetag": 'W/"ab"',
            f"{DAV}getcontenttype": "application/octet-stream",
            f"{DAV}iscollection": "0",
        }
    }


def test_allprop_of_a_collection_has_no_length():
    assert propstats(COLLECTION, ALLPROP) == {
        "200": {
            f"{DAV}displayname": "fed",
            f"{DAV}resourcetype": f"{DAV}collection",
            f"{DAV}getlastmodified": "Thu, 01 Jan 1970 00:00:00 GMT",
            f"{DAV}creationdate": "1970-01-01T00:00:00Z",
            f"{DAV}getetag": 'W/"cd"',
            f"{DAV}getcontenttype": "httpd/unix-directory",
            f"{DAV}iscollection": "1",
        }
    }


def test_allprop_leaves_out_what_is_not_known():
    assert set(propstats(BARE, ALLPROP)["200"]) == {
        f"{DAV}{name}" for name in ("displayname", "resourcetype", "getcontenttype", "iscollection")
    }


def test_allprop_with_include_adds_what_is_asked_and_tells_what_is_missing():
    names = (("LCGDM:", "mode"), ("DAV:", "getetag"), ("DAV:", "quota-used-bytes"), ("urn:x", "y"))
    found = propstats(FILE, PropfindRequest(PropfindForm.ALLPROP, names))
    assert found["200"]["{LCGDM:}mode"] == "100644"
    assert len(found["200"]) == 9
    assert found["404"] == {f"{DAV}quota-used-bytes": "", "{urn:x}y": ""}


def test_davix_finds_octal_modes():
    mode = asking(("LCGDM:", "mode"))
    assert propstats(FILE, mode) == {"200": {"{LCGDM:}mode": "100644"}}
    assert propstats(COLLECTION, mode) == {"200": {"{LCGDM:}mode": "40755"}}
    assert int("100644", 8) == 33188
    assert int("40755", 8) == 16877


def test_what_a_resource_lacks_is_404_when_asked_for():
    names = (
        ("DAV:", "getcontentlength"),
        ("DAV:", "getlastmodified"),
        ("DAV:", "creationdate"),
        ("DAV:", "getetag"),
        ("LCGDM:", "replicas"),
    )
    missing = {f"{{{namespace}}}{local}": "" for namespace, local in names}
    assert propstats(BARE, asking(*names)) == {"404": missing}
    assert set(propstats(FILE, asking(*names))) == {"200"}
    assert propstats(FILE, asking(*names))["200"]["{LCGDM:}replicas"] == "2"
    sized = Described("/c", "c", Kind.COLLECTION, size_bytes=4096)
    assert propstats(sized, asking(names[0])) == {"404": {f"{DAV}getcontentlength": ""}}


def test_unknown_properties_keep_their_names():
    names = (("", "plain"), ("urn:a&b'c", "y"), ("DAV:", "z"), ("LCGDM:", "guid"))
    found = propstats(FILE, asking(*names))
    assert found == {"404": {"plain": "", "{urn:a&b'c}y": "", f"{DAV}z": "", "{LCGDM:}guid": ""}}


def test_propname_lists_names_without_values():
    whole = replace(FILE, holders=("uvic",), told=Provenance(asked=1), is_target=True)
    found = propstats(whole, PropfindRequest(PropfindForm.PROPNAME))
    assert found == {"200": {f"{{{namespace}}}{local}": "" for namespace, local in KNOWN}}
    names = propstats(BARE, PropfindRequest(PropfindForm.PROPNAME))["200"]
    assert f"{DAV}getcontentlength" not in names
    assert f"{DAV}resourcetype" in names


def test_an_empty_question_gets_an_empty_propstat():
    assert propstats(FILE, asking()) == {"200": {}}


@pytest.mark.parametrize(
    ("href", "kind", "expected"),
    [
        ("/", Kind.COLLECTION, "/"),
        ("/a", Kind.COLLECTION, "/a/"),
        ("/a/", Kind.COLLECTION, "/a/"),
        ("/a", Kind.FILE, "/a"),
        ("/100% #?[]<>\"\\'", Kind.FILE, "/100%25%20%23%3F%5B%5D%3C%3E%22%5C%27"),
        ("/é+&;=", Kind.FILE, "/%C3%A9+&;="),
        ("/\udcff\x01\n", Kind.FILE, "/%FF%01%0A"),
        ("/\ud800", Kind.FILE, "/%EF%BF%BD"),
    ],
)
def test_hrefs_are_paths_percent_encoded(href, kind, expected):
    root = etree.fromstring(rendered([Described(href, "x", kind)], ALLPROP))
    assert root.findtext(f"{DAV}response/{DAV}href") == expected


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x00b\x1f\udcff\ufffe", "a\ufffdb\ufffd\ufffd\ufffd"),
        ("\r\n\t", "\r\n\t"),
        ("<b>&amp;]]>", "<b>&amp;]]>"),
        ("\x7f\x85\u2028\U0001f600", "\x7f\x85\u2028\U0001f600"),
    ],
)
def test_names_no_xml_can_hold_are_shown_with_a_replacement(name, shown):
    found = propstats(Described("/x", name, Kind.FILE), asking(("DAV:", "displayname")))
    assert found == {"200": {f"{DAV}displayname": shown}}


def test_the_collection_stays_first_and_our_reader_reads_it_back():
    reader = MultistatusReader()
    body = rendered([COLLECTION, FILE, BARE], ALLPROP)
    assert reader.feed(body) + reader.close() == [
        Resource("/fed", True, Kind.COLLECTION, None, 0),
        Resource("/fed/a b&c", False, Kind.FILE, 12, 1709210096),
        Resource("/fed/x", False, Kind.FILE),
    ]


def test_nothing_to_describe_is_still_a_document():
    assert etree.fromstring(rendered([], ALLPROP)).tag == f"{DAV}multistatus"


def test_pieces_come_early_and_of_handy_size():
    taken = 0

    def items() -> Iterator[Described]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield Described(f"/d/{number}", str(number), Kind.FILE, number, number)

    pieces = render_multistatus(items(), ALLPROP)
    first = next(pieces)
    assert 4_000 < len(first) < 6_000
    assert taken < 20
    rest = list(pieces)
    assert all(32_000 < len(piece) < 64_000 for piece in rest[:-1])
    assert len(etree.fromstring(b"".join([first, *rest]))) == 1000
