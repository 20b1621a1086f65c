"""How the gateway's own settings are written, as tables."""

import pytest

from ugrpy.config.values import (
    check_kind,
    check_mounts,
    parse_mount,
    parse_prefix,
    parse_probe,
    parse_url,
)
from ugrpy.endpoints.base import ProbePlan
from ugrpy.namespace.paths import Mount


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://SE.example", "http://se.example"),
        ("https://se.example:8443/dav/", "https://se.example:8443/dav"),
        ("dav://se.example/", "http://se.example"),
        ("davs://se.example/a%20b/%7ec", "https://se.example/a%20b/~c"),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]:80"),
        ("HTTP://se.example/A", "http://se.example/A"),
    ],
)
def test_url(text, expected):
    assert parse_url(text) == expected
    assert parse_url(expected) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ftp://se.example", "http, https, dav or davs"),
        ("se.example/dav", "http, https, dav or davs"),
        ("http:///dav", "no host"),
        ("http://se.example/?a", "neither query"),
        ("http://se.example/?", "neither query"),
        ("http://se.example/#a", "neither query"),
        ("http://se.example:port/", "not a URL"),
        ("http://[::1/", "not a URL"),
        ("http://se.example/a b", "printable ASCII"),
        ("http://sé.example/", "printable ASCII"),
        ("http://se.example/a\nb", "printable ASCII"),
        ("http://se.example/a/%2e%2e/b", "'..'"),
    ],
)
def test_no_url(text, says):
    with pytest.raises(ValueError, match=says):
        parse_url(text)


def test_credentials_in_a_url_are_refused():
    with pytest.raises(ValueError, match="must not hold a user name"):
        parse_url("ftp://ada:secret@se.example/?x")


@pytest.mark.parametrize(
    "text",
    [
        "http://ada:secret@se.example",
        "http://ada:se/cret@se.example",
        "ada:secret@se.example",
        "http://se.example/?ada:secret@",
        "http:///ada:secret@se.example",
    ],
)
def test_no_message_shows_a_password(text):
    with pytest.raises(ValueError, match="URL") as caught:
        parse_url(text)
    assert "ada" not in str(caught.value)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/", Mount("/", "/")),
        ("/atlas", Mount("/atlas", "/")),
        ("/atlas/ = /data/atlas", Mount("/atlas", "/data/atlas")),
        ("/atlas=/data//atlas/", Mount("/atlas", "/data/atlas")),
        (" /a b = /c d ", Mount("/a b", "/c d")),
        ("/run=1", Mount("/run=1", "/")),
        ("/run=1 = /run=2", Mount("/run=1", "/run=2")),
        ("/a=/b = /c", Mount("/a=/b", "/c")),
    ],
)
def test_mount(text, expected):
    assert parse_mount(text) == expected
    assert parse_mount(expected) is expected


@pytest.mark.parametrize("text", ["", "atlas", "/a = b", "/a/.. = /b", "/a = /../b", "= /a", 3])
def test_no_mount(text):
    with pytest.raises(ValueError, match=r"expected|not allowed"):
        parse_mount(text)


def test_mounts_as_a_whole():
    good = (Mount("/a"), Mount("/b", "/a"))
    assert check_mounts(good) == good
    with pytest.raises(ValueError, match="/a is mounted twice"):
        check_mounts((Mount("/a"), Mount("/a", "/b")))
    with pytest.raises(ValueError, match="holds nothing"):
        check_mounts(())


def test_prefix_and_kind():
    assert parse_prefix("/myfed//x/") == "/myfed/x"
    assert check_kind("dav") == "dav"
    with pytest.raises(ValueError, match="did you mean 'dav'"):
        check_kind("webdav")
    with pytest.raises(ValueError, match="known: dav, http, memory"):
        check_kind("zzz")


@pytest.mark.parametrize(
    ("written", "statuses", "plan"),
    [
        (True, (), ProbePlan()),
        (True, (207,), ProbePlan(statuses=(207,))),
        (False, (), None),
        ("off", (), None),
        ("head", (), ProbePlan("HEAD")),
        ("options:/x", (), ProbePlan("OPTIONS", "/x")),
        ("propfind", (207,), ProbePlan("PROPFIND", "/", (207,))),
        ("get:/probe/file", (), ProbePlan("GET", "/probe/file", (200,))),
        ("get:/a:b", (200, 204), ProbePlan("GET", "/a:b", (200, 204))),
    ],
)
def test_probes(written, statuses, plan):
    assert parse_probe(written, statuses) == plan


@pytest.mark.parametrize("written", ["", "get", "put:/x", "head:", "get:x", "HEAD"])
def test_no_probes(written):
    with pytest.raises(ValueError, match="expected true, false or one of 'head'"):
        parse_probe(written)
