"""Are the best found without looking at all, and is the order right after caches came, went and moved?"""

from dataclasses import replace

import pytest

from shoalpy.model import Health, Verification
from shoalpy.ranking import CostPolicy, Seeker, Wish, cost_of
from shoalpy.registry import Registry
from shoalpy.standing import Standing
from tests.unit.shoalpy.tracked import GENEVA, NOW, VANCOUVER, add, beat, facts
from ugrpy.locality import Place

SIZE = 100
POLICY = CostPolicy(tie=0.001)


def seeker(policy: CostPolicy = POLICY) -> Seeker:
    return Seeker(Place(GENEVA), Wish(), policy, lambda _: False)


@pytest.fixture
def registry() -> Registry:
    """Caches farther and farther from Geneva, the last at the other side of the globe."""
    made = Registry()
    for number in range(SIZE):
        position = replace(GENEVA, longitude_deg=6.15 + 170 * number / SIZE)
        add(made, beat(f"c{number}", port=1000 + number), facts(position))
    return made


def best_keys(standing: Standing, registry: Registry, count: int) -> list[str]:
    best = standing.best(count, registry.finder(NOW), POLICY)
    return [cache.key for _, cache in best.found]


def test_the_search_ends_where_distance_alone_costs_more(registry):
    standing = Standing(registry.live(NOW), seeker())

    best = standing.best(3, registry.finder(NOW), POLICY)

    assert [cache.key for _, cache in best.found] == ["c0", "c1", "c2"]
    assert best.looked_at < 6
    for cost, cache in best.found:
        assert cost == cost_of(cache, seeker().distance_km(cache), POLICY)


def test_busy_ones_are_passed_over_for_those_behind_them(registry):
    for number in range(10):
        one = beat(f"c{number}", port=1000 + number, load=122_000.0)
        registry.apply(one, registry.get(f"c{number}", NOW).facts, NOW)
    standing = Standing(registry.live(NOW), seeker())

    assert best_keys(standing, registry, 3) == ["c10", "c11", "c12"]


def test_those_that_tie_with_the_last_are_found_too(registry):
    for number in (200, 201, 202):
        add(registry, beat(f"c{number}", port=1000 + number), facts(GENEVA))
    standing = Standing(registry.live(NOW), seeker())

    assert sorted(best_keys(standing, registry, 1)) == ["c0", "c200", "c201", "c202"]


def test_all_are_found_when_as_many_are_wanted(registry):
    standing = Standing(registry.live(NOW), seeker())

    assert len(best_keys(standing, registry, SIZE)) == SIZE
    assert len(best_keys(standing, registry, 10 * SIZE)) == SIZE


def test_one_that_is_gone_is_passed_over(registry):
    standing = Standing(registry.live(NOW), seeker())
    registry.goodbye("c0", "")

    assert best_keys(standing, registry, 1) == ["c1"]


def test_changes_move_one_cache_and_leave_the_others(registry):
    standing = Standing(registry.live(NOW), seeker())
    shape = registry.shape
    # one goes, one moves away, one comes, one must not be told of any more
    registry.goodbye("c0", "")
    registry.apply(beat("c1", port=1001), facts(VANCOUVER), NOW)
    add(registry, beat("new", port=9), facts(GENEVA))
    registry.verified("c2", Verification(Health.FAILED))

    changed = registry.changed_since(shape)
    assert changed is not None
    standing.change(changed, registry.tracked, seeker())

    assert best_keys(standing, registry, 2) == ["new", "c3"]
    assert len(standing) == SIZE - 1
    anew = Standing(registry.live(NOW), seeker())
    assert best_keys(standing, registry, SIZE) == best_keys(anew, registry, SIZE)
    standing.change([], registry.tracked, seeker())
    assert repr(standing) == repr(anew) == f"<Standing of {SIZE - 1} caches>"


def test_many_changes_are_better_followed_by_a_new_order(registry):
    standing = Standing(registry.live(NOW), seeker())

    assert standing.takes(0)
    assert standing.takes(SIZE // 4)
    assert not standing.takes(SIZE // 4 + 1)
