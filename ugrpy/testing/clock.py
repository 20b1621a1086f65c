"""What time is it, when the test says so? A ``ugrpy.core.clock.Clock`` moved by hand."""

# An arbitrary date (2023-11-14T22:13:20Z) and an arbitrary uptime: a test that mixes the two up fails at once.
WALL_START_S = 1_700_000_000.0
MONOTONIC_START_S = 1_000.0


class FakeClock:
    """Stands still until ``advance`` is called; the wall clock can also be set, as administrators do."""

    def __init__(
        self, *, monotonic_s: float = MONOTONIC_START_S, wall_s: float = WALL_START_S
    ) -> None:
        self._monotonic_s = monotonic_s
        self._wall_s = wall_s

    def monotonic(self) -> float:
        """Seconds that only move forward."""
        return self._monotonic_s

    def wall(self) -> float:
        """Seconds since the epoch."""
        return self._wall_s

    def advance(self, seconds: float) -> None:
        """Both readings move on. Raises ``ValueError`` for a negative step."""
        if seconds < 0:
            raise ValueError(
                "time does not run backwards; use set_wall for a clock that was put right"
            )
        self._monotonic_s += seconds
        self._wall_s += seconds

    def set_wall(self, wall_s: float) -> None:
        """Somebody puts the wall clock right; the monotonic reading stays."""
        self._wall_s = wall_s

    def __repr__(self) -> str:
        return f"<FakeClock monotonic {self._monotonic_s:g} s, wall {self._wall_s:g} s>"
