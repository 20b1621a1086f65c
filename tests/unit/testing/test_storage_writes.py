"""Changes at the storage element over real loopback sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from ugrpy.testing import Dialect, FakeClock, Faults, StorageElement, Tree
from ugrpy.testing.clock import WALL_START_S
from ugrpy.testing.dialects import GENERIC, PLAIN, XROOTD

pytestmark = pytest.mark.functional


@asynccontextmanager
async def served(
    dialect: Dialect = GENERIC, quota_bytes: int | None = None
) -> AsyncIterator[tuple[StorageElement, aiohttp.ClientSession]]:
    tree = Tree({"/c/f": b"12345"})
    async with (
        StorageElement(
            tree, dialect=dialect, writable=True, quota_bytes=quota_bytes, clock=FakeClock()
        ) as element,
        aiohttp.ClientSession(element.base_url, timeout=aiohttp.ClientTimeout(total=20)) as client,
    ):
        yield element, client


async def status(client: aiohttp.ClientSession, method: str, path: str, **how: object) -> int:
    async with client.request(method, path, **how) as answer:  # type: ignore[arg-type]
        await answer.read()
        return answer.status


async def two_pieces() -> AsyncIterator[bytes]:
    yield b"ab"
    yield b"cd"


async def raw(element: StorageElement, *sent: bytes) -> bytes:
    """What comes until the connection ends; each part is sent after something came."""
    reader, writer = await asyncio.open_connection(element.host, element.port)
    got = b""
    async with asyncio.timeout(20):
        for part in sent:
            writer.write(part)
            got += await reader.read(65536)
        while piece := await reader.read(65536):
            got += piece
    writer.close()
    return got


@pytest.mark.parametrize("expect", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
async def test_put(expect, chunked):
    async with served() as (element, client):
        for expected in (201, 204):
            data = two_pieces() if chunked else b"abcd"
            assert await status(client, "PUT", "/new", data=data, expect100=expect) == expected
        assert element.tree.files["/new"].content == b"abcd"
        assert element.tree.files["/new"].mtime_s == WALL_START_S
        async with client.head("/new", headers={"Want-Digest": "md5"}) as answer:
            assert answer.headers["Digest"] == "md5=4vxxTEcn7pOV8yTNLn8zHw=="


async def test_a_refusal_comes_before_the_body_of_who_waits():
    async with served() as (element, _):
        head = b"PUT /no/parent HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        got = await raw(element, head)
        assert got.startswith(b"HTTP/1.1 409 ")
        assert b"\r\nConnection: close\r\n" in got
        element.faults = Faults(status=307, location="http://elsewhere.example/f")
        got = await raw(element, head)
        assert got.startswith(b"HTTP/1.1 307 ")
        assert b"\r\nLocation: http://elsewhere.example/f\r\n" in got
        element.faults = Faults()
        got = await raw(
            element,
            head.replace(b"/no/parent", b"/ok").replace(b"Host", b"Connection: close\r\nHost"),
            b"abcd",
        )
        assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")


async def test_a_refusal_after_the_body_leaves_the_connection_usable():
    async with served() as (element, _):
        put = b"PUT /no/parent HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd"
        head = b"HEAD /c/f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        got = await raw(element, put + head)
        assert got.startswith(b"HTTP/1.1 409 ")
        assert b"HTTP/1.1 200 OK" in got


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [("/c/new/", {}, 409), ("/c/f", {"Content-Range": "bytes 0-1/5"}, 400)],
)
async def test_puts_that_are_no_files(path, headers, expected):
    async with served() as (_, client):
        assert await status(client, "PUT", path, data=b"x", headers=headers) == expected


async def test_the_other_verbs():
    async with served() as (element, client):
        assert await status(client, "MKCOL", "/n/") == 201
        there = {"Destination": f"{element.base_url}/n/g"}
        assert await status(client, "COPY", "/c/f", headers=there) == 201
        assert await status(client, "MOVE", "/c/f", headers={"Destination": "/n/h"}) == 201
        assert await status(client, "DELETE", "/c") == 204
        assert sorted(element.tree.files) == ["/n/g", "/n/h"]
        async with client.options("/") as answer:
            assert {"PUT", "DELETE", "MKCOL"} <= set(answer.headers["Allow"].split(", "))


async def test_a_dialect_that_takes_no_changes():
    async with served(PLAIN) as (_, client):
        assert await status(client, "PUT", "/new", data=b"x") == 405


async def test_room_is_told_by_name_and_ends():
    ask = b'<propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/></prop></propfind>'
    async with served(quota_bytes=12) as (_, client):
        async with client.request("PROPFIND", "/", headers={"Depth": "0"}, data=ask) as answer:
            xml = await answer.read()
        assert b"<D:quota-available-bytes>7</D:quota-available-bytes>" in xml
        assert b"<D:quota-used-bytes>5</D:quota-used-bytes>" in xml
        async with client.request("PROPFIND", "/", headers={"Depth": "0"}) as answer:
            assert b"quota" not in await answer.read()
        assert await status(client, "PUT", "/new", data=b"12345678") == 507
        assert await status(client, "PUT", "/new", data=two_pieces()) == 201
        assert await status(client, "PUT", "/new2", data=two_pieces()) == 507


async def test_only_collections_tell_of_room_and_only_with_a_quota():
    ask = b'<propfind xmlns="DAV:"><prop><quota-used-bytes/></prop></propfind>'
    async with served() as (element, client):
        for path, quota_bytes in (("/", None), ("/c/f", 100)):
            element.quota_bytes = quota_bytes
            async with client.request("PROPFIND", path, headers={"Depth": "0"}, data=ask) as answer:
                assert b"<D:quota-used-bytes/>" in await answer.read()


@pytest.mark.parametrize(
    ("method", "path", "done"),
    [
        ("PUT", "/c/new", lambda tree: "/c/new" in tree.files),
        ("DELETE", "/c/f", lambda tree: "/c/f" not in tree.files),
        ("MKCOL", "/n", lambda tree: tree.is_collection("/n")),
        ("MOVE", "/c/f", lambda tree: "/t" in tree.files and "/c/f" not in tree.files),
        ("COPY", "/c/f", lambda tree: "/t" in tree.files),
    ],
)
async def test_faults_before_and_after_it_is_done(method, path, done):
    how = {"headers": {"Destination": "/t"}} if method in ("MOVE", "COPY") else {}
    for faults, happens in (
        (Faults(status=500), False),
        (Faults(hang=True), False),
        (Faults(as_status=500), True),
        (Faults(hang_after=True), True),
        (Faults(reset_after_bytes=-1), True),
    ):
        async with served() as (element, client):
            element.faults_for[method] = faults
            if faults.hang or faults.hang_after:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await status(client, method, path, **how)
            elif faults.reset_after_bytes is not None:
                with pytest.raises(aiohttp.ClientError):
                    await status(client, method, path, **how)
            else:
                assert await status(client, method, path, **how) == 500
            assert done(element.tree) is happens, faults


@pytest.mark.parametrize(("dialect", "left"), [(GENERIC, None), (XROOTD, b"abc")])
async def test_a_body_cut_in_its_middle(dialect, left):
    async with served(dialect) as (element, client):
        element.faults = Faults(take_bytes=3)
        with pytest.raises(aiohttp.ClientError):
            await status(client, "PUT", "/new", data=b"abcdef")
        node = element.tree.files.get("/new")
        assert (node.content if node else None) == left


@pytest.mark.parametrize(
    ("faults", "size_bytes"), [(Faults(lose_bytes=2), 3), (Faults(garbage=True), 5)]
)
async def test_a_file_that_is_not_what_was_sent(faults, size_bytes):
    async with served() as (element, client):
        element.faults = faults
        assert await status(client, "PUT", "/new", data=b"abcde") == 201
        content = element.tree.files["/new"].content
        assert len(content) == size_bytes
        assert content != b"abcde"


async def test_a_client_that_goes_away_leaves_nothing():
    async with served() as (element, _):
        _, writer = await asyncio.open_connection(element.host, element.port)
        writer.write(b"PUT /new HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        await writer.drain()
        async with asyncio.timeout(20):
            while not element.counts["PUT", "/new"]:
                await asyncio.sleep(0.01)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.05)
        assert "/new" not in element.tree.files
