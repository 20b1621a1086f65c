"""Whatever befalls the store: after a deletion is confirmed no worker of that gateway tells of the file, and after a lease nobody does.

Two gateways of two workers each, the same storages behind them, one or two stores; everything in virtual time, with schedules made up by lot.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from random import Random

import pytest

from tests.unit.federation.world import virtual
from tests.unit.shared import hosts
from tests.unit.shared.hosts import LEASE_S, Host, Worker, storages
from ugrpy.core.errors import RequestError
from ugrpy.testing import LoopClock
from ugrpy.testing.shared import StoreServer

FILES = tuple(f"/d{number % 3}/f{number}" for number in range(6))
# So that nobody is overlooked who was cut off when the store lost what it had.
SETTINGS = replace(hosts.SETTINGS, members=4)
STEPS = 40
SCHEDULES = 200
PER_TEST = 20


class Play:
    """One schedule. ``gone`` has, for each file that was deleted and has not come back, who confirmed it and when."""

    def __init__(self, seed: int) -> None:
        self.lot = Random(seed)
        self.storages = storages(*FILES, latency_s=0.02)
        clock, passes_news = LoopClock(), self.lot.random() < 0.5
        self.servers = [StoreServer(clock, passes_news) for _ in range(self.lot.choice((1, 2)))]
        self.hosts = [
            Host(n, self.storages, self.servers, self.lot.random, settings=SETTINGS) for n in "ab"
        ]
        self.gone: dict[str, tuple[Host, float]] = {}
        self.busy: set[str] = set()
        self.under_way: set[asyncio.Task[None]] = set()
        self.story: list[str] = []
        self.wrong: list[str] = []
        self.checked = 0

    @property
    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def note(self, what: str) -> None:
        self.story.append(f"{self.now_s:8.2f} {what}")

    async def run(self) -> None:
        for host in self.hosts:
            host.start()
        actions = self.actions()
        for _ in range(STEPS):
            await asyncio.sleep(self.lot.choice((0.0, 0.01, 0.1, 0.5, 1.0, 2.0, 4.0)))
            self.start(self.lot.choices(*zip(*actions, strict=True))[0])
            self.read_some()
        await self.end()

    def actions(self) -> list[tuple[Callable[[], Awaitable[None]], float]]:
        return [
            (self.delete, 6),
            (self.bring_back, 5),
            (self.slow_storage, 3),
            (self.store_away, 3),
            (self.store_slow, 2),
            (self.store_back, 4),
            (self.cut, 4),
            (self.restart_store, 2),
            (self.restart_worker, 1),
        ]

    def start(self, action: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.ensure_future(self._heard(action))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def _heard(self, action: Callable[[], Awaitable[None]]) -> None:
        try:
            await action()
        except Exception as error:  # noqa: BLE001 - the first is raised at the end
            self.wrong.append(f"{self.now_s:.2f} {type(error).__name__}: {error}")

    async def end(self) -> None:
        """Everybody may do what he likes for a while, and is looked at."""
        for _ in range(12):
            self.read_some()
            await asyncio.sleep(0.5)
        while self.under_way:
            await asyncio.wait(self.under_way)
        for host in self.hosts:
            await host.stop()
        await asyncio.sleep(1)
        assert not self.wrong, self.wrong[0]

    # -- what clients do ----------------------------------------------------------------------------

    def read_some(self) -> None:
        for host in self.hosts:
            for worker in host.workers:
                for path in self.lot.sample(FILES, 2):
                    self.start(partial(self.read, host, worker, path))

    def read_everywhere(self, path: str) -> None:
        for host in self.hosts:
            for worker in host.workers:
                self.start(partial(self.read, host, worker, path))

    async def read(self, host: Host, worker: Worker, path: str) -> None:
        before = self.gone.get(path)
        began_s = self.now_s
        listed = self.lot.random() < 0.2
        with suppress(RequestError):
            if listed:
                there = path.rpartition("/")[2] in await worker.names(path.rpartition("/")[0])
            else:
                there = (await worker.read(path)).merged is not None
            if before is None or self.gone.get(path) is not before:
                return
            deleter, gone_s = before
            limit_s = gone_s if deleter is host else gone_s + LEASE_S
            if began_s < limit_s:
                return
            self.checked += 1
            what = "lists" if listed else "has"
            assert not there, f"{worker.name} {what} {path}, gone by {deleter.name} at {gone_s:.2f}"

    async def delete(self) -> None:
        path, host = self.lot.choice(FILES), self.lot.choice(self.hosts)
        if path in self.busy or path in self.gone:
            return
        self.busy.add(path)
        self.note(f"{host.name} deletes {path}")
        self.read_everywhere(path)
        if await host.delete(path, self.lot.randrange(2)):
            self.gone[path] = host, self.now_s
            self.note(f"{host.name} has deleted {path}")
            for after_s in (0.0, 0.2, LEASE_S):
                asyncio.get_running_loop().call_later(after_s, self.read_everywhere, path)
        self.busy.discard(path)

    async def bring_back(self) -> None:
        """A client writes it, by way of one of the gateways."""
        path, host = self.lot.choice(FILES), self.lot.choice(self.hosts)
        if path in self.busy or path not in self.gone:
            return
        self.busy.add(path)
        del self.gone[path]
        self.note(f"{path} is back")
        for storage in self.storages:
            storage.add_file(path, 10, 100)
        await host.workers[self.lot.randrange(2)].changing.ground.forgotten(path)
        self.busy.discard(path)

    # -- what happens to the rest -------------------------------------------------------------------

    async def slow_storage(self) -> None:
        self.lot.choice(self.storages).latency_s = self.lot.choice((0.0, 0.02, 0.3, 2.0))

    async def store_away(self) -> None:
        server = self.lot.choice(self.servers)
        self.note("a store is away")
        server.away = True

    async def store_slow(self) -> None:
        self.lot.choice(self.servers).latency_s = self.lot.choice((0.05, 0.15, 1.0))

    async def store_back(self) -> None:
        self.note("the stores are back")
        for server in self.servers:
            server.away, server.latency_s = False, 0.0

    async def cut(self) -> None:
        host = self.lot.choice(self.hosts)
        one = self.lot.choice((None, *host.workers))
        if one is None:
            host.cut = not host.cut
        else:
            one.store.cut = not one.store.cut
        self.note(f"cut off: {[w.name for h in self.hosts for w in h.workers if w.store.cut]}")

    async def restart_store(self) -> None:
        empty = self.lot.random() < 0.5
        self.note(f"a store begins anew, {'empty' if empty else 'with all it had'}")
        self.lot.choice(self.servers).restart(empty=empty)

    async def restart_worker(self) -> None:
        host, index = self.lot.choice(self.hosts), self.lot.randrange(2)
        if not self.busy:
            self.note(f"worker {index} of {host.name} is killed")
            await host.restart(index)


@pytest.mark.parametrize("first", range(0, SCHEDULES, PER_TEST))
def test_nobody_tells_of_what_is_gone(first):
    checked = 0
    for seed in range(first, first + PER_TEST):
        play = Play(seed)
        try:
            virtual(play.run)()
        except BaseException as error:
            story = "\n".join(play.story)
            raise AssertionError(f"schedule {seed}: {error}\n{story}") from error
        checked += play.checked
    assert checked > 100 * PER_TEST / 20, "the schedules look where something could be wrong"
