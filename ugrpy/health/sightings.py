"""What does one process tell another of an endpoint, and when does that count in place of a probe? Pure.

The record in the store that gateways share, and the message between workers::

    {"v": 1, "state": "in_service", "alive": true, "refusing": false, "latency": 0.012, "status": 207, "why": "PROPFIND answered 207",
      "at": 1796054400.5, "by": "gw1.example.org"}

``at`` is the wall clock's, for clocks that people keep right to a second or so. A gateway that looks at its own evidence first is misled
by a wrong record for one interval at most.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from ugrpy.core.errors import DataError
from ugrpy.health.states import ProbeReport, State

VERSION = 1
LONGEST_WHY = 200
LONGEST_RECORD_BYTES = 2_000
# Clocks of gateways may differ by so much; a record from further ahead was written by one that is wrong.
CLOCKS_DIFFER_S = 5.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """How somebody found an endpoint to be; it has the shape of a probe's report. ``state`` is what he took it for afterwards."""

    state: State
    alive: bool
    latency_s: float
    refusing: bool
    status: int | None
    detail: str
    at_s: float
    by: str


def sighting(report: ProbeReport, state: State, wall: float, by: str) -> Sighting:
    """What is told of one's own probe."""
    status = getattr(report, "status", None)
    return Sighting(
        state,
        report.alive,
        report.latency_s,
        report.refusing,
        status if isinstance(status, int) else None,
        report.detail[:LONGEST_WHY],
        wall,
        by,
    )


def render_sighting(seen: Sighting) -> bytes:
    """The bytes of a record."""
    return json.dumps(facts_of(seen), separators=(",", ":")).encode()


def facts_of(seen: Sighting) -> dict[str, object]:
    """The parts of a record."""
    return {
        "v": VERSION,
        "state": seen.state.value,
        "alive": seen.alive,
        "refusing": seen.refusing,
        "latency": round(seen.latency_s, 4),
        "status": seen.status,
        "why": seen.detail,
        "at": round(seen.at_s, 3),
        "by": seen.by,
    }


def parse_sighting(data: bytes) -> Sighting:
    """Raises ``DataError`` for what ``render_sighting`` did not write."""
    if len(data) > LONGEST_RECORD_BYTES:
        raise DataError("a record of an endpoint's health is too long")
    try:
        facts = json.loads(data)
        return sighting_of(facts)
    except (TypeError, KeyError, ValueError, RecursionError) as error:
        raise DataError(f"no record of an endpoint's health: {error}") from error


def sighting_of(facts: Mapping[str, object]) -> Sighting:
    """The record that these parts make. Raises ``ValueError``, ``KeyError`` or ``DataError``."""
    if facts["v"] != VERSION:
        raise DataError(f"a version that is not known here: {facts['v']!r}")
    latency_s, at_s, status = facts["latency"], facts["at"], facts["status"]
    if not (_is_number(latency_s) and _is_number(at_s) and (status is None or _is_number(status))):
        raise ValueError("a number that is none")
    if not (isinstance(facts["alive"], bool) and isinstance(facts["refusing"], bool)):
        raise TypeError("a truth value that is none")
    return Sighting(
        State(str(facts["state"])),
        facts["alive"],
        float(str(latency_s)),
        facts["refusing"],
        None if status is None else int(str(status)),
        str(facts["why"])[:LONGEST_WHY],
        float(str(at_s)),
        str(facts["by"])[:LONGEST_WHY],
    )


def counts_as_probe(
    seen: Sighting, *, wall: float, interval_s: float, own_evidence_s: float | None
) -> bool:
    """Whether a record saves a probe: from within the interval, and newer than all that is known here (wall clock)."""
    age_s = wall - seen.at_s
    if not -CLOCKS_DIFFER_S <= age_s < interval_s:
        return False
    return own_evidence_s is None or seen.at_s > own_evidence_s


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
