"""What one gateway has learnt the others need not ask for; what one changes the others know in time."""

import asyncio
from random import Random

import pytest

from tests.unit.federation.world import CERN, UVIC, virtual
from tests.unit.shared.hosts import LEASE_S, Host, asked, stop, storages
from ugrpy.namespace.origin import Origin
from ugrpy.testing import LoopClock
from ugrpy.testing.shared import StoreServer

FILE = "/d/f"


class Pair:
    """Two hosts that have been in touch with the store for a while."""

    def __init__(self, *paths: str, stores: int = 1, passes_news: bool = True, seed: int = 1):
        self.storages = storages(*(paths or (FILE,)))
        self.servers = [StoreServer(LoopClock(), passes_news) for _ in range(stores)]
        draw = Random(seed).random
        self.one, self.two = (Host(name, self.storages, self.servers, draw) for name in "ab")

    @property
    def server(self) -> StoreServer:
        return self.servers[0]

    async def __aenter__(self) -> "Pair":
        self.one.start()
        self.two.start()
        await asyncio.sleep(2 * LEASE_S)
        return self

    async def __aexit__(self, *_why: object) -> None:
        await self.one.stop()
        await self.two.stop()
        await asyncio.sleep(1)


@virtual
async def test_a_second_worker_and_a_second_host_ask_no_endpoint():
    async with Pair() as pair:
        first = await pair.one.workers[0].read(FILE)
        assert (first.origin, asked(*pair.storages)) == (Origin.ENDPOINTS, 2)
        await asyncio.sleep(0.1)
        for worker in (pair.one.workers[1], *pair.two.workers):
            known = await worker.read(FILE)
            assert known.origin is Origin.SHARED
            assert known.merged is not None
            assert known.merged.holders == (CERN, UVIC)
            assert known.at_s == pytest.approx(first.at_s, abs=0.01)
            again = await worker.read(FILE)
            assert again is known, "from memory"
        assert asked(*pair.storages) == 2


@virtual
async def test_a_listing_is_shared_too():
    async with Pair("/d/f", "/d/g") as pair:
        assert await pair.one.workers[0].names("/d") == {"f", "g"}
        await asyncio.sleep(0.1)
        before = asked(*pair.storages)
        for worker in (pair.one.workers[1], *pair.two.workers):
            assert await worker.names("/d") == {"f", "g"}
        assert asked(*pair.storages) == before
        assert await pair.one.delete("/d/f")
        await asyncio.sleep(0.1)
        for worker in (*pair.one.workers, *pair.two.workers):
            assert await worker.names("/d") == {"g"}


@virtual
async def test_what_is_hot_is_confirmed_ahead_and_asks_no_endpoint_all_its_life():
    async with Pair() as pair:
        worker = pair.one.workers[0]
        await worker.read(FILE)
        # until shortly before a name in use is asked for anew
        until_s, misses = worker.world.now_s + 230, 0
        while worker.world.now_s < until_s:
            misses += worker.federation.recall(FILE) is None
            if misses:
                await worker.read(FILE)
            await asyncio.sleep(0.5)
        assert misses <= 1, "the first time, there was nothing to be confirmed ahead"
        assert asked(*pair.storages) == 2


@virtual
async def test_what_is_cold_is_confirmed_when_it_is_asked_for():
    async with Pair() as pair:
        worker = pair.one.workers[0]
        await worker.read(FILE)
        for _ in range(5):
            await asyncio.sleep(3 * LEASE_S)
            assert worker.federation.recall(FILE) is None
            known = await worker.read(FILE)
            assert known.origin is Origin.MEMORY
        assert asked(*pair.storages) == 2


@pytest.mark.parametrize("passes_news", [True, False])
def test_a_deletion_is_known_at_once_here_and_after_a_lease_elsewhere(passes_news):
    @virtual
    async def story():
        async with Pair(passes_news=passes_news) as pair:
            everybody = (*pair.one.workers, *pair.two.workers)
            for worker in everybody:
                assert (await worker.read(FILE)).merged is not None
            assert await pair.one.delete(FILE)
            for worker in pair.one.workers:
                assert (await worker.read(FILE)).merged is None
            await asyncio.sleep(0.1 if passes_news else LEASE_S)
            for worker in pair.two.workers:
                assert (await worker.read(FILE)).merged is None

    story()


@pytest.mark.parametrize("trouble", ["away", "slow", "cut"])
def test_a_store_that_is_away_costs_no_more_than_a_lease(trouble):
    @virtual
    async def story():
        async with Pair() as pair:
            everybody = (*pair.one.workers, *pair.two.workers)
            for worker in everybody:
                await worker.read(FILE)
            match trouble:
                case "away":
                    pair.server.away = True
                case "slow":
                    pair.server.latency_s = 1.0
                case _:
                    pair.one.cut = True
            assert await pair.one.delete(FILE)
            for worker in pair.one.workers:
                assert (await worker.read(FILE)).merged is None
            await asyncio.sleep(LEASE_S)
            for worker in pair.two.workers:
                assert (await worker.read(FILE)).merged is None
            pair.server.away, pair.server.latency_s, pair.one.cut = False, 0.0, False
            for worker in pair.one.workers:
                assert (await worker.read(FILE)).merged is None
            await asyncio.sleep(4 * LEASE_S)
            for worker in everybody:
                assert (await worker.read(FILE)).merged is None
            before = asked(*pair.storages)
            await asyncio.sleep(1)
            for worker in everybody:
                await worker.read(FILE)
            assert asked(*pair.storages) == before, "all of it works as before"

    story()


