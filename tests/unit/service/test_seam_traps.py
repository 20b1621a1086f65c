"""The traps of answering before the parser that need the inside of a connection, or every place to cut a request.

``tests/unit/benchmarks/test_seam.py`` has those that a client can set.
"""

import asyncio
import contextlib

import pytest
from aiohttp import web

from benchmarks.seam import FixedPathProtocol
from ugrpy.service.protocol import GatewayProtocol, ProtocolServer

pytestmark = pytest.mark.functional

HOST = b"Host: h\r\n"
HOT = b"GET /hot HTTP/1.1\r\n" + HOST + b"\r\n"
COLD = b"GET /cold HTTP/1.1\r\n" + HOST + b"\r\n"


class Watched(FixedPathProtocol):
    """Keeps itself and what it receives where the test can see them."""

    made: list["Watched"]
    received: list[bytes]

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.made.append(self)

    def data_received(self, data: bytes) -> None:
        self.received.append(data)
        super().data_received(data)


async def told(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text=request.path)


@contextlib.asynccontextmanager
async def connected(protocol: type[GatewayProtocol] = Watched):
    Watched.made, Watched.received = [], []
    server = ProtocolServer(told, protocol=protocol, access_log=None)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        listener.close()
        await server.shutdown(1)


async def answer(reader: asyncio.StreamReader) -> str:
    """``hot``, the path the handler saw, or the status of a refusal."""
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 302 "):
        return "hot"
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
    body = await reader.readexactly(length)
    return body.decode() if head.startswith(b"HTTP/1.1 200 ") else head[9:12].decode()


async def arrived(count: int) -> None:
    """Wait until so many segments have reached the connection."""
    while len(Watched.received) < count:
        await asyncio.sleep(0)


async def test_a_request_cut_anywhere_is_one_request():
    """Above all where the rest begins like the fixed path: whatever the cut, each request gets its own answer."""
    head = b"GET /cold HTTP/1.1\r\n" + HOST + b"X-Note: see GET /hot HTTP/1.1\r\nX-More: "
    whole = head + b"GET /hot HTTP/1.1\r\n\r\n"
    async with connected() as (reader, writer):
        for cut in range(1, len(whole)):
            segments = len(Watched.received)
            writer.write(whole[:cut])
            await arrived(segments + 1)
            writer.write(whole[cut:])
            assert await answer(reader) == "/cold"
            # after such a head the next one may be answered by either, and the one after it before the parser
            writer.write(COLD)
            assert await answer(reader) == "/cold"
            writer.write(HOT)
            assert await answer(reader) == "hot"


async def test_the_fixed_request_cut_anywhere_is_left_to_the_parser():
    async with connected() as (reader, writer):
        for cut in range(1, len(HOT)):
            segments = len(Watched.received)
            writer.write(HOT[:cut])
            await arrived(segments + 1)
            writer.write(HOT[cut:])
            assert await answer(reader) == "/hot"
            writer.write(COLD)
            assert await answer(reader) == "/cold"


async def test_the_tail_of_a_segment_is_never_lost():
    async with connected() as (reader, writer):
        for data, answers in (
            (HOT + COLD, ["/hot", "/cold"]),
            (COLD + HOT, ["/cold", "/hot"]),
            (HOT + HOT + HOT, ["/hot"] * 3),
            (HOT + COLD[:-2], ["/hot"]),
        ):
            writer.write(data)
            assert [await answer(reader) for _ in answers] == answers
        # the last one is half a request; what looks like the fixed path is now its next header, and no such header exists
        writer.write(HOT)
        assert await answer(reader) == "400"


async def test_nothing_received_is_passed_on_and_changes_nothing():
    """aiohttp calls with nothing when it resumes a reader that was paused for too many requests in the queue."""
    async with connected() as (reader, writer):
        writer.write(COLD * 500)
        assert [await answer(reader) for _ in range(500)] == ["/cold"] * 500
        assert Watched.received.count(b"") > 0
        writer.write(HOT)
        assert await answer(reader) == "hot"
        (protocol,) = Watched.made
        protocol.data_received(b"")
        writer.write(HOT)
        assert await answer(reader) == "hot"


async def test_a_client_that_does_not_read_is_waited_for():
    async with connected() as (reader, writer):
        writer.write(HOT)
        assert await answer(reader) == "hot"
        (protocol,) = Watched.made
        protocol.pause_writing()  # as the transport does when its buffer is full
        segments = len(Watched.received)
        for number in range(1, 4):
            writer.write(HOT)
            await arrived(segments + number)
        assert protocol._request_count == 3
        protocol.resume_writing()
        assert [await answer(reader) for _ in range(3)] == ["/hot"] * 3
        writer.write(HOT)
        assert await answer(reader) == "hot"


async def test_the_idle_timer_is_moved_on():
    async with connected() as (reader, writer):
        writer.write(COLD)
        await answer(reader)
        (protocol,) = Watched.made
        before = protocol._next_keepalive_close_time
        await asyncio.sleep(0.01)
        writer.write(HOT)
        assert await answer(reader) == "hot"
        assert protocol._next_keepalive_close_time >= before + 0.005


async def test_a_connection_that_is_being_closed_answers_nothing_more():
    async with connected() as (reader, writer):
        writer.write(HOT)
        assert await answer(reader) == "hot"
        (protocol,) = Watched.made
        protocol.close()
        segments = len(Watched.received)
        writer.write(HOT)
        await arrived(segments + 1)
        protocol.force_close()
        assert await reader.read() == b""
