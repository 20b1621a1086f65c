"""Where does the machine of changes play, and how is it seen whether all that clients are told is true or honest?"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeVar
from unittest import mock

from tests.properties.changing_model import FOLDERS, Model
from tests.properties.changing_storages import (
    Connected,
    Kept,
    Mood,
    Process,
    Storage,
    content_of,
)
from tests.unit.federation.world import CERN, TRIUMF, UVIC, world
from ugrpy.cache.entries import CachePolicy
from ugrpy.changing import ChangeSettings, Changing, Ground, Placed, owners
from ugrpy.core.errors import RequestError
from ugrpy.federation import Member, Policies
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.prober import run_prober
from ugrpy.namespace.changes import Removal, Upload
from ugrpy.namespace.fanout import FanoutPolicy
from ugrpy.namespace.model import EndpointId, Entry, Kind
from ugrpy.namespace.paths import name_of
from ugrpy.testing import VirtualLoop
from ugrpy.testing.clock import WALL_START_S

T = TypeVar("T")

NAMES = (UVIC, TRIUMF, CERN)
# what was known last is stale by design, and has tests of its own
CACHE = CachePolicy(
    max_items=100,
    ttl_s=5.0,
    negative_ttl_s=3.0,
    listing_ttl_s=4.0,
    incomplete_ttl_s=1.0,
    stale_max_s=0.0,
)
FANOUT = FanoutPolicy(deadline_s=3.0, hedge_s=0.25)
HEALTH = HealthPolicy(eject_after=3, probe_interval_s=2.0, return_after=1)
GRACE_S = 30.0
REMEMBERED_S = 90.0
CHANGES = ChangeSettings(upload_grace_s=GRACE_S, pending_delete_days=REMEMBERED_S / 86_400)
SETTLED_S = 2 * REMEMBERED_S + GRACE_S


class Crashed:
    """Nobody knows how the request ended."""


@dataclass(frozen=True)
class Ticket:
    """A client was told where to write this version of a file."""

    path: str
    placed: Placed
    version: int

    def __str__(self) -> str:
        return f"{self.path} v{self.version} at {self.placed.replica.endpoint}"


class Stage:
    """One federation over some storages, its journal, the process that serves it, and the loop in which all of them live."""

    def __init__(self, count: int) -> None:
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.patches = ExitStack()
        self.storages = {name: Storage(name) for name in NAMES[:count]}
        self.drained: set[EndpointId] = set()
        self.model = Model()
        self.folders: dict[str, set[bool]] = {path: {path != "/m"} for path in FOLDERS}
        self.tickets: list[Ticket] = []
        self.versions = 0
        self.calm_since_s = 0.0
        self.blurred_until_s: dict[str, float] = {}
        self.journal = Kept()
        self.generation = 0
        self.patches.enter_context(mock.patch.object(owners, "_own", ""))
        self.patches.enter_context(mock.patch.object(owners, "started", self._started))
        self.runner.run(self._begin())

    def _started(self, _pid: int) -> str:
        return str(self.generation)

    async def _begin(self) -> None:
        """A process starts, and finds what stands in the journal."""
        self.generation += 1
        owners._own = f"{os.getpid()}.{self.generation}"
        self.process = self.journal.process = Process(self.generation)
        members = [
            Member(Connected(one, self.process), writable=True) for one in self.storages.values()
        ]
        self.world = world(*members, policies=Policies(fanout=FANOUT, cache=CACHE), health=HEALTH)
        for name in self.drained:
            self.world.disable(name)
        federation = self.world.federation
        self.changing = Changing(Ground(federation, self.journal, CHANGES))
        await self.changing.ground.load()
        probing = run_prober(
            federation.board,
            lambda name: federation.members[name].endpoint.probe(),
            federation.clock,
            lambda: 0.0,
            federation.note_transition,
        )
        for work in (probing, self.changing.steward.run()):
            self.process.tasks.append(asyncio.create_task(work))

    async def bury(self) -> None:
        """The process is dead: nothing of it does anything any more."""
        self.process.died.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """In the stage's own time."""
        return self.runner.run(work)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        before = self.run(self.journal.load())
        self.run(asyncio.sleep(seconds))
        after = self.run(self.journal.load())
        gone: set[Removal | Upload] = {*before.removals, *before.uploads}
        self._given_up(gone - {*after.removals, *after.uploads})

    def _given_up(self, gone: set[Removal | Upload]) -> None:
        """What was remembered for as long as anything is, without an answer of its storage, is forgotten in the end."""
        for one in gone:
            name = one.target if isinstance(one, Upload) else one.endpoint
            silent = self.storages[name].mood is not Mood.WELL or name in self.world.board.absent
            if silent and one.until_s <= WALL_START_S + self.now_s:
                there = (storage.version(one.path) for storage in self.storages.values())
                self.model.stray[one.path] |= {version for version in there if version is not None}

    async def die(self) -> None:
        await self.bury()
        await self._begin()

    def do(
        self, work: Callable[[], Coroutine[Any, Any, T]], steps: int | None
    ) -> "T | RequestError | Crashed":
        """One request, in the middle of which the process may die."""
        return self.runner.run(self._until_death(work, steps))

    async def _until_death(
        self, work: Callable[[], Coroutine[Any, Any, T]], steps: int | None
    ) -> "T | RequestError | Crashed":
        process = self.process
        process.steps_left = steps
        task = asyncio.create_task(work())
        death = asyncio.create_task(process.died.wait())
        await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
        if process.died.is_set():
            await self.die()
            return Crashed()
        process.steps_left = None
        death.cancel()
        await asyncio.wait({task})
        error = task.exception()
        if error is None:
            return task.result()
        if not isinstance(error, RequestError):
            raise error
        excused = error.status < 500 or self.troubled() or self.changing.ground.overlay.uploads
        assert excused, error
        return error

    @staticmethod
    def refused(result: object) -> bool:
        """Whether nothing was done, by what was answered."""
        return isinstance(result, RequestError) and result.status < 500

    # -- what is so ---------------------------------------------------------------------------------

    def nth(self, nth: int) -> Storage:
        return list(self.storages.values())[nth % len(self.storages)]

    def next_version(self) -> int:
        self.versions += 1
        return self.versions

    def put(self, storage: Storage, path: str, version: int) -> None:
        content = content_of(abs(version))
        now_s = int(WALL_START_S + self.now_s)
        storage.script.put(
            path,
            Entry(name_of(path), Kind.FILE, len(content) - 3 * (version < 0), now_s),
            content if version > 0 else content[:-3],
        )

    def left_in_part(self, path: str) -> None:
        """A collection was removed at some storages only, perhaps with what had replaced the copies that others have."""
        for file in self.model.below(path):
            there = {storage.version(file) for storage in self.storages.values()}
            self.model.stray[file] |= {version for version in there if version is not None}

    def version_of(self, path: str) -> int:
        """The one version that the name has from the beginning."""
        (version,) = self.model.may[path]
        return self.next_version() if version is None else version

    def sent(
        self, ticket: Ticket, unheard: Mapping[EndpointId, int], earlier: Upload | None
    ) -> None:
        """A client was sent to write; ``unheard`` were silent then, ``earlier`` is who was sent before."""
        target, stray = ticket.placed.replica.endpoint, self.model.stray[ticket.path]
        standing = self.storages[target].version(ticket.path)
        stray |= {version for name, version in unheard.items() if name != target}
        if standing is not None:
            # when nothing comes of this one either, it is not known whether the first one counts
            retargeted = earlier is not None and earlier.target != target
            if retargeted:
                stray.add(standing)
        self.tickets.append(ticket)

    def write_whole(self, ticket: Ticket, storage: Storage) -> None:
        """The client writes all of it, and is told that it is there."""
        path, version = ticket.path, ticket.version
        awaited, possible = self._expected(ticket, storage, len(content_of(version)))
        other = self._standing(ticket, storage)
        self.overwritten(storage, path)
        self.put(storage, path, version)
        if awaited:
            self.model.is_only(path, version)
            if any(one.touches(path) for one in self.run(self.journal.operations())):
                # somebody has asked to have it removed or moved with others, and was never answered
                self.model.may_go(path)
            return
        if possible:
            self.model.forgive(path)
        self.model.stray[path].add(version)
        if possible or other is None:
            self.model.owed[version] = {path}
        # else it came so late that it is taken for a part of what somebody else is writing
        self.blur(path)

    def write_half(self, ticket: Ticket, storage: Storage) -> None:
        """The client breaks off in the middle."""
        awaited, possible = self._expected(ticket, storage, None)
        self.overwritten(storage, ticket.path)
        self.put(storage, ticket.path, -ticket.version)
        # the old copies elsewhere count again, even if the client had written all of it before
        others = {one.version(ticket.path) for one in self.storages.values() if one is not storage}
        self.model.stray[ticket.path] |= {one for one in others if one is not None}
        if not awaited or possible:
            self.model.stray[ticket.path].add(-ticket.version)
        if not awaited:
            self.blur(ticket.path)

    def _standing(self, ticket: Ticket, storage: Storage) -> Upload | None:
        upload = self.changing.ground.overlay.upload(ticket.path)
        return upload if upload is not None and upload.target == storage.id else None

    def _expected(
        self, ticket: Ticket, storage: Storage, size_bytes: int | None
    ) -> tuple[bool, bool]:
        """Whether the gateway awaits just this, and whether what comes there may be what anybody was to write."""
        standing = self._standing(ticket, storage)
        if standing is None:
            return False, False
        earlier = standing.earlier_sizes
        same = standing.number == ticket.placed.upload.number
        anything = None in (*earlier, standing.size_bytes)
        return same or (size_bytes is not None and size_bytes in earlier), anything

    def overwritten(self, storage: Storage, path: str) -> None:
        """What stood there is gone, by the hand of a client that was at the storage itself."""
        old = storage.version(path)
        elsewhere = {one.version(path) for one in self.storages.values() if one is not storage} - {
            None
        }
        if old is not None and not self._is_elsewhere(old, storage, path):
            self.model.owed.pop(old, None)
        may = self.model.may[path]
        left = elsewhere & may
        self.model.may[path] = left | ({None} if None in may or not left else set())

    def _is_elsewhere(self, version: int, storage: Storage, path: str) -> bool:
        return any(
            one.version(other) == version
            for one in self.storages.values()
            for other in self.model.owed.get(version, ())
            if (one, other) != (storage, path)
        )

    def unheard(self, path: str, *, but_known: bool = False) -> dict[EndpointId, int]:
        """The versions at storages that give no answer now."""
        known = self.world.federation.memory.holders(path) if but_known else {}
        found: dict[EndpointId, int] = {}
        for name, storage in self.storages.items():
            version = storage.version(path)
            silent = storage.mood in (Mood.DOWN, Mood.MUTE) or not self.world.board.in_service(name)
            if version is not None and silent:
                entry = known.get(name)
                if entry is None or entry != storage.script.entry_at(path):
                    found[name] = version
        return found

    def disturbed(self) -> None:
        self.calm_since_s = self.now_s

    def blur(self, path: str) -> None:
        """What is remembered of the name is wrong for as long as it is remembered."""
        self.blurred_until_s[path] = self.now_s + CACHE.ttl_s + 1

    def troubled(self) -> bool:
        return (
            any(storage.mood is not Mood.WELL for storage in self.storages.values())
            or bool(self.drained)
            or bool(self.world.board.absent)
            or self.now_s - self.calm_since_s < 15.0
        )

    @property
    def now_s(self) -> float:
        return self.runner.get_loop().time()
