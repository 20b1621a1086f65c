"""Both versions as they leave us."""

import pytest
from lxml import etree

from ugrpy.metalink.document import Document, MetalinkReplica
from ugrpy.metalink.v3 import render_metalink3
from ugrpy.metalink.v4 import render_metalink4
from ugrpy.namespace.model import Digest

DOCUMENT = Document(
    name="f.root",
    size_bytes=12,
    digests=(
        Digest("adler32", "1c49043e"),
        Digest("sha-1", "22596363b3de40b06f981fb85d82312e8c0ed511"),
        Digest("whirlpool", "00"),
    ),
    replicas=(
        MetalinkReplica("http://b.example/f.root?x=1&y=2", 2),
        MetalinkReplica("https://a.example/f.root", 1, "CA"),
    ),
    published_s=1709210096.7,
)
EMPTY = Document("x")


def test_version_4_word_for_word():
    assert render_metalink4(DOCUMENT).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<metalink xmlns="urn:ietf:params:xml:ns:metalink">\n'
        "<generator>ugrpy</generator>\n"
        "<published>2024-02-29T12:34:56Z</published>\n"
        '<file name="f.root">\n'
        "<size>12</size>\n"
        '<hash type="adler32">1c49043e</hash>\n'
        '<hash type="sha-1">22596363b3de40b06f981fb85d82312e8c0ed511</hash>\n'
        '<url location="ca" priority="1">https://a.example/f.root</url>\n'
        '<url priority="2">http://b.example/f.root?x=1&amp;y=2</url>\n'
        "</file>\n"
        "</metalink>\n"
    )


def test_version_3_word_for_word():
    assert render_metalink3(DOCUMENT).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<metalink version="3.0" xmlns="http://www.metalinker.org/" xmlns:lcgdm="LCGDM:" generator="ugrpy"'
        ' pubdate="Thu, 29 Feb 2024 12:34:56 GMT">\n'
        "<files>\n"
        '<file name="f.root">\n'
        "<size>12</size>\n"
        "<verification>\n"
        '<hash type="adler32">1c49043e</hash>\n'
        '<hash type="sha1">22596363b3de40b06f981fb85d82312e8c0ed511</hash>\n'
        "</verification>\n"
        "<resources>\n"
        '<url type="https" location="ca" preference="100">https://a.example/f.root</url>\n'
        '<url type="http" preference="99">http://b.example/f.root?x=1&amp;y=2</url>\n'
        "</resources>\n"
        "</file>\n"
        "</files>\n"
        "</metalink>\n"
    )


@pytest.mark.parametrize("render", [render_metalink3, render_metalink4])
def test_what_is_not_known_is_left_out(render):
    root = etree.fromstring(render(EMPTY))
    names = {etree.QName(element).localname for element in root.iter()}
    assert names <= {"metalink", "generator", "files", "file", "resources"}
    assert root.get("pubdate") is None


@pytest.mark.parametrize("render", [render_metalink3, render_metalink4])
def test_document_order_is_best_first_and_stable(render):
    replicas = tuple(
        MetalinkReplica(f"http://h/{n}", priority) for n, priority in enumerate((3, 1, 3, 2))
    )
    root = etree.fromstring(render(Document("x", replicas=replicas)))
    assert [element.text for element in root.iter("{*}url")] == [
        "http://h/1",
        "http://h/3",
        "http://h/0",
        "http://h/2",
    ]


def test_priorities_stay_inside_their_ranges():
    replicas = tuple(MetalinkReplica("http://h/", priority) for priority in (0, 500, 2_000_000))
    document = Document("x", replicas=replicas)
    v4 = etree.fromstring(render_metalink4(document))
    assert [url.get("priority") for url in v4.iter("{*}url")] == ["1", "500", "999999"]
    v3 = etree.fromstring(render_metalink3(document))
    assert [url.get("preference") for url in v3.iter("{*}url")] == ["100", "1", "1"]


@pytest.mark.parametrize("country", [None, "", "can", "c1", 'a"', "\u0131\u0131"])
@pytest.mark.parametrize("render", [render_metalink3, render_metalink4])
def test_a_country_that_is_none_is_left_out(render, country):
    body = render(Document("x", replicas=(MetalinkReplica("http://h/", 1, country),)))
    assert b"location" not in body


@pytest.mark.parametrize("render", [render_metalink3, render_metalink4])
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("<\"&'>", "<\"&'>"),
        ("a\tb\nc\rd", "a\tb\nc\rd"),
        ("\x00\udcff\ufffe", "\ufffd\ufffd\ufffd"),
        ("é中\U0001f600", "é中\U0001f600"),
    ],
)
def test_names_are_escaped(render, name, read):
    [file] = etree.fromstring(render(Document(name))).iter("{*}file")
    assert file.get("name") == read
