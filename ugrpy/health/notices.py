"""What has been announced about an endpoint, and what does it mean now?

Operators say something at run time, calendars say it ahead. Who may be asked and who may be sent there:

========  ===========================================================================================================
disabled  not asked at all; what only it holds is as with one that was ejected: 503 with ``Retry-After``
outage    the same, between two times
drained   asked, and what only it holds is served; no client is sent there while another holder is in service, and nothing
          new is put there
at risk   as ever, but behind its equals
kept      what calendars say of it does not count
========  ===========================================================================================================

Of several that hold at one time the highest in this table counts. Before an outage that is known ahead a transfer that would not be
finished goes elsewhere: see ``choosing``. Times are seconds of one monotonic clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import ClassVar


class NoticeKind(StrEnum):
    """What is announced."""

    DISABLED = "disabled"
    OUTAGE = "outage"
    DRAINED = "drained"
    AT_RISK = "at_risk"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something holds from ``start_s`` until ``end_s``.

    ``by`` is who said so, for operators. ``announced``: a calendar did, whose words may name hosts and are not for clients.
    """

    kind: NoticeKind
    reason: str = ""
    by: str = ""
    start_s: float = -inf
    end_s: float = inf
    announced: bool = False

    def holds(self, now: float) -> bool:
        """Whether it is in force."""
        return self.start_s <= now < self.end_s

    @property
    def told_clients(self) -> str:
        """The reason, as far as clients may read it."""
        return "" if self.announced else self.reason


@dataclass(frozen=True, slots=True)
class Standing:
    """What all notices of one endpoint amount to at one moment. ``ahead`` is the next outage, if it begins within the horizon."""

    HORIZON_S: ClassVar[float] = (
        48 * 3600.0
    )  # a transfer that takes longer has failed for other reasons

    away: Notice | None = None
    drained: Notice | None = None
    at_risk: Notice | None = None
    ahead: Notice | None = None

    @property
    def first(self) -> Notice | None:
        """The one that matters most."""
        return self.away or self.drained or self.at_risk or self.ahead


NOTHING = Standing()


def standing(notices: Iterable[Notice], now: float) -> Standing:
    """What the notices amount to."""
    counting = _not_overruled([one for one in notices if one.end_s > now], now)
    if not counting:
        return NOTHING
    inside = [one for one in counting if one.holds(now)]
    outages = [one for one in counting if one.kind is NoticeKind.OUTAGE]
    coming = [one for one in outages if now < one.start_s <= now + Standing.HORIZON_S]
    return Standing(
        away=_longest(inside, NoticeKind.DISABLED) or _longest(inside, NoticeKind.OUTAGE),
        drained=_longest(inside, NoticeKind.DRAINED),
        at_risk=_longest(inside, NoticeKind.AT_RISK),
        ahead=min(coming, key=lambda one: one.start_s, default=None),
    )


def _not_overruled(notices: list[Notice], now: float) -> list[Notice]:
    kept = any(one.kind is NoticeKind.KEPT and one.holds(now) for one in notices)
    return [one for one in notices if not (kept and one.announced)]


def _longest(notices: Iterable[Notice], kind: NoticeKind) -> Notice | None:
    return max((one for one in notices if one.kind is kind), key=lambda n: n.end_s, default=None)
