"""The one owner of time: everything else is handed a clock, or plain seconds.

``ugrpy.testing.FakeClock`` is the clock that tests move by hand.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings in seconds: one that only moves forward, one that people read."""

    def monotonic(self) -> float:
        """Seconds since some fixed point; for ages, deadlines and latencies."""
        ...

    def wall(self) -> float:
        """Seconds since the epoch (UTC); for dates shown to clients and in logs."""
        ...


class SystemClock:
    """The machine's clock."""

    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
