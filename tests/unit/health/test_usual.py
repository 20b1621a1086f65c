"""What is usual: quantiles of the last answers."""

import sys
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ugrpy.health.usual import STALE_S, WINDOW, Usual

# A step of the scale, and the last digits of its powers.
STEP = 2**0.25 * 1.000001
WAITS_S = st.floats(1e-4, 1000.0)


def usual(*waits_s: float) -> Usual:
    one = Usual()
    for wait_s in waits_s:
        one.note(wait_s, 1000.0)
    return one


def test_nothing_is_usual_before_anything_was_seen():
    assert usual().quantile_s(0.5) is None
    assert repr(usual()) == "<Usual of 0 answers, p50 0 ms, p95 0 ms>"


def test_a_tail_of_one_in_ten_is_seen_by_the_p95_and_not_by_the_median():
    one = usual(*[0.02] * 45, *[0.5] * 5)
    assert one.quantile_s(0.5) == pytest.approx(0.02, rel=0.2)
    assert one.quantile_s(0.95) == pytest.approx(0.5, rel=0.2)
    assert repr(one).startswith("<Usual of 50 answers, p50 2")


def test_three_slow_answers_among_the_last_64_are_no_tail_and_four_are():
    assert (usual(*[0.02] * 61, *[0.5] * 3).quantile_s(0.95) or 0) < 0.03
    assert (usual(*[0.02] * 60, *[0.5] * 4).quantile_s(0.95) or 0) > 0.4


def test_what_was_before_the_window_is_forgotten():
    one = usual(*[2.0] * 100, *[0.01] * WINDOW)
    assert one.count == WINDOW
    assert (one.quantile_s(1.0) or 0) < 0.02


def test_a_long_silence_makes_it_start_afresh():
    one = usual(*[2.0] * 20)
    one.note(0.01, 1000.0 + STALE_S)
    assert one.count == 21
    one.note(0.01, 1000.1 + 2 * STALE_S)
    assert one.count == 1


def test_what_is_shorter_than_the_scale_counts_as_its_shortest_and_nothing_is_too_long():
    assert usual(0.0).quantile_s(0.5) == 1e-4
    assert (usual(1e30).quantile_s(0.5) or 0) > 1e12


def test_noting_an_answer_takes_no_room():
    one = usual(*[0.02] * WINDOW)
    before = sys.getsizeof(one._recent)
    for turn in range(10 * WINDOW):
        one.note(0.001 * turn, 1000.0)
    assert sys.getsizeof(one._recent) == before <= 2 * WINDOW


@given(
    st.lists(WAITS_S, min_size=1, max_size=3 * WINDOW), st.sampled_from([0.01, 0.5, 0.9, 0.95, 1.0])
)
def test_a_quantile_is_that_of_the_last_answers_rounded_up_by_one_step(
    waits_s: list[float], share: float
):
    last = sorted(waits_s[-WINDOW:])
    true_s = last[max(1, ceil(share * len(last))) - 1]
    told_s = usual(*waits_s).quantile_s(share)
    assert told_s is not None
    assert true_s / 1.000001 <= told_s <= true_s * STEP


@given(st.lists(WAITS_S, min_size=1, max_size=WINDOW))
def test_within_the_window_the_order_does_not_matter(waits_s: list[float]):
    other = sorted(waits_s)
    for share in (0.5, 0.95):
        assert usual(*waits_s).quantile_s(share) == usual(*other).quantile_s(share)
