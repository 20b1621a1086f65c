"""A body that is still arriving: how it goes out, what becomes of the request when it breaks off, and which silence is whose."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conformance.relay import settled
from tests.faults.raw_server import RawServer, Script, Wire, always, http, once, then_silence
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.errors import BodyBroken, Malformed, TimedOut, Unreachable
from ugrpy.transport.client import Body, Reply, Transport

pytestmark = pytest.mark.functional

SHORT_S = 0.05
NEVER = b"this never comes"
END_OF_CHUNKS = b"0\r\n\r\n"


async def body_of(*pieces: bytes, then: Exception | None = None) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if then is not None:
        raise then


async def stalling(*pieces: bytes, ended: asyncio.Event | None = None) -> AsyncIterator[bytes]:
    try:
        for piece in pieces:
            yield piece
        await asyncio.Event().wait()
    finally:
        if ended is not None:
            ended.set()


def hearing(heard: list[bytes], end: bytes, answer: bytes = http(201)) -> Script:
    """Notes what arrives, head and body, and answers when it ends as said."""

    async def script(wire: Wire) -> None:
        while data := await wire.until(end):
            heard.append(data)
            if not data.endswith(end):
                return
            await wire.send(answer)

    return script


async def put(
    transport: Transport, url: str, body: Body, size: int | None = None, **more: Any
) -> tuple[int, bool]:
    headers = {} if size is None else {"Content-Length": str(size)}
    async with transport.exchange("PUT", url, headers=headers, body=body, **more) as reply:
        return reply.status, reply.asked_whole


# -- what goes out ---------------------------------------------------------------------------------


async def test_a_body_of_unknown_length_goes_out_in_chunks(make_transport):
    heard: list[bytes] = []
    async with RawServer(hearing(heard, END_OF_CHUNKS)) as server:
        said = await put(make_transport(), server.url, body_of(b"one", b"", b"three"))
        assert said == (201, True)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    assert body == b"3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"


async def test_a_body_of_known_length_goes_out_bare(make_transport):
    heard: list[bytes] = []
    async with RawServer(hearing(heard, b"three")) as server:
        said = await put(make_transport(), server.url, body_of(b"one", b"", b"three"), 8)
        assert said == (201, True)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert b"Content-Length: 8" in head
    assert b"Transfer-Encoding" not in head
    assert body == b"onethree"


@pytest.mark.parametrize(("size", "end"), [(0, b"\r\n\r\n"), (None, END_OF_CHUNKS)])
async def test_an_empty_body(make_transport, size, end):
    heard: list[bytes] = []
    async with RawServer(hearing(heard, end)) as server:
        assert await put(make_transport(), server.url, body_of(), size) == (201, True)
    assert heard[0].endswith(end)


# -- what breaks off -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [6, None])
@pytest.mark.parametrize("raised", [ConnectionResetError(), ValueError("x"), Unreachable("x")])
@pytest.mark.parametrize("pieces", [(), (b"one",), (b"one", b"two")])
async def test_a_body_that_breaks_off_is_never_taken_for_whole(
    make_transport, size, raised, pieces
):
    heard: list[bytes] = []
    gone = asyncio.Event()

    async def script(wire: Wire) -> None:
        heard.append(await wire.until(NEVER))
        gone.set()

    async with RawServer(script) as server:
        with pytest.raises(BodyBroken, match=r"^PUT: the body broke off$") as caught:
            await put(make_transport(), server.url, body_of(*pieces, then=raised), size)
        await asyncio.wait_for(gone.wait(), 10)
        assert server.connections == 1
        assert await settled(lambda: server.open == 0)
    assert caught.value.__cause__ is raised
    body = heard[0].partition(b"\r\n\r\n")[2]
    assert not body.endswith(END_OF_CHUNKS)
    assert size is None or len(body) < size


@pytest.mark.parametrize(
    ("size", "words"), [(5, "longer than announced"), (7, "shorter than announced")]
)
async def test_a_body_of_another_length_than_announced(make_transport, size, words):
    heard: list[bytes] = []
    async with RawServer(hearing(heard, NEVER)) as server:
        with pytest.raises(BodyBroken) as caught:
            await put(make_transport(), server.url, body_of(b"one", b"two"), size)
        assert await settled(lambda: server.open == 0)
    assert words in str(caught.value.__cause__)
    assert len(b"".join(heard).partition(b"\r\n\r\n")[2]) < size


@pytest.mark.parametrize("size", [10**6, None])
async def test_cancelled_in_the_middle(make_transport, size):
    heard: list[bytes] = []
    ended = asyncio.Event()
    async with RawServer(hearing(heard, NEVER)) as server:
        body = stalling(b"x" * 1000, b"y" * 1000, ended=ended)
        asking = spawn(put(make_transport(), server.url, body, size), name="put")
        assert await settled(lambda: server.open == 1)
        await asyncio.sleep(SHORT_S)
        await cancel_and_wait(asking)
        assert asking.cancelled()
        await asyncio.wait_for(ended.wait(), 10)
        assert await settled(lambda: server.open == 0)
    assert not heard[0].endswith(END_OF_CHUNKS)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "MKCOL"])
async def test_what_changes_something_is_asked_once(make_transport, method):
    """aiohttp asks again by itself for methods that are idempotent."""

    async def script(wire: Wire) -> None:
        await wire.asked()

    async with RawServer(script) as server:
        with pytest.raises(Unreachable):
            await ask(make_transport(), server.url, method)
        assert [one.method for one in server.requests] == [method]


async def test_a_body_is_sent_once(make_transport):
    async def script(wire: Wire) -> None:
        await wire.asked()

    async with RawServer(script) as server:
        with pytest.raises(Unreachable):
            await put(make_transport(), server.url, body_of(b"one"), 3)
        assert server.connections == 1


# -- an answer before the end ----------------------------------------------------------------------


async def test_a_refusal_before_the_body_has_ended(make_transport):
    ended = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(http(413, b"too much"))
        await wire.until(NEVER)

    async with RawServer(script) as server:
        said = await put(make_transport(), server.url, stalling(b"x" * 1000, ended=ended))
        assert said == (413, False)
        await asyncio.wait_for(ended.wait(), 10)
        assert await settled(lambda: server.open == 0)


# -- whose silence ---------------------------------------------------------------------------------


async def test_a_body_that_does_not_go_on(make_transport):
    heard: list[bytes] = []
    async with RawServer(hearing(heard, NEVER)) as server:
        with pytest.raises(BodyBroken) as caught:
            await put(make_transport(), server.url, stalling(b"x"), idle_s=SHORT_S)
        assert str(caught.value) == "PUT: the body did not go on within 0.05 s"
        assert await settled(lambda: server.open == 0)


async def test_an_endpoint_that_takes_no_more(make_transport):
    async def script(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await asyncio.Event().wait()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_000_000

    async with RawServer(script) as server:
        with pytest.raises(TimedOut) as caught:
            await put(make_transport(), server.url, endless(), idle_s=0.2)
        assert str(caught.value) == "PUT: nothing taken within 0.2 s"


async def test_the_head_is_waited_for_from_the_end_of_the_body(make_transport):
    async def slow() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.sleep(SHORT_S)
            yield b"x"

    heard: list[bytes] = []
    async with RawServer(hearing(heard, END_OF_CHUNKS)) as server:
        transport = make_transport(first_byte_timeout_s=3 * SHORT_S)
        assert await put(transport, server.url, slow(), idle_s=10) == (201, True)
    async with RawServer(hearing(heard, NEVER)) as server:
        transport = make_transport(first_byte_timeout_s=SHORT_S)
        with pytest.raises(TimedOut, match=r"^PUT: no answer within 0\.05 s$"):
            await put(transport, server.url, body_of(b"x"), idle_s=10)


async def test_a_head_that_may_take_longer(make_transport):
    async def script(wire: Wire) -> None:
        await wire.asked()
        await asyncio.sleep(3 * SHORT_S)
        await wire.send(http(200, b"well"))

    transport = make_transport(first_byte_timeout_s=SHORT_S)
    async with RawServer(script) as server:
        with pytest.raises(TimedOut):
            await ask(transport, server.url, "GET")
        assert await ask(transport, server.url, "GET", head_s=10) == (200, b"well")
    async with RawServer(then_silence(b"")) as server:
        with pytest.raises(TimedOut, match=r"^GET: no answer within 0\.05 s$"):
            await ask(make_transport(), server.url, "GET", head_s=SHORT_S)


# -- an answer in pieces ---------------------------------------------------------------------------


async def ask(
    transport: Transport, url: str, method: str = "GET", **more: Any
) -> tuple[int, bytes]:
    async with transport.exchange(method, url, **more) as reply:
        return reply.status, b"".join([piece async for piece in reply.pieces()])


async def test_an_answer_that_lasts_longer_than_the_whole_may(make_transport):
    async def script(wire: Wire) -> None:
        await wire.asked()
        await wire.send(http(200, b"", length=4))
        await wire.drip(b"slow", SHORT_S)

    transport = make_transport(total_timeout_s=2 * SHORT_S)
    async with RawServer(script) as server:
        assert await ask(transport, server.url, idle_s=10) == (200, b"slow")
        with pytest.raises(TimedOut, match="not finished within"):
            await ask(transport, server.url)


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        (then_silence(http(200, b"part", length=9)), TimedOut, "GET: nothing more within 0.05 s"),
        (
            once(http(200, b"part", length=9)),
            Malformed,
            "GET: the answer ended before its announced end",
        ),
    ],
)
async def test_an_answer_that_does_not_go_on(make_transport, script, error, words):
    """The reader sees the error inside the block, so that it can go on elsewhere."""
    read: list[bytes] = []

    async def read_on(reply: Reply) -> None:
        async for piece in reply.pieces():
            read.append(piece)  # noqa: PERF401 - what came before an error is kept

    async with RawServer(script) as server:
        async with make_transport().exchange("GET", server.url, idle_s=SHORT_S) as reply:
            with pytest.raises(error) as caught:
                await read_on(reply)
            assert str(caught.value) == words
        assert await settled(lambda: server.open == 0)
    assert read == [b"part"]


async def test_the_bytes_are_as_they_came(make_transport):
    packed = gzip.compress(b"x" * 1000)
    async with RawServer(always(http(200, packed, "Content-Encoding: gzip"))) as server:
        assert await ask(make_transport(), server.url, idle_s=10) == (200, packed)


async def test_waiting_for_a_place_ends_although_the_whole_has_no_limit(make_transport):
    transport = make_transport(max_connections=1, total_timeout_s=2 * SHORT_S)
    async with RawServer(then_silence(http(200, b".", length=2))) as server:
        first = spawn(ask(transport, server.url, idle_s=10), name="first")
        assert await settled(lambda: server.open == 1)
        with pytest.raises(TimedOut, match="no free connection within"):
            await ask(transport, server.url, idle_s=10)
        await cancel_and_wait(first)
