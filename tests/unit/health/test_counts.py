"""The row of failures and the back-off of trials."""

import pytest

from ugrpy.health.counts import BackOff, FailureRow, jittered, middle


def test_a_good_probe_forgives_only_what_it_can_judge():
    row = FailureRow()
    row.add(door=2)
    row.add(work=1)
    row.add(door=1)
    assert (row.weight, row.count) == (4, 3)
    row.forgive_door()
    assert (row.weight, row.count) == (1, 1)
    row.forgive_all()
    assert (row.weight, row.count) == (0, 0)
    assert repr(row) == "<FailureRow 0: door 0, work 0>"


def test_the_back_off_doubles_up_to_sixteen_intervals_and_starts_anew():
    back_off = BackOff(10.0, middle)
    back_off.start(0.0)
    waits = [back_off.due_at]
    for _ in range(6):
        back_off.lengthen(0.0)
        waits.append(back_off.due_at)
    assert waits == [10, 20, 40, 80, 160, 160, 160]
    back_off.start(1000.0)
    assert back_off.due_at == 1010


@pytest.mark.parametrize(("drawn", "expected"), [(0.0, 85.0), (0.5, 100.0), (1.0, 115.0)])
def test_jitter_goes_to_both_sides(drawn, expected):
    assert jittered(100.0, lambda: drawn) == pytest.approx(expected)
