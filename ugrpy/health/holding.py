"""What do others say of one endpoint, and what has it asked for itself?

The breaker counts what an endpoint does; here is what operators and calendars announce and for how long it wants to be left alone, put together as of
the last look.
"""

from collections.abc import Iterable, Iterator
from math import inf

from ugrpy.core.durations import phrase_duration
from ugrpy.health.choosing import Suitability, suitability
from ugrpy.health.notices import NOTHING, Notice, NoticeKind, Standing, standing
from ugrpy.health.states import WELL_STATES, State

LONGEST_WISH_S = 600.0  # a ``Retry-After`` beyond this is heeded no longer


class Holding:
    """One endpoint's notices and wishes. Times are monotonic seconds."""

    __slots__ = ("_busy_until_s", "notices", "stands")

    def __init__(self) -> None:
        self.notices: tuple[Notice, ...] = ()
        self.stands: Standing = NOTHING
        self._busy_until_s = -inf

    def announce(self, notices: Iterable[Notice]) -> None:
        """All that is said of it from now on, in place of what was said before; ``look`` to have it count."""
        self.notices = tuple(notices)

    def wished(self, wish_s: float, now: float) -> None:
        """It asked to be left alone for so long."""
        self._busy_until_s = now + min(wish_s, LONGEST_WISH_S)

    def answered(self) -> None:
        """It serves again."""
        self._busy_until_s = -inf

    def look(self, now: float) -> None:
        """Take note of what has begun and ended."""
        if self.notices or self.stands is not NOTHING:
            self.stands = standing(self.notices, now)

    def over(self, condition: State) -> State:
        """The visible state of an endpoint in this condition."""
        if (away := self.stands.away) is not None:
            return State.DISABLED if away.kind is NoticeKind.DISABLED else State.DOWNTIME
        if self.stands.drained is not None and condition in WELL_STATES:
            return State.DRAINED
        return condition

    def reserves(self, now: float) -> bool:
        """Whether not every transfer suits it."""
        return self._busy_until_s > now or bool(self.stands.drained or self.stands.ahead)

    def suitability(self, needed_s: float, now: float) -> Suitability:
        """How well it suits a transfer that takes so long, the time before a downtime included."""
        return suitability(self.stands, self._busy_until_s, needed_s, now)

    def back_in_s(self, unknown_s: float, now: float) -> float | None:
        """When it is no longer away, ``unknown_s`` where nobody knows; ``None`` when it is not."""
        if (away := self.stands.away) is None:
            return None
        return unknown_s if away.end_s == inf else away.end_s - now

    def away_reason(self, now: float) -> str:
        """Why it is not asked, in words for clients; empty when it is."""
        if (away := self.stands.away) is None:
            return ""
        why = f": {away.told_clients}" if away.told_clients else ""
        if away.kind is NoticeKind.DISABLED:
            return f"disabled by the operator{why}"
        if away.end_s == inf:
            return f"in downtime, nobody knows how long{why}"
        return f"in downtime for another {phrase_duration(away.end_s - now)}{why}"

    def remarks(self, now: float) -> Iterator[str]:
        """What else there is to say while it is in service."""
        if why := self.suitability(0.0, now).reason:
            yield why
        if (ahead := self.stands.ahead) is not None:
            yield f"a downtime begins in {phrase_duration(ahead.start_s - now)}"
        if self.stands.at_risk is not None:
            yield "said to be at risk, so behind its equals"

    def __repr__(self) -> str:
        first = self.stands.first
        return f"<Holding {len(self.notices)} notices{f', {first.kind}' if first else ''}>"
