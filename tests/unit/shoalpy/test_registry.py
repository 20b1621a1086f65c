"""The table of caches: who may change what, and exactly when a cache is gone."""

import math
from dataclasses import replace
from ipaddress import ip_address

import pytest

from shoalpy.model import Cache, CacheType, Health, Heartbeat, Upstream, Verification
from shoalpy.ranking import CostPolicy, Wish, nearest
from shoalpy.registry import Registry, RegistryPolicy
from shoalpy.wire import BadBeat, Reason
from tests.unit.shoalpy.tracked import BATAVIA, GENEVA, NOW, VANCOUVER, add, beat, facts
from ugrpy.locality import Place

PASSED = Verification(Health.PASSED, "All systems OK!")
SWISS = facts(GENEVA)


def keys(registry: Registry, now_s: float = NOW) -> list[str]:
    return [cache.key for cache in registry.live(now_s)]


def signed(one: Heartbeat, signer: str) -> Heartbeat:
    return replace(one, signer=signer)


def refused(registry: Registry, one: Heartbeat, now_s: float = NOW, where=SWISS) -> Reason:
    before = (registry.version, list(registry.live(now_s)))
    with pytest.raises(BadBeat) as caught:
        registry.apply(one, where, now_s)
    assert (registry.version, list(registry.live(now_s))) == before
    return caught.value.reason


def take(registry: Registry, one: Heartbeat, now_s: float = NOW) -> Cache:
    return registry.apply(one, SWISS, now_s)


# -- time -------------------------------------------------------------------------------------------


@pytest.mark.row("S28")
@pytest.mark.parametrize(
    ("age_s", "reason"),
    [
        (200.0, Reason.TOO_OLD),
        (180.0, Reason.TOO_OLD),
        (-180.0, Reason.FROM_THE_FUTURE),
        (-86_400.0, Reason.FROM_THE_FUTURE),
    ],
)
def test_what_was_sent_too_long_ago_or_too_far_ahead_is_dropped(age_s, reason):
    registry = Registry()
    assert refused(registry, beat("a", sent_at_s=NOW - age_s)) is reason
    assert len(registry) == 0


@pytest.mark.row("S28")
@pytest.mark.parametrize(
    ("ahead_s", "flagged"),
    [
        *((0.0, False), (9.9, False), (-9.9, False), (10.0, False), (-10.0, False)),
        *((10.1, True), (-10.1, True), (25.0, True), (-179.9, True), (179.9, True)),
    ],
)
def test_a_clock_that_is_wrong_is_flagged(ahead_s, flagged):
    registry = Registry()
    cache = take(registry, beat("a", sent_at_s=NOW + ahead_s))
    assert cache.drift_s == pytest.approx(ahead_s, abs=1e-6)
    assert registry.drifts(cache) is flagged


@pytest.mark.row("S28")
def test_the_drift_is_that_of_the_latest_beat():
    registry = Registry()
    take(registry, beat("a", sent_at_s=NOW - 30))
    assert registry.drifts(take(registry, beat("a", sent_at_s=NOW + 30), NOW + 30)) is False
    assert registry.drifts(take(registry, beat("a", sent_at_s=NOW + 85), NOW + 60)) is True
    assert registry.drifts(take(registry, beat("a", sent_at_s=NOW + 91), NOW + 90)) is False


@pytest.mark.row("S29")
def test_a_cache_is_gone_180_s_after_its_last_beat():
    registry = Registry()
    take(registry, beat("a"))
    take(registry, beat("a", sent_at_s=NOW + 30), NOW + 30)

    assert keys(registry, NOW + 209.9) == ["a"]
    assert registry.get("a", NOW + 209.9) is not None
    assert registry.next_expiry_s(NOW + 100) == NOW + 210
    assert registry.expire(NOW + 209.9) == []

    assert keys(registry, NOW + 210) == []
    assert registry.get("a", NOW + 210) is None
    assert registry.next_expiry_s(NOW + 210) == math.inf
    assert len(registry) == 1  # it is only not shown
    version = registry.version
    assert [cache.key for cache in registry.expire(NOW + 210)] == ["a"]
    assert len(registry) == 0
    assert registry.version > version


def test_the_times_can_be_set():
    registry = Registry(RegistryPolicy(inactive_s=6, drift_s=1, future_s=2))
    assert refused(registry, beat("a", sent_at_s=NOW - 6)) is Reason.TOO_OLD
    assert refused(registry, beat("a", sent_at_s=NOW + 2)) is Reason.FROM_THE_FUTURE
    assert registry.drifts(take(registry, beat("a", sent_at_s=NOW + 1.5)))
    assert keys(registry, NOW + 5.9) == ["a"]
    assert keys(registry, NOW + 6) == []


