"""What never ends, or grows without end, is given up within bounds of time and of memory."""

import asyncio
import tracemalloc
import zlib

import pytest

from tests.conformance.relay import settled
from tests.faults.raw_server import RawServer, Script, always, chunked, dripping, http
from ugrpy.core.errors import Malformed, TimedOut

pytestmark = pytest.mark.functional

# More than the socket's buffers and aiohttp's own hold together, far less than what is sent.
MEMORY_BYTES = 8 * 2**20


def without_end(start: bytes, again: bytes) -> Script:
    """Send ``start``, then ``again`` over and over, until the client leaves."""

    async def script(wire):
        await wire.asked()
        await wire.send(start)
        while not wire.left:
            await wire.send(again)
            await asyncio.sleep(0)  # the client runs in the same loop

    return script


async def read_all(transport, url: str) -> int:
    """The bytes of the body, none of which are kept."""
    size_bytes = 0
    async with transport.exchange("GET", url) as reply:
        async for piece in reply.content.iter_any():
            size_bytes += len(piece)
    return size_bytes


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(
            without_end(HEAD, b"X-Same: again\r\n" * 100),
            "the answer is not HTTP: its head has too many lines",
            id="lines of a head",
        ),
        pytest.param(
            without_end(HEAD + b"X-Long: ", b"x" * 10_000),
            "the answer is not HTTP: a line of its head is too long",
            id="one line of a head",
        ),
        pytest.param(
            without_end(b"", b"x" * 10_000), "the answer is not HTTP: bad status line", id="no line"
        ),
        pytest.param(
            without_end(HEAD[:-2], b"x" * 10_000),
            "the answer is not HTTP: a line of its head is too long",
            id="the first line",
        ),
        pytest.param(
            always(HEAD + b"A: b\r\n" * 1000 + b"\r\n"),
            "the answer is not HTTP: its head has too many lines",
            id="a head of a thousand lines",
        ),
        pytest.param(
            without_end(
                HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
                b"X-After: all\r\n" * 100,
            ),
            # by then the head may have been handed on, or not
            r"the answer (is not HTTP: its head has too many lines|cannot be read)",
            id="trailers",
        ),
        pytest.param(
            always(http(200, b"?", "Content-Encoding: br")),
            "the answer is not HTTP: it is in a coding that was not asked for",
            id="a coding we do not know",
        ),
        pytest.param(
            always(HEAD + b"Content-Length: -5\r\n\r\n"), "the answer is not HTTP", id="length"
        ),
        pytest.param(
            always(HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
            "the answer is not HTTP",
            id="two lengths",
        ),
        pytest.param(
            always(HEAD + b"A: b\x00c\r\n\r\n"),
            "the answer is not HTTP",
            id="NUL in a head",
        ),
    ],
)
async def test_what_is_given_up_at_once(make_transport, script, words):
    async with RawServer(script) as server:
        tracemalloc.start()
        try:
            with pytest.raises(Malformed, match=f"^GET: {words}$"):
                await read_all(make_transport(), server.url)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak_bytes < MEMORY_BYTES
        assert await settled(lambda: server.open == 0)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(
            without_end(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
            "no answer within 0.3 s",
            id="answers before the answer",
        ),
        pytest.param(
            dripping(HEAD + b"X-Slow: " + b"x" * 8000), "no answer within 0.3 s", id="a slow head"
        ),
        pytest.param(
            without_end(HEAD + b"\r\n", b"x" * 10_000), "not finished within 1 s", id="a body"
        ),
        pytest.param(
            without_end(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n" * 100),
            "not finished within 1 s",
            id="chunks",
        ),
        pytest.param(dripping(http(200, b"x" * 8000)), "not finished within 1 s", id="a slow body"),
    ],
)
async def test_what_is_given_up_in_time(make_transport, script, words):
    transport = make_transport(first_byte_timeout_s=0.3, total_timeout_s=1)
    async with RawServer(script) as server:
        tracemalloc.start()
        try:
            with pytest.raises(TimedOut) as caught:
                await read_all(transport, server.url)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert str(caught.value) == f"GET: {words}"
        assert peak_bytes < MEMORY_BYTES
        assert await settled(lambda: server.open == 0)


def bomb(unpacked_bytes: int) -> bytes:
    """So many spaces, packed to a thousandth."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    space = b" " * 2**20
    parts = [packer.compress(space) for _ in range(unpacked_bytes // len(space))]
    return b"".join([*parts, packer.flush()])


@pytest.mark.parametrize("packed_in", [http, chunked])
async def test_a_packed_body_is_unpacked_in_small_pieces(make_transport, packed_in):
    """What comes out is as big as it is; a reader that has had enough leaves."""
    size_bytes = 64 * 2**20
    packed = bomb(size_bytes)
    if packed_in is http:
        answer = http(200, packed, "Content-Encoding: gzip")
    else:
        answer = chunked(200, packed).replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1)
    async with RawServer(always(answer)) as server:
        tracemalloc.start()
        try:
            assert await read_all(make_transport(), server.url) == size_bytes
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak_bytes < MEMORY_BYTES


async def test_what_does_not_unpack(make_transport):
    answer = http(200, b"\x1f\x8b" + b"\xff" * 30, "Content-Encoding: gzip")
    async with RawServer(always(answer)) as server:
        with pytest.raises(Malformed, match=r"^GET: the answer cannot be unpacked$"):
            await read_all(make_transport(), server.url)
