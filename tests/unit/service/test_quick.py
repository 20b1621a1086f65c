"""Prepared answers: what they are made of and for whom they are."""

import pytest
from aiohttp import HttpVersion10, HttpVersion11
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from ugrpy.service.quick import (
    WITHOUT_BODY,
    QuickBody,
    QuickResponse,
    head_before_length,
    quick_for,
)


def test_the_head_ends_where_the_date_begins():
    headers = CIMultiDict({"Server": "ugrpy", "Location": "http://a.example/f"})
    headers.add("Link", "<x>; rel=duplicate")
    headers.add("Link", "<y>; rel=duplicate")
    assert head_before_length(302, headers) + WITHOUT_BODY == (
        b"HTTP/1.1 302 Found\r\nServer: ugrpy\r\nLocation: http://a.example/f\r\n"
        b"Link: <x>; rel=duplicate\r\nLink: <y>; rel=duplicate\r\nContent-Length: 0\r\nDate: "
    )


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb"])
def test_a_line_break_is_refused(value):
    with pytest.raises(ValueError, match="line break"):
        head_before_length(302, CIMultiDict({"Location": value}))
    with pytest.raises(ValueError, match="line break"):
        head_before_length(302, CIMultiDict({value: "x"}))


def test_what_is_not_ascii_is_refused():
    with pytest.raises(UnicodeEncodeError):
        head_before_length(302, CIMultiDict({"Location": "http://a.example/é"}))


@pytest.mark.parametrize(
    ("version", "headers", "quick"),
    [
        (HttpVersion11, {}, True),
        (HttpVersion11, {"Connection": "keep-alive"}, True),
        (HttpVersion10, {}, False),
        (HttpVersion10, {"Connection": "keep-alive"}, False),
    ],
)
async def test_for_whom_it_is(version, headers, quick):
    request = make_mocked_request("GET", "/", headers=headers, version=version)
    assert quick_for(request) is quick


async def test_it_writes_head_and_date_at_once():
    request = make_mocked_request("GET", "/")
    request.transport.is_closing.return_value = False  # type: ignore[union-attr]
    response = QuickResponse(
        302, head_before_length(302, CIMultiDict({"Location": "/x"})) + WITHOUT_BODY
    )
    await response.prepare(request)
    await response.write_eof()
    (data,) = [call.args[0] for call in request.transport.write.call_args_list]  # type: ignore[union-attr]
    head, _, rest = data.partition(b"Date: ")
    assert head == b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n"
    assert rest.endswith(b" GMT\r\n\r\n")
    assert rest.count(b"\r\n") == 2
    assert repr(response) == "QuickResponse(302)"
    assert (response.status, response.keep_alive, response.prepared) == (302, True, False)


async def test_a_client_that_left_is_an_error_of_the_connection():
    request = make_mocked_request("GET", "/")
    request.transport.is_closing.return_value = True  # type: ignore[union-attr]
    with pytest.raises(ConnectionResetError):
        await QuickResponse(302, b"").prepare(request)


async def test_a_short_body_goes_out_with_its_head():
    request = make_mocked_request("GET", "/")
    request.transport.is_closing.return_value = False  # type: ignore[union-attr]
    head = head_before_length(200, CIMultiDict({"Content-Type": "application/json"}))
    response = QuickBody(200, head, b'{"a": "\xc3\xa9%"}')
    await response.prepare(request)
    await response.write_eof()

    (data,) = [call.args[0] for call in request.transport.write.call_args_list]  # type: ignore[union-attr]
    head, _, body = data.partition(b"\r\n\r\n")
    assert body == b'{"a": "\xc3\xa9%"}'
    first, date = head.rsplit(b"\r\n", 1)
    assert first == (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12")
    assert date.startswith(b"Date: ")


def test_a_head_before_the_length_holds_no_line_breaks_of_others():
    with pytest.raises(ValueError, match="line break"):
        head_before_length(200, CIMultiDict({"Server": "a\nb"}))