def test_an_old_beat_sent_again_does_not_count():
    registry = Registry()
    take(registry, beat("a", port=1))
    take(registry, beat("a", port=2, sent_at_s=NOW + 60), NOW + 60)
    assert refused(registry, beat("a", port=1), NOW + 61) is Reason.REPLAYED
    assert refused(registry, beat("a", sent_at_s=NOW + 50), NOW + 61) is Reason.REPLAYED
    # beats may overtake each other, and clocks are put right by a little
    assert take(registry, beat("a", port=3, sent_at_s=NOW + 51), NOW + 61).beat.port == 3


# -- what changes -----------------------------------------------------------------------------------


@pytest.mark.row("S30")
@pytest.mark.parametrize(
    "changed",
    [
        beat("a", port=8080),
        beat("a", public="192.0.2.99"),
        beat("a", private="10.0.0.9"),
        beat("a", hostname="other.example.org"),
        beat("a", max_load=5.0),
        beat("a", load=77.0),
        beat("a", kind=CacheType.VARNISH),
        beat("a", upstream=Upstream.CVMFS),
    ],
)
def test_what_a_beat_brings_is_in_the_next_answer(changed):
    registry = Registry()
    add(registry, beat("a"))
    version = registry.version
    registry.apply(changed, SWISS, NOW + 1)

    found = nearest(
        registry.live(NOW + 1),
        Place(GENEVA),
        Wish(frozenset(CacheType)),
        CostPolicy(),
        same_network=lambda _: True,
        draw=lambda: 0.5,
    )
    assert [one.cache.beat for one in found] == [changed]
    assert found[0].cache.created_s == NOW
    assert registry.version > version


def test_a_new_place_counts():
    registry = Registry()
    take(registry, beat("a"))
    shape = registry.shape
    assert registry.apply(beat("a"), facts(VANCOUVER), NOW).facts.place.position == VANCOUVER
    assert registry.shape > shape


def test_only_a_load_leaves_the_shape():
    registry = Registry()
    take(registry, beat("a"))
    version, shape = registry.version, registry.shape
    take(registry, beat("a", load=5, sent_at_s=NOW + 30), NOW + 30)
    assert (registry.version, registry.shape) == (version + 1, shape)


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        (beat("a", load=5), True),
        (beat("a", max_load=5), True),
        (beat("a", hostname="renamed.example.org"), True),
        (beat("a", port=8080), False),
        (beat("a", public="192.0.2.99"), False),
        (beat("a", private="10.0.0.9"), False),
        (beat("a", kind=CacheType.VARNISH), False),
        (beat("a", upstream=Upstream.FRONTIER), False),
    ],
)
def test_a_verdict_holds_for_what_was_looked_at(changed, holds):
    registry = Registry()
    add(registry, beat("a"))
    cache = take(registry, changed)
    assert cache.verification.health is (Health.PASSED if holds else Health.PENDING)


def test_where_nobody_looks_new_caches_and_moved_ones_are_off():
    registry = Registry(unverified=Verification(Health.OFF))
    assert take(registry, beat("a")).is_global
    assert take(registry, beat("a", port=1)).verification.health is Health.OFF


def test_verdicts():
    registry = Registry()
    assert registry.verified("a", PASSED) is None
    take(registry, beat("a"))
    take(registry, beat("b", public="192.0.2.2"))
    version, shape = registry.version, registry.shape
    found = registry.verified("a", PASSED)
    assert found is not None
    assert found.is_global
    assert registry.version > version
    assert registry.shape > shape
    assert keys(registry) == ["a", "b"]
    assert registry.counts(NOW) == {
        Health.PENDING: 1,
        Health.PASSED: 1,
        Health.FAILED: 0,
        Health.OFF: 0,
    }
    assert sum(registry.counts(NOW + 180).values()) == 0


def test_places_can_be_looked_up_anew():
    registry = Registry()
    take(registry, beat("a"))
    shape = registry.shape
    registry.place_anew(lambda one: facts(BATAVIA, city=one.hostname))
    found = registry.get("a", NOW)
    assert found is not None
    assert found.facts.city == "a.example.org"
    assert registry.shape > shape


# -- restarts ---------------------------------------------------------------------------------------


