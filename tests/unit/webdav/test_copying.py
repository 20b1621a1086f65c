"""The headers of COPY and MOVE."""

import pytest
from multidict import CIMultiDict

from ugrpy.core.errors import BadRequest
from ugrpy.webdav.copying import (
    CopyMode,
    CopyRequest,
    MoveRequest,
    Place,
    parse_copy,
    parse_move,
    parse_place,
    transfer_headers,
)
from ugrpy.webdav.request import Depth

HERE = "https://fed.example/a/b"
THERE = "https://other.example/x"


def is_here(place: Place) -> bool:
    return place.host == "fed.example"


def copy(**headers: str) -> CopyRequest:
    return parse_copy({name.replace("_", "-"): value for name, value in headers.items()}, is_here)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("/a%20b", Place("/a%20b", "/a%20b")),
        (" /a?x=1 ", Place("/a?x=1", "/a")),
        ("http://H.example/a", Place("http://H.example/a", "/a", "http", "h.example", 80)),
        ("https://h:8443/a/", Place("https://h:8443/a/", "/a/", "https", "h", 8443)),
        ("HTTPS://h", Place("https://h/", "/", "https", "h", 443)),
        (
            "https://h?authz=x",
            Place("https://h/?authz=x", "/", "https", "h", 443),
        ),
        (
            "davs://[2001:DB8::1]:1094/f?q=%2F",
            Place("https://[2001:DB8::1]:1094/f?q=%2F", "/f", "https", "2001:db8::1", 1094),
        ),
        ("dav://h/f", Place("http://h/f", "/f", "http", "h", 80)),
        ("/é\udcff", Place("/%C3%A9%FF", "/%C3%A9%FF")),
        ("http://h/a%2Fb", Place("http://h/a%2Fb", "/a%2Fb", "http", "h", 80)),
    ],
)
def test_places(text, place):
    assert parse_place(text, "Destination") == place


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a URL"),
        ("   ", "not a URL"),
        ("/a b", "not a URL"),
        ("/a\r\nX: y", "not a URL"),
        ("a/b", "neither"),
        ("//h/a", "neither"),
        ("ftp://h/a", "neither"),
        ("s3://h/a", "neither"),
        ("http:/a", "no usable host"),
        ("http://:80/a", "no usable host"),
        ("http://h:0/a", "no usable host"),
        ("http://h\u00e9/a", "no usable host"),
        ("http://h%41/a", "no usable host"),
        ("http://a,b/a", "no usable host"),
        ("/\ud800", "not a URL"),
        ("http://h:99999/a", "no usable host"),
        ("http://h:x/a", "no usable host"),
        ("http://[::1/a", "no usable host"),
        ("http://u@h/a", "user or a password"),
        ("http://u:p@h/a", "user or a password"),
        ("http://@h/a", "user or a password"),
        ("/a#b", "fragment"),
        ("/a#", "fragment"),
        ("http://h/a#b", "fragment"),
        ("/a%2", "percent"),
        ("/a%zz", "percent"),
        ("http://h/%", "percent"),
        ("http://h/?%", "percent"),
    ],
)
def test_places_that_are_refused_without_saying_what_stood_there(text, why):
    with pytest.raises(BadRequest, match=why) as caught:
        parse_place(text, "Destination")
    assert str(caught.value).startswith("Destination ")
    assert "h/" not in str(caught.value)


def test_a_place_decodes_what_can_be_a_name_here():
    assert parse_place("/a%20b//c/", "Destination").path == "/a b/c"
    assert parse_place("/a/", "Destination").trailing_slash
    assert not parse_place("http://h/a?x/", "Destination").trailing_slash
    with pytest.raises(BadRequest, match="encoded slash"):
        _ = parse_place("http://h/a%2Fb", "Source").path


def test_a_copy_within_this_server():
    assert copy(destination=HERE) == CopyRequest(CopyMode.WITHIN, parse_place(HERE, ""))
    assert copy(Destination="/a%20b", Overwrite="F", Depth="0") == CopyRequest(
        CopyMode.WITHIN, Place("/a%20b", "/a%20b"), overwrite=False, depth=Depth.ZERO
    )
    assert copy(Destination="/a", Overwrite=" t ", Depth="Infinity").overwrite


@pytest.mark.parametrize(
    "headers",
    [
        {"Destination": THERE},
        {"Destination": HERE, "Credential": "none"},
        {"Destination": HERE, "TransferHeaderAuthorization": "Bearer x"},
        {"Destination": HERE, "transferheaderx": ""},
        {"Destination": HERE, "X-Number-Of-Streams": "1"},
        {"Destination": HERE, "RequireChecksumVerification": "false"},
    ],
)
def test_what_makes_a_copy_a_push(headers):
    assert parse_copy(headers, is_here).mode is CopyMode.PUSH


