"""How is a question about past decisions written? The same on a command line and in a query string.

::

    path=/atlas/f  path=/atlas/ (and all below)  client=192.0.2.7  client=10.0.0.0/8
    since=2h  since=2026-11-30T06:00  until=1790000000  status=404  status=4xx,503  endpoint=uvic  id=3f2a-1c
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from ugrpy.core.errors import BadRequest
from ugrpy.namespace.paths import normalise
from ugrpy.recording.reading import Query
from ugrpy.recording.sieve import Network, parse_network

_AGO = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|w)")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_STATUS = re.compile(r"([1-5])(?:xx|(\d\d))")
KEYS = ("path", "client", "since", "until", "status", "endpoint", "id")


def parse_query(said: Mapping[str, str | None], now_s: float) -> Query:
    """The question; ``now_s`` is what ``2h`` is before. Raises ``BadRequest`` saying what was expected."""
    path = said.get("path") or ""
    since, until = said.get("since"), said.get("until")
    return Query(
        path=normalise("/" + path) if path.strip("/") else None,
        below=path.endswith("/"),
        client=_parse_client(said.get("client")),
        since_s=parse_time(since, now_s) if since else float("-inf"),
        until_s=parse_time(until, now_s) if until else float("inf"),
        statuses=parse_statuses(said.get("status") or ""),
        endpoint=said.get("endpoint") or None,
        id=said.get("id") or None,
    )


def parse_time(text: str, now_s: float) -> float:
    """Seconds since the epoch of ``2h`` (ago), of a date with or without a time (UTC unless it says otherwise), or of seconds since the epoch."""
    if (ago := _AGO.fullmatch(text)) is not None:
        return now_s - float(ago[1]) * _UNIT_S[ago[2]]
    try:
        return float(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(
            f"{text!r} is no time: write 2h (ago), 2026-11-30T06:00 (UTC), or seconds since the epoch"
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def parse_statuses(text: str) -> tuple[int, ...]:
    """The statuses, whole (404) or as classes (4 for 4xx), separated by commas."""
    found = []
    for part in filter(None, text.split(",")):
        one = _STATUS.fullmatch(part.strip().lower())
        if one is None:
            raise BadRequest(f"{part!r} is no status: write 404, or 4xx for all of a kind")
        found.append(int(one[1] + one[2]) if one[2] else int(one[1]))
    return tuple(found)


def _parse_client(text: str | None) -> Network | None:
    if not text:
        return None
    network = parse_network(text)
    if network is None:
        raise BadRequest(f"{text!r} is neither an address nor a network such as 10.0.0.0/8")
    return network
