"""What a PROPPATCH names, and the answer that refuses it."""

import pytest
from lxml import etree

from ugrpy.core.errors import BadRequest
from ugrpy.webdav.proppatch import is_live, parse_proppatch, render_refused
from ugrpy.webdav.request import MAX_BODY_BYTES

RFC_4918 = b"""<?xml version="1.0" encoding="utf-8" ?>
<D:propertyupdate xmlns:D="DAV:" xmlns:Z="http://ns.example.com/standards/z39.50/">
  <D:set><D:prop><Z:Authors><Z:Author>Jim</Z:Author><Z:Author>Roy</Z:Author></Z:Authors></D:prop></D:set>
  <D:remove><D:prop><Z:Copyright-Owner/></D:prop></D:remove>
</D:propertyupdate>"""
Z = "http://ns.example.com/standards/z39.50/"


def update(inner: str) -> bytes:
    return f'<propertyupdate xmlns="DAV:" xmlns:x="urn:x">{inner}</propertyupdate>'.encode()


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (RFC_4918, ((Z, "Authors"), (Z, "Copyright-Owner"))),
        (update("<set><prop><x:a>1</x:a><x:b/></prop></set>"), (("urn:x", "a"), ("urn:x", "b"))),
        (update("<set><prop><getetag/></prop></set>"), (("DAV:", "getetag"),)),
        (
            update("<remove><prop><x:a/></prop></remove><set><prop><x:a/></prop></set>"),
            (("urn:x", "a"),),
        ),
        (
            update('<set><prop><x:a/></prop><prop><a xmlns=""/></prop></set>'),
            (("urn:x", "a"), ("", "a")),
        ),
        # what we do not know is passed over, and what is deeper is a value
        (
            update(
                "<x:set><prop><x:no/></prop></x:set><set><x:prop><x:no/></x:prop><x:p/>"
                "<prop><x:a><set><prop><x:no/></prop></set></x:a><x:b/></prop></set>"
                "<other><prop><x:no/></prop></other>"
            ),
            (("urn:x", "a"), ("urn:x", "b")),
        ),
    ],
)
def test_the_properties_named(body, names):
    assert parse_proppatch(body) == names


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "PROPPATCH body is not well-formed XML: no element found"),
        (b"<x", "not well-formed"),
        (RFC_4918[:-1], "not well-formed"),
        (b'<propfind xmlns="DAV:"><prop/></propfind>', "expected the root element DAV: property"),
        (b"<propertyupdate/>", "found \\(no namespace\\)"),
        (update(""), "line 1: propertyupdate names no property"),
        (update("<set/><remove><prop/></remove>"), "names no property"),
        (update('<set><prop><a xmlns="no uri"/></prop></set>'), "is not a URI"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + RFC_4918[40:], "document type"),
        (update("<x:a>" * 300 + "</x:a>" * 300), "elements deep"),
        (b'<?xml version="1.0" encoding="cp037"?><a/>', "WebDAV is UTF-8"),
        (b" " * (MAX_BODY_BYTES + 1), "longer than"),
    ],
)
def test_bodies_that_are_refused(body, why):
    with pytest.raises(BadRequest, match=why):
        parse_proppatch(body)


def test_live_properties_are_those_we_tell_and_those_of_webdav():
    assert is_live(("DAV:", "getetag"))
    assert is_live(("DAV:", "quota-used-bytes"))
    assert is_live(("LCGDM:", "mode"))
    assert not is_live(("LCGDM:", "other"))
    assert not is_live((Z, "Authors"))


def propstats(xml: bytes) -> list[tuple[list[str], str, bool, str]]:
    """(properties, status, whether protected, words) of each propstat, read with lxml."""
    return [
        (
            [str(child.tag) for prop in part.iterfind("{DAV:}prop") for child in prop],
            part.findtext("{DAV:}status", ""),
            part.find("{DAV:}error/{DAV:}cannot-modify-protected-property") is not None,
            part.findtext("{DAV:}responsedescription", ""),
        )
        for part in etree.fromstring(xml).iterfind("{DAV:}response/{DAV:}propstat")
    ]


def test_every_property_is_refused_and_only_live_ones_as_protected():
    names = (("DAV:", "getetag"), (Z, "Authors"), ("LCGDM:", "mode"), ("", "bare"))
    xml = render_refused("/a b/é&<", names, collection=False)
    assert propstats(xml) == [
        (["{DAV:}getetag", "{LCGDM:}mode"], "HTTP/1.1 403 Forbidden", True, ""),
        (
            [f"{{{Z}}}Authors", "bare"],
            "HTTP/1.1 403 Forbidden",
            False,
            "properties are not kept here",
        ),
    ]
    assert etree.fromstring(xml).findtext("{DAV:}response/{DAV:}href") == "/a%20b/%C3%A9&%3C"


def test_of_one_kind_there_is_one_propstat():
    assert len(propstats(render_refused("/a", [(Z, "x")], collection=True))) == 1
    xml = render_refused("/a", [("DAV:", "displayname")], collection=True)
    assert [said[2] for said in propstats(xml)] == [True]
    assert b"<D:href>/a/</D:href>" in xml
