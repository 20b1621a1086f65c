"""Has an organisation asked too often, so that it must use the backup proxies for a while (``OVERLOAD=alias;N;M;P``, reference section 10.1)?

More than N requests within M minutes send the organisation to the backups until P minutes after the last minute in which that
was so. Requests are counted by the minute.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field

# Organisations counted at once; the one heard of least recently is forgotten first.
MOST_ORGANISATIONS = 100_000
_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Limit:
    """``requests`` within ``minutes``; whoever has more is blocked for ``block_minutes``."""

    requests: int
    minutes: int
    block_minutes: int


@dataclass(frozen=True, slots=True)
class Load:
    """How much of the limit was used in its minutes, and for how long the organisation stays blocked; 0: it is not."""

    percent: int
    blocked_minutes: int


@dataclass(slots=True)
class _Count:
    by_minute: deque[list[int]] = field(default_factory=deque)  # [minute, requests], oldest first
    total: int = 0
    over_at: int | None = None


class Overload:
    """Counts the requests of organisations."""

    def __init__(self, most: int = MOST_ORGANISATIONS) -> None:
        self._most = most
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Overload {len(self._counts)} organisations>"

    def note(self, organisation: str, limit: Limit, now_s: float) -> Load:
        """Count one request now, and say how the organisation stands."""
        minute = int(now_s // _MINUTE_S)
        count = self._counts.setdefault(organisation, _Count())
        self._counts.move_to_end(organisation)
        if len(self._counts) > self._most:
            self._counts.popitem(last=False)
        _add(count, minute, limit.minutes)
        if count.total > limit.requests:
            count.over_at = minute
        blocked = 0 if count.over_at is None else limit.block_minutes - (minute - count.over_at)
        return Load(count.total * 100 // limit.requests, max(0, blocked))


def _add(count: _Count, minute: int, minutes: int) -> None:
    while count.by_minute and count.by_minute[0][0] <= minute - minutes:
        count.total -= count.by_minute.popleft()[1]
    if not count.by_minute or count.by_minute[-1][0] != minute:
        count.by_minute.append([minute, 0])
    count.by_minute[-1][1] += 1
    count.total += 1
