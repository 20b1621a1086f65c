"""Laws of heartbeats, of the table of caches, and of the choice among them."""

import json
import math
from ipaddress import IPv4Address, IPv6Address
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shoalpy.model import Cache, CacheType, Health, Heartbeat, Upstream, Verification
from shoalpy.nearest import Caller, Nearest
from shoalpy.network import Belonging, NetworkPolicy, belonging, meet
from shoalpy.ranking import CostPolicy, Ranked, Wish, cost_of, nearest, rank, ties
from shoalpy.registry import Registry, RegistryPolicy
from shoalpy.wire import BadBeat, parse_heartbeat, render_v1
from ugrpy.locality import Place, Position
from ugrpy.locality.facts import GeoFacts

NOW = 1_795_365_733.0
SPOTS = [Position(46.2, 6.15), Position(46.2, 6.16), Position(49.26, -123.11)]
positions = st.one_of(
    st.none(),
    st.sampled_from(SPOTS),
    st.builds(Position, st.floats(-90, 90), st.floats(-180, 180)),
)
loads = st.one_of(st.sampled_from([0.0, 5e4, 122e3, 1e9]), st.floats(0, 1e9))
times = st.one_of(st.none(), st.floats(0, 60))
networks = st.sampled_from([None, 1, 2])
wishes = st.builds(
    Wish,
    kinds=st.frozensets(st.sampled_from(CacheType)),
    upstream=st.sampled_from([None, *Upstream]),
    count=st.integers(0, 12),
)
policies = st.builds(
    CostPolicy,
    distance_weight=st.floats(0, 1),
    load_exponent=st.floats(0.1, 10),
    max_load_kbps=st.floats(1, 1e9),
    cap_by_agent=st.booleans(),
    rtt_weight=st.sampled_from([0.0, 0.1, 5.0]),
    tie=st.sampled_from([0.0, 0.001, 0.3]),
    unknown_by_load=st.booleans(),
)
seeds = st.integers(0, 2**16)


@st.composite
def rosters(draw: st.DrawFn) -> list[Cache]:
    """Caches with keys of their own, in networks by the number of their autonomous system."""
    caches = []
    for number in range(draw(st.integers(0, 8))):
        beat = Heartbeat(
            key=f"c{number}",
            hostname="vm",
            port=number + 1,
            sent_at_s=NOW,
            load_kbps=draw(loads),
            cache_type=draw(st.sampled_from(CacheType)),
            upstream=draw(st.sampled_from(Upstream)),
            max_load_kbps=draw(st.one_of(st.none(), st.floats(1e-3, 1e9))),
            public_ip=IPv4Address("192.0.2.1"),
        )
        verification = Verification(draw(st.sampled_from(Health)), rtt_s=draw(times))
        where = GeoFacts(Place(draw(positions), asn=draw(networks)))
        caches.append(Cache(beat, NOW, NOW, where, 0.0, verification))
    return caches


def in_network(number: object):
    return lambda cache: number is not None and cache.facts.place.asn == number


def keys(ranked: list[Ranked]) -> list[str]:
    return [one.cache.key for one in ranked]


@given(rosters(), positions, wishes, policies, networks, seeds)
def test_nobody_is_told_of_a_private_cache_in_a_foreign_network(
    caches, here, wish, policy, network, seed
):
    found = nearest(
        caches,
        Place(here),
        wish,
        policy,
        same_network=in_network(network),
        draw=Random(seed).random,
    )
    for one in found:
        assert one.local == in_network(network)(one.cache)
        assert one.cache.is_global or one.local
        assert wish.wants(one.cache)
    assert len(found) == len(set(keys(found))) <= wish.count


@given(rosters(), positions, wishes, policies, networks)
def test_the_ranking_is_total(caches, here, wish, policy, network):
    """All that may be told of are in it, once each, by costs that are numbers and go up."""
    near = in_network(network)
    ranked = rank(caches, Place(here), wish, policy, same_network=near)
    costs = [one.cost for one in ranked]

    assert all(math.isfinite(cost) and cost >= 0 for cost in costs)
    assert costs == sorted(costs)
    unseen = here is None and not policy.unknown_by_load
    eligible = {
        one.key
        for one in caches
        if wish.wants(one) and (near(one) or (one.is_global and not unseen))
    }
    assert set(keys(ranked)) == eligible
    assert len(ranked) == len(eligible)


