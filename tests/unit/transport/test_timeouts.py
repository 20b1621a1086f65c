"""Each limit of its own kind: which one passed is said, and the others have not."""

import asyncio

import pytest

from tests.conformance.relay import settled
from tests.faults.raw_server import (
    RawServer,
    dripping,
    full_queue,
    http,
    then_silence,
)
from ugrpy.core.errors import TimedOut

pytestmark = pytest.mark.functional

SHORT_S = 0.05


async def fetch(transport, url: str, method: str = "GET") -> bytes:
    async with transport.exchange(method, url) as reply:
        return b"".join([piece async for piece in reply.content.iter_any()])


async def test_connecting_to_a_full_queue(make_transport):
    transport = make_transport(connect_timeout_s=SHORT_S)
    with full_queue() as url, pytest.raises(TimedOut) as caught:
        await fetch(transport, url)
    assert str(caught.value) == "GET: no connection within 0.05 s"
    assert caught.value.endpoint == "uvic"
    assert caught.value.retryable


async def test_tls_that_is_never_agreed_on_counts_as_connecting(make_transport):
    transport = make_transport(connect_timeout_s=SHORT_S)
    async with RawServer(lambda wire: wire.gone()) as server:
        with pytest.raises(TimedOut, match="no connection within"):
            await fetch(transport, server.url.replace("http:", "https:"))
        assert await settled(lambda: server.open == 0)


async def test_a_name_that_is_never_resolved_counts_as_connecting(make_transport, monkeypatch):
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("ugrpy.transport.client.AsyncResolver.resolve", never)
    transport = make_transport(connect_timeout_s=SHORT_S)
    with pytest.raises(TimedOut, match="no connection within"):
        await fetch(transport, "http://slow.example/")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Le"])
async def test_silence_before_the_end_of_the_head(make_transport, said):
    transport = make_transport(first_byte_timeout_s=SHORT_S)
    async with RawServer(then_silence(said)) as server:
        with pytest.raises(TimedOut) as caught:
            await fetch(transport, server.url, "PROPFIND")
        assert str(caught.value) == "PROPFIND: no answer within 0.05 s"
        assert await settled(lambda: server.open == 0)


async def test_silence_on_a_connection_that_had_worked(make_transport):
    transport = make_transport(first_byte_timeout_s=0.3)

    async def script(wire):
        await wire.asked()
        await wire.send(http(200, b"well"))
        await wire.asked()
        await wire.gone()

    async with RawServer(script) as server:
        assert await fetch(transport, server.url) == b"well"
        with pytest.raises(TimedOut, match=r"no answer within 0\.3 s"):
            await fetch(transport, server.url)
        assert server.connections == 1


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(then_silence(http(200, b"a few bytes", length=5000)), id="silence"),
        pytest.param(dripping(http(200, b"drop" * 10_000)), id="drops"),
    ],
)
async def test_a_body_that_does_not_end(make_transport, script):
    transport = make_transport(total_timeout_s=0.2)
    async with RawServer(script) as server:
        with pytest.raises(TimedOut) as caught:
            await fetch(transport, server.url)
        assert str(caught.value) == "GET: not finished within 0.2 s"
        assert await settled(lambda: server.open == 0)


async def test_drops_that_end_in_time_are_an_answer(make_transport):
    transport = make_transport(first_byte_timeout_s=10)
    async with RawServer(dripping(http(200, b"drop by drop"))) as server:
        assert await fetch(transport, server.url) == b"drop by drop"


async def test_waiting_for_a_place_is_not_the_endpoints_silence(make_transport):
    transport = make_transport(max_connections=1, connect_timeout_s=0.2, first_byte_timeout_s=0.2)
    go_on = asyncio.Event()

    async def script(wire):
        while await wire.asked():
            await wire.send(http(200, b"half ", length=9))
            await go_on.wait()
            await wire.send(b"half")

    async with RawServer(script) as server:
        asking = [asyncio.ensure_future(fetch(transport, server.url)) for _ in range(2)]
        await asyncio.sleep(0.3)
        assert [one.done() for one in asking] == [False, False]
        assert len(server.requests) == 1
        go_on.set()
        assert [await one for one in asking] == [b"half half", b"half half"]
        assert server.connections == 1


async def test_waiting_for_a_place_ends_with_the_whole(make_transport):
    transport = make_transport(max_connections=1, total_timeout_s=0.1)
    async with RawServer(then_silence(http(200, b".", length=2))) as server:
        asking = [asyncio.ensure_future(fetch(transport, server.url)) for _ in range(2)]
        done = await asyncio.gather(*asking, return_exceptions=True)
    assert [str(error) for error in done] == ["GET: not finished within 0.1 s"] * 2
