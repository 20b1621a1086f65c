"""After which answers is a connection used again, and who lets go of one when?"""

import asyncio
import gzip

import pytest

from tests.conformance.relay import settled
from tests.faults.raw_server import (
    RawServer,
    always,
    chunked,
    full_queue,
    http,
    once,
    then_reset,
    then_silence,
)
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.errors import EndpointError
from ugrpy.transport.client import DRAIN_LIMIT_BYTES

pytestmark = pytest.mark.functional

PAGE = b"a page that explains it"


async def ask(transport, url: str, method: str = "GET", *, reads: bool = True) -> int | str:
    try:
        async with transport.exchange(method, url) as reply:
            if reads:
                async for _ in reply.content.iter_any():
                    pass
            return int(reply.status)
    except EndpointError as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("answer", "method", "reads", "said"),
    [
        pytest.param(http(200, PAGE), "GET", True, 200, id="read"),
        pytest.param(http(200, PAGE), "GET", False, 200, id="not read"),
        pytest.param(http(200), "GET", True, 200, id="empty"),
        pytest.param(http(404, PAGE), "PROPFIND", False, 404, id="a page not read"),
        pytest.param(http(301, PAGE, "Location: /x/"), "PROPFIND", False, 301, id="redirect"),
        pytest.param(http(401, PAGE), "GET", False, 401, id="denied"),
        pytest.param(http(500, PAGE), "GET", True, "Failed", id="failed"),
        pytest.param(http(503, PAGE), "GET", True, "Busy", id="busy"),
        pytest.param(chunked(207, b"one", b"two"), "PROPFIND", True, 207, id="chunks"),
        pytest.param(chunked(207, b"one", b"two"), "PROPFIND", False, 207, id="chunks not read"),
        pytest.param(
            http(200, gzip.compress(PAGE), "Content-Encoding: gzip"), "GET", True, 200, id="packed"
        ),
        pytest.param(http(200, b"", length=10**9), "HEAD", True, 200, id="head with a length"),
        pytest.param(b"HTTP/1.1 204 No\r\n\r\n", "GET", True, 204, id="no content"),
        pytest.param(b"HTTP/1.1 304 No\r\n\r\n", "GET", True, 304, id="not modified"),
        pytest.param(
            http(404, b"x" * (DRAIN_LIMIT_BYTES // 2)), "GET", False, 404, id="a long page"
        ),
    ],
)
async def test_answers_after_which_the_connection_is_kept(
    make_transport, answer, method, reads, said
):
    transport = make_transport()
    async with RawServer(always(answer)) as server:
        for _ in range(3):
            assert await ask(transport, server.url, method, reads=reads) == said
        assert server.connections == 1
        await transport.close()
        assert await settled(lambda: server.open == 0)


@pytest.mark.parametrize(
    ("script", "method", "reads", "said"),
    [
        pytest.param(always(http(200, PAGE, "Connection: close")), "GET", True, 200, id="asked to"),
        pytest.param(
            once(b"HTTP/1.0 200 OK\r\n\r\nto the end"), "GET", True, 200, id="the old protocol"
        ),
        pytest.param(
            always(http(404, b"x" * 20 * DRAIN_LIMIT_BYTES)), "GET", False, 404, id="endless page"
        ),
        pytest.param(
            then_silence(http(404, b"x", length=9)), "GET", False, 404, id="page that stalls"
        ),
        pytest.param(
            then_silence(http(503, b"x", length=9)), "GET", False, "Busy", id="busy that stalls"
        ),
        pytest.param(once(http(404, b"x", length=9)), "GET", False, 404, id="page cut short"),
        pytest.param(then_reset(http(403, b"x", length=9)), "GET", False, 403, id="page reset"),
        pytest.param(once(http(200, b"x", length=9)), "GET", True, "Malformed", id="cut short"),
        pytest.param(always(b"nonsense\r\n\r\n"), "GET", True, "Malformed", id="nonsense"),
    ],
)
async def test_answers_after_which_it_is_closed(make_transport, script, method, reads, said):
    transport = make_transport()
    async with RawServer(script) as server:
        for _ in range(2):
            assert await ask(transport, server.url, method, reads=reads) == said
        assert server.connections == 2
        assert await settled(lambda: server.open == 0)


async def test_bytes_after_the_end_of_an_answer_are_not_the_next_answer(make_transport):
    transport = make_transport()
    async with RawServer(always(http(200, PAGE) + http(404, b"smuggled"))) as server:
        for _ in range(3):
            assert await ask(transport, server.url) == 200


async def test_a_connection_that_was_closed_while_idle_costs_nothing(make_transport):
    transport = make_transport()
    async with RawServer(once(http(200, PAGE))) as server:
        assert await ask(transport, server.url) == 200
        assert await settled(lambda: server.open == 0)
        assert await ask(transport, server.url) == 200


def closing_after(answered: int, *, reset: bool = False):
    """Answers so many requests on each connection and closes it when the next one comes."""

    async def script(wire):
        for _ in range(answered):
            if asked := await wire.asked():
                body = b"" if asked.method == "HEAD" else PAGE
                await wire.send(http(200, body, length=len(PAGE)))
        if await wire.asked() and reset:
            wire.reset()

    return script


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("method", ["PROPFIND", "GET", "HEAD", "OPTIONS"])
async def test_a_request_that_crosses_the_closing_is_asked_again(make_transport, method, reset):
    transport = make_transport()
    async with RawServer(closing_after(1, reset=reset)) as server:
        for _ in range(3):
            assert await ask(transport, server.url, "GET") == 200
            assert await ask(transport, server.url, method) == 200
        assert server.connections == 6


async def test_a_fresh_connection_that_is_closed_is_not_asked_again(make_transport):
    async with RawServer(closing_after(0)) as server:
        assert await ask(make_transport(), server.url, "PROPFIND") == "Unreachable"
        assert server.connections == 1


async def test_what_changes_something_has_a_connection_of_its_own(make_transport):
    """It could not be asked again when it crosses the closing of one that was used before."""
    transport = make_transport()
    async with RawServer(always(http(200, PAGE))) as server:
        for _ in range(2):
            assert await ask(transport, server.url, "GET") == 200
            assert await ask(transport, server.url, "MKCOL") == 200
        assert server.connections == 3
        assert await settled(lambda: server.open == 1)


async def test_no_more_connections_than_allowed(make_transport):
    transport = make_transport(max_connections=3)

    async def slowly(wire):
        while await wire.asked():
            await asyncio.sleep(0.005)
            peaks.append(server.open)
            await wire.send(http(200, PAGE))

    peaks: list[int] = []
    async with RawServer(slowly) as server:
        said = await asyncio.gather(*(ask(transport, server.url) for _ in range(20)))
        assert said == [200] * 20
        assert max(peaks) == server.connections == 3


# -- cancelling, in every phase --------------------------------------------------------------------


async def test_cancelled_while_the_name_is_resolved(make_transport, monkeypatch):
    asked = asyncio.Event()

    async def never(*_: object, **__: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("ugrpy.transport.client.AsyncResolver.resolve", never)
    asking = spawn(ask(make_transport(), "http://slow.example/"), name="asking")
    await asked.wait()
    await cancel_and_wait(asking)
    assert asking.cancelled()


async def test_cancelled_while_connecting(make_transport):
    with full_queue() as url:
        asking = spawn(ask(make_transport(), url), name="asking")
        await asyncio.sleep(0.05)
        await cancel_and_wait(asking)
        assert asking.cancelled()


@pytest.mark.parametrize(
    ("said", "reads"),
    [
        pytest.param(b"", True, id="before the head"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Half", True, id="in the head"),
        pytest.param(http(200, b"half", length=8), True, id="in the body"),
        pytest.param(chunked(200, b"half", end=b""), True, id="between chunks"),
        pytest.param(http(404, b"half", length=8), False, id="in a page nobody reads"),
        pytest.param(http(503, b"half", length=8), False, id="in the page of a refusal"),
    ],
)
async def test_cancelled_while_waiting(make_transport, said, reads):
    transport = make_transport(max_connections=1)
    quiet = True

    async def script(wire):
        while await wire.asked():
            await wire.send(said if quiet else http(200, PAGE))
            if quiet:
                await wire.gone()

    async with RawServer(script) as server:
        asking = spawn(ask(transport, server.url, reads=reads), name="asking")
        assert await settled(lambda: len(server.requests) == 1)
        await asyncio.sleep(0.02)
        await cancel_and_wait(asking)
        assert asking.cancelled()
        assert await settled(lambda: server.open == 0)
        quiet = False
        assert await ask(transport, server.url) == 200  # the one place is free again


async def test_cancelled_in_the_queue_for_a_place(make_transport):
    transport = make_transport(max_connections=1)
    async with RawServer(then_silence(b"")) as server:
        first = spawn(ask(transport, server.url), name="first")
        assert await settled(lambda: len(server.requests) == 1)
        second = spawn(ask(transport, server.url), name="second")
        await asyncio.sleep(0.01)
        await cancel_and_wait(second)
        assert (second.cancelled(), server.connections) == (True, 1)
        await cancel_and_wait(first)
        assert await settled(lambda: server.open == 0)


async def test_closing_ends_what_is_under_way(make_transport):
    transport = make_transport()
    async with RawServer(then_silence(b"")) as server:
        asking = spawn(ask(transport, server.url), name="asking")
        assert await settled(lambda: len(server.requests) == 1)
        await transport.close()
        assert await settled(lambda: server.open == 0)
        assert await asking == "Unreachable"


async def test_how_many_more_questions_would_not_wait_for_a_connection(make_transport):
    transport = make_transport(max_connections=2)
    assert transport.spare == 2
    async with RawServer(then_silence(b"")) as server:
        asking = [spawn(ask(transport, server.url), name=f"ask {n}") for n in range(3)]
        assert await settled(lambda: server.open == 2)
        assert transport.spare == 0
        await cancel_and_wait(*asking)
        assert transport.spare == 2
        assert await settled(lambda: server.open == 0)


async def test_changes_take_no_place_from_questions(make_transport):
    transport = make_transport(max_connections=1)
    async with RawServer(then_silence(b"")) as server:
        changing = spawn(ask(transport, server.url, "DELETE"), name="change")
        assert await settled(lambda: server.open == 1)
        assert transport.spare == 1
        await cancel_and_wait(changing)
