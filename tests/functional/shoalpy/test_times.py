"""Heartbeats in time, late, ahead and missing, at a running server."""

import json
import time

import pytest

from tests.functional.shoalpy.shoal import Shoal, ShoalStarter

pytestmark = pytest.mark.functional

# a thirtieth of the defaults: 180 s without a beat, a sweep every 15 s
INACTIVE_S, SWEEP_S = 6.0, 0.5


@pytest.fixture(scope="module")
def hasty(start_shoal: ShoalStarter) -> Shoal:
    return start_shoal(f"[registry]\ninactive_s = {INACTIVE_S}\n[server]\nsweep_s = {SWEEP_S}\n")


@pytest.mark.row("S28")
def test_beats_that_are_late_or_ahead(shoal):
    now_s = time.time()
    dropped = 'shoalpy_heartbeats_dropped_total{reason="%s",transport="https"}'

    assert shoal.beat("late", timestamp=now_s - 200).status == 422
    assert shoal.beat("early", timestamp=now_s + 200).status == 422
    assert shoal.beat("ahead", timestamp=now_s + 25).status == 200
    assert shoal.beat("good", timestamp=now_s).status == 200

    assert shoal.hosts("/all") == ["ahead", "good"]
    assert shoal.metric(dropped % "too_old") == 1
    assert shoal.metric(dropped % "from_the_future") == 1


@pytest.mark.row("S28")
def test_the_drift_follows_the_latest_beat(shoal):
    def drift_s() -> float:
        found = json.loads(shoal.ask("/v2/caches/clock").body)
        return float(found["drift_s"])

    shoal.beat("clock", timestamp=time.time() - 60)
    assert drift_s() == pytest.approx(-60, abs=9)
    shoal.beat("clock", timestamp=time.time() + 30)
    assert drift_s() == pytest.approx(30, abs=9)


@pytest.mark.row("S29")
def test_a_cache_is_gone_after_its_time_and_from_the_table_a_sweep_later(hasty):
    sent_s = time.monotonic()
    assert hasty.beat("quiet").status == 200
    answered_s = time.monotonic()
    tracked = 'shoalpy_caches{health="off"}'
    assert hasty.metric(tracked) == 1

    while time.monotonic() < sent_s + INACTIVE_S - 1:
        there = hasty.hosts("/all") == ["quiet"]
        # a machine that stood still in between tells nothing
        assert there or time.monotonic() > sent_s + INACTIVE_S
        time.sleep(0.1)
    hasty.until(lambda: hasty.hosts("/all") == [])
    assert time.monotonic() >= sent_s + INACTIVE_S
    assert hasty.hosts("/nearest") == []
    hasty.until(lambda: hasty.metric(tracked) == 0)
    # 195 s of 180 s, here 6.5 s of 6 s, with five-fold slack for a busy machine
    assert time.monotonic() - answered_s < INACTIVE_S + 5 * SWEEP_S + 5
