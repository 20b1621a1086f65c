"""The law of rankings that are kept: whatever heartbeats, verdicts and goodbyes came, they are those that are made from nothing."""

from ipaddress import IPv4Address
from random import Random
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from shoalpy import nearest as module
from shoalpy.model import Cache, CacheType, Health, Heartbeat, Upstream, Verification
from shoalpy.nearest import Caller, Nearest
from shoalpy.ranking import CostPolicy, Ranked, Seeker, Wish, rank, ties
from shoalpy.registry import Registry
from shoalpy.standing import Standing
from ugrpy.locality import Place, Position
from ugrpy.locality.facts import GeoFacts

NOW = 1_795_365_733.0
SPOTS = (
    None,
    *(Position(46.2, 6.15), Position(46.2, 6.16), Position(49.26, -123.11), Position(-33.9, 151.2)),
)
NUMBERS = st.integers(0, 11)
PLACES = st.sampled_from(SPOTS)
NETWORKS = st.sampled_from([None, 1, 2])
LOADS = st.sampled_from([0.0, 100.0, 4e4, 8e4, 122e3, 1e9])
VERDICTS = st.builds(
    Verification, st.sampled_from(Health), rtt_s=st.sampled_from([None, 0.0, 0.2, 3.0])
)
POLICIES = st.builds(
    CostPolicy,
    distance_weight=st.sampled_from([0.0, 0.5, 0.9, 1.0]),
    load_exponent=st.sampled_from([0.5, 1.0, 2.0]),
    rtt_weight=st.sampled_from([0.0, 0.1]),
    tie=st.sampled_from([0.0, 0.001, 0.3]),
    unknown_by_load=st.booleans(),
)
CALLERS = st.builds(lambda position, network: Caller(Place(position), network), PLACES, NETWORKS)
# few, so that they come again and are told by what is kept
REGULARS = (Caller(Place(SPOTS[1]), 1), Caller(Place(SPOTS[3]), None), Caller(Place(None), 2))
REFRESH_S = 5.0
WISHES = st.builds(
    Wish,
    kinds=st.sampled_from([frozenset(CacheType), frozenset({CacheType.SQUID})]),
    upstream=st.sampled_from([None, Upstream.CVMFS]),
    count=st.integers(1, 6),
)


def in_network(caller: Caller, cache: Cache) -> bool:
    return caller.network is not None and cache.facts.place.asn == caller.network


def heartbeat(number: int, sent_at_s: float, load_kbps: float) -> Heartbeat:
    """Of a cache whose kind stays what it is."""
    return Heartbeat(
        key=f"c{number}",
        hostname="vm",
        port=number + 1,
        sent_at_s=sent_at_s,
        load_kbps=load_kbps,
        cache_type=CacheType.VARNISH if number % 4 == 3 else CacheType.SQUID,
        upstream=Upstream.FRONTIER if number % 5 == 4 else Upstream.BOTH,
        public_ip=IPv4Address("192.0.2.1"),
    )


def facts(position: Position | None, network: int | None) -> GeoFacts:
    return GeoFacts(Place(position, asn=network))


def is_drawn_from(told: list[Ranked], ranked: list[Ranked], count: int, policy: CostPolicy) -> bool:
    """Whether these are the best, each group of equals told of before the next one begins."""
    left = list(told)
    for tied in ties(ranked, policy):
        mine, left = left[: len(tied)], left[len(tied) :]
        if any(one not in tied for one in mine) or len({one.cache.key for one in mine}) < len(mine):
            return False
    return not left and len(told) == min(count, len(ranked))


