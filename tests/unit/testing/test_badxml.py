"""The documents that should be refused are what they say they are."""

import re

import pytest
from lxml import etree

from ugrpy.testing import wire
from ugrpy.testing.badxml import DEPTH, JUNK_BYTES, spoil_resources, spoil_text
from ugrpy.testing.faults import Xml
from ugrpy.testing.wire import Resource

ENTITY = re.compile(rb"<!ENTITY (\w+)")
HUGE = etree.XMLParser(huge_tree=True, resolve_entities=False)
RESOURCES = [Resource("/c", 0), Resource("/c/f", 0, 10, '"10"'), Resource("/c/sub", 0)]


def document(how: Xml | None) -> bytes:
    return spoil_text(wire.render_multistatus(spoil_resources(RESOURCES, how), ()), how)


def hrefs(how: Xml | None) -> list[str]:
    return [str(href.text) for href in etree.fromstring(document(how)).iter("{DAV:}href")]


def test_the_truth_is_left_alone():
    assert hrefs(None) == ["/c/", "/c/f", "/c/sub/"]


@pytest.mark.parametrize("how", [Xml.CROSSED, Xml.EMPTY, Xml.HTML])
def test_not_well_formed(how):
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(document(how))


def test_crossed_tags_come_after_something_true():
    assert document(Xml.CROSSED).index(b"</D:href>") < document(Xml.CROSSED).index(b"<a><b></a>")


def test_another_root():
    assert etree.fromstring(document(Xml.WRONG_ROOT)).tag == "{DAV:}propertyupdate"


def test_a_bomb_would_explode():
    with pytest.raises(etree.XMLSyntaxError, match="amplification"):
        etree.fromstring(document(Xml.ENTITY_BOMB), HUGE)
    assert ENTITY.findall(document(Xml.ENTITY_BOMB)) == [b"e%d" % n for n in range(9)]
    assert document(Xml.ENTITY_BOMB).count(b"&e0;") == 10
    assert document(Xml.ENTITY_BOMB).count(b"&e8;") == 1


def test_an_external_entity_names_a_file():
    root = etree.fromstring(document(Xml.EXTERNAL_ENTITY), HUGE)
    assert root.tag == "{DAV:}multistatus"
    assert b'SYSTEM "file:///etc/hostname"' in document(Xml.EXTERNAL_ENTITY)


def test_depth_and_junk():
    assert document(Xml.DEEP).count(b"<a>") == DEPTH == 10_000
    assert len(document(Xml.JUNK)) > JUNK_BYTES
    with pytest.raises(etree.XMLSyntaxError, match="Excessive depth"):
        etree.fromstring(document(Xml.DEEP), HUGE)


def test_about_others():
    assert hrefs(Xml.ELSEWHERE) == ["/elsewhere/", "/elsewhere/f", "/elsewhere/sub/"]
    assert hrefs(Xml.OUTSIDE)[:3] == ["/c/", "/c/f", "/c/sub/"]
    assert hrefs(Xml.OUTSIDE)[3:] == ["/c/deep/er", "/cx", "/elsewhere/y"]
    assert hrefs(Xml.UNASKABLE)[3:] == ["/c/.", "/c/.."]
    assert hrefs(Xml.NOBODY) == []


def test_order_and_number():
    assert hrefs(Xml.TWICE) == ["/c/", "/c/f", "/c/sub/"] * 2
    assert hrefs(Xml.REVERSED) == ["/c/sub/", "/c/f", "/c/"]


@pytest.mark.parametrize(
    ("how", "status"), [(Xml.REFUSED, 403), (Xml.GONE, 404), (Xml.FAILED, 500)]
)
def test_a_status_inside(how, status):
    root = etree.fromstring(document(how))
    said = [response.findtext("{DAV:}status") for response in root.iter("{DAV:}response")]
    assert said == [f"HTTP/1.1 {status} As Said"] * 3
