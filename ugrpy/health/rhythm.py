"""When should an endpoint be probed next? The clock of one endpoint's probes.

An endpoint that has just answered needs none, one that has just failed gets one soon. One that was ejected gets the first an interval
after, since a probe at once would say nothing about the interval that has to be stable.
"""

from ugrpy.health.counts import Draw, jittered

SUSPECT_FRACTION = 0.1  # of a probe interval between probes of a suspect


class Rhythm:
    """What is known of an endpoint's last signs of life, and when the next is due. Times are monotonic seconds."""

    __slots__ = ("_draw", "_period_s", "interval_s", "last_good_s", "last_probe_s", "suspect")

    def __init__(self, interval_s: float, draw: Draw) -> None:
        self.interval_s = interval_s
        self.suspect = False
        self.last_good_s: float | None = None
        self.last_probe_s: float | None = None
        self._draw = draw
        self._period_s = jittered(interval_s, draw)

    def probed(self, at_s: float) -> None:
        """A probe came back then."""
        self.last_probe_s = at_s
        self._period_s = jittered(self.interval_s, self._draw)

    def overdue_s(self, now: float, *, watched: bool, ejected_at_s: float | None) -> float:
        """How long a probe has been due, negative while none is. ``watched``: whatever its traffic says."""
        since = self._quiet_since(watched or self.suspect, ejected_at_s)
        if since is None:
            return 0.0
        soon = self.suspect and ejected_at_s is None
        return now - since - self._period_s * (SUSPECT_FRACTION if soon else 1.0)

    def _quiet_since(self, watched: bool, ejected_at_s: float | None) -> float | None:
        """From when the time to the next probe counts; ``None`` when the first one is due."""
        last = self.last_probe_s
        if ejected_at_s is not None:
            return ejected_at_s if last is None else max(last, ejected_at_s)
        if watched or last is None or self.last_good_s is None:
            return last
        return max(last, self.last_good_s)

    def __repr__(self) -> str:
        return f"<Rhythm every {self.interval_s:g} s{', suspect' if self.suspect else ''}>"