class Rankings(RuleBasedStateMachine):
    """A table in which everything happens that can, with a rule of each kind; callers ask whenever they like.

    ``exact`` looks whenever a load is new, ``lazy`` waits its time. Both think that two caches are few, so that they look for the best of many.
    """

    def __init__(self) -> None:
        super().__init__()
        self.few = mock.patch.multiple(module, FEW=2, SMALL_SEARCH=0)
        self.few.start()
        self.registry = Registry()
        self.now_s = NOW
        self.loads_at_s = NOW

    @initialize(policy=POLICIES)
    def begin(self, policy: CostPolicy) -> None:
        self.policy = policy
        self.exact, self.lazy = self._make(policy, 0.0), self._make(policy, REFRESH_S)

    def teardown(self) -> None:
        self.few.stop()

    @rule(number=NUMBERS, load=LOADS, position=PLACES, network=NETWORKS, moves=st.booleans())
    def beat(
        self, number: int, load: float, position: Position | None, network: int | None, moves: bool
    ) -> None:
        known = self.registry.tracked(f"c{number}")
        where = facts(position, network) if known is None or moves else known.facts
        self.registry.apply(heartbeat(number, self.now_s, load), where, self.now_s)
        self.loads_at_s = self.now_s

    @rule(number=NUMBERS, verdict=VERDICTS)
    def verified(self, number: int, verdict: Verification) -> None:
        self.registry.verified(f"c{number}", verdict)

    @rule(number=NUMBERS)
    def goodbye(self, number: int) -> None:
        self.registry.goodbye(f"c{number}", "")

    @rule(seconds=st.sampled_from([0.5, 30.0, 179.0]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def sweep(self) -> None:
        self.registry.expire(self.now_s)

    @rule(seed=st.integers(0, 5))
    def databases_change(self, seed: int) -> None:
        random = Random(seed)
        self.registry.place_anew(lambda _: facts(random.choice(SPOTS), random.choice([None, 1])))
        self.exact.forget()
        self.lazy.forget()

    @rule(caller=st.sampled_from(REGULARS), wish=WISHES)
    def ask(self, caller: Caller, wish: Wish) -> None:
        policy = self.policy
        near = self.exact.in_network_of(caller)
        live = list(self.registry.live(self.now_s))
        ranked = rank(live, caller.place, wish, policy, same_network=near)

        assert is_drawn_from(self.exact(caller, wish, self.now_s), ranked, wish.count, policy)
        told = self.lazy(caller, wish, self.now_s)
        # with loads as they were a while ago, but nobody that has gone, moved or must not be told of, and each as it is
        assert {one.cache.key for one in told} <= {one.cache.key for one in ranked}
        assert all(one.cache is self.registry.get(one.cache.key, self.now_s) for one in told)
        assert len(told) == min(wish.count, len(ranked))
        if self.now_s - self.loads_at_s >= REFRESH_S:
            assert is_drawn_from(told, ranked, wish.count, policy)

    def _make(self, policy: CostPolicy, refresh_s: float) -> Nearest:
        draw = Random(7).random
        return Nearest(
            self.registry, policy, same_network=in_network, draw=draw, refresh_s=refresh_s
        )


TestRankings = Rankings.TestCase
TestRankings.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)


@st.composite
def tables(draw: st.DrawFn) -> Registry:
    registry = Registry()
    for number in range(draw(st.integers(0, 25))):
        where = facts(draw(PLACES), draw(NETWORKS))
        registry.apply(heartbeat(number, NOW, draw(LOADS)), where, NOW)
        registry.verified(f"c{number}", draw(VERDICTS))
    return registry


@given(tables(), CALLERS, WISHES, POLICIES, st.integers(1, 30))
def test_the_best_are_those_of_ranking_all(registry, caller, wish, policy, count):
    seeker = Seeker(caller.place, wish, policy, lambda cache: in_network(caller, cache))
    caches = list(registry.live(NOW))
    ranked = rank(caches, caller.place, wish, policy, same_network=seeker.same_network)

    best = Standing(caches, seeker).best(count, registry.finder(NOW), policy)

    costs = [one.cost for one in ranked]
    assert [cost for cost, _ in best.found][:count] == costs[:count]
    mine = {(cost, cache.key) for cost, cache in best.found}
    assert mine <= {(one.cost, one.cache.key) for one in ranked}
    if len(costs) >= count:
        last = costs[count - 1]
        assert {
            (one.cost, one.cache.key)
            for one in ranked
            if one.cost <= last or one.cost - last < policy.tie
        } <= mine
