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


def bad_third(pace: Pace, turn: int) -> None:
    """Every third answer is of no use, the others are prompt."""
    if turn % 3:
        pace.answered(0.01)
    else:
        pace.failed()


def test_one_that_is_of_no_use_every_third_time_is_not_waited_for_though_never_bad_in_a_row():
    pace = Pace(3)
    for turn in range(60):
        bad_third(pace, turn)
    assert pace.sluggish
    for turn in range(60):
        bad_third(pace, turn)
        assert pace.sluggish, "a prompt answer in between does not clear it"
    for _ in range(60):
        pace.answered(0.01)
    assert not pace.sluggish


def test_late_answers_count_as_bad_ones():
    pace = Pace(3)
    for _ in range(20):
        pace.answered(0.01)
    for turn in range(60):
        pace.answered(0.01 if turn % 2 else 0.9)
        pace.latency_s = 0.01
    assert pace.unreliable


def test_an_honest_tail_does_not_make_it_unreliable():
    pace = Pace(3)
    for turn in range(1000):
        if turn % 30:
            pace.answered(0.01)
        else:
            pace.failed()
        assert not pace.sluggish


def test_after_an_outage_it_is_trusted_again():
    pace = Pace(3)
    for _ in range(60):
        pace.failed()
    assert pace.unreliable
    pace.forget()
    assert not pace.sluggish
    pace.failed()
    assert not pace.sluggish
