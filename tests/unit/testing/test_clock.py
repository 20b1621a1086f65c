"""The clock moved by hand."""

import pytest

from ugrpy.core.clock import Clock
from ugrpy.testing import FakeClock


def test_it_stands_still_until_it_is_moved():
    clock: Clock = FakeClock(monotonic_s=5.0, wall_s=100.0)
    assert (clock.monotonic(), clock.monotonic(), clock.wall()) == (5.0, 5.0, 100.0)


def test_both_readings_advance_and_the_wall_can_be_put_right():
    clock = FakeClock(monotonic_s=5.0, wall_s=100.0)
    clock.advance(2.5)
    assert (clock.monotonic(), clock.wall()) == (7.5, 102.5)
    clock.set_wall(50.0)
    assert (clock.monotonic(), clock.wall()) == (7.5, 50.0)
    assert repr(clock) == "<FakeClock monotonic 7.5 s, wall 50 s>"


def test_time_does_not_run_backwards():
    with pytest.raises(ValueError, match="backwards"):
        FakeClock().advance(-1.0)
