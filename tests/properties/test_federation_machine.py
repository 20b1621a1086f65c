"""A federation lives on while storage comes, goes, hangs and lies: whatever happens, its answers are true or honest.

Steps are drawn at random, in virtual time: files are put and taken away, endpoints get slow, hang, refuse connections, lie about a
size, are drained and come back, clients ask alone and in crowds. What each endpoint really said, and when, is kept beside it and
is all the model there is. An answer is true when those it relies on said so no longer ago than its kind is remembered for.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.federation.world import (
    CERN,
    GENEVA_CLIENT,
    TRIUMF,
    UVIC,
    VICTORIA_CLIENT,
    World,
    world,
)
from ugrpy.cache.entries import CachePolicy
from ugrpy.core.errors import Forbidden, NotFound, Unavailable
from ugrpy.endpoints.base import Children
from ugrpy.federation import KnownListing, KnownName, Policies
from ugrpy.namespace.fanout import FanoutPolicy, Want
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import (
    Absent,
    Cause,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
)
from ugrpy.testing import ScriptedEndpoint, VirtualLoop

NAMES = (UVIC, TRIUMF, CERN)
FOLDER = "/d"
FILES = ("a", "b")
# what was known last is stale by design, and has tests of its own
CACHE = CachePolicy(
    max_items=100,
    ttl_s=20.0,
    negative_ttl_s=3.0,
    listing_ttl_s=8.0,
    incomplete_ttl_s=2.0,
    stale_max_s=0.0,
)
FANOUT = FanoutPolicy(deadline_s=5.0, hedge_s=0.25)
SLACK_S = 0.01
SIZE = 10


class Mood(Enum):
    """How an endpoint behaves: the seconds it takes, ``None`` when it never answers."""

    WELL = 0.05
    SLOW = 1.0
    LATE = 7.0
    HANGING = None
    DOWN = 0.0


@dataclass(frozen=True)
class Said:
    """One answer that was given: asked when, given when, and what. ``names``: what was listed."""

    asked_s: float
    given_s: float
    path: str
    observation: Observation
    names: dict[str, Entry] | None = None


class Storage(ScriptedEndpoint):
    """Answers from what it holds now, and keeps what it said."""

    def __init__(self, name: EndpointId) -> None:
        super().__init__(name)
        self.mood = Mood.WELL
        self.files: dict[str, int] = {}
        self.off = 0
        self.said: list[Said] = []
        self.trouble_since_s = 0.0

    async def stat(self, path: str) -> Observation:
        with self._recorded("stat", path):
            return await self._answer(path, None)

    async def list(self, path: str, children: Children) -> Observation:
        with self._recorded("list", path):
            return await self._answer(path, children)

    async def _answer(self, path: str, children: Children | None) -> Observation:
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        if self.mood is Mood.DOWN:
            return Unknown(Cause.UNREACHABLE, "refused")
        if self.mood.value is None:
            await loop.create_future()
        else:
            await asyncio.sleep(self.mood.value)
        observation: Observation = Absent()
        names: dict[str, Entry] | None = None
        name = path.rpartition("/")[2]
        if path == FOLDER and self.files:
            observation = Found(Entry(name, Kind.COLLECTION))
            if children is not None:
                names = {one: self._entry(one) for one in self.files}
                children(tuple(names.values()))
        elif path.startswith(FOLDER + "/") and name in self.files:
            observation = Found(self._entry(name))
        self.said.append(Said(asked_s, loop.time(), path, observation, names))
        return observation

    def _entry(self, name: str) -> Entry:
        return Entry(name, Kind.FILE, self.files[name] + self.off)

    def heard(self, path: str, since_s: float) -> Iterator[Said]:
        """What it said of this path to questions put since then."""
        return (one for one in self.said if one.path == path and one.asked_s >= since_s - SLACK_S)

    def said_of(self, file: str, since_s: float) -> set[bool]:
        """Whether the file was there, by all it said since then of the file and of what is in the folder."""
        said = {
            isinstance(one.observation, Found) for one in self.heard(f"{FOLDER}/{file}", since_s)
        }
        for one in self.heard(FOLDER, since_s):
            if one.names is not None or isinstance(one.observation, Absent):
                said.add(file in (one.names or ()))
        return said


STORAGES = st.sampled_from(NAMES)
ASKS = st.tuples(
    st.sampled_from(["GET", "GET", "HEAD", "PROPFIND 0", "PROPFIND 1", "metalink"]),
    st.sampled_from(FILES),
    st.sampled_from([VICTORIA_CLIENT, GENEVA_CLIENT]),
)


class FederationMachine(RuleBasedStateMachine):
    """One federation over three storages, and the loop in which it lives."""

    @initialize(held=st.lists(st.tuples(STORAGES, st.sampled_from(FILES)), max_size=5))
    def start(self, held: list[tuple[EndpointId, str]]) -> None:
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.storages = {name: Storage(name) for name in NAMES}
        self.drained: set[EndpointId] = set()
        self.calm_since_s = 0.0
        for name, file in held:
            self.storages[name].files[file] = SIZE

        async def begin() -> World:
            return world(*self.storages.values(), policies=Policies(fanout=FANOUT, cache=CACHE))

        self.world = self.runner.run(begin())

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.runner.run(self._end())
        finally:
            self.runner.close()

    async def _end(self) -> None:
        await asyncio.sleep(2 * FANOUT.deadline_s)
        assert all(storage.pending == 0 for storage in self.storages.values())
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await self.world.federation.close()

    # -- what happens to storage --------------------------------------------------------------------

    @rule(name=STORAGES, file=st.sampled_from(FILES), size_bytes=st.sampled_from([SIZE, SIZE, 11]))
    def put(self, name: EndpointId, file: str, size_bytes: int) -> None:
        self.storages[name].files[file] = size_bytes

    @rule(name=STORAGES, file=st.sampled_from(FILES))
    def remove(self, name: EndpointId, file: str) -> None:
        self.storages[name].files.pop(file, None)

    @rule(name=STORAGES, mood=st.sampled_from([Mood.WELL, *Mood]))
    def change(self, name: EndpointId, mood: Mood) -> None:
        self.storages[name].mood = mood
        self._disturbed()

    @rule(name=STORAGES)
    def lie(self, name: EndpointId) -> None:
        self.storages[name].off ^= 1

    @rule(name=STORAGES)
    def drain(self, name: EndpointId) -> None:
        self.drained ^= {name}
        self._disturbed()

        async def tell() -> None:
            if name in self.drained:
                self.world.disable(name)
            else:
                self.world.enable(name)

        self.runner.run(tell())

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.5, 9.0, 25.0]))
    def wait(self, seconds: float) -> None:
        self.runner.run(asyncio.sleep(seconds))

    def _disturbed(self) -> None:
        self.calm_since_s = self.now_s

    # -- what clients do ----------------------------------------------------------------------------

    @rule(ask=ASKS)
    def one_asks(self, ask: tuple[str, str, str]) -> None:
        self.runner.run(self._ask(*ask))

    @rule(
        asks=st.lists(st.tuples(ASKS, st.sampled_from([0.0, 0.0, 0.1, 2.0])), max_size=6),
        name=STORAGES,
        mood=st.sampled_from(Mood),
    )
    def a_crowd_asks(
        self, asks: list[tuple[tuple[str, str, str], float]], name: EndpointId, mood: Mood
    ) -> None:
        """And in the middle of it an endpoint changes its mood."""

        async def later(ask: tuple[str, str, str], after_s: float) -> None:
            await asyncio.sleep(after_s)
            await self._ask(*ask)

        async def crowd() -> None:
            async with asyncio.TaskGroup() as group:
                for ask, after_s in asks:
                    group.create_task(later(ask, after_s))
                await asyncio.sleep(0.05)
                self.storages[name].mood = mood
                self._disturbed()

        self.runner.run(crowd())

    async def _ask(self, method: str, file: str, address: str) -> None:
        asked_s = self.now_s
        path = f"{FOLDER}/{file}"
        try:
            match method:
                case "GET" | "metalink":
                    want = Want.BEST if method == "GET" else Want.ALL
                    known, _ = await self.world.locate(path, want, address)
                    self._check_redirect(known, address, asked_s)
                case "HEAD" | "PROPFIND 0":
                    known, _ = await self.world.locate(path, Want.ANY, None)
                    merged = self.world.federation.expect(known)
                    self._check_holders(known, asked_s)
                    assert merged.entry.size_bytes is not None
                case _:
                    path = FOLDER
                    listing = await self.world.federation.list(FOLDER)
                    self._check_listing(listing, asked_s)
        except NotFound as error:
            self._check_absence(path, asked_s, error)
        except Forbidden:
            raise AssertionError("nobody refuses anything here") from None
        except Unavailable as error:
            self._check_excuse(asked_s, error)
        assert self.now_s - asked_s <= FANOUT.deadline_s + SLACK_S

    # -- whether it was right -----------------------------------------------------------------------

    def _check_holders(self, known: KnownName, asked_s: float) -> None:
        """The holders said so, lately, and agree with each other on the size."""
        merged = known.merged
        assert merged is not None
        for name in merged.holders:
            sizes = {
                one.observation.entry.size_bytes
                for one in self.storages[name].heard(known.path, asked_s - CACHE.ttl_s)
                if isinstance(one.observation, Found)
            }
            assert merged.entry.size_bytes in sizes, f"{name} did not say so of late"

    def _check_redirect(self, known: KnownName, address: str, asked_s: float) -> None:
        """Clients go to holders in service who were not outvoted."""
        federation = self.world.federation
        order = federation.order(known, self.world.zone(address))
        self._check_holders(known, asked_s)
        assert order
        assert known.merged is not None
        outvoted = {one.endpoint for one in known.merged.conflicts}
        votes: dict[int | None, set[EndpointId]] = {}
        for name, sighting in known.knowledge.items():
            if isinstance(sighting.observation, Found):
                votes.setdefault(sighting.observation.entry.size_bytes, set()).add(name)
        most = max(len(camp) for camp in votes.values())
        for name in order:
            assert name not in self.drained
            assert self.world.board.in_service(name)
            assert name in known.merged.holders
            assert name not in outvoted
            assert any(name in camp and len(camp) == most for camp in votes.values())

    def _check_absence(self, path: str, asked_s: float, error: NotFound) -> None:
        """Everybody in service said that it is not there, lately; nobody's silence was taken for it."""
        for name, storage in self.storages.items():
            if name in error.missing:
                assert not self.world.board.in_service(name)
                continue
            window_s = asked_s - CACHE.negative_ttl_s
            assert any(
                isinstance(one.observation, Absent) for one in storage.heard(path, window_s)
            ), f"{name} has not said so"

    def _check_excuse(self, asked_s: float, error: Unavailable) -> None:
        """Somebody is missing, by name, and really was in trouble."""
        assert error.missing
        calm_s = 60.0
        troubled = asked_s - self.calm_since_s < calm_s or any(
            storage.mood not in (Mood.WELL, Mood.SLOW) for storage in self.storages.values()
        )
        assert troubled or self.drained or self.world.board.absent

    def _check_listing(self, listing: KnownListing, asked_s: float) -> None:
        """Who is not named as missing has said of every name that it is there, or is not; the others of those that are."""
        window_s = asked_s - CACHE.listing_ttl_s
        told = {child.entry.name: self._sources(child) for child in listing.children}
        assert all(told.values())
        for name, storage in self.storages.items():
            for file in FILES:
                there = name in told.get(file, ())
                if there or name not in listing.missing:
                    assert there in storage.said_of(file, window_s), (
                        f"{name} said otherwise of {file}"
                    )

    @staticmethod
    def _sources(child: Merged) -> set[EndpointId]:
        return {*child.holders, *(one.endpoint for one in child.conflicts)}

    @property
    def now_s(self) -> float:
        return self.runner.get_loop().time()

    @invariant()
    def no_drained_endpoint_is_in_service(self) -> None:
        if hasattr(self, "world"):
            assert self.drained <= self.world.board.absent


FederationMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None
)
TestFederation = FederationMachine.TestCase
