"""Which caches is a caller told of, and in which order?

::

    cost = w * angle / pi  +  (1 - w) * (load / capacity) ** b  +  r * rtt

``angle / pi`` is the great-circle distance as a fraction of half the circumference, ``load / capacity`` is clamped to 1, and the last
term (0 unless the operator gives ``r``) is the measured time of a verification. With the reference's values (w = 0.5, b = 1) and
``cap_by_agent = false`` it is the cost of the system this replaces (row S39; reference section 7.1), whose distances come from
haversine on a sphere of 6378 km rounded to 10 m: as a fraction of the circumference that differs from ours by less than 1e-6.

Callers are told of caches that everybody may use, and of those in their own network. Caches within ``tie`` of each other in cost are
drawn in random order, each by the share of its capacity that is free, so that a crowd of callers is spread (row S42). A caller whose place is not
known has no distance to anybody: load alone decides (row S36).
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from shoalpy.model import DEFAULT_MAX_LOAD_KBPS, Cache, CacheType, Upstream
from ugrpy.locality import EARTH_RADIUS_KM, Place, great_circle_km

Draw = Callable[[], float]
SameNetwork = Callable[[Cache], bool]

_HALF_ROUND_KM = math.pi * EARTH_RADIUS_KM


@dataclass(frozen=True, slots=True)
class CostPolicy:
    """How distance and load are weighed."""

    distance_weight: Annotated[
        float,
        Field(ge=0, le=1, description="w: how much distance counts; load counts the rest"),
    ] = 0.5
    load_exponent: Annotated[
        float, Field(gt=0, le=10, description="b: above 1, load counts only when it is high")
    ] = 1.0
    max_load_kbps: Annotated[
        float, Field(gt=0, description="kB/s a cache can send when its agent does not say")
    ] = DEFAULT_MAX_LOAD_KBPS
    cap_by_agent: Annotated[
        bool, Field(description="believe an agent that says how much its cache can send")
    ] = True
    rtt_weight: Annotated[
        float,
        Field(
            ge=0, description="r: cost of one second of measured round-trip time; 0: not counted"
        ),
    ] = 0.0
    tie: Annotated[
        float,
        Field(ge=0, le=1, description="caches whose costs differ by less are told in random order"),
    ] = 0.001
    unknown_by_load: Annotated[
        bool,
        Field(description="callers of unknown place get the least loaded caches; otherwise none"),
    ] = True


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: kinds of caches, what they must front, how many."""

    kinds: frozenset[CacheType] = frozenset({CacheType.SQUID})
    upstream: Upstream | None = None
    count: int = 5

    def wants(self, cache: Cache) -> bool:
        """Whether this cache does what is wanted."""
        beat = cache.beat
        return beat.cache_type in self.kinds and (
            self.upstream is None or beat.upstream.serves(self.upstream)
        )


@dataclass(frozen=True, slots=True)
class Ranked:
    """One cache with its cost for this caller; ``local``: it stands in the caller's own network."""

    cache: Cache
    cost: float
    local: bool
    distance_km: float | None


def nearest(
    caches: Iterable[Cache],
    caller: Place,
    wish: Wish,
    policy: CostPolicy,
    *,
    same_network: SameNetwork,
    draw: Draw,
) -> list[Ranked]:
    """The best ``wish.count`` caches for the caller, best first; fewer when there are not as many."""
    if wish.count < 1:
        return []
    ranked = rank(caches, caller, wish, policy, same_network=same_network)
    return _spread(ranked, wish.count, policy, draw)


def rank(
    caches: Iterable[Cache],
    caller: Place,
    wish: Wish,
    policy: CostPolicy,
    *,
    same_network: SameNetwork,
) -> list[Ranked]:
    """All caches of the kinds wished for that the caller may use, by cost; those that tie are in no order that means anything."""
    seeker = Seeker(caller, wish, policy, same_network)
    ranked: list[Ranked] = []
    for cache in caches:
        standing = seeker.standing_cost(cache)
        if standing is not None:
            ranked.append(seeker.ranked(cache, standing + load_cost(cache, policy)))
    return sorted(ranked, key=lambda one: one.cost)


