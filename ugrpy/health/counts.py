"""How do failures add up, and when is a trial due? The two small counters inside the breaker."""

from collections.abc import Callable

Draw = Callable[[], float]

JITTER = 0.15  # of an interval, to either side: enough to fall out of step within a few rounds
LONGEST_BACK_OFF = (
    16  # intervals: under three minutes with the defaults, so a revived endpoint is found soon
)


def middle() -> float:
    """The draw of those who want no chance: no jitter."""
    return 0.5


def jittered(seconds: float, draw: Draw) -> float:
    """``seconds``, longer or shorter by up to ``JITTER``; ``draw`` yields numbers in [0, 1)."""
    return seconds * (1.0 + JITTER * (2.0 * draw() - 1.0))


class FailureRow:
    """Failures in a row: ``door`` weighs those that a probe can judge, ``work`` counts the others."""

    __slots__ = ("count", "door", "work")

    def __init__(self) -> None:
        self.door = self.work = self.count = 0

    @property
    def weight(self) -> int:
        """What is compared with ``eject_after``."""
        return self.door + self.work

    def add(self, *, door: int = 0, work: int = 0) -> None:
        """One more failure."""
        self.door += door
        self.work += work
        self.count += 1

    def forgive_door(self) -> None:
        """A probe was good."""
        self.door, self.count = 0, self.work

    def forgive_all(self) -> None:
        """An operation was good, or the endpoint is back."""
        self.door = self.work = self.count = 0

    def __repr__(self) -> str:
        return f"<FailureRow {self.count}: door {self.door}, work {self.work}>"


class BackOff:
    """The time of the next trial: one interval after the ejection, doubling with every trial that fails."""

    __slots__ = ("_draw", "_intervals", "due_at", "interval_s")

    def __init__(self, interval_s: float, draw: Draw) -> None:
        self.interval_s = interval_s
        self.due_at = 0.0
        self._intervals = 1
        self._draw = draw

    def start(self, now: float) -> None:
        """The endpoint was ejected."""
        self._intervals = 1
        self._schedule(now)

    def lengthen(self, now: float) -> None:
        """A trial failed."""
        self._intervals = min(2 * self._intervals, LONGEST_BACK_OFF)
        self._schedule(now)

    def _schedule(self, now: float) -> None:
        self.due_at = now + jittered(self._intervals * self.interval_s, self._draw)