@pytest.mark.parametrize("source", [THERE, HERE])
def test_a_source_makes_it_a_pull(source):
    assert copy(Source=source) == CopyRequest(CopyMode.PULL, parse_place(source, ""))


def test_what_gfal2_sends():
    headers = CIMultiDict(
        {
            "Source": "https://other.example:1094/store/f",
            "TransferHeaderAuthorization": "Bearer abc",
            "Credential": "None",
            "X-No-Delegate": "true",
            "X-Number-Of-Streams": "0",
            "Secure-Redirection": "1",
            "RequireChecksumVerification": "false",
        }
    )
    assert parse_copy(headers, is_here) == CopyRequest(
        CopyMode.PULL,
        Place("https://other.example:1094/store/f", "/store/f", "https", "other.example", 1094),
        verify_checksum=False,
        credential="none",
    )
    assert transfer_headers(headers) == {"Authorization": "Bearer abc"}


def test_streams_and_verification():
    assert copy(Source=THERE, X_Number_Of_Streams="7").streams == 7
    assert copy(Source=THERE, RequireChecksumVerification="TRUE").verify_checksum is True
    assert copy(Source=THERE).verify_checksum is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Source": THERE, "Destination": HERE},
        {"Source": "/a"},
        {"Source": ""},
        {"Destination": ""},
        {"Destination": "/a", "Credential": "none"},
        {"Destination": "/a/../b"},
        {"Destination": "/a%2Fb"},
        {"Destination": "https://fed.example/a%2Fb"},
        {"Destination": "/a", "Overwrite": "yes"},
        {"Destination": "/a", "Overwrite": ""},
        {"Destination": "/a", "Depth": "1"},
        {"Destination": "/a", "Depth": "2"},
        {"Source": THERE, "X-Number-Of-Streams": "-1"},
        {"Source": THERE, "X-Number-Of-Streams": "101"},
        {"Source": THERE, "X-Number-Of-Streams": "many"},
        {"Source": THERE, "X-Number-Of-Streams": "\u0663"},
        {"Source": THERE, "RequireChecksumVerification": "perhaps"},
    ],
)
def test_copies_that_are_refused(headers):
    with pytest.raises(BadRequest) as caught:
        parse_copy(headers, is_here)
    assert caught.value.status == 400


def test_a_name_that_cannot_be_one_here_is_a_destination_elsewhere():
    assert copy(Destination=THERE + "%2Fy").place.raw_path == "/x%2Fy"


def test_what_came_twice_must_say_the_same():
    twice = CIMultiDict([("Destination", "/a"), ("destination", "/b")])
    with pytest.raises(BadRequest, match="twice"):
        parse_copy(twice, is_here)
    same = CIMultiDict([("Destination", "/a"), ("Destination", "/a"), ("X", "1"), ("X", "2")])
    assert parse_copy(same, is_here).place.path == "/a"


def test_a_move():
    assert parse_move({"destination": HERE}) == MoveRequest(parse_place(HERE, ""))
    assert parse_move({"Destination": "/b/", "Overwrite": "F", "Depth": "infinity"}) == MoveRequest(
        Place("/b/", "/b/"), overwrite=False
    )
    assert parse_move({"Destination": THERE}).place.host == "other.example"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Source": THERE},
        {"Destination": "/a", "Depth": "0"},
        {"Destination": "/a", "Depth": "1"},
        {"Destination": "/a", "Overwrite": "X"},
        {"Destination": "/.."},
        {"Destination": "/a#b"},
    ],
)
def test_moves_that_are_refused(headers):
    with pytest.raises(BadRequest):
        parse_move(headers)


def test_headers_for_the_other_server():
    headers = CIMultiDict(
        [
            ("TransferHeaderAuthorization", "Bearer x"),
            ("transferheaderX-Thing", "a"),
            ("TRANSFERHEADERx-thing", "b"),
            ("TransferHeader", "no name"),
            ("TransferHeaderBad Name", "x"),
            ("TransferHeaderSplit", "a\r\nHost: evil"),
            ("Authorization", "ours"),
            ("X-TransferHeaderY", "not at the beginning"),
        ]
    )
    assert transfer_headers(headers) == {"Authorization": "Bearer x", "X-Thing": "a, b"}


@pytest.mark.parametrize(
    "name",
    ["Host", "Content-Length", "connection", "Transfer-Encoding", "TE", "Upgrade", "Expect"],
)
def test_what_belongs_to_a_connection_is_never_passed_on(name):
    assert transfer_headers({"TransferHeader" + name: "x"}) == {}
