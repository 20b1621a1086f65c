"""Reading answers: multistatus, metalink, pages; and refusing what is none of them."""

import pytest

from ugrpy.core.errors import DataError
from ugrpy.demo.client import (
    Listed,
    Offered,
    Reply,
    parse_links,
    parse_listing,
    parse_metalink,
    url_of,
)

LISTING = """<?xml version="1.0"?>
<D:multistatus xmlns:D="DAV:">
 <D:response><D:href>/odd%20names/</D:href><D:propstat><D:prop>
   <D:resourcetype><D:collection/></D:resourcetype><D:getcontentlength>4096</D:getcontentlength>
 </D:prop></D:propstat></D:response>
 <D:response><D:href>http://host/odd%20names/100%25%3F.txt</D:href><D:propstat><D:prop>
   <D:resourcetype/><D:getcontentlength>65</D:getcontentlength>
 </D:prop></D:propstat></D:response>
 <D:response><D:href>/odd%20names/x</D:href></D:response>
</D:multistatus>"""

METALINK = """<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="a b.txt"><size>7</size>
<url priority="1" location="jp">http://127.0.3.1/a%20b.txt</url><url>http://127.0.1.1/a%20b.txt</url>
</file></metalink>"""


def test_listing():
    assert parse_listing(LISTING.encode()) == [
        Listed("/odd names", True, None),
        Listed("/odd names/100%?.txt", False, 65),
        Listed("/odd names/x", False, None),
    ]


def test_the_root_is_a_slash():
    body = (
        b'<d:multistatus xmlns:d="DAV:"><d:response><d:href>/</d:href></d:response></d:multistatus>'
    )
    assert parse_listing(body) == [Listed("/", False, None)]


def test_metalink():
    document = parse_metalink(METALINK.encode())
    assert (document.name, document.size_bytes) == ("a b.txt", 7)
    assert document.offers == (
        Offered("http://127.0.3.1/a%20b.txt", 1, "jp"),
        Offered("http://127.0.1.1/a%20b.txt", 999999, ""),
    )


def test_links():
    page = (
        '<!doctype html><title>x</title><a href="a%20b">ž</a><p><a href="?sort=size">s</a><a>no</a>'
    )
    assert parse_links(page.encode()) == ["a%20b", "?sort=size", ""]


@pytest.mark.parametrize("parse", [parse_listing, parse_metalink])
@pytest.mark.parametrize("body", [b"", b"<html>", b"<html/>", b"{}", b"\xff\xfe"])
def test_anything_else_is_a_data_error(parse, body):
    with pytest.raises(DataError):
        parse(body)


def test_a_metalink_without_a_file_and_a_page_without_anything():
    with pytest.raises(DataError, match="without a file"):
        parse_metalink(b'<metalink xmlns="urn:ietf:params:xml:ns:metalink"/>')
    with pytest.raises(DataError):
        parse_links(b"")


def test_reply_says_where_it_leads():
    assert Reply(302, {"location": "http://127.0.2.1:8402/x"}).target_address == "127.0.2.1"
    assert Reply(200).target_address == ""
    assert Reply(200).location == ""


def test_urls_are_encoded():
    assert (
        url_of("http://h:1", "/odd names/100% sure?.txt")
        == "http://h:1/odd%20names/100%25%20sure%3F.txt"
    )
