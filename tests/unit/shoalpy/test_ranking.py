"""Which caches, in which order: the formula by its worked example, who is told of whom, and how ties are broken."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from shoalpy.model import Cache, CacheType, Health, Upstream, Verification
from shoalpy.ranking import (
    CostPolicy,
    Ranked,
    Wish,
    capacity_kbps,
    cost_of,
    free_share,
    load_share,
    nearest,
    rank,
    ties,
)
from tests.unit.shoalpy.tracked import BATAVIA, GENEVA, NOW, VANCOUVER, beat, facts
from ugrpy.locality import EARTH_RADIUS_KM, UNKNOWN_PLACE, Place, Position, great_circle_km

COMPATIBLE = CostPolicy(cap_by_agent=False)
CALLER = Place(GENEVA)


def cache(
    key: str = "a",
    where: Position | None = GENEVA,
    *,
    load: float = 0.0,
    health: Health = Health.PASSED,
    rtt_s: float | None = None,
    **more,
) -> Cache:
    verification = Verification(health, rtt_s=rtt_s)
    return Cache(beat(key, load=load, **more), NOW, NOW, facts(where), 0.0, verification)


def told(
    caches: Sequence[Cache],
    caller: Place = CALLER,
    wish: Wish | None = None,
    policy: CostPolicy | None = None,
    *,
    near: str = "",
    draw=lambda: 0.5,
) -> list[Ranked]:
    return nearest(
        caches,
        caller,
        wish or Wish(),
        policy or CostPolicy(),
        same_network=lambda one: one.key in near.split(),
        draw=draw,
    )


def keys(found: Sequence[Ranked]) -> list[str]:
    return [one.cache.key for one in found]


# -- the formula ------------------------------------------------------------------------------------


@pytest.mark.row("S39")
def test_the_worked_example():
    """Reference section 7.1: Geneva, Batavia, an agent that claims a capacity of a million."""
    busy = cache(where=BATAVIA, load=119_000, max_load=1_000_000)
    angle = 1.1146
    assert cost_of(busy, angle * EARTH_RADIUS_KM, COMPATIBLE) == pytest.approx(0.66510, abs=1e-5)

    # the whole way, from positions that are as far apart as in the example
    there = Position(GENEVA.latitude_deg - math.degrees(angle), GENEVA.longitude_deg)
    found = told([replace(busy, facts=facts(there))], policy=COMPATIBLE)
    assert found[0].cost == pytest.approx(0.66510, abs=1e-5)
    assert found[0].distance_km == pytest.approx(angle * EARTH_RADIUS_KM)


@pytest.mark.row("S39")
def test_an_idle_cache_far_away_beats_a_busy_one_as_it_always_did():
    beijing = cache("beijing", Position(39.9, 116.4))
    illinois = cache("illinois", BATAVIA, load=119_000)
    found = told([illinois, beijing], policy=COMPATIBLE)
    assert keys(found) == ["beijing", "illinois"]
    assert found[0].cost == pytest.approx(0.205, abs=1e-3)
    # unless load counts for nothing, or only when it is high
    assert keys(told([illinois, beijing], policy=CostPolicy(1.0))) == ["illinois", "beijing"]
    half = cache("illinois", BATAVIA, load=60_000)
    assert keys(told([half, beijing], policy=COMPATIBLE)) == ["beijing", "illinois"]
    only_high = CostPolicy(load_exponent=10.0)
    assert keys(told([half, beijing], policy=only_high)) == ["illinois", "beijing"]


@pytest.mark.row("S39")
@pytest.mark.parametrize(
    ("policy", "cost"),
    [
        (CostPolicy(), 0.5 * 0.25 + 0.5 * 0.5),
        (CostPolicy(distance_weight=1.0), 0.25),
        (CostPolicy(distance_weight=0.0), 0.5),
        (CostPolicy(distance_weight=0.2), 0.2 * 0.25 + 0.8 * 0.5),
        (CostPolicy(load_exponent=3.0), 0.5 * 0.25 + 0.5 * 0.125),
        (CostPolicy(max_load_kbps=244_000.0), 0.5 * 0.25 + 0.5 * 0.25),
        (CostPolicy(max_load_kbps=100.0), 0.5 * 0.25 + 0.5 * 1.0),
    ],
)
def test_the_weights_can_be_set(policy, cost):
    quarter_km = math.pi * EARTH_RADIUS_KM / 4
    assert cost_of(cache(load=61_000), quarter_km, policy) == pytest.approx(cost)


def test_a_distance_that_is_not_known_is_the_farthest():
    farthest_km = math.pi * EARTH_RADIUS_KM
    assert cost_of(cache(), None, CostPolicy()) == cost_of(cache(), farthest_km, CostPolicy())
    assert keys(told([cache("nowhere", None), cache("far", VANCOUVER)])) == ["far", "nowhere"]


@pytest.mark.row("S40")
def test_of_equal_loads_the_larger_cache_has_room():
    small = cache("small", load=50_000, max_load=60_000)
    large = cache("large", load=50_000, max_load=600_000)
    assert keys(told([small, large])) == ["large", "small"]
    assert load_share(large, CostPolicy()) == pytest.approx(1 / 12)


@pytest.mark.row("S40")
@pytest.mark.parametrize("said", [None, 0.0])
def test_without_a_capacity_the_default_counts(said):
    assert capacity_kbps(cache(max_load=said), CostPolicy()) == 122_000
    assert capacity_kbps(cache(max_load=said), CostPolicy(max_load_kbps=7.0)) == 7


def test_an_agent_need_not_be_believed():
    assert capacity_kbps(cache(max_load=1e6), COMPATIBLE) == 122_000


def test_more_than_full_is_full_and_never_quite_without_room():
    over = cache(load=1e9)
    assert load_share(over, CostPolicy()) == 1.0
    assert free_share(over, CostPolicy()) == 1e-6
    assert cost_of(over, 0.0, CostPolicy()) == 0.5


@pytest.mark.row("S41")
def test_measured_times_reorder_caches_at_equal_distance():
    slow, quick = cache("slow", rtt_s=0.8), cache("quick", rtt_s=0.05)
    unmeasured = cache("unmeasured")
    policy = CostPolicy(rtt_weight=0.1)
    assert keys(told([slow, quick], policy=policy)) == ["quick", "slow"]
    assert keys(told([quick, slow], policy=policy)) == ["quick", "slow"]
    assert told([slow], policy=policy)[0].cost == pytest.approx(0.08)
    assert told([slow])[0].cost == 0.0
    assert keys(told([slow, unmeasured], policy=policy)) == ["unmeasured", "slow"]


# -- who is told of whom ----------------------------------------------------------------------------


@pytest.mark.row("S43")
@pytest.mark.parametrize(
    ("health", "everybody"),
    [
        (Health.PENDING, False),
        (Health.FAILED, False),
        (Health.PASSED, True),
        (Health.OFF, True),
    ],
)
def test_everybody_is_told_of_verified_caches_only(health, everybody):
    found = told([cache("a", health=health)])
    assert keys(found) == (["a"] if everybody else [])


@pytest.mark.row("S43")
@pytest.mark.parametrize("health", list(Health))
def test_the_same_network_is_told_of_all(health):
    found = told([cache("a", health=health), cache("b", health=Health.FAILED)], near="a")
    assert keys(found) == ["a"]
    assert found[0].local is True


def test_local_is_said_of_those_in_the_same_network_only():
    found = told([cache("a"), cache("b", VANCOUVER)], near="b")
    assert {one.cache.key: one.local for one in found} == {"a": False, "b": True}


SQUID, VARNISH = CacheType.SQUID, CacheType.VARNISH
ZOO = [
    cache(f"{kind}-{upstream}", kind=kind, upstream=upstream)
    for kind in CacheType
    for upstream in Upstream
]


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        (Wish(), {"squid-both", "squid-cvmfs", "squid-frontier"}),
        (
            Wish(frozenset({SQUID, VARNISH}), Upstream.CVMFS),
            {"squid-both", "squid-cvmfs", "varnish-both", "varnish-cvmfs"},
        ),
        (
            Wish(frozenset({SQUID, VARNISH}), Upstream.FRONTIER),
            {"squid-both", "squid-frontier", "varnish-both", "varnish-frontier"},
        ),
        (Wish(frozenset({VARNISH})), {"varnish-both", "varnish-cvmfs", "varnish-frontier"}),
        (Wish(frozenset()), set()),
    ],
)
def test_only_what_is_wished_for(wish, found):
    assert set(keys(told(ZOO, wish=wish))) == found


@pytest.mark.parametrize(
    ("count", "found"), [(-1, 0), (0, 0), (1, 1), (3, 3), (7, 7), (8, 7), (1000, 7)]
)
def test_as_many_as_wished_for_and_there_are(count, found):
    caches = [cache(f"c{number}", load=number // 3 * 9_000) for number in range(7)]
    assert len(told(caches, wish=Wish(count=count), draw=Random(1).random)) == found


def test_nothing_is_asked_or_drawn_for_none():
    def never(*_: object) -> bool:
        raise AssertionError

    assert (
        nearest([cache()], CALLER, Wish(count=0), CostPolicy(), same_network=never, draw=never)
        == []
    )


@pytest.mark.row("S36")
def test_a_caller_of_unknown_place_gets_the_least_loaded():
    caches = [
        cache("busy", GENEVA, load=90_000),
        cache("idle", VANCOUVER, load=1_000),
        cache("between", None, load=40_000),
    ]
    found = told(caches, UNKNOWN_PLACE)
    assert keys(found) == ["idle", "between", "busy"]
    assert [one.distance_km for one in found] == [None, None, None]


@pytest.mark.row("S36")
def test_or_nothing_but_those_in_its_network_if_the_operator_wants():
    policy = CostPolicy(unknown_by_load=False)
    caches = [cache("a"), cache("b"), cache("c", health=Health.FAILED)]
    assert keys(told(caches, UNKNOWN_PLACE, policy=policy)) == []
    assert keys(told(caches, UNKNOWN_PLACE, policy=policy, near="c")) == ["c"]
    assert len(told(caches, CALLER, policy=policy)) == 2


# -- ties -------------------------------------------------------------------------------------------


@pytest.mark.row("S42")
@pytest.mark.parametrize(("count", "size", "calls"), [(1, 2, 1_000), (2, 2, 1_000), (5, 4, 10_000)])
def test_equal_costs_rotate_evenly(count, size, calls):
    draw = Random(42).random
    caches = [cache(f"c{number}") for number in range(size)]
    first: Counter[str] = Counter()
    for _ in range(calls):
        found = keys(told(caches, wish=Wish(count=count), draw=draw))
        assert len(set(found)) == min(count, size)
        first[found[0]] += 1
    assert len(first) == size
    for times in first.values():
        assert times == pytest.approx(calls / size, rel=0.1)


@pytest.mark.row("S42")
def test_of_those_that_tie_each_is_drawn_by_what_is_free_in_it():
    draw = Random(7).random
    policy = CostPolicy(tie=0.5)
    idle, busy = cache("idle"), cache("busy", load=61_000)
    first = Counter(keys(told([idle, busy], policy=policy, draw=draw))[0] for _ in range(3_000))
    assert first["idle"] == pytest.approx(2_000, rel=0.1)


def test_what_differs_by_the_tie_or_more_keeps_its_order():
    # a thousandth of 122 MB/s, halved, is half of a tie
    caches = [cache(f"c{number}", load=number * 122.0) for number in range(5)]
    ranked = rank(caches, CALLER, Wish(), CostPolicy(), same_network=lambda _: False)
    groups = [keys(tied) for tied in ties(ranked, CostPolicy())]
    assert groups == [["c0", "c1"], ["c2", "c3"], ["c4"]]
    assert [keys(one) for one in ties(ranked, CostPolicy(tie=0.0))] == [
        [f"c{number}"] for number in range(5)
    ]
    assert list(ties([], CostPolicy())) == []


def test_equal_costs_tie_however_narrow_a_tie_is():
    caches = [cache("a"), cache("b"), cache("c", load=1.0)]
    ranked = rank(caches, CALLER, Wish(), CostPolicy(), same_network=lambda _: False)
    assert [keys(tied) for tied in ties(ranked, CostPolicy(tie=0.0))] == [["a", "b"], ["c"]]


def test_the_nearest_are_told_before_those_that_tie_behind_them():
    draw = Random(3).random
    near = [cache(f"n{number}") for number in range(3)]
    far = [cache(f"f{number}", VANCOUVER) for number in range(3)]
    for _ in range(50):
        found = keys(told(far + near, wish=Wish(count=4), draw=draw))
        assert {key[0] for key in found[:3]} == {"n"}
        assert found[3][0] == "f"


def test_a_draw_of_zero_does_no_harm():
    assert len(told([cache("a"), cache("b")], draw=lambda: 0.0)) == 2


def test_distances_are_those_of_locality():
    found = told([cache(where=VANCOUVER)])
    assert found[0].distance_km == great_circle_km(GENEVA, VANCOUVER)
