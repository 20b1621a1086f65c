"""The clock of the machine, and the meter that counts nothing."""

import time

from ugrpy.core.clock import Clock, SystemClock
from ugrpy.core.meter import Meter, NullMeter


def test_the_machine_has_two_readings():
    clock: Clock = SystemClock()
    before = time.monotonic(), time.time()
    readings = clock.monotonic(), clock.wall()
    after = time.monotonic(), time.time()
    assert before[0] <= readings[0] <= after[0]
    assert before[1] - 1 <= readings[1] <= after[1] + 1


def test_what_is_not_counted_costs_nothing_to_ask_for():
    meter: Meter = NullMeter()
    instrument = meter.instrument("ugrpy_requests_total", method="GET")
    instrument.add()
    instrument.add(2.5)
    assert not vars(instrument)