@pytest.mark.row("S31")
def test_a_new_key_at_the_same_stand_is_the_same_cache_started_anew():
    registry = Registry()
    add(registry, beat("first", hostname="vm"))
    cache = take(registry, beat("second", hostname="vm", sent_at_s=NOW + 5), NOW + 5)

    assert keys(registry, NOW + 5) == ["second"]
    assert len(registry) == 1
    assert cache.created_s == NOW
    assert cache.verification.health is Health.PASSED


@pytest.mark.parametrize(
    "other",
    [
        beat("b", hostname="vm", port=8080),
        beat("b", hostname="vm", public="192.0.2.99"),
        beat("b", hostname="vm", private="10.0.0.9"),
        beat("b", hostname="vm2"),
    ],
)
def test_another_stand_is_another_cache(other):
    registry = Registry()
    take(registry, beat("a", hostname="vm"))
    take(registry, other)
    assert keys(registry) == ["a", "b"]


def test_after_its_end_a_stand_is_free():
    registry = Registry()
    take(registry, beat("a", hostname="vm"))
    late = NOW + 180
    cache = take(registry, beat("b", hostname="vm", sent_at_s=late), late)
    assert cache.created_s == late
    assert keys(registry, late) == ["b"]


def test_a_cache_that_moves_to_anothers_stand_takes_its_place():
    registry = Registry()
    take(registry, beat("a", hostname="vm", port=1))
    take(registry, beat("b", hostname="vm", port=2))
    take(registry, beat("a", hostname="vm", port=2))
    assert keys(registry) == ["a"]
    assert len(registry) == 1


def test_a_stand_left_behind_is_nobodys():
    """A cache that comes back elsewhere before it was swept is not replaced by who comes to where it stood."""
    registry = Registry()
    take(registry, beat("a", hostname="vm", port=1))
    late = NOW + 185
    take(registry, beat("a", hostname="vm", port=2, sent_at_s=late), late)
    take(registry, beat("b", hostname="vm", port=1, sent_at_s=late), late)
    assert keys(registry, late) == ["a", "b"]


def test_a_stand_left_by_a_live_cache_is_nobodys():
    registry = Registry()
    take(registry, beat("a", hostname="vm", port=1))
    take(registry, beat("a", hostname="vm", port=2))
    take(registry, beat("b", hostname="vm", port=1))
    assert keys(registry) == ["a", "b"]


def test_restore():
    registry = Registry()
    add(registry, beat("a", hostname="vm"))
    add(registry, beat("b", public="192.0.2.2"))
    take(registry, beat("b", public="192.0.2.2", sent_at_s=NOW + 100), NOW + 100)
    caches = list(registry.live(NOW + 100))

    again = Registry()
    take(again, beat("b", public="192.0.2.2", load=5, sent_at_s=NOW + 190), NOW + 190)
    assert again.restore(caches, NOW + 179) == 1
    assert again.restore(caches, NOW + 179) == 0
    found = again.get("b", NOW + 190)
    assert found is not None
    assert found.beat.load_kbps == 5
    assert Registry().restore(caches, NOW + 180) == 1
    # it is known where they stand
    take(again, beat("c", hostname="vm", sent_at_s=NOW + 179), NOW + 179)
    assert sorted(keys(again, NOW + 179)) == ["b", "c"]


# -- whose it is ------------------------------------------------------------------------------------


@pytest.mark.row("S32")
def test_goodbye():
    registry = Registry()
    take(registry, beat("a"))
    version = registry.version
    assert registry.goodbye("a", "") is True
    assert len(registry) == 0
    assert registry.version > version
    assert registry.goodbye("a", "") is False


def test_an_operator_drops_a_cache():
    registry = Registry()
    take(registry, signed(beat("a"), "uvic"))
    assert registry.remove("a") is True
    assert registry.remove("a") is False
    assert keys(registry) == []


@pytest.mark.row("S33")
@pytest.mark.parametrize("stranger", ["", "desy"])
def test_a_cache_belongs_to_who_signed_for_it_first(stranger):
    registry = Registry()
    take(registry, signed(beat("a", hostname="vm", port=1), "uvic"))

    assert refused(registry, signed(beat("a"), stranger)) is Reason.NOT_THE_OWNER
    # neither by another key at its stand, nor by moving there
    taken = signed(beat("b", hostname="vm", port=1), stranger)
    assert refused(registry, taken) is Reason.NOT_THE_OWNER
    take(registry, replace(taken, port=2))
    assert refused(registry, taken) is Reason.NOT_THE_OWNER
    with pytest.raises(BadBeat) as caught:
        registry.goodbye("a", stranger)
    assert caught.value.reason is Reason.NOT_THE_OWNER
    assert keys(registry) == ["a", "b"]

    take(registry, signed(beat("a", hostname="vm", port=3), "uvic"))
    assert registry.goodbye("a", "uvic") is True


