"""Which caches may a caller be told of, and which of them cost least with the loads they have now?

The cost of a cache has a part that stands, by its distance and round trip, and one for its load, which changes with every heartbeat (``shoalpy.ranking``).
So caches are kept in the order of the part that stands, and the best are looked for from its beginning on. No load costs less than
nothing: the search ends where what stands is alone more than the worst of those found. Of 1,000 caches all over the world it sees 170, of 10,000 it
sees 400, in place of all.

A cache that comes, goes, moves or is verified leaves its place in the order and takes another; nothing else is worked out anew.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappush, heapreplace
from operator import itemgetter

from shoalpy.model import Cache
from shoalpy.ranking import CostPolicy, Seeker, load_cost

Find = Callable[[str], Cache | None]
"""The cache of a key as it is now, if it is there and live."""

# Bytes that a cache takes in an order: its cost, and where its key is.
PLACE_BYTES = 16
# From so many changes for each cache on, ordering all of them costs less.
_MANY = 0.25

_cost = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Best:
    """The caches that cost least with their costs, in this order, and how many were looked at to find them."""

    found: Sequence[tuple[float, Cache]]
    looked_at: int


class Standing:
    """The caches that a seeker may be told of, by the part of their cost that stands."""

    __slots__ = ("_costs", "_keys")

    def __init__(self, caches: Iterable[Cache], seeker: Seeker) -> None:
        costs = [
            (cost, cache.key)
            for cache in caches
            if (cost := seeker.standing_cost(cache)) is not None
        ]
        costs.sort(key=_cost)
        self._costs = array("d", map(_cost, costs))
        self._keys = [key for _, key in costs]

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<Standing of {len(self)} caches>"

    def takes(self, changes: int) -> bool:
        """Whether so many changes are better told to ``change`` than followed by a new order."""
        return changes <= _MANY * len(self)

    def change(self, keys: Iterable[str], find: Find, seeker: Seeker) -> None:
        """These may have come, gone or become others."""
        changed = set(keys)
        if not changed:
            return
        left = [at for at, key in enumerate(self._keys) if key in changed]
        for at in reversed(left):
            del self._keys[at], self._costs[at]
        for key in changed:
            cache = find(key)
            if cache is not None and (cost := seeker.standing_cost(cache)) is not None:
                at = bisect_right(self._costs, cost)
                self._costs.insert(at, cost)
                self._keys.insert(at, key)

    def best(self, count: int, find: Find, policy: CostPolicy) -> Best:
        """At least the best ``count``, with all others that may tie with the last of these."""
        tie = policy.tie
        found: list[tuple[float, Cache]] = []
        # the best so far, negated, so that the worst of them comes first
        heap: list[float] = []
        worst = float("inf")
        looked_at = 0
        for standing, key in zip(self._costs, self._keys, strict=True):
            if standing > worst and standing - worst >= tie:
                break
            looked_at += 1
            cache = find(key)
            if cache is None:
                continue
            cost = standing + load_cost(cache, policy)
            if cost > worst and cost - worst >= tie:
                continue
            found.append((cost, cache))
            if len(heap) < count:
                heappush(heap, -cost)
            elif cost < worst:
                heapreplace(heap, -cost)
            if len(heap) == count:
                worst = -heap[0]
        found.sort(key=_cost)
        return Best([one for one in found if one[0] <= worst or one[0] - worst < tie], looked_at)
