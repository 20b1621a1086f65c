"""When is it worth coming back? Estimated from how fast work has been ending of late."""

import math

SOONEST_S, LATEST_S = 1, 60
_WEIGHT = 0.1  # of the newest gap; the last thirty count


class Ending:
    """How much time passes between two things that end, while something waits."""

    def __init__(self) -> None:
        self.gap_s = 0.0
        self._last_s: float | None = None

    def __repr__(self) -> str:
        return f"<Ending one each {self.gap_s:g} s>"

    def ended(self, now: float, *, busy: bool) -> None:
        """One more; gaps in which nobody waited say nothing."""
        if busy and self._last_s is not None:
            self.gap_s += _WEIGHT * (now - self._last_s - self.gap_s)
        self._last_s = now if busy else None

    def retry_after_s(self, ahead: int) -> int:
        """Whole seconds until so many will have ended, within bounds."""
        return min(LATEST_S, max(SOONEST_S, math.ceil(self.gap_s * ahead)))
