"""Which caches is this caller told of, without ranking them all for each request?

Callers of one place and network have the same ranking, so it is kept: as groups of caches that tie, best first. A request draws
from the groups, and takes what it shows of a cache from the table as it is now.

A ranking holds while the table keeps its shape, which ends with every cache that comes, goes, moves or is verified. Loads change all the
time; a ranking made before they did holds on for ``refresh_s`` where the table is large. Small ones are ranked anew at once.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from shoalpy.model import Cache
from shoalpy.ranking import (
    CostPolicy,
    Draw,
    Ranked,
    SameNetwork,
    Wish,
    drawn_order,
    free_share,
    rank,
    ties,
)
from shoalpy.registry import Registry
from ugrpy.locality import UNKNOWN_PLACE, Place

# Ranking so many caches costs less than a tenth of a millisecond, so that their loads always count as they are.
SMALL_TABLE = 64
# A thousand caches take some milliseconds to rank, in which nobody is answered. Agents tell their loads every 30 s: a ranking is hardly better
# for being made more often than this.
REFRESH_S = 5.0
# What is kept of rankings altogether, in caches ranked (about 100 bytes each); the least recently used goes first.
KEPT = 500_000
# Most callers want a few; a ranking kept for them ends behind the group that holds the last of these.
_FEW = 16
# A draw that meets only caches drawn before, so many times for each that is wanted, sorts the whole group instead.
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as it matters for the choice. Callers with equal ``network`` are in the same network as the same caches."""

    place: Place = UNKNOWN_PLACE
    network: Hashable = None
    # worked out once, since rankings are looked up by it for every request
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.place, self.network)))

    def __hash__(self) -> int:
        return self._hash


NOBODY = Caller()


class Nearest:
    """Rankings of the caches in ``registry``, kept by caller. ``same_network`` says whether a cache is in a caller's network."""

    def __init__(
        self,
        registry: Registry,
        policy: CostPolicy,
        *,
        same_network: Callable[[Caller, Cache], bool],
        draw: Draw,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self._registry = registry
        self._policy = policy
        self._same_network = same_network
        self._draw = draw
        self._refresh_s = refresh_s
        self._kept: OrderedDict[Hashable, _Ranking] = OrderedDict()
        self._size = 0

    def __repr__(self) -> str:
        return f"<Nearest {len(self._kept)} rankings of {self._size} caches>"

    def __call__(self, caller: Caller, wish: Wish, now_s: float) -> list[Ranked]:
        """The best ``wish.count`` caches for the caller, best first, as they are now."""
        if wish.count < 1:
            return []
        few = wish.count <= _FEW
        key = (caller, wish.kinds, wish.upstream, few)
        ranking = self._kept.get(key)
        if ranking is not None and self._holds(ranking, now_s):
            self._kept.move_to_end(key)
            found = self._told(ranking, wish, now_s)
            if found is not None:
                return found
        ranking = self._rank(caller, wish, few, now_s)
        self._keep(key, ranking)
        return self._told(ranking, wish, now_s) or []

    def in_network_of(self, caller: Caller) -> SameNetwork:
        """Says of a cache whether it is in the caller's network."""
        return lambda cache: self._same_network(caller, cache)

    def forget(self) -> None:
        """What is known of addresses has changed: rank anew."""
        self._kept.clear()
        self._size = 0

    def _holds(self, ranking: "_Ranking", now_s: float) -> bool:
        registry = self._registry
        if ranking.version == registry.version:
            return True
        return (
            ranking.shape == registry.shape
            and len(registry) > SMALL_TABLE
            and 0 <= now_s - ranking.made_at_s < self._refresh_s
        )

    def _told(self, ranking: "_Ranking", wish: Wish, now_s: float) -> list[Ranked] | None:
        """The best of a ranking, with the caches as they are now; ``None`` when one of them has gone."""
        ranked = ranking.draw(wish.count, self._draw)
        get = self._registry.get
        for index, one in enumerate(ranked):
            cache = get(one.cache.key, now_s)
            if cache is None:
                return None
            if cache is not one.cache:
                ranked[index] = ranking.with_cache(one, cache)
        return ranked

    def _rank(self, caller: Caller, wish: Wish, few: bool, now_s: float) -> "_Ranking":
        registry = self._registry
        ranked = rank(
            registry.live(now_s),
            caller.place,
            wish,
            self._policy,
            same_network=self.in_network_of(caller),
        )
        groups: list[_Group] = []
        size = 0
        for tied in ties(ranked, self._policy):
            groups.append(_Group(tied, self._policy))
            size += len(tied)
            if few and size >= _FEW:
                break
        return _Ranking(registry.version, registry.shape, now_s, groups, size)

    def _keep(self, key: Hashable, ranking: "_Ranking") -> None:
        before = self._kept.pop(key, None)
        if before is not None:
            self._size -= before.size + 1
        self._kept[key] = ranking
        self._size += ranking.size + 1
        while self._size > KEPT:
            self._size -= self._kept.popitem(last=False)[1].size + 1


class _Group:
    """Caches that tie, with what is free in each; where there are many, a draw looks its number up in the running sum of that."""

    __slots__ = ("_free", "_sums", "_tied")

    def __init__(self, tied: Sequence[Ranked], policy: CostPolicy) -> None:
        self._tied = tied
        self._free = [free_share(one.cache, policy) for one in tied] if len(tied) > 1 else []
        self._sums = list(accumulate(self._free))

    def __len__(self) -> int:
        return len(self._tied)

    def draw(self, count: int, draw: Draw) -> Sequence[Ranked]:
        """``count`` of them, each drawn from those left by its share of what is free."""
        tied = self._tied
        if len(tied) == 1:
            return tied
        if 2 * count >= len(tied):
            return self._sorted(count, draw)
        chosen: dict[int, Ranked] = {}
        sums, last = self._sums, len(tied) - 1
        for _ in range(_TRIES * count):
            index = min(last, bisect_right(sums, draw() * sums[-1]))
            chosen[index] = tied[index]
            if len(chosen) == count:
                return list(chosen.values())
        return self._sorted(count, draw)

    def _sorted(self, count: int, draw: Draw) -> Sequence[Ranked]:
        order = drawn_order(self._free, draw)
        return [self._tied[index] for index in order[:count]]


@dataclass(frozen=True, slots=True)
class _Ranking:
    version: int
    shape: int
    made_at_s: float
    groups: Sequence[_Group]
    size: int
    # those whose loads have changed since, by key
    _anew: dict[str, Ranked] = field(default_factory=dict)

    def with_cache(self, one: Ranked, cache: Cache) -> Ranked:
        """The same rank for the cache as it is now; until its next heartbeat always the same object."""
        known = self._anew.get(cache.key)
        if known is None or known.cache is not cache:
            known = self._anew[cache.key] = replace(one, cache=cache)
        return known

    def draw(self, count: int, draw: Draw) -> list[Ranked]:
        """The best ``count``."""
        chosen: list[Ranked] = []
        for group in self.groups:
            chosen += group.draw(count - len(chosen), draw)
            if len(chosen) >= count:
                break
        return chosen