def test_after_its_end_a_key_is_free():
    registry = Registry()
    take(registry, signed(beat("a"), "uvic"))
    late = NOW + 180
    cache = take(registry, signed(beat("a", sent_at_s=late), "desy"), late)
    assert (cache.beat.signer, cache.created_s) == ("desy", late)


def test_who_signs_takes_over_what_nobody_signed():
    registry = Registry()
    # a stranger who was there first, with a clock that would make all that follows look old
    take(registry, beat("a", hostname="vm", sent_at_s=NOW + 170))
    cache = take(registry, signed(beat("a", hostname="vm"), "uvic"))
    assert cache.beat.signer == "uvic"
    assert refused(registry, beat("a", hostname="vm", sent_at_s=NOW + 170)) is Reason.NOT_THE_OWNER

    take(registry, beat("squatter", hostname="vm2"))
    take(registry, signed(beat("b", hostname="vm2"), "uvic"))
    assert keys(registry) == ["a", "b"]


# -- limits -----------------------------------------------------------------------------------------


def test_there_are_so_many_caches_and_no_more():
    registry = Registry(RegistryPolicy(max_caches=2))
    for number in range(2):
        take(registry, beat(f"c{number}"))
    assert refused(registry, beat("c2")) is Reason.TOO_MANY
    take(registry, beat("c0", load=5))  # those that are known go on
    late = NOW + 180
    take(registry, beat("c2", sent_at_s=late), late)
    assert keys(registry, late) == ["c2"]
    assert len(registry) == 1


def test_a_place_may_be_needed():
    nowhere = facts(None)
    assert Registry().apply(beat("a"), nowhere, NOW).facts.place.position is None
    strict = Registry(RegistryPolicy(need_place=True))
    assert refused(strict, beat("a"), where=nowhere) is Reason.UNKNOWN_PLACE
    take(strict, beat("a"))
    # once there, it stays
    assert strict.apply(beat("a", load=5), nowhere, NOW).beat.load_kbps == 5


def test_the_table_may_change_while_it_is_read():
    registry = Registry()
    for number in range(3):
        take(registry, beat(f"c{number}"))
    seen = []
    for cache in registry.live(NOW):
        seen.append(cache.key)
        registry.remove("c2")
    assert seen == ["c0", "c1", "c2"]
    assert repr(registry) == "<Registry 2 caches, version 4>"


def test_a_cache_with_an_address_of_version_6():
    registry = Registry()
    cache = take(registry, beat("a", public="2001:db8::1"))
    assert cache.beat.reachable_ip == ip_address("2001:db8::1")


def test_it_tells_which_caches_gave_it_its_last_shapes():
    registry = Registry()
    add(registry, beat("a", port=1))
    add(registry, beat("b", port=2))
    shape = registry.shape
    assert registry.changed_since(shape) == []

    registry.apply(beat("a", port=1, load=5.0), facts(GENEVA), NOW)  # a load is no matter
    registry.verified("b", Verification(Health.FAILED))
    registry.goodbye("a", "")

    assert registry.changed_since(shape) == ["a", "b"]
    # they came, and each was verified
    assert registry.changed_since(0) == ["a", "b", "b", "b", "a", "a"]


def test_what_happened_long_ago_or_to_all_is_told_by_nobody():
    registry = Registry()
    add(registry, beat("a"))
    for _ in range(2000):
        registry.verified("a", Verification(Health.PASSED))
    assert registry.changed_since(registry.shape - 1) == ["a"]
    assert registry.changed_since(0) is None

    shape = registry.shape
    registry.place_anew(lambda _: facts(GENEVA))
    assert registry.changed_since(shape) is None
    now = registry.shape
    registry.verified("a", Verification(Health.PASSED))
    assert registry.changed_since(now) == ["a"]
    assert registry.changed_since(shape) is None


def test_one_not_heard_of_for_long_is_tracked_until_it_is_swept_and_never_found():
    registry = Registry()
    add(registry, beat("a"))
    late_s = NOW + registry.policy.inactive_s
    find_now, find_late = registry.finder(late_s - 0.1), registry.finder(late_s)

    assert find_now("a") == registry.get("a", late_s - 0.1) == registry.tracked("a")
    assert find_late("a") is registry.get("a", late_s) is None
    assert list(registry.all_tracked()) == [registry.tracked("a")]

    registry.expire(late_s)
    assert find_now("a") is registry.tracked("a") is None
    assert not list(registry.all_tracked())
