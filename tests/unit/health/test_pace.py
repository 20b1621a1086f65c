"""How long an endpoint is waited for."""

import pytest

from ugrpy.health.pace import Pace

CAP_S = 0.25


def test_without_knowledge_the_wait_is_the_cap():
    assert Pace(3).patience_s(CAP_S) == CAP_S


@pytest.mark.parametrize(
    ("latency_s", "patience_s"), [(0.001, 0.02), (0.01, 0.04), (0.05, 0.2), (1.0, 0.25)]
)
def test_four_times_the_usual_between_floor_and_cap(latency_s, patience_s):
    pace = Pace(3)
    pace.answered(latency_s)
    assert pace.patience_s(CAP_S) == pytest.approx(patience_s)


def test_a_tiny_cap_holds_below_the_floor():
    pace = Pace(3)
    pace.answered(0.001)
    assert pace.patience_s(0.005) == 0.005


def test_the_average_follows_a_lasting_change():
    pace = Pace(3)
    pace.answered(0.1)
    pace.answered(0.2)
    assert pace.latency_s == pytest.approx(0.12)
    for _ in range(20):
        pace.answered(0.2)
    assert pace.latency_s == pytest.approx(0.2, rel=0.02)


def test_a_probe_is_a_first_guess_only():
    pace = Pace(3)
    pace.seeded(1.0)
    pace.seeded(0.5)
    assert pace.latency_s == 0.5
    pace.answered(0.01)
    assert pace.latency_s == 0.01
    pace.seeded(1.0)
    assert pace.latency_s == 0.01


def test_sluggish_after_a_row_of_missed_waits_and_cleared_by_one_prompt_answer():
    pace = Pace(3)
    pace.answered(0.01)
    pace.stalled(CAP_S)
    pace.stalled(CAP_S)
    assert pace.patience_s(CAP_S) > 0.0
    pace.answered(0.01)  # breaks the row
    pace.stalled(CAP_S)
    pace.stalled(CAP_S)
    assert pace.patience_s(CAP_S) > 0.0
    pace.stalled(CAP_S)
    assert pace.sluggish
    assert pace.patience_s(CAP_S) == 0.0
    pace.answered(0.03)
    assert pace.patience_s(CAP_S) > 0.0


def test_an_endpoint_that_always_takes_two_seconds_does_not_clear_itself():
    pace = Pace(3)
    for _ in range(5):
        pace.stalled(CAP_S)
        pace.answered(2.0)
    assert pace.sluggish
    pace.answered(0.2)
    assert not pace.sluggish


def test_a_lasting_slower_pace_within_the_cap_is_learned():
    pace = Pace(1)
    pace.answered(0.01)
    pace.stalled(CAP_S)
    pace.answered(0.1)
    assert pace.sluggish
    pace.answered(0.1)
    assert not pace.sluggish


def test_forgetting_starts_afresh():
    pace = Pace(1)
    pace.answered(0.01)
    pace.stalled(CAP_S)
    assert repr(pace) == "<Pace 10 ms, 1 stalls, sluggish>"
    pace.forget()
    assert (pace.latency_s, pace.sluggish, pace.stalls) == (None, False, 0)
    assert repr(pace) == "<Pace unknown, 0 stalls>"
