"""How much is an endpoint trusted right after its return?

A storage that comes back has cold caches, disks that are being checked and, where a whole site was away, every job of the site waiting for it.
So its share of the clients among equally near endpoints grows over ``slow_start_s``, from a tenth, in tenths: each step makes the
ranking plan anew.
"""

from math import inf

STEPS = 10


class Warming:
    """One endpoint's return."""

    __slots__ = ("_returned_s", "slow_start_s")

    def __init__(self, slow_start_s: float) -> None:
        self.slow_start_s = slow_start_s
        self._returned_s = -inf

    def returned(self, now: float) -> None:
        """It is back."""
        self._returned_s = now

    def under_way(self, now: float) -> bool:
        """Whether its share is still growing."""
        return now - self._returned_s < self.slow_start_s

    def share(self, now: float) -> float:
        """Its share of what it would get otherwise: from 0.1 to 1."""
        if not self.under_way(now):
            return 1.0
        return (1 + int((STEPS - 1) * (now - self._returned_s) / self.slow_start_s)) / STEPS

    def __repr__(self) -> str:
        return f"<Warming over {self.slow_start_s:g} s>"
