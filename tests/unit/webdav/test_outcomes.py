"""The 207 that tells what became of each name."""

from lxml import etree

from ugrpy.webdav.outcomes import NameOutcome, render_outcomes


def test_each_name_has_its_status_and_its_words():
    xml = render_outcomes(
        [
            NameOutcome("/a/f&<é %.txt", 403, "one of two storage elements <refused> & more"),
            NameOutcome("/a/sub", 507, collection=True),
            NameOutcome("/a/\udcff", 424),
            NameOutcome("/a/\ud800", 299),
        ],
        "not all was deleted",
    )
    root = etree.fromstring(xml)
    assert [
        [(str(part.tag).removeprefix("{DAV:}"), part.text) for part in response]
        for response in root.iterfind("{DAV:}response")
    ] == [
        [
            ("href", "/a/f&%3C%C3%A9%20%25.txt"),
            ("status", "HTTP/1.1 403 Forbidden"),
            ("responsedescription", "one of two storage elements <refused> & more"),
        ],
        [("href", "/a/sub/"), ("status", "HTTP/1.1 507 Insufficient Storage")],
        [("href", "/a/%FF"), ("status", "HTTP/1.1 424 Failed Dependency")],
        [("href", "/a/%EF%BF%BD"), ("status", "HTTP/1.1 299 ")],
    ]
    assert root[-1].tag == "{DAV:}responsedescription"
    assert root[-1].text == "not all was deleted"


def test_without_a_note_nothing_is_said_of_the_whole():
    assert render_outcomes([NameOutcome("/", 404, collection=True)]) == (
        b'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">\n'
        b"<D:response><D:href>/</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>\n"
        b"</D:multistatus>\n"
    )
