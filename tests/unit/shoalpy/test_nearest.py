"""Rankings that are kept give what ranking anew would give, and never a cache that has gone or moved."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from shoalpy import nearest as module
from shoalpy.model import Cache, Health, Verification
from shoalpy.nearest import HOLD_PER_CACHE_S, Caller, Nearest
from shoalpy.ranking import CostPolicy, Wish, nearest
from shoalpy.registry import Registry
from tests.unit.shoalpy.tracked import BATAVIA, GENEVA, NOW, VANCOUVER, add, beat, facts
from ugrpy.locality import Place

SWISS = Caller(Place(GENEVA), "swiss")


def in_network(caller: Caller, cache: Cache) -> bool:
    return caller.network == cache.facts.place.asn


def make(registry: Registry, policy: CostPolicy | None = None, **more) -> Nearest:
    draw = random.Random(4).random
    return Nearest(registry, policy or CostPolicy(), same_network=in_network, draw=draw, **more)


def keys(ranked) -> list[str]:
    return [one.cache.key for one in ranked]


def table(size: int) -> Registry:
    """Caches at different distances from Geneva, the first the nearest."""
    registry = Registry()
    for number in range(size):
        position = replace(GENEVA, longitude_deg=6.15 + 160 * number / size)
        add(registry, beat(f"c{number}", port=1000 + number), facts(position))
    return registry


def test_the_nearest_come_first_and_as_many_as_wanted():
    registry = Registry()
    add(registry, beat("far", public="192.0.2.1"), facts(VANCOUVER))
    add(registry, beat("near", public="192.0.2.2"), facts(GENEVA))
    add(registry, beat("between", public="192.0.2.3"), facts(BATAVIA))
    near = make(registry)

    assert keys(near(SWISS, Wish(count=2), NOW)) == ["near", "between"]
    assert keys(near(SWISS, Wish(count=5), NOW)) == ["near", "between", "far"]
    assert near(SWISS, Wish(count=0), NOW) == []


@pytest.mark.parametrize("size", [1, 10, 100, 300])
@pytest.mark.parametrize("count", [1, 5, 16, 17, 1000])
def test_it_is_what_ranking_anew_gives(size, count):
    registry = table(size)
    policy = CostPolicy(tie=0.0)
    near = make(registry, policy)
    wish = Wish(count=count)
    anew = nearest(
        registry.live(NOW),
        SWISS.place,
        wish,
        policy,
        same_network=lambda _: False,
        draw=lambda: 0.5,
    )

    for _ in range(2):
        assert keys(near(SWISS, wish, NOW)) == keys(anew)


def test_a_new_port_shows_at_once_and_so_does_a_new_cache():
    registry = table(100)
    near = make(registry)
    assert near(SWISS, Wish(count=1), NOW)[0].cache.beat.port == 1000

    registry.apply(beat("c0", port=8), facts(GENEVA), NOW + 1)
    registry.verified("c0", Verification(Health.PASSED))
    add(registry, beat("new", public="192.0.2.77"), facts(GENEVA), now_s=NOW + 1)

    found = near(SWISS, Wish(count=2), NOW + 1)
    assert {(one.cache.key, one.cache.beat.port) for one in found} == {("c0", 8), ("new", 3128)}


def test_loads_count_at_once_where_few_caches_have_to_be_looked_at():
    registry = table(1000)
    near = make(registry)
    assert keys(near(SWISS, Wish(count=1), NOW)) == ["c0"]

    registry.apply(beat("c0", port=1000, load=1e6), facts(GENEVA), NOW)

    # all others stand farther off than the sixteenth costs
    assert keys(near(SWISS, Wish(count=1), NOW)) == ["c1"]


def test_where_many_have_to_be_looked_at_loads_count_after_a_while():
    registry = Registry()
    for number in range(100):
        one = beat(f"c{number}", port=1000 + number, load=1000.0 * number)
        add(registry, one, facts(GENEVA))
    near = make(registry)
    assert keys(near(SWISS, Wish(count=1), NOW)) == ["c0"]

    registry.apply(beat("c0", port=1000, load=1e6), facts(GENEVA), NOW + 0.5)

    [now] = near(SWISS, Wish(count=1), NOW + 0.5)
    # the load shown is the one it has
    assert (now.cache.key, now.cache.beat.load_kbps) == ("c0", 1e6)
    assert keys(near(SWISS, Wish(count=1), NOW + 100 * HOLD_PER_CACHE_S - 0.1)) == ["c0"]
    assert keys(near(SWISS, Wish(count=1), NOW + 100 * HOLD_PER_CACHE_S + 0.1)) == ["c1"]


def test_no_ranking_holds_longer_than_agents_need_to_be_heard():
    registry = Registry()
    for number in range(100):
        add(registry, beat(f"c{number}", port=1000 + number, load=1000.0 * number))
    near = make(registry, refresh_s=0.2)
    near(SWISS, Wish(count=1), NOW)

    registry.apply(beat("c0", port=1000, load=1e6), facts(GENEVA), NOW + 0.1)

    assert keys(near(SWISS, Wish(count=1), NOW + 0.1)) == ["c0"]
    assert keys(near(SWISS, Wish(count=1), NOW + 0.3)) == ["c1"]


def test_heartbeats_that_say_nothing_new_change_no_ranking():
    registry = table(100)
    near = make(registry)
    (first,) = near(SWISS, Wish(count=1), NOW)
    loads, version = registry.loads, registry.version

    for cache in list(registry.live(NOW))[1:]:
        registry.apply(replace(cache.beat, sent_at_s=NOW + 1), cache.facts, NOW + 1)

    assert (registry.loads, registry.version) == (loads, version + 99)
    assert near(SWISS, Wish(count=1), NOW + 1)[0] is first


def test_a_cache_that_is_no_longer_heard_of_is_not_named_although_nothing_was_swept():
    registry = table(100)
    for cache in list(registry.live(NOW))[1:]:
        registry.apply(replace(cache.beat, sent_at_s=NOW + 100), cache.facts, NOW + 100)
    near = make(registry)
    assert keys(near(SWISS, Wish(count=1), NOW + 179.9)) == ["c0"]

    assert keys(near(SWISS, Wish(count=2), NOW + 180)) == ["c1", "c2"]


def test_one_that_says_goodbye_is_gone():
    registry = table(100)
    near = make(registry)
    near(SWISS, Wish(count=1), NOW)

    registry.goodbye("c0", "")

    assert keys(near(SWISS, Wish(count=1), NOW)) == ["c1"]


def test_callers_of_other_networks_have_rankings_of_their_own():
    registry = Registry()
    add(registry, beat("mine"), facts(GENEVA, asn=513), health=Health.FAILED)
    near = make(registry)

    assert keys(near(Caller(Place(GENEVA), 513), Wish(), NOW)) == ["mine"]
    assert near(Caller(Place(GENEVA), 514), Wish(), NOW) == []


@pytest.mark.parametrize("size", [2, 5, 40, 400])
def test_equal_caches_are_drawn_by_what_is_free_in_them(size):
    registry = Registry()
    for number in range(size):
        busy = 61_000.0 if number == 0 else 0.0
        add(registry, beat(f"c{number}", port=1000 + number, load=busy), facts(GENEVA))
    near = make(registry, CostPolicy(tie=1.0))
    draws = 200 * size

    firsts = Counter(keys(near(SWISS, Wish(count=1), NOW))[0] for _ in range(draws))

    # the half busy one half as often as the others
    expected = draws / (size - 0.5)
    others = [firsts[f"c{number}"] for number in range(1, size)]
    assert sum(others) / len(others) == pytest.approx(expected, rel=0.1)
    if size <= 40:
        assert firsts["c0"] == pytest.approx(expected / 2, rel=0.35)


def test_several_of_many_equal_ones_are_different():
    registry = Registry()
    for number in range(100):
        add(registry, beat(f"c{number}", port=1000 + number), facts(GENEVA))
    near = make(registry)

    for _ in range(50):
        assert len(set(keys(near(SWISS, Wish(count=20), NOW)))) == 20


def test_where_one_has_nearly_all_that_is_free_the_others_are_drawn_still():
    registry = Registry()
    for number in range(100):
        load = 0.0 if number == 0 else 122_000.0
        add(registry, beat(f"c{number}", port=1000 + number, load=load), facts(GENEVA))
    near = make(registry, CostPolicy(tie=1.0))

    found = keys(near(SWISS, Wish(count=10), NOW))

    assert found[0] == "c0"
    assert len(set(found)) == 10


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "KEPT_BYTES", 6000)
    near = make(table(10))

    for network in range(100):
        near(Caller(Place(GENEVA), network), Wish(), NOW)

    # ten caches ranked and ordered, and the ranking itself
    assert repr(near) == "<Nearest 4 rankings in 5040 bytes>"
    near(Caller(Place(GENEVA), 99), Wish(), NOW)
    near(Caller(Place(GENEVA), 95), Wish(), NOW)
    assert repr(near) == "<Nearest 4 rankings in 5040 bytes>"


def test_the_shape_of_a_table_ends_with_all_but_a_load():
    registry = Registry()
    add(registry, beat("a"), facts(GENEVA))
    shape, version = registry.shape, registry.version

    registry.apply(beat("a", load=5.0, sent_at_s=NOW + 1), facts(GENEVA), NOW + 1)
    assert (registry.shape, registry.version > version) == (shape, True)

    registry.apply(beat("a", private="10.0.0.1"), facts(GENEVA), NOW + 2)
    assert registry.shape > shape
    shape = registry.shape

    registry.apply(beat("a", private="10.0.0.1"), facts(BATAVIA), NOW + 3)
    assert registry.shape > shape


def test_when_databases_change_caches_and_rankings_are_placed_anew():
    registry = Registry()
    add(registry, beat("a", public="192.0.2.1", port=1), facts(GENEVA))
    add(registry, beat("b", public="192.0.2.2", port=2), facts(BATAVIA))
    near = make(registry)
    assert keys(near(SWISS, Wish(), NOW)) == ["a", "b"]

    registry.place_anew(lambda beat: facts(VANCOUVER) if beat.key == "a" else facts(GENEVA))
    near.forget()

    assert repr(near) == "<Nearest 0 rankings in 0 bytes>"
    assert keys(near(SWISS, Wish(), NOW)) == ["b", "a"]


def test_a_table_that_nobody_verifies_takes_caches_for_good():
    registry = Registry(unverified=Verification(Health.OFF))

    assert registry.apply(beat("a"), facts(GENEVA), NOW).is_global
    # also after it has moved
    assert registry.apply(beat("a", port=9), facts(GENEVA), NOW).is_global


def test_what_is_told_of_a_cache_is_made_once_for_each_of_its_heartbeats():
    registry = table(100)
    near = make(registry)
    near(SWISS, Wish(count=1), NOW)

    registry.apply(beat("c0", port=1000, load=5.0), facts(GENEVA), NOW + 0.1)
    (first,) = near(SWISS, Wish(count=1), NOW + 0.1)
    assert first.cache.beat.load_kbps == 5.0
    assert near(SWISS, Wish(count=1), NOW + 0.1)[0] is first

    registry.apply(beat("c0", port=1000, load=6.0), facts(GENEVA), NOW + 0.2)
    (second,) = near(SWISS, Wish(count=1), NOW + 0.2)
    assert second.cache.beat.load_kbps == 6.0
