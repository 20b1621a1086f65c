"""What the storage element puts on the wire."""

import pytest
from lxml import etree

from ugrpy.testing import wire
from ugrpy.testing.wire import Resource


@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        ("bytes=0-4", [(0, 4)]),
        ("bytes=5-", [(5, 9)]),
        ("bytes=-3", [(7, 9)]),
        ("bytes=-30", [(0, 9)]),
        ("bytes=8-20", [(8, 9)]),
        ("bytes=0-0, 9-9", [(0, 0), (9, 9)]),
        ("Bytes = 1-1, 50-60", [(1, 1)]),
        ("bytes=10-", []),
        ("bytes=-0", []),
        ("", None),
        ("lines=1-2", None),
        ("bytes=a-b", None),
        ("bytes=-", None),
        ("bytes=4-2", None),
    ],
)
def test_ranges(header, ranges):
    assert wire.parse_ranges(header, 10) == ranges


def test_byteranges_have_the_form_of_rfc_9110():
    assert wire.render_byteranges(b"0123456789", [(0, 1), (8, 9)]) == (
        b"\r\n--a9f3c1e07b52\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Range: bytes 0-1/10\r\n\r\n01"
        b"\r\n--a9f3c1e07b52\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Range: bytes 8-9/10\r\n\r\n89"
        b"\r\n--a9f3c1e07b52--\r\n"
    )


@pytest.mark.parametrize(
    ("wanted", "content", "digest"),
    [
        ("adler32", b"Wikipedia", "adler32=11e60398"),
        ("sha-512;q=1, MD5;q=0.3", b"abcde", "md5=q1a02StAcTrMWviZhdS3hg=="),
        ("sha-512", b"abcde", ""),
        ("", b"abcde", ""),
    ],
)
def test_digests(wanted, content, digest):
    assert wire.render_digest(wanted, content) == digest


@pytest.mark.parametrize(
    ("wanted", "digest"),
    [
        ("SHA", "sha=A95sVwv+JL/DKMzXyka3bq2vQzQ="),
        ("md5, sha-256", "sha-256=NrvlDtloQdEEQ7y2cNZVTwo0t2G+Z+ycSorSwMRMpCw="),
        ("md5", ""),
    ],
)
def test_digests_that_are_offered(wanted, digest):
    assert wire.render_digest(wanted, b"abcde", ("sha", "sha-256")) == digest


def test_a_digest_nobody_asked_for():
    assert wire.render_digest("sha-256", b"Wikipedia", unasked=True) == "adler32=11e60398"
    assert wire.render_digest("", b"Wikipedia", unasked=True) == ""


def test_propfind_bodies():
    assert wire.parse_propfind(b"  ") == ()
    assert wire.parse_propfind(b'<propfind xmlns="DAV:"><allprop/></propfind>') == ()
    body = (
        b'<D:propfind xmlns:D="DAV:" xmlns:x="urn:x"><D:prop><!-- c --><D:getetag/><x:tag/>'
        b"</D:prop></D:propfind>"
    )
    assert wire.parse_propfind(body) == ("getetag", "{urn:x}tag")


@pytest.mark.parametrize("body", [b"<x", b"<a/>", b"not xml"])
def test_bad_propfind_bodies(body):
    with pytest.raises(ValueError, match=r"."):
        wire.parse_propfind(body)


def test_a_multistatus_parses_and_tells_found_from_missing():
    xml = wire.render_multistatus(
        [Resource("/a&b", 0), Resource("/a&b/c <d>\udcff", 0, 5, '"e"')],
        ["getcontentlength", "{urn:x}tag", "displayname"],
        "http://h",
    )
    root = etree.fromstring(xml)
    assert [str(href.text) for href in root.iter("{DAV:}href")] == [
        "http://h/a&b/",
        "http://h/a&b/c%20%3Cd%3E%FF",
    ]
    propstats = list(root.iter("{DAV:}propstat"))
    found = [
        [str(prop.tag) for prop in propstat.iterfind("{DAV:}prop/*")] for propstat in propstats
    ]
    assert found == [
        ["{DAV:}displayname"],
        ["{DAV:}getcontentlength", "{urn:x}tag"],
        ["{DAV:}getcontentlength", "{DAV:}displayname"],
        ["{urn:x}tag"],
    ]
    assert propstats[2].findtext(".//{DAV:}getcontentlength") == "5"
    assert [p.findtext("{DAV:}status") for p in propstats[:2]] == [
        "HTTP/1.1 200 OK",
        "HTTP/1.1 404 Not Found",
    ]
    assert [name.text for name in root.iter("{DAV:}displayname")] == ["a&b", "c <d>\ufffd"]


def test_all_properties_when_none_are_named():
    root = etree.fromstring(wire.render_multistatus([Resource("/", 784111777)], ()))
    assert root.findtext(".//{DAV:}href") == "/"
    assert root.findtext(".//{DAV:}getlastmodified") == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert root.find(".//{DAV:}resourcetype/{DAV:}collection") is not None
    assert root.find(".//{DAV:}getcontentlength") is None


def test_index_pages_escape_names():
    page = wire.render_index("/<p>", [('a"b<c>&', False), ("deep:er", True), ("\udcff", False)])
    assert page.decode() == (
        "<!DOCTYPE html>\n<title>/&lt;p&gt;</title>\n<ul>\n"
        '<li><a href="./a%22b%3Cc%3E&amp;">a&quot;b&lt;c&gt;&amp;</a></li>\n'
        '<li><a href="./deep:er/">deep:er</a></li>\n'
        '<li><a href="./%FF">?</a></li>\n'
        "</ul>\n"
    )
