"""How long does an endpoint usually take, and how long does it take when it is slow for once?

A mean says nothing about the tail, and it is the tail that tells whether a silence is still ordinary. So the last answers are kept, each as
one byte on a logarithmic scale, and the quantiles are read off them when somebody wants to know.

Ways that were weighed. An estimate that is moved up and down with each answer (P-square, frugal streaming) takes a number or two, and hundreds of
answers before it believes that a link has become four times as fast. Counts in a histogram never forget unless they are halved now and
then. The last 64 answers take 64 bytes, forget by themselves, and are exact but for the rounding: three of them lie above their p95.

Answers count, and silences that were given up do not: a lost question is not slow, and an endpoint that loses every tenth would be given ever
more time for it. An answer to a question that was put twice counts from the first time, or the tail would look shorter each time that it was cut off.
"""

from math import ceil, log2

# Answers remembered: enough for a p95, and a busy endpoint has forgotten a bad minute within seconds.
WINDOW = 64
# Fewer say nothing about a tail.
ENOUGH = 16
# Of an endpoint that nobody has asked for so long it is not known any more how fast it is.
STALE_S = 600.0

# From a tenth of a millisecond, in steps of a fifth (the fourth root of two), to the longest deadline there can be, and beyond.
_SHORTEST_S = 1e-4
_STEPS_PER_OCTAVE = 4
_HIGHEST = 255


class Usual:
    """The last waits for one endpoint and one verb. Noting one allocates nothing."""

    __slots__ = ("_last_s", "_next", "_recent", "count")

    def __init__(self) -> None:
        self._recent = bytearray(WINDOW)
        self._next = 0
        self._last_s = 0.0
        self.count = 0
        """How many are remembered."""

    def note(self, waited_s: float, now_s: float) -> None:
        """A word has come after so long."""
        if now_s - self._last_s > STALE_S:
            self.forget()
        self._last_s = now_s
        self._recent[self._next] = _level_of(waited_s)
        self._next = (self._next + 1) % WINDOW
        if self.count < WINDOW:
            self.count += 1

    def quantile_s(self, share: float) -> float | None:
        """The wait that ``share`` of the last answers did not exceed, rounded up by a fifth at most; ``None`` when there are none."""
        if not self.count:
            return None
        ordered = sorted(self._recent[: self.count])
        return _seconds_of(ordered[max(1, ceil(share * self.count)) - 1])

    def forget(self) -> None:
        """Start afresh."""
        self._next = self.count = 0

    def __repr__(self) -> str:
        p50_s, p95_s = self.quantile_s(0.5) or 0.0, self.quantile_s(0.95) or 0.0
        return (
            f"<Usual of {self.count} answers, p50 {p50_s * 1000:.3g} ms, p95 {p95_s * 1000:.3g} ms>"
        )


def _level_of(waited_s: float) -> int:
    """The lowest level whose figure is not below the wait."""
    if waited_s <= _SHORTEST_S:
        return 0
    return min(_HIGHEST, ceil(_STEPS_PER_OCTAVE * log2(waited_s / _SHORTEST_S)))


def _seconds_of(level: int) -> float:
    return float(_SHORTEST_S * 2.0 ** (level / _STEPS_PER_OCTAVE))