def ties(ranked: Sequence[Ranked], policy: CostPolicy) -> Iterator[Sequence[Ranked]]:
    """The ranked caches in groups that count as equal: all that cost as much as the best of their group, or less than ``tie`` more."""
    start = 0
    while start < len(ranked):
        best = ranked[start].cost
        end = start + 1
        while end < len(ranked) and _tie(ranked[end].cost, best, policy.tie):
            end += 1
        yield ranked[start:end]
        start = end


def _tie(cost: float, best: float, tie: float) -> bool:
    return cost <= best or cost - best < tie


def cost_of(cache: Cache, distance_km: float | None, policy: CostPolicy) -> float:
    """The cost of one cache at this distance; ``None``, not known, counts as the farthest point of the globe."""
    return standing_cost(cache, distance_km, policy) + load_cost(cache, policy)


def standing_cost(cache: Cache, distance_km: float | None, policy: CostPolicy) -> float:
    """The part that is there however busy the cache is: for its distance, and the time it takes."""
    away = 1.0 if distance_km is None else distance_km / _HALF_ROUND_KM
    rtt_s = cache.verification.rtt_s or 0.0
    return policy.distance_weight * away + policy.rtt_weight * rtt_s


def load_cost(cache: Cache, policy: CostPolicy) -> float:
    """The part that changes with every heartbeat, the same for every caller and never below 0."""
    busy: float = load_share(cache, policy) ** policy.load_exponent
    return (1 - policy.distance_weight) * busy


def load_share(cache: Cache, policy: CostPolicy) -> float:
    """How much of what the cache can send is used: 0 to 1."""
    share = cache.beat.load_kbps / capacity_kbps(cache, policy)
    return share if share < 1.0 else 1.0


def capacity_kbps(cache: Cache, policy: CostPolicy) -> float:
    """What the cache can send: as its agent says where it is believed."""
    if policy.cap_by_agent and cache.beat.max_load_kbps:
        return cache.beat.max_load_kbps
    return policy.max_load_kbps


def free_share(cache: Cache, policy: CostPolicy) -> float:
    """How much of it is free, never quite 0."""
    return max(1e-6, 1.0 - load_share(cache, policy))


@dataclass(frozen=True, slots=True)
class Seeker:
    """A caller with its wish: which caches may it be told of, and what do they cost it?"""

    place: Place
    wish: Wish
    policy: CostPolicy
    same_network: SameNetwork

    def standing_cost(self, cache: Cache) -> float | None:
        """What it costs however busy it is; ``None`` for one that the caller must not be told of."""
        if not self.wish.wants(cache):
            return None
        anybody = cache.is_global and (
            self.place.position is not None or self.policy.unknown_by_load
        )
        if not (anybody or self.same_network(cache)):
            return None
        return standing_cost(cache, self.distance_km(cache), self.policy)

    def ranked(self, cache: Cache, cost: float) -> Ranked:
        """One that it may be told of, at this cost."""
        return Ranked(cache, cost, self.same_network(cache), self.distance_km(cache))

    def distance_km(self, cache: Cache) -> float | None:
        """How far it is, if both places are known."""
        here, there = self.place.position, cache.facts.place.position
        return None if here is None or there is None else great_circle_km(here, there)


def _spread(ranked: Sequence[Ranked], count: int, policy: CostPolicy, draw: Draw) -> list[Ranked]:
    """The first ``count``, those that tie with the best of them drawn by the share of their capacity that is free."""
    chosen: list[Ranked] = []
    for tied in ties(ranked, policy):
        chosen += drawn(tied, count - len(chosen), policy, draw)
        if len(chosen) == count:
            break
    return chosen


def drawn(tied: Sequence[Ranked], count: int, policy: CostPolicy, draw: Draw) -> Sequence[Ranked]:
    """``count`` of those that tie, in random order, each by the share of its capacity that is free."""
    if len(tied) == 1:
        return tied
    order = drawn_order([free_share(one.cache, policy) for one in tied], draw)
    return [tied[index] for index in order[:count]]


def drawn_order(shares: Sequence[float], draw: Draw) -> list[int]:
    """The places of ``shares`` in random order: each comes first with a chance in proportion to its share, and so on among the rest."""
    log = math.log
    # the larger the key, the earlier (Efraimidis and Spirakis 2006)
    keys = [log(draw() or 1e-300) / share for share in shares]
    return sorted(range(len(keys)), key=keys.__getitem__, reverse=True)
