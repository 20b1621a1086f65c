"""Metalinks of others, and what breaks."""

import pytest

from ugrpy.core.errors import DataError
from ugrpy.metalink.document import LOWEST_PRIORITY, Document, MetalinkReplica
from ugrpy.metalink.reader import MAX_DOCUMENT_BYTES, parse_metalink
from ugrpy.namespace.model import Digest

# The shape of the one document of DynaFed's front end that is on record.
DYNAFED = b"""<?xml version="1.0" encoding="UTF-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" xmlns:lcgdm="LCGDM:" generator="lcgdm-dav"
 pubdate="Fri, 11 Oct 2013 12:46:10 GMT"><files><file name="/fed/dir/data.root">
<size>173272912</size><resources>
  <url type="https">https://one.example/data.root</url>
  <url type="http">
     http://two.example/data.root?a=1&amp;b=2
  </url></resources></file></files></metalink>"""


def v4(inside: str, root: str = "") -> bytes:
    return f'<metalink xmlns="urn:ietf:params:xml:ns:metalink"{root}>{inside}</metalink>'.encode()


def v3(inside: str, root: str = "") -> bytes:
    return f'<m:metalink xmlns:m="http://www.metalinker.org/"{root}>{inside}</m:metalink>'.encode()


def test_a_document_of_dynafed():
    assert parse_metalink(DYNAFED) == Document(
        name="data.root",
        size_bytes=173272912,
        replicas=(
            MetalinkReplica("https://one.example/data.root"),
            MetalinkReplica("http://two.example/data.root?a=1&b=2"),
        ),
        published_s=1381495570.0,
    )


def test_version_4_in_any_order_and_prefix():
    body = """<x:metalink xmlns:x="urn:ietf:params:xml:ns:metalink"><!-- c --><x:origin>o</x:origin>
      <x:file name="f"><x:url priority="20">http://b/</x:url><x:url priority="3" location="CA">HTTPS://a/</x:url>
        <x:url>http://c/</x:url><x:url priority="0">http://d/</x:url>
        <x:url>ftp://e/</x:url><x:url/><x:metaurl mediatype="torrent">http://t/</x:metaurl>
        <x:hash type="sha-256">AB</x:hash><x:hash type=" MD5 ">900150983CD24FB0D6963F7D28E17F72</x:hash>
        <x:hash type="md5">00000000000000000000000000000000</x:hash><x:hash>1</x:hash>
        <x:hash type="adler32">1c49043g</x:hash><x:pieces length="1" type="md5"><x:hash>1</x:hash></x:pieces>
        <x:size> 7 </x:size></x:file><x:file name="second"/>
      <x:published>2024-02-29T13:34:56+01:00</x:published></x:metalink>"""
    assert parse_metalink(body.encode()) == Document(
        name="f",
        size_bytes=7,
        digests=(Digest("md5", "900150983cd24fb0d6963f7d28e17f72"),),
        replicas=(
            MetalinkReplica("HTTPS://a/", 3, "ca"),
            MetalinkReplica("http://b/", 20),
            MetalinkReplica("http://c/", LOWEST_PRIORITY),
            MetalinkReplica("http://d/", LOWEST_PRIORITY),
        ),
        published_s=1709210096.0,
    )


def test_version_3_preferences_and_digest_names():
    body = v3(
        '<m:files><m:file name="f"><m:verification><m:hash type="sha1">'
        "a9993e364706816aba3e25717850c26c9cd0d89d</m:hash></m:verification><m:resources>"
        '<m:url preference="10">http://b/</m:url><m:url preference="100" location="de">http://a/</m:url>'
        '<m:url preference="101">http://c/</m:url></m:resources></m:file></m:files>'
    )
    assert parse_metalink(body) == Document(
        name="f",
        digests=(Digest("sha-1", "a9993e364706816aba3e25717850c26c9cd0d89d"),),
        replicas=(
            MetalinkReplica("http://a/", 1, "de"),
            MetalinkReplica("http://b/", 91),
            MetalinkReplica("http://c/", LOWEST_PRIORITY),
        ),
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-02-29T12:34:56Z", 1709210096.0),
        ("2024-02-29T12:34:56", 1709210096.0),
        ("lately", None),
        ("", None),
    ],
)
def test_dates_of_version_4(text, seconds):
    body = v4(f'<published>{text}</published><file name="f"/>')
    assert parse_metalink(body).published_s == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Thu, 29 Feb 2024 12:34:56 +0000", 1709210096.0),
        ("Thu, 29 Feb 2024 12:34:56 -0000", 1709210096.0),
        ("Thu, 99 Feb 2024 12:34:56 GMT", None),
        ("lately", None),
        ("", None),
    ],
)
def test_dates_of_version_3(text, seconds):
    body = v3('<m:files><m:file name="f"/></m:files>', root=f' pubdate="{text}"')
    assert parse_metalink(body).published_s == seconds


@pytest.mark.parametrize("size", ["", "-1", "1.5", "many", "9" * 30])
def test_a_size_that_is_none(size):
    assert parse_metalink(v4(f'<file name="f"><size>{size}</size></file>')).size_bytes is None


def test_a_file_may_lack_its_name():
    assert parse_metalink(v4("<file/>")) == Document("")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not well-formed"),
        (b"<metalink", "not well-formed.*line 1"),
        (b"<html/>", "root element is html, no metalink"),
        (b"<metalink/>", "root element is metalink, no metalink"),
        (v4(""), "line 1: it describes no file"),
        (v3("<m:file/>"), "describes no file"),
        (v4('<file name="a/.."/>'), "'..' is no name for a file"),
        (v4('<file name="."/>'), "'.' is no name"),
        (b"<!DOCTYPE m>" + v4("<file/>"), "document type declaration"),
        (
            b'<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
            + v4("<file><url>&e;</url></file>"),
            "document type declaration",
        ),
        (v4("<file><url>&e;</url></file>"), "Entity 'e' not defined"),
        (b" " * (MAX_DOCUMENT_BYTES + 1), "longer than 1048576 bytes"),
    ],
)
def test_broken_documents(data, message):
    with pytest.raises(DataError, match=message):
        parse_metalink(data)