@given(rosters(), positions, wishes, policies, networks, st.randoms(use_true_random=False))
def test_the_order_they_come_in_decides_nothing_but_ties(
    caches, here, wish, policy, network, random
):
    shuffled = random.sample(caches, len(caches))
    near = in_network(network)
    one = rank(caches, Place(here), wish, policy, same_network=near)
    other = rank(shuffled, Place(here), wish, policy, same_network=near)

    assert [found.cost for found in one] == [found.cost for found in other]
    assert [set(keys(list(tied))) for tied in ties(one, policy)] == [
        set(keys(list(tied))) for tied in ties(other, policy)
    ]


@given(rosters(), positions, policies, seeds)
def test_ties_are_whole_and_the_best_are_told_first(caches, here, policy, seed):
    wish = Wish(frozenset(CacheType), count=3)
    ranked = rank(caches, Place(here), wish, policy, same_network=lambda _: True)
    groups = list(ties(ranked, policy))

    assert [one for tied in groups for one in tied] == ranked
    for tied in groups:
        spread = tied[-1].cost - tied[0].cost
        assert spread == 0 or spread < policy.tie
    found = nearest(
        caches,
        Place(here),
        wish,
        policy,
        same_network=lambda _: True,
        draw=Random(seed).random,
    )
    assert len(found) == min(3, len(ranked))
    group_of = {one.cache.key: number for number, tied in enumerate(groups) for one in tied}
    numbers = [group_of[key] for key in keys(found)]
    assert numbers == sorted(numbers)
    assert numbers == sorted(group_of.values())[: len(found)]


@given(rosters(), policies, st.floats(0, 20_000), st.floats(0, 20_000))
def test_farther_or_busier_never_costs_less(caches, policy, one_km, other_km):
    near_km, far_km = sorted((one_km, other_km))
    for cache in caches:
        assert cost_of(cache, near_km, policy) <= cost_of(cache, far_km, policy)
        assert cost_of(cache, far_km, policy) <= cost_of(cache, None, policy) + 1e-9


@given(rosters(), positions, wishes, networks, seeds)
def test_rankings_that_are_kept_are_those_made_anew(caches, here, wish, network, seed):
    registry = Registry()
    registry.restore(caches, NOW)
    policy = CostPolicy(tie=0.0)
    near = Nearest(
        registry,
        policy,
        same_network=lambda caller, cache: in_network(caller.network)(cache),
        draw=Random(seed).random,
    )
    anew = nearest(
        caches,
        Place(here),
        wish,
        policy,
        same_network=in_network(network),
        draw=Random(seed).random,
    )
    for _ in range(2):
        assert near(Caller(Place(here), network), wish, NOW) == anew


# -- networks ---------------------------------------------------------------------------------------

belongings = st.builds(
    Belonging,
    st.sampled_from([None, "lab", "annex"]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, "x", "y"]),
    st.sampled_from([None, "m", "n"]),
)


@given(belongings, belongings)
def test_being_in_one_network_goes_both_ways(a, b):
    assert meet(a, b) == meet(b, a)
    assert meet(a, a) == (a != Belonging())
    if meet(a, b) and None not in (a.site, b.site):
        assert a.site == b.site


@given(st.one_of(st.none(), st.text()), st.one_of(st.none(), st.text()), st.builds(NetworkPolicy))
def test_any_name_can_be_folded(organisation, site, policy):
    found = belonging(GeoFacts(organisation=organisation), site, organisation, policy)
    assert found.organisation != ""
    assert found.mailbox is None
    assert found.site != ""


# -- heartbeats -------------------------------------------------------------------------------------

values = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
        st.sampled_from(["squid", "192.0.2.7", "::1%x", "3128", "-1", "nan", "1e999"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)
FIELDS = (
    *("uuid", "hostname", "timestamp", "load", "cache_port", "squid_port", "cache_type"),
    *("upstream", "max_load", "public_ip", "private_ip", "external_ip", "goodbye"),
)
good = {
    "uuid": "a",
    "hostname": "vm",
    "timestamp": NOW,
    "load": 1.0,
    "cache_port": 3128,
    "public_ip": "192.0.2.7",
}
wrong = st.dictionaries(st.sampled_from(FIELDS), values, min_size=1, max_size=4)


def check_answer(body: bytes) -> None:
    """Anything at all is a beat that can be served, a goodbye, or a ``BadBeat``."""
    try:
        beat = parse_heartbeat(body)
    except BadBeat:
        return
    if isinstance(beat, str):
        return
    cache = Cache(beat, NOW, NOW, GeoFacts())
    shown = json.dumps(render_v1(cache, local=False, max_load_kbps=1.0), allow_nan=False)
    assert not set("<>'&;%$`\\ \n") & set(beat.key + beat.hostname + str(beat.reachable_ip))
    assert json.loads(shown)["hostname"] == beat.hostname
    assert math.isfinite(cost_of(cache, None, CostPolicy()))


@given(wrong)
def test_any_value_in_any_field(changes):
    check_answer(json.dumps({**good, **changes}).encode())


@given(st.one_of(st.binary(max_size=200), values.map(lambda value: json.dumps(value).encode())))
def test_any_bytes(body):
    check_answer(body)


# -- the table --------------------------------------------------------------------------------------


class Table(RuleBasedStateMachine):
    """Beats of a few agents at a few stands with a few signers, in any order, while time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry(RegistryPolicy(inactive_s=100, max_caches=4))
        self.now_s = NOW
        self.version = 0

    @rule(
        key=st.sampled_from("abcde"),
        port=st.integers(1, 4),
        signer=st.sampled_from(["", "x", "y"]),
        late_s=st.sampled_from([0.0, 5.0, 50.0, -50.0, 150.0]),
        load=st.sampled_from([0.0, 1.0]),
    )
    def beat(self, key: str, port: int, signer: str, late_s: float, load: float) -> None:
        address = IPv6Address("2001:db8::1")
        sent_at_s = self.now_s - late_s
        beat = Heartbeat(key, "vm", port, sent_at_s, load, public_ip=address, signer=signer)
        owner = self.registry.get(key, self.now_s)
        before = list(self.registry.live(self.now_s))
        try:
            cache = self.registry.apply(beat, GeoFacts(), self.now_s)
        except BadBeat:
            assert list(self.registry.live(self.now_s)) == before
            return
        assert owner is None or owner.beat.signer in ("", signer)
        assert cache == self.registry.get(key, self.now_s)
        assert cache.beat == beat
        # nobody who signs has lost a cache to somebody else
        for one in before:
            if one.beat.signer not in ("", signer):
                assert self.registry.get(one.key, self.now_s) == one

    @rule(key=st.sampled_from("abcde"), signer=st.sampled_from(["", "x", "y"]))
    def goodbye(self, key: str, signer: str) -> None:
        owner = self.registry.get(key, self.now_s)
        try:
            self.registry.goodbye(key, signer)
        except BadBeat:
            return
        assert owner is None or owner.beat.signer in ("", signer)
        assert self.registry.get(key, self.now_s) is None

    @rule(key=st.sampled_from("abcde"), health=st.sampled_from(Health))
    def verified(self, key: str, health: Health) -> None:
        self.registry.verified(key, Verification(health))

    @rule(seconds=st.sampled_from([1.0, 30.0, 99.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def sweep(self) -> None:
        live = list(self.registry.live(self.now_s))
        gone = self.registry.expire(self.now_s)
        assert len(self.registry) == len(live)
        assert not {one.key for one in gone} & {one.key for one in live}

    @invariant()
    def no_two_stand_at_one_place(self) -> None:
        live = list(self.registry.live(self.now_s))
        assert len({(one.beat.hostname, one.beat.port) for one in live}) == len(live)
        assert len({one.key for one in live}) == len(live) <= 4
        assert sum(self.registry.counts(self.now_s).values()) == len(live)

    @invariant()
    def versions_only_grow(self) -> None:
        assert self.registry.version >= self.version
        self.version = self.registry.version
        assert self.registry.shape <= self.registry.version


TestTable = Table.TestCase
TestTable.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
