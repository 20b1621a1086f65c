"""What is at work and what waits, by flow: who holds least, and who has most waiting?

A flow is whoever gets a share, usually a client network. Only flows with something at work or waiting are in the tables, so
these are never longer than the work they describe, however many networks the world has.

Flows are sorted by small whole numbers (how much they hold, how many wait). The numbers of a sorting add up to what is
bounded, so there are few different ones: about a hundred among ten thousand items, which is what finding the least costs.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

F = TypeVar("F", bound=Hashable)
I = TypeVar("I", bound=Hashable)  # noqa: E741 - an item


class Ranks(Generic[F]):
    """Flows sorted by a number; among equals, who has had it longest comes first."""

    __slots__ = ("_by_number", "_numbers")

    def __init__(self) -> None:
        self._by_number: dict[int, OrderedDict[F, None]] = {}
        self._numbers: dict[F, int] = {}

    def __contains__(self, flow: F) -> bool:
        return flow in self._numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def put(self, flow: F, number: int) -> None:
        """This flow has this number from now on."""
        self.drop(flow)
        self._numbers[flow] = number
        self._by_number.setdefault(number, OrderedDict())[flow] = None

    def drop(self, flow: F) -> None:
        """This flow has none any more; harmless when it had none."""
        number = self._numbers.pop(flow, None)
        if number is not None:
            group = self._by_number[number]
            del group[flow]
            if not group:
                del self._by_number[number]

    def count(self, number: int) -> int:
        """How many have this number."""
        return len(self._by_number.get(number, ()))

    def lowest(self) -> F | None:
        """Who has the least number, ``None`` when there is nobody."""
        return next(iter(self._by_number[min(self._by_number)])) if self._by_number else None

    def highest(self) -> F | None:
        """Who has the greatest number."""
        return next(iter(self._by_number[max(self._by_number)])) if self._by_number else None


class Flows(Generic[F, I]):
    """``at_work`` and ``waiting`` are totals. An item is what waits; it must not be put in twice."""

    __slots__ = ("_by_held", "_by_length", "_held", "_queues", "at_work", "waiting")

    def __init__(self) -> None:
        self.at_work = 0
        self.waiting = 0
        self._held: dict[F, int] = {}
        self._queues: dict[F, OrderedDict[I, None]] = {}
        self._by_held: Ranks[F] = Ranks()  # of those that wait
        self._by_length: Ranks[F] = Ranks()

    def __repr__(self) -> str:
        return f"<Flows {self.at_work} at work, {self.waiting} waiting, {self.active} active>"

    def __iter__(self) -> Iterator[F]:
        """All flows with something at work or waiting."""
        yield from self._held
        yield from (flow for flow in self._queues if flow not in self._held)

    @property
    def active(self) -> int:
        """How many flows have something at work or waiting."""
        return len(self._held) + self._by_held.count(0)

    def held(self, flow: F) -> int:
        """How much this flow has at work."""
        return self._held.get(flow, 0)

    def length(self, flow: F) -> int:
        """How much of this flow waits."""
        queue = self._queues.get(flow)
        return 0 if queue is None else len(queue)

    def next(self) -> F | None:
        """The flow among those that wait that has least at work; the one that has waited longest with as little, among several."""
        return self._by_held.lowest()

    def longest(self) -> F | None:
        """The flow of which most waits."""
        return self._by_length.highest()

    def start(self, flow: F) -> None:
        """One thing more of this flow is at work."""
        self.at_work += 1
        self._hold(flow, self.held(flow) + 1)

    def end(self, flow: F) -> None:
        """One thing less is at work."""
        self.at_work -= 1
        self._hold(flow, self._held[flow] - 1)

    def _hold(self, flow: F, count: int) -> None:
        if count:
            self._held[flow] = count
        else:
            del self._held[flow]
        if flow in self._queues:
            self._by_held.put(flow, count)

    def push(self, flow: F, item: I) -> None:
        """Something of this flow waits."""
        queue = self._queues.get(flow)
        if queue is None:
            queue = self._queues[flow] = OrderedDict()
            self._by_held.put(flow, self.held(flow))
        queue[item] = None
        self.waiting += 1
        self._by_length.put(flow, len(queue))

    def take(self, flow: F) -> I:
        """What has waited longest in this flow; it waits no more, and is not at work either."""
        item = next(iter(self._queues[flow]))
        self.withdraw(flow, item)
        return item

    def drop_newest(self, flow: F) -> I:
        """What has waited least in this flow; it waits no more."""
        item = next(reversed(self._queues[flow]))
        self.withdraw(flow, item)
        return item

    def withdraw(self, flow: F, item: I) -> bool:
        """This item waits no more; whether it did."""
        queue = self._queues.get(flow)
        if queue is None or item not in queue:
            return False
        del queue[item]
        self.waiting -= 1
        if queue:
            self._by_length.put(flow, len(queue))
        else:
            del self._queues[flow]
            self._by_held.drop(flow)
            self._by_length.drop(flow)
        return True
