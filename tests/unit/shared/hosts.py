"""Two gateways of two workers each, on one store and the same storages, in virtual time; and who may still say what."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.unit.federation.world import CERN, UVIC, World, world
from ugrpy.changing import ChangeSettings, Changing, Ground, News
from ugrpy.core.errors import NotFound, RequestError
from ugrpy.core.meter import NullMeter
from ugrpy.federation import Federation, Member, Policies
from ugrpy.federation.known import KnownName
from ugrpy.health.policy import HealthPolicy
from ugrpy.journal.memory import MemoryJournal
from ugrpy.namespace.fanout import FanoutPolicy, Want
from ugrpy.shared.coherence import Coherence
from ugrpy.shared.opening import Self, open_shards
from ugrpy.shared.settings import SharedSettings
from ugrpy.testing import LoopClock, ScriptedEndpoint
from ugrpy.testing.shared import MemoryStore, StoreServer

LEASE_S = 5.0
TIMEOUT_S = 0.2
SETTINGS = SharedSettings(lease_s=LEASE_S, timeout_s=TIMEOUT_S, forget_s=600.0)
POLICIES = Policies(fanout=FanoutPolicy(deadline_s=10.0, hedge_s=0.25))


def permit_all(_merged: object) -> None:
    """Anybody may."""


@dataclass
class Worker:
    """One process. ``store`` is its connection."""

    name: str
    world: World
    store: MemoryStore
    coherence: Coherence
    changing: Changing
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def federation(self) -> Federation:
        return self.world.federation

    async def read(self, path: str) -> KnownName:
        """As a client's GET does it."""
        known = self.federation.recall(path, Want.BEST, None)
        return known or await self.federation.inquire(path, Want.BEST, None)

    async def names(self, path: str) -> set[str]:
        """As a client's PROPFIND does it."""
        try:
            listing = await self.federation.list(path)
        except NotFound:
            return set()
        return {child.entry.name for child in listing.children}


class Host:
    """A gateway of some workers, with a journal of its own."""

    def __init__(
        self,
        name: str,
        storages: Sequence[ScriptedEndpoint],
        servers: Sequence[StoreServer],
        draw,
        *,
        workers: int = 2,
        settings: SharedSettings = SETTINGS,
        policies: Policies = POLICIES,
    ) -> None:
        self.name = name
        self.journal = MemoryJournal()
        self._storages = storages
        self._servers = servers
        self._draw = draw
        self._settings = settings
        self._policies = policies
        self._runs = 0
        self.workers = [self._worker(index) for index in range(workers)]

    def _worker(self, index: int) -> Worker:
        self._runs += 1
        one = world(
            *(Member(storage, writable=True) for storage in self._storages),
            policies=self._policies,
            # what is on a storage out of service is removed later, and the other gateways cannot know
            health=HealthPolicy(eject_after=0),
        )
        name = f"{self.name}.{index}"
        clients = {f"store-{n}": server.client(TIMEOUT_S) for n, server in enumerate(self._servers)}
        shards = open_shards(
            self._settings,
            dict(clients),
            Self(self.name, f"{name}.{self._runs}", name),
            clock=LoopClock(),
            draw=self._draw,
            meter=NullMeter(),
        )

        def on_news(paths: Sequence[str], below: bool) -> None:
            for path in paths:
                (one.federation.forget_below if below else one.federation.forget)(path)

        coherence = Coherence(shards, self._settings, LoopClock(), host=self.name, on_news=on_news)
        one.federation.share(coherence)

        async def tell(news: News) -> None:
            others = [worker for worker in self.workers if worker is not this]
            await asyncio.gather(*(worker.changing.hear(news) for worker in others))

        ground = Ground(one.federation, self.journal, ChangeSettings(), tell=tell)
        this = Worker(name, one, clients["store-0"], coherence, Changing(ground))
        return this

    def start(self) -> None:
        """Have all workers keep in touch with the store."""
        for worker in self.workers:
            worker.tasks.append(asyncio.create_task(worker.coherence.run()))

    async def restart(self, index: int) -> None:
        """One worker is killed, and another takes its place."""
        await stop(self.workers[index])
        self.workers[index] = self._worker(index)
        await self.workers[index].changing.ground.load()
        self.workers[index].tasks.append(asyncio.create_task(self.workers[index].coherence.run()))

    async def delete(self, path: str, by: int = 0) -> bool:
        """As a client's DELETE does it; whether it was told that all is done."""
        try:
            await self.workers[by].changing.delete(path, permit_all)
        except RequestError:
            return False
        return True

    @property
    def cut(self) -> bool:
        return any(worker.store.cut for worker in self.workers)

    @cut.setter
    def cut(self, cut: bool) -> None:
        for worker in self.workers:
            worker.store.cut = cut

    async def stop(self) -> None:
        for worker in self.workers:
            await stop(worker)


async def stop(worker: Worker) -> None:
    """At once, as when it is killed."""
    for task in worker.tasks:
        task.cancel()
    await asyncio.gather(*worker.tasks, return_exceptions=True)


def storages(*paths: str, latency_s: float = 0.01) -> list[ScriptedEndpoint]:
    """Two that take changes, both with these files."""
    both = [ScriptedEndpoint(name, writable=True, latency_s=latency_s) for name in (UVIC, CERN)]
    for storage in both:
        for path in paths:
            storage.add_file(path, 10, 100)
    return both


def asked(*endpoints: ScriptedEndpoint) -> int:
    """How many questions they have been asked."""
    return sum(verb in ("stat", "list") for one in endpoints for verb, _path in one.calls)
