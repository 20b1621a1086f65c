"""A small world: storage on two continents, clients beside it, and time that moves only when somebody waits."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from ugrpy import telemetry
from ugrpy.core.clock import Clock
from ugrpy.core.errors import RequestError
from ugrpy.core.meter import Instrument
from ugrpy.core.metric import Metric
from ugrpy.endpoints.base import Features
from ugrpy.federation import (
    Federation,
    KnownName,
    Member,
    Policies,
    Surroundings,
)
from ugrpy.health.board import HealthBoard
from ugrpy.health.notices import Notice, NoticeKind
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.states import Transition
from ugrpy.locality import Address, Candidate, Place, Position, Ranker, RankPolicy, Zone
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId
from ugrpy.namespace.paths import Mount, MountTable
from ugrpy.testing import LoopClock, ScriptedEndpoint, run_virtual

VICTORIA = Place(Position(48.46, -123.31), "CA")
VANCOUVER = Place(Position(49.25, -123.23), "CA")
GENEVA = Place(Position(46.23, 6.05), "CH")
NOWHERE = Place()
PLACES: Mapping[str, Place] = {"uvic": VICTORIA, "triumf": VANCOUVER, "cern": GENEVA}
VICTORIA_CLIENT, GENEVA_CLIENT = "10.1.0.1", "10.2.0.1"
CLIENTS: Mapping[str, Place] = {VICTORIA_CLIENT: VICTORIA, GENEVA_CLIENT: GENEVA}

UVIC, TRIUMF, CERN = EndpointId("uvic"), EndpointId("triumf"), EndpointId("cern")


class Tally:
    """A meter that remembers: ``tally.of(metric, *values of its labels)``, in the order of the table."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, ...]] = Counter()

    def instrument(self, name: str, **labels: str) -> Instrument:
        (metric,) = (one for one in telemetry.METRICS if one.name == name)
        return _Series(self.counted, (name, *(labels[label] for label in metric.label_names)))

    def of(self, metric: Metric, *labels: str) -> int:
        assert len(labels) == len(metric.labels)
        return self.counted[metric.name, *labels]


@dataclass(frozen=True)
class _Series:
    counted: Counter[tuple[str, ...]]
    key: tuple[str, ...]

    def add(self, value: float = 1.0) -> None:
        self.counted[self.key] += 1


@dataclass
class World:
    """A federation with all that surrounds it."""

    federation: Federation
    board: HealthBoard
    tally: Tally
    transitions: list[Transition] = field(default_factory=list)

    @property
    def now_s(self) -> float:
        return self.federation.clock.monotonic()

    def zone(self, address: str) -> Zone:
        return self.federation.ranker.zone_of(address)

    async def locate(
        self, path: str, want: Want = Want.BEST, client: str | None = VICTORIA_CLIENT
    ) -> tuple[KnownName, float]:
        """What is known, and the seconds it took."""
        before_s = self.now_s
        zone = None if client is None else self.zone(client)
        known = await self.federation.locate(path, want, zone)
        return known, self.now_s - before_s

    async def holders(self, path: str, client: str = VICTORIA_CLIENT) -> list[str]:
        """Where a client is sent, best first."""
        known, _ = await self.locate(path, client=client)
        return list(self.federation.order(known, self.zone(client)))

    async def refused(self, path: str) -> RequestError:
        """The error that a client who wants to read ``path`` gets."""
        known, _ = await self.locate(path)
        try:
            self.federation.order(known, self.zone(VICTORIA_CLIENT))
        except RequestError as error:
            return error
        raise AssertionError(f"{path} is held by {known.merged}")

    async def pass_s(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def disable(self, name: EndpointId, reason: str = "maintenance") -> None:
        """The operator takes it out of service."""
        notice = Notice(NoticeKind.DISABLED, reason)
        self.board[name].announce([notice], self.now_s)

    def enable(self, name: EndpointId) -> None:
        self.board[name].announce((), self.now_s)


def world(
    *storage: ScriptedEndpoint | Member,
    policies: Policies | None = None,
    health: HealthPolicy | None = None,
    fuzz_km: float = 10.0,
    places: Mapping[str, Place] = PLACES,
    unprobed: tuple[EndpointId, ...] = (),
    draw: Callable[[], float] = lambda: 0.0,
    clock: Clock | None = None,
    on_clash: Callable[[str, Sequence[Merged]], None] = lambda _path, _clashing: None,
) -> World:
    """A federation of these; a plain endpoint is mounted at the root."""
    members = [one if isinstance(one, Member) else Member(one) for one in storage]
    ids = [member.id for member in members]
    board = HealthBoard(ids, health or HealthPolicy(), unprobed=unprobed)
    ranker = Ranker(
        [Candidate(name, places.get(name, NOWHERE)) for name in ids],
        (),
        RankPolicy(fuzz_km=fuzz_km),
        place_of,
    )
    tally = Tally()
    transitions: list[Transition] = []
    around = Surroundings(draw, clock or LoopClock(), tally, transitions.append, on_clash)
    federation = Federation(members, board, ranker, policies or Policies(), around)
    return World(federation, board, tally, transitions)


def holding(
    name: str, *paths: str, latency_s: float = 0.0, features: Features | None = None
) -> ScriptedEndpoint:
    """An endpoint that holds these files of ten bytes."""
    endpoint = ScriptedEndpoint(name, latency_s=latency_s, features=features)
    for path in paths:
        endpoint.add_file(path, 10)
    return endpoint


def mounted(endpoint: ScriptedEndpoint, *mounts: Mount) -> Member:
    """A member that serves only these parts of the federation."""
    return Member(endpoint, MountTable(mounts))


def place_of(address: Address | None) -> Place:
    """Where the clients of these tests are."""
    return CLIENTS.get(str(address), NOWHERE)


def asked(*storage: ScriptedEndpoint) -> list[int]:
    """How many questions each has been asked."""
    return [sum(verb in ("stat", "list") for verb, _ in one.calls) for one in storage]


def virtual(story: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in virtual time; a failure that nobody hears fails the test."""

    @wraps(story)
    def test(**arguments: object) -> None:
        unheard: list[dict[str, Any]] = []

        async def told() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _loop, context: unheard.append(context))
            await story(**arguments)

        run_virtual(told())
        assert unheard == []

    return test
