"""Real stores keep the contract of ``SharedStore``, and a client of theirs that was cancelled never gets the answer of another question."""

import asyncio
from contextlib import suppress

import pytest

from tests.peers import memcached, redis
from tests.peers.bench import Bench
from tests.peers.server import PeerServer
from ugrpy.shared.base import SharedStore, StoreAway
from ugrpy.shared.memcached import MemcachedStore
from ugrpy.shared.settings import parse_server
from ugrpy.shared.valkey import ValkeyStore

pytestmark = [pytest.mark.functional, pytest.mark.peer("redis", "memcached")]

TIMEOUT_S = 1.0


@pytest.fixture(scope="module", params=["redis", "memcached"])
def server(request):
    with Bench() as bench:
        yield getattr(bench, request.param)()


@pytest.fixture
async def connect(server):
    """Makes clients, and closes them whatever happens."""
    clients: list[SharedStore] = []

    def connected(namespace: str = "fed") -> SharedStore:
        clients.append(client_of(server, namespace))
        return clients[-1]

    yield connected
    for client in clients:
        await client.close()


def client_of(server: PeerServer, namespace: str) -> SharedStore:
    if server.name == "redis":
        return ValkeyStore(redis.url_of(server), namespace, TIMEOUT_S)
    return MemcachedStore(*parse_server(memcached.place(server)), namespace, TIMEOUT_S)


async def test_values_numbers_and_namespaces(connect):
    store, other = connect(), connect("other")
    assert await store.get([]) == {}
    await store.put("a", b"1\r\nEND\r\n\x00", 60.0)
    assert await store.get(["a", "b"]) == {"a": b"1\r\nEND\r\n\x00"}
    assert await other.get(["a"]) == {}
    assert not await store.add("a", b"2", 60.0)
    number = 2**60 - 1
    assert await store.add("n", b"%d" % number, 60.0)
    assert [await store.increase("n") for _ in range(2)] == [number + 1, number + 2]
    assert await store.increase("none") is None
    await store.put("no-number", b"x", 60.0)
    with pytest.raises(StoreAway):
        await store.increase("no-number")
    await store.drop(["a", "none"])
    assert await store.get(["a", "n"]) == {"n": b"%d" % (number + 2)}
    await store.put("short", b"1", 1.0)
    until = asyncio.get_running_loop().time() + 10
    while await store.get(["short"]):
        assert asyncio.get_running_loop().time() < until
        await asyncio.sleep(0.1)


async def test_news_reaches_listeners_where_the_store_passes_it_on(server, connect):
    store, passes = connect(), server.name == "redis"
    heard: list[bytes] = []

    async def listen() -> None:
        async for message in store.listen():
            heard.append(message)  # noqa: PERF401 - one by one, as they come

    listening = asyncio.create_task(listen())
    for _ in range(100):
        assert await store.tell(b"news") is passes
        await asyncio.sleep(0.02)
        if heard or listening.done():
            break
    assert set(heard) == ({b"news"} if passes else set())
    assert listening.done() is not passes
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


async def test_one_that_is_cancelled_leaves_no_answer_behind(connect):
    store = connect()
    for key in ("x", "y"):
        await store.put(key, key.encode(), 60.0)
    for turns in range(40):
        asking = asyncio.create_task(store.get(["x"]))
        for _ in range(turns % 8):
            await asyncio.sleep(0)
        asking.cancel()
        assert await store.get(["y"]) == {"y": b"y"}


async def test_a_store_that_hangs_or_is_gone_is_away_in_time_and_comes_back(server, connect):
    store, loop = connect(), asyncio.get_running_loop()
    await store.put("a", b"1", 60.0)
    await asyncio.to_thread(server.pause)
    began_s = loop.time()
    with pytest.raises(StoreAway, match="no answer"):
        await store.get(["a"])
    assert loop.time() - began_s < 5 * TIMEOUT_S
    await asyncio.to_thread(server.resume)
    assert await store.get(["a"]) == {"a": b"1"}
    await asyncio.to_thread(server.process.kill)
    with pytest.raises(StoreAway):
        await store.get(["a"])
    await asyncio.to_thread(server.start)
    assert await store.get(["a"]) == {}, "what it had in its last life is not seen"
    await store.put("a", b"2", 60.0)
    assert await store.get(["a"]) == {"a": b"2"}