@virtual
async def test_with_the_store_away_what_was_asked_for_is_good_for_a_lease():
    async with Pair() as pair:
        pair.server.away = True
        worker = pair.one.workers[0]
        await worker.read(FILE)
        assert asked(*pair.storages) == 2
        await asyncio.sleep(LEASE_S - 0.5)
        assert worker.federation.recall(FILE) is not None
        await asyncio.sleep(1)
        assert (await worker.read(FILE)).origin is Origin.ENDPOINTS
        assert asked(*pair.storages) == 4
        assert worker.federation.shared_down
        pair.server.away = False
        await asyncio.sleep(LEASE_S)
        assert not worker.federation.shared_down


@virtual
async def test_a_look_that_a_deletion_overtakes_is_not_remembered():
    """What a sibling has asked the store before the deletion arrives after it was confirmed."""
    async with Pair() as pair:
        one, sibling = pair.one.workers
        await one.read(FILE)
        await asyncio.sleep(0.1)
        pair.server.latency_s = 0.19
        deletion = asyncio.ensure_future(pair.one.delete(FILE))
        early: list[asyncio.Task[object]] = []
        while not deletion.done():
            early.append(asyncio.ensure_future(sibling.read(FILE)))
            await asyncio.sleep(0.01)
        assert deletion.result()
        while not all(reading.done() for reading in early):
            assert (await sibling.read(FILE)).merged is None
        assert (await sibling.read(FILE)).merged is None


@virtual
async def test_a_sibling_does_not_believe_what_the_store_was_not_told():
    async with Pair() as pair:
        one, sibling = pair.one.workers
        await one.read(FILE)
        assert await one.names("/d") == {"f"}
        await asyncio.sleep(0.1)
        one.store.cut = True
        assert await pair.one.delete(FILE)
        assert (await sibling.read(FILE)).merged is None
        assert await sibling.names("/d") == set()


@virtual
async def test_what_was_confirmed_before_a_debt_was_paid_is_void():
    async with Pair(passes_news=False) as pair:
        reader = pair.two.workers[0]
        await reader.read(FILE)
        pair.one.cut = True
        await asyncio.sleep(1)
        assert await pair.one.delete(FILE)
        began_s = reader.world.now_s
        shard, bucket = reader.coherence._home(FILE)
        while reader.world.now_s < began_s + 6 * LEASE_S:
            if reader.world.now_s > began_s + 3 * LEASE_S:
                pair.one.cut = False
            await shard.read([bucket])  # as if something else in the bucket were hot
            known = reader.federation.recall(FILE)
            late = reader.world.now_s >= began_s + LEASE_S
            assert known is None or known.merged is None or not late
            await asyncio.sleep(0.05)


@virtual
async def test_one_that_died_owing_pays_when_it_is_back_whatever_the_store_has_lost():
    async with Pair(passes_news=False) as pair:
        reader = pair.two.workers[0]
        pair.one.cut = True
        await asyncio.sleep(1)
        pair.server.restart(empty=True)
        await asyncio.sleep(1)
        await reader.read(FILE)
        assert await pair.one.delete(FILE)
        await pair.one.restart(0)
        pair.one.cut = False
        await asyncio.sleep(LEASE_S)
        for worker in pair.two.workers:
            assert (await worker.read(FILE)).merged is None


@virtual
async def test_of_two_stores_the_one_that_is_left_serves_its_own():
    paths = [f"/d/{number}" for number in range(30)]
    async with Pair(*paths, stores=2) as pair:
        one, two = pair.one.workers[0], pair.two.workers[0]
        pair.servers[0].away = True
        for path in paths:
            await one.read(path)
        await asyncio.sleep(0.1)
        origins = [(await two.read(path)).origin for path in paths]
        assert 5 < origins.count(Origin.SHARED) < 25


@pytest.mark.parametrize("garbage", [b"", b"x", b"\x00" * 16, b"\x00" * 40, b"9" * 30])
def test_garbage_is_a_miss_and_goes_away(garbage):
    @virtual
    async def story():
        async with Pair() as pair:
            await pair.one.workers[0].read(FILE)
            await asyncio.sleep(0.1)
            for key, (_value, until_s) in list(pair.server.values.items()):
                pair.server.values[key] = (garbage, until_s)
            known = await pair.two.workers[0].read(FILE)
            assert known.origin is Origin.ENDPOINTS
            await asyncio.sleep(3 * LEASE_S)
            before = asked(*pair.storages)
            await pair.one.workers[0].read(FILE)
            await asyncio.sleep(0.1)
            assert (await pair.one.workers[1].read(FILE)).merged is not None
            assert asked(*pair.storages) <= before + 2, "they share again"

    story()


@virtual
async def test_one_that_takes_its_leave_is_not_waited_for_and_one_that_does_not_is():
    async with Pair() as pair:
        for worker in pair.one.workers:
            await worker.coherence.close()
        await pair.one.stop()
        await asyncio.sleep(4 * LEASE_S)
        reader = pair.two.workers[0]
        await reader.read(FILE)
        await asyncio.sleep(0.1)
        assert (await pair.two.workers[1].read(FILE)).origin is Origin.SHARED
        await pair.two.restart(0)
        await stop(pair.two.workers[0])
        await asyncio.sleep(4 * LEASE_S)
        assert (await pair.two.workers[1].read(FILE)).origin is Origin.ENDPOINTS
