"""Which caches is this caller told of, without ranking them all for each request?

Callers of one place and network have the same ranking, so it is kept: as groups of caches that tie, best first. A request draws
from the groups, and takes what it shows of a cache from the table as it is now.

A ranking holds while the table has the same loads and the same *shape*, which ends with every cache that comes, goes, moves or is verified. Then the best
are looked for anew in an order that is kept, too (``shoalpy.standing``). Loads change all the time; where it takes many caches to find the
best, a ranking made before they did holds on for a while, up to ``refresh_s``.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from shoalpy.model import Cache
from shoalpy.ranking import (
    CostPolicy,
    Draw,
    Ranked,
    SameNetwork,
    Seeker,
    Wish,
    drawn_order,
    free_share,
    ties,
)
from shoalpy.registry import Registry
from shoalpy.standing import PLACE_BYTES, Standing
from ugrpy.locality import UNKNOWN_PLACE, Place

# Looking at so many caches costs less than a tenth of a millisecond, so that their loads always count as they are.
SMALL_SEARCH = 64
# Beyond, a ranking holds so long for each: looking for the best costs less than a ten-thousandth of a core for each place that callers are in.
HOLD_PER_CACHE_S = 0.01
# Agents tell their loads every 30 s: a ranking is hardly better for being made more often than this.
REFRESH_S = 5.0
# What is kept of rankings altogether, in bytes about; the least recently used goes first.
KEPT_BYTES = 64_000_000
_RANKED_BYTES = 100
# Most callers want a few; a ranking kept for them ends behind the group that holds the last of these.
FEW = 16
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
        self._kept_bytes = 0

    def __repr__(self) -> str:
        return f"<Nearest {len(self._kept)} rankings in {self._kept_bytes} bytes>"

    def __call__(self, caller: Caller, wish: Wish, now_s: float) -> list[Ranked]:
        """The best ``wish.count`` caches for the caller, best first, as they are now."""
        if wish.count < 1:
            return []
        few = wish.count <= FEW
        key = (caller, wish.kinds, wish.upstream, few)
        ranking = self._kept.get(key)
        if ranking is not None and self._holds(ranking, now_s):
            self._kept.move_to_end(key)
            found = self._told(ranking, wish, now_s)
            if found is not None:
                return found
        seeker = Seeker(caller.place, wish, self._policy, self.in_network_of(caller))
        ranking = self._rank(seeker, few, now_s, self._standing(ranking, seeker))
        self._keep(key, ranking)
        return self._told(ranking, wish, now_s) or []

    def in_network_of(self, caller: Caller) -> SameNetwork:
        """Says of a cache whether it is in the caller's network."""
        return lambda cache: self._same_network(caller, cache)

    def forget(self) -> None:
        """What is known of addresses has changed: rank anew."""
        self._kept.clear()
        self._kept_bytes = 0

    def _holds(self, ranking: "_Ranking", now_s: float) -> bool:
        registry = self._registry
        if ranking.shape != registry.shape:
            return False
        return ranking.loads == registry.loads or 0 <= now_s - ranking.made_at_s < ranking.hold_s

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

    def _standing(self, before: "_Ranking | None", seeker: Seeker) -> Standing:
        """The order for this caller as the table is now; the one before is brought up to that where it can be."""
        registry = self._registry
        if before is not None:
            changed = registry.changed_since(before.shape)
            if changed is not None and before.standing.takes(len(changed)):
                before.standing.change(changed, registry.tracked, seeker)
                return before.standing
        return Standing(registry.all_tracked(), seeker)

    def _rank(self, seeker: Seeker, few: bool, now_s: float, standing: Standing) -> "_Ranking":
        registry = self._registry
        wanted = FEW if few else len(standing)
        best = standing.best(wanted, registry.finder(now_s), self._policy)
        ranked = [seeker.ranked(cache, cost) for cost, cache in best.found]
        groups: list[_Group] = []
        size = 0
        for tied in ties(ranked, self._policy):
            groups.append(_Group(tied, self._policy))
            size += len(tied)
            if size >= wanted:
                break
        hold_s = 0.0
        if best.looked_at > SMALL_SEARCH:
            hold_s = min(self._refresh_s, best.looked_at * HOLD_PER_CACHE_S)
        size_bytes = _RANKED_BYTES * (size + 1) + PLACE_BYTES * len(standing)
        return _Ranking(standing, registry.loads, registry.shape, now_s, hold_s, groups, size_bytes)

    def _keep(self, key: Hashable, ranking: "_Ranking") -> None:
        before = self._kept.pop(key, None)
        if before is not None:
            self._kept_bytes -= before.size_bytes
        self._kept[key] = ranking
        self._kept_bytes += ranking.size_bytes
        while self._kept_bytes > KEPT_BYTES:
            self._kept_bytes -= self._kept.popitem(last=False)[1].size_bytes


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
    standing: Standing
    loads: int
    shape: int
    made_at_s: float
    hold_s: float
    groups: Sequence[_Group]
    size_bytes: int
    # those whose loads have changed since, by key
    _anew: dict[str, Ranked] = field(default_factory=dict)

    def with_cache(self, one: Ranked, cache: Cache) -> Ranked:
        """The same rank for the cache as it is now; until its next heartbeat always the same object."""
        known = self._anew.get(cache.key)
        if known is None or known.cache is not cache:
            known = Ranked(cache, one.cost, one.local, one.distance_km)
            self._anew[cache.key] = known
        return known

    def draw(self, count: int, draw: Draw) -> list[Ranked]:
        """The best ``count``."""
        chosen: list[Ranked] = []
        for group in self.groups:
            chosen += group.draw(count - len(chosen), draw)
            if len(chosen) >= count:
                break
        return chosen
