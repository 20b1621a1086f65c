"""How is an endpoint's health written for programs? Ages become moments too, and who said something stands beside what is said."""

from dataclasses import asdict
from math import isfinite

from ugrpy.announcing.words import render_time
from ugrpy.health.notices import Notice, standing
from ugrpy.health.states import HealthSnapshot


def facts_of_health(snapshot: HealthSnapshot, now: float, wall: float) -> dict[str, object]:
    """All of a snapshot. ``since``, ``until``, ``why`` and ``who`` say in short what an operator asks first."""
    ahead_s = wall - now
    first = standing(snapshot.notices, now).first
    facts = asdict(snapshot)
    facts["notices"] = [_facts_of(one, ahead_s) for one in snapshot.notices]
    return {
        **facts,
        "why": snapshot.note,
        "since": render_time(wall - snapshot.state_age_s),
        "until": None if first is None else _moment(first.end_s, ahead_s),
        "who": None if first is None else _who(first),
    }


def _facts_of(notice: Notice, ahead_s: float) -> dict[str, object]:
    return {
        "kind": notice.kind.value,
        "reason": notice.reason,
        "by": _who(notice),
        "from": _moment(notice.start_s, ahead_s),
        "until": _moment(notice.end_s, ahead_s),
    }


def _who(notice: Notice) -> str:
    return notice.by or ("a calendar" if notice.announced else "operator")


def _moment(at_s: float, ahead_s: float) -> str | None:
    return render_time(at_s + ahead_s) if isfinite(at_s) else None
