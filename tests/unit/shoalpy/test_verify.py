"""When caches are looked at, and what is known of them afterwards."""

import math
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoalpy.looking import Finding, Look
from shoalpy.model import Cache, CacheType, Health, Upstream, Verification
from shoalpy.ranking import CostPolicy, Wish, nearest
from shoalpy.registry import Registry
from shoalpy.targets import Outcome
from shoalpy.verify import VerificationPolicy, look_at, plan, subject, verdict
from tests.unit.shoalpy.tracked import NOW, beat, facts
from ugrpy.locality import UNKNOWN_PLACE

POLICY = VerificationPolicy(interval_s=1000, retry_s=10, retry_max_s=100, jitter=0.0)
PASSED = Finding(Outcome.PASSED, "All systems OK!", 0.25)
FAILED = Finding(Outcome.WRONG, "no")


def half() -> float:
    return 0.5


def cache(key: str = "one", *, next_at_s: float = 0.0, **more) -> Cache:
    return Cache(
        beat(key, **more), NOW, NOW, facts(None), verification=Verification(next_at_s=next_at_s)
    )


# -- when ------------------------------------------------------------------------------------------


def test_new_caches_are_due_and_those_that_waited_longest_come_first():
    caches = [cache("later", next_at_s=NOW + 5), cache("due", next_at_s=NOW), cache("new")]
    planned = plan(caches, NOW, frozenset())
    assert [one.key for one in planned.due] == ["new", "due"]
    assert planned.next_at_s == NOW + 5


def test_those_being_looked_at_are_left_alone():
    planned = plan([cache("new"), cache("later", next_at_s=NOW + 5)], NOW, {"new", "later"})
    assert planned.due == []
    assert planned.next_at_s == math.inf


def test_the_pause_doubles_with_each_failure_up_to_a_limit_and_is_long_after_success():
    known, pauses = Verification(), []
    for _ in range(6):
        known = verdict(known, FAILED, NOW, POLICY, half)
        pauses.append(known.next_at_s - NOW)
    assert pauses == [10, 20, 40, 80, 100, 100]
    assert (known.health, known.failures, known.message) == (Health.FAILED, 6, "no")
    known = verdict(known, PASSED, NOW, POLICY, half)
    assert known == Verification(Health.PASSED, "All systems OK!", NOW, NOW + 1000, 0, 0.25)


@given(st.floats(0, 1), st.integers(0, 5000), st.booleans())
def test_each_pause_is_drawn_around_what_it_should_be(drawn, failures, passed):
    policy = replace(POLICY, jitter=0.2)
    found = PASSED if passed else FAILED
    known = verdict(Verification(failures=failures), found, NOW, policy, lambda: drawn)
    usual_s = 1000 if passed else min(100, 10 * 2.0 ** min(failures, 50))
    assert 0.8 * usual_s - 1e-3 <= known.next_at_s - NOW <= 1.2 * usual_s + 1e-3
    assert known.checked_at_s == NOW


# -- what ------------------------------------------------------------------------------------------


def test_a_look_asks_at_the_address_that_the_world_reaches():
    open_policy = replace(POLICY, allow_private=True)
    look = look_at(cache(public="142.104.1.1", private="10.0.0.1"), POLICY, half)
    assert isinstance(look, Look)
    ask = look.next_ask()
    assert ask is not None
    assert ask.proxy == "http://142.104.1.1:3128"
    assert ask.url.endswith("/.cvmfswhitelist")
    look = look_at(cache(public=None, private="10.0.0.1"), open_policy, half)
    assert isinstance(look, Look)
    ask = look.next_ask()
    assert ask is not None
    assert ask.proxy == "http://10.0.0.1:3128"


@pytest.mark.row("S51")
def test_a_cache_where_we_may_not_connect_fails_without_being_asked():
    found = look_at(cache(public="169.254.169.254", port=80), POLICY, half)
    assert found == Finding(
        Outcome.NO_CONNECTION,
        "Error during verification: this server does not connect to it: 169.254.169.254 is the metadata service of a cloud",
    )
    allowed = replace(POLICY, allow_networks=(ip_network("169.254.169.254/32"),))
    assert isinstance(look_at(cache(public="169.254.169.254", port=80), allowed, half), Look)
    found = look_at(cache(public="142.104.1.1", port=22), POLICY, half)
    assert isinstance(found, Finding)
    assert "port 22" in found.message


def test_a_cache_without_an_address_fails():
    found = look_at(cache(public=None), POLICY, half)
    assert isinstance(found, Finding)
    assert found.outcome is Outcome.NO_CONNECTION


def test_the_built_in_whitelists_are_four_of_each_of_four_servers():
    urls = VerificationPolicy().squid_cvmfs
    assert len(set(urls)) == 16
    assert len({url.split("/")[2] for url in urls}) == 4


def test_a_finding_is_about_place_and_kind_and_not_about_load():
    before = cache(load=1.0)
    assert subject(before) == subject(cache(load=2.0, sent_at_s=NOW + 1))
    for other in (
        cache(port=3129),
        cache(public="192.0.2.9"),
        cache(kind=CacheType.VARNISH),
        cache(upstream=Upstream.CVMFS),
    ):
        assert subject(before) != subject(other)


# -- whether ---------------------------------------------------------------------------------------


@pytest.mark.row("S50")
@pytest.mark.parametrize(("enabled", "told"), [(True, []), (False, ["one"])])
def test_without_verification_everybody_is_told_of_all(enabled, told):
    policy = VerificationPolicy(enabled=enabled)
    registry = Registry(unverified=policy.unverified)
    registry.apply(beat("one"), facts(None), NOW)
    ranked = nearest(
        registry.live(NOW),
        UNKNOWN_PLACE,
        Wish(),
        CostPolicy(),
        same_network=lambda _cache: False,
        draw=half,
    )
    assert [one.cache.key for one in ranked] == told
