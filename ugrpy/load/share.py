"""Who is let in now, who waits, and who is turned away?

The problem: many clients want the same few places, and some of them flood, dribble or hang. A queue by order of arrival belongs to
whoever floods it. Limits for each client leave places empty while somebody waits, and refuse a site with ten thousand honest jobs. So:

- *While there is room, everybody comes in*, and no flow has a limit unless an operator sets one.
- *When there is none, the flow that has least at work is next* (max-min fairness; Demers, Keshav and Shenker 1989, in the simple form for
  things that are all of one size). What a flow has at work counts for as long as it lasts, so that whoever hangs waits for himself.
- *A reserve beyond the room is for flows that have less than an equal share of it*: a newcomer need not even wait for a place, though all
  of them are held by somebody who hangs.
- *A full queue loses the newest of the longest*: the flow that fills it is the one that is refused (as in CoDel's fair queueing, RFC 8290).
- *Lanes* are kinds of work with limits of their own, such as listings at an endpoint; the lane with least at work is next, and in it the flow.

What it cannot do: tell one client behind a flow from another. A flow shares its own luck.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from ugrpy.load.flows import Flows

F = TypeVar("F", bound=Hashable)
I = TypeVar("I", bound=Hashable)  # noqa: E741 - an item


class Limit(StrEnum):
    """Which limit a refusal is about."""

    FULL = "full"
    NETWORK_FULL = "network_full"
    TOO_LONG = "too_long"
    RATE = "rate"
    STREAMS = "streams"
    PAGES = "pages"


@dataclass(frozen=True, slots=True)
class Room:
    """``places`` are for everybody, ``reserve`` more for flows with less than an equal share. Of each flow at most ``flow_places``
    are at work and ``flow_waiting`` wait, where these are not 0. ``waiting`` is how much waits in all.
    """

    places: int
    reserve: int = 0
    waiting: int = 0
    flow_places: int = 0
    flow_waiting: int = 0

    @property
    def whole(self) -> int:
        """All places there are."""
        return self.places + self.reserve


@dataclass(frozen=True, slots=True)
class Admitted:
    """It may begin."""


@dataclass(frozen=True, slots=True)
class Waits(Generic[I]):
    """It is in the queue; ``evicted`` is what had to leave for it."""

    evicted: I | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It is neither."""

    limit: Limit


@dataclass(frozen=True, slots=True)
class Begun(Generic[F, I]):
    """Something that waited is at work from now on."""

    flow: F
    item: I
    lane: str


class Share(Generic[F, I]):
    """``lanes`` are the kinds of work, each with the most that may be at work of it; ``None`` means no such limit.

    Every method that ends something returns what may begin now. Invariant between two calls: nothing waits that could begin.
    """

    def __init__(self, room: Room, lanes: Mapping[str, int | None] | None = None) -> None:
        self.room = room
        self._limits = dict(lanes or {"": None})
        self._lanes: dict[str, Flows[F, I]] = {lane: Flows() for lane in self._limits}

    def __repr__(self) -> str:
        return f"<Share of {self.room.places} + {self.room.reserve}: {self._lanes}>"

    @property
    def at_work(self) -> int:
        """How much is at work."""
        return sum(flows.at_work for flows in self._lanes.values())

    @property
    def waiting(self) -> int:
        """How much waits."""
        return sum(flows.waiting for flows in self._lanes.values())

    @property
    def active(self) -> int:
        """How many flows want something; one that wants something of two kinds counts twice."""
        return sum(flows.active for flows in self._lanes.values())

    def of(self, flow: F) -> tuple[int, int]:
        """How much of this flow is at work, and how much waits."""
        lanes = self._lanes.values()
        return sum(one.held(flow) for one in lanes), sum(one.length(flow) for one in lanes)

    def __iter__(self) -> Iterator[F]:
        """The active flows."""
        seen: set[F] = set()
        for flows in self._lanes.values():
            seen.update(flows)
        yield from seen

    def has_room(self, flow: F, lane: str = "") -> bool:
        """Whether one thing more of this flow could begin."""
        flows = self._lanes[lane]
        limit, held = self._limits[lane], flows.held(flow)
        if (limit is not None and flows.at_work >= limit) or held >= (
            self.room.flow_places or held + 1
        ):
            return False
        at_work = self.at_work
        if at_work < self.room.places:
            return True
        newcomer = not held and not flows.length(flow)
        equal_share = max(1, self.room.places // (self.active + newcomer))
        return at_work < self.room.whole and held < equal_share

    def arrive(
        self, flow: F, item: I, lane: str = "", *, most: int | None = None, strict: bool = False
    ) -> Admitted | Waits[I] | Refused:
        """Something wants to begin. ``most``: beyond so much at work and waiting together nothing more waits; ``strict``: nor begins."""
        flows = self._lanes[lane]
        full = most is not None and self.at_work + self.waiting >= most
        if self.has_room(flow, lane):
            if full and strict:
                return Refused(Limit.FULL)
            flows.start(flow)
            return Admitted()
        if 0 < self.room.flow_waiting <= flows.length(flow):
            return Refused(Limit.NETWORK_FULL)
        evicted: I | None = None
        if full or self.waiting >= self.room.waiting:
            longest = self._longest()
            if longest is None or flows.length(flow) + 1 >= longest[0].length(longest[1]):
                return Refused(Limit.FULL)
            evicted = longest[0].drop_newest(longest[1])
        flows.push(flow, item)
        return Waits(evicted)

    def leave(self, flow: F, lane: str = "") -> list[Begun[F, I]]:
        """Something at work has ended."""
        self._lanes[lane].end(flow)
        return self._begin()

    def withdraw(self, flow: F, item: I, lane: str = "") -> tuple[bool, list[Begun[F, I]]]:
        """Something wants to wait no more: whether it was still waiting, and what may begin now."""
        waited = self._lanes[lane].withdraw(flow, item)
        return waited, self._begin()

    def _begin(self) -> list[Begun[F, I]]:
        begun: list[Begun[F, I]] = []
        while (found := self._next()) is not None:
            lane, flow = found
            flows = self._lanes[lane]
            item = flows.take(flow)
            flows.start(flow)
            begun.append(Begun(flow, item, lane))
        return begun

    def _next(self) -> tuple[str, F] | None:
        """Of the lanes in which somebody may begin, the one with least at work."""
        found: tuple[str, F] | None = None
        least = 0
        for lane, flows in self._lanes.items():
            flow = flows.next()
            better = found is None or flows.at_work < least
            if flow is not None and better and self.has_room(flow, lane):
                found, least = (lane, flow), flows.at_work
        return found

    def _longest(self) -> tuple[Flows[F, I], F] | None:
        found: tuple[Flows[F, I], F] | None = None
        for flows in self._lanes.values():
            flow = flows.longest()
            if flow is not None and (
                found is None or flows.length(flow) > found[0].length(found[1])
            ):
                found = flows, flow
        return found
