"""Hrefs as storages write them."""

import pytest

from ugrpy.webdav.hrefs import parse_href
from ugrpy.webdav.quirks import Quirk


@pytest.mark.parametrize(
    ("href", "path", "slash"),
    [
        ("/a/b", "/a/b", False),
        ("/a/b/", "/a/b", True),
        ("/", "/", True),
        ("//", "/", True),
        ("//a///b//", "/a/b", True),
        ("/a%20b/%C3%A9", "/a b/é", False),
        ("/%c3%a9%2B+", "/é++", False),
        ("/%FF", "/\udcff", False),
        ("/é", "/é", False),
        ("/100%", "/100%", False),
        ("/%zz", "/%zz", False),
        ("/a&b;c", "/a&b;c", False),
        ("/.hidden/..x", "/.hidden/..x", False),
        ("https://se.example:1094/a/b%3F/", "/a/b?", True),
        ("HTTP://[::1]:80//a", "/a", False),
        ("https://se.example", "/", True),
        ("https://se.example?x=1", "/", True),
        ("/a?x=1/", "/a", False),
        ("/a/#frag", "/a", True),
        ("\n  /a/b\n", "/a/b", False),
    ],
)
def test_encoded_hrefs(href, path, slash):
    assert parse_href(href) == (path, slash)


@pytest.mark.parametrize(
    ("href", "path", "slash"),
    [
        ("/a%41", "/a%41", False),
        ("/100% ?#", "/100% ?#", False),
        ("/a ", "/a ", False),
        ("//a//b/", "/a/b", True),
        ("/", "/", True),
    ],
)
def test_verbatim_hrefs(href, path, slash):
    assert parse_href(href, verbatim=True) == (path, slash)


@pytest.mark.parametrize(
    "href",
    ["a/b", "%2Fa", "", "/a/../b", "/a/./b", "/%2e%2E/b", "/a%2Fb", "/a%00b", "mailto:x", "?x=/a"],
)
def test_what_names_nothing(href):
    assert parse_href(href) is None


@pytest.mark.parametrize("href", ["a/b", "", " /a", "/a/../b", "/a\0b", "https://se/a"])
def test_what_names_nothing_verbatim(href):
    assert parse_href(href, verbatim=True) is None


@pytest.mark.parametrize(
    ("href", "met"),
    [
        ("/a/b%20c", set()),
        ("/%C3%A9%25", set()),
        ("/%20%30", set()),
        ("/%c3%A9", {Quirk.LOWER_CASE_ESCAPES}),
        ("/%C3%a9", {Quirk.LOWER_CASE_ESCAPES}),
        ("/%2f", set()),  # it names nothing, so it tells nothing
        ("/a&b", {Quirk.MARKUP_IN_HREFS}),
        ("https://se.example/a", {Quirk.ABSOLUTE_HREFS}),
        ("//a", {Quirk.DOUBLED_SLASHES}),
        ("/a//", {Quirk.DOUBLED_SLASHES}),
        (
            "http://se//a&%e9",
            {
                Quirk.ABSOLUTE_HREFS,
                Quirk.DOUBLED_SLASHES,
                Quirk.MARKUP_IN_HREFS,
                Quirk.LOWER_CASE_ESCAPES,
            },
        ),
    ],
)
def test_habits_that_show(href, met):
    seen: set[Quirk] = set()
    parse_href(href, met=seen)
    assert seen == met


def test_verbatim_hrefs_have_no_escapes():
    seen: set[Quirk] = set()
    parse_href("/%c3//x", verbatim=True, met=seen)
    assert seen == {Quirk.DOUBLED_SLASHES}
