"""Is the cache fit to be told of, when is it tested next, and who is written to? Values in, values out (row S55).

A cache that fails its test is not told of until it passes one. Its administrator is written to once a day at most, for as long as it fails.
"""

from dataclasses import dataclass, replace

DAY_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Condition:
    """What the last test has shown; ``None``: there was none yet. ``mailed_at_s`` is on the wall, as are all times here."""

    healthy: bool | None = None
    message: str = ""
    next_test_s: float = 0.0
    mailed_at_s: float | None = None

    def is_due(self, now_s: float) -> bool:
        """Whether it is time for a test."""
        return self.healthy is None or now_s >= self.next_test_s

    def wants_mail(self, now_s: float) -> bool:
        """Whether the administrator is written to now. A clock that was put back does not keep us from it for longer than a day."""
        if self.healthy is not False:
            return False
        return self.mailed_at_s is None or abs(now_s - self.mailed_at_s) >= DAY_S

    def mailed(self, now_s: float) -> "Condition":
        """The same after that."""
        return replace(self, mailed_at_s=now_s)

    def tested(
        self, *, healthy: bool, message: str, now_s: float, healthy_s: float, failing_s: float
    ) -> "Condition":
        """After a test; the next one comes after ``healthy_s`` or ``failing_s``."""
        wait_s = healthy_s if healthy else failing_s
        return replace(self, healthy=healthy, message=message, next_test_s=now_s + wait_s)
