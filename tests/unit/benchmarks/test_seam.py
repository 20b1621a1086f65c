"""Answering before the parser must not be noticed by anybody: order, split heads, bodies, keep-alive."""

import asyncio
import contextlib
import random

import pytest
from aiohttp import web

from benchmarks.seam import FixedPathProtocol
from ugrpy.service.protocol import ProtocolServer

pytestmark = pytest.mark.functional

HOST = b"Host: h\r\n"
HOT = b"GET /hot HTTP/1.1\r\n" + HOST + b"\r\n"


async def slow(request: web.BaseRequest) -> web.StreamResponse:
    """Tells what it was asked, a moment later."""
    body = await request.read()
    await asyncio.sleep(0.002 if request.path == "/late" else 0)
    return web.Response(text=f"{request.method} {request.path_qs} {body.decode()}")


@contextlib.asynccontextmanager
async def connected(**settings):
    server = ProtocolServer(slow, protocol=FixedPathProtocol, access_log=None, **settings)
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
    """``hot`` or the body of the handler's answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 302 ") and b"\r\nLocation: http://127.0.0.1/hot\r\n" in head:
        assert b"\r\nDate: " in head
        return "hot"
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
    return head[9:12].decode() + " " + (await reader.readexactly(length)).decode().strip()


def request(line: str, headers: bytes = b"", body: bytes = b"") -> bytes:
    return line.encode() + b" HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


async def test_the_fixed_path_is_answered_before_the_parser():
    async with connected() as (reader, writer):
        for _ in range(3):
            writer.write(HOT)
            assert await answer(reader) == "hot"
        writer.write(request("GET /cold"))
        assert await answer(reader) == "200 GET /cold"
        writer.write(HOT)
        assert await answer(reader) == "hot"


async def test_no_answer_overtakes_an_earlier_one():
    source = random.Random(4)
    async with connected() as (reader, writer):
        for _ in range(20):
            kinds = [source.choice(["hot", "cold", "late"]) for _ in range(25)]
            for number, kind in enumerate(kinds):
                writer.write(HOT if kind == "hot" else request(f"GET /{kind}?{number}"))
                if source.random() < 0.7:
                    await asyncio.sleep(0)
            for number, kind in enumerate(kinds):
                got = await answer(reader)
                # the handler sees /hot too, when the connection was not idle
                right = ("hot", "200 GET /hot") if kind == "hot" else (f"200 GET /{kind}?{number}",)
                assert got in right


async def test_text_inside_a_header_is_never_a_request():
    async with connected() as (reader, writer):
        writer.write(b"GET /cold HTTP/1.1\r\n" + HOST + b"X-Note: see ")
        await asyncio.sleep(0.05)
        writer.write(HOT)
        # the second piece belongs to the header; the whole is one malformed or one ordinary request, never a redirect
        assert await answer(reader) != "hot"


async def test_text_inside_a_body_is_never_a_request():
    async with connected() as (reader, writer):
        writer.write(request("POST /cold", b"Content-Length: %d\r\n" % len(HOT)))
        await asyncio.sleep(0.05)
        writer.write(HOT)
        assert (await answer(reader)).startswith("200 POST /cold GET /hot")
        # a segment that began no request says nothing about the next one: that one is left to the parser, too
        writer.write(HOT)
        assert await answer(reader) == "200 GET /hot"
        writer.write(HOT)
        assert await answer(reader) == "hot"


@pytest.mark.parametrize(
    "data",
    [
        request("GET /hot", b"Connection: close\r\n"),
        request("GET /hot", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        request("GET /hot?query"),
        b"GET /hot HTTP/1.0\r\n" + HOST + b"\r\n",
        HOT.replace(HOST, HOST + HOST),
        HOT.replace(HOST, b""),
        HOT.replace(HOST, b"Host : h\r\n"),
    ],
)
async def test_what_is_not_recognised_exactly_goes_to_the_parser(data):
    async with connected() as (reader, writer):
        writer.write(data)
        assert await answer(reader) != "hot"


async def test_two_requests_in_one_segment_get_two_answers():
    async with connected() as (reader, writer):
        writer.write(HOT + HOT)
        assert [await answer(reader), await answer(reader)] == ["200 GET /hot"] * 2


async def test_a_busy_connection_is_not_cut_for_idleness():
    async with connected(keepalive_timeout=0.3) as (reader, writer):
        writer.write(request("GET /cold"))
        await answer(reader)
        for _ in range(5):
            await asyncio.sleep(0.1)
            writer.write(HOT)
            assert await answer(reader) == "hot"
