"""Reading the content of a request: its bounds, what it may look like, when the connection ends with the answer."""

import asyncio
from unittest.mock import Mock

import pytest
from aiohttp import HttpVersion10, HttpVersion11, StreamReader, web
from aiohttp.test_utils import make_mocked_request

from tests.unit.frontend.world import Written
from ugrpy.core.errors import BadRequest
from ugrpy.service.body import (
    CONTINUE,
    CodedContent,
    CodedTransfer,
    ContentTooLarge,
    ContentTooSlow,
    ends_connection,
    read_body,
)


def a_request(
    *pieces: bytes, complete: bool = True, version=HttpVersion11, **headers: str
) -> tuple[web.BaseRequest, StreamReader, Written]:
    content = StreamReader(Mock(connected=True), 2**16, loop=asyncio.get_running_loop())
    for piece in pieces:
        content.feed_data(piece)
    if complete:
        content.feed_eof()
    written = Written()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = make_mocked_request(
        "PROPFIND", "/", headers=named, payload=content, writer=written, version=version
    )
    return request, content, written


async def read(request: web.BaseRequest, *, max_bytes: int = 10, timeout_s: float = 20.0) -> bytes:
    return await read_body(request, max_bytes=max_bytes, timeout_s=timeout_s)


@pytest.mark.parametrize("pieces", [(), (b"0123456789",), (b"01", b"2345", b"6789")])
async def test_the_whole_of_it(pieces):
    request, _content, written = a_request(*pieces)
    assert await read(request) == b"".join(pieces)
    assert written.pieces == []


async def test_what_comes_later():
    request, content, _written = a_request(b"01", complete=False)
    reading = asyncio.create_task(read(request))
    await asyncio.sleep(0)
    content.feed_data(b"23")
    await asyncio.sleep(0)
    content.feed_eof()
    assert await reading == b"0123"


@pytest.mark.parametrize("pieces", [(b"0123456789a",), (b"012345678", b"9a"), (b"0" * 100,)])
async def test_more_than_is_taken(pieces):
    request, _content, _written = a_request(*pieces)
    with pytest.raises(ContentTooLarge, match="at most 10 bytes"):
        await read(request)


async def test_an_announced_size_is_believed_and_nothing_is_read():
    request, content, written = a_request(
        b"01", complete=False, Content_Length="11", Expect="100-continue"
    )
    with pytest.raises(ContentTooLarge):
        await read(request)
    assert written.pieces == []
    assert content.total_bytes == 2


async def test_one_that_never_ends_is_cut_in_time():
    request, _content, _written = a_request(b"01", complete=False, Content_Length="5")
    with pytest.raises(ContentTooSlow, match=r"within 0\.01 seconds"):
        await read(request, timeout_s=0.01)


@pytest.mark.parametrize("buffered", [(), (b"01",)])
async def test_chunks_that_are_none(buffered):
    request, content, _written = a_request(*buffered, complete=False)
    content.set_exception(web.RequestPayloadError("broken"))
    content.feed_eof()
    with pytest.raises(BadRequest, match="well-formed chunks"):
        await read(request)
    assert ends_connection(request, 400)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "identity, gzip", "nonsense"])
async def test_content_codings_are_not_taken_back(coding):
    request, _content, _written = a_request(b"x", Content_Encoding=coding)
    with pytest.raises(CodedContent):
        await read(request)


@pytest.mark.parametrize("headers", [{}, {"Content_Encoding": "Identity"}])
async def test_no_coding_and_its_name(headers):
    request, _content, _written = a_request(b"x", Transfer_Encoding="Chunked", **headers)
    assert await read(request) == b"x"


async def test_transfer_codings_beside_chunked():
    request, _content, _written = a_request(b"x", Transfer_Encoding="gzip, chunked")
    with pytest.raises(CodedTransfer):
        await read(request)


async def test_a_client_that_asks_first_is_told_to_go_on():
    request, content, written = a_request(complete=False, Content_Length="2", Expect="100-Continue")
    reading = asyncio.create_task(read(request))
    await asyncio.sleep(0)
    assert written.pieces == [CONTINUE]
    assert written.output_size == 0
    content.feed_data(b"01")
    content.feed_eof()
    assert await reading == b"01"
    assert not ends_connection(request, 400)


@pytest.mark.parametrize(
    ("headers", "complete", "version"),
    [
        ({"Expect": "something"}, False, HttpVersion11),
        ({}, False, HttpVersion11),
        ({"Expect": "100-continue"}, False, HttpVersion10),
    ],
)
async def test_others_are_told_nothing(headers, complete, version):
    request, content, written = a_request(b"0", complete=complete, version=version, **headers)
    reading = asyncio.create_task(read(request))
    await asyncio.sleep(0)
    if not complete:
        content.feed_eof()
    assert await reading == b"0"
    assert written.pieces == []


@pytest.mark.parametrize(
    ("status", "headers", "complete", "ends"),
    [
        (405, {}, True, False),
        (405, {}, False, False),  # what comes is read and dropped
        (405, {"Expect": "100-continue"}, False, True),
        (405, {"Expect": "100-continue"}, True, False),
        (413, {}, False, True),
        (408, {}, False, True),
    ],
)
async def test_when_the_connection_ends_with_the_answer(status, headers, complete, ends):
    request, _content, _written = a_request(complete=complete, **headers)
    assert ends_connection(request, status) is ends
