"""Does the client want a metalink instead of the file, and which version?

Clients name metalink types without wanting one: aria2 sends ``*/*,application/metalink4+xml,application/metalink+xml`` and
saves what it gets under the file's name. So a metalink type has to be preferred to everything else, strictly; a wildcard
never stands for one (rows K32, K33, K36).
"""

import re
from collections.abc import Iterator
from enum import IntEnum


class MetalinkVersion(IntEnum):
    """The two formats: metalinker.org 3.0 and RFC 5854."""

    V3 = 3
    V4 = 4


_TYPES = {
    "application/metalink4+xml": MetalinkVersion.V4,
    "application/metalink+xml": MetalinkVersion.V3,
}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
# RFC 9110 section 12.4.2
_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def metalink_wanted(accept: str | None, query: str) -> MetalinkVersion | None:
    """The version to answer with, ``None`` for the file itself. ``query`` is the raw query string without ``?``.

    ``metalink=4`` and ``metalink=3`` in the query say it outright; ``metalink`` means version 3, as it did with DynaFed,
    unless ``Accept`` names version 4. Without it, ``Accept`` has to give a metalink type more weight than any other.
    """
    if "metalink" in query:
        asked = _value_in(query)
        if asked == "4":
            return MetalinkVersion.V4
        if asked == "3":
            return MetalinkVersion.V3
        if asked is not None:
            return _better(_weights(accept)) or MetalinkVersion.V3
    if accept is None or accept == "*/*":
        return None
    weights = _weights(accept)
    best = max(weights.get(version, 0.0) for version in MetalinkVersion) if weights else 0.0
    return _better(weights) if best > weights.get(None, 0.0) else None


def metalink_accepted(accept: str | None) -> bool:
    """Whether the client named a metalink type at all, with a weight above 0."""
    return accept is not None and accept != "*/*" and _better(_weights(accept)) is not None


def _better(weights: dict[MetalinkVersion | None, float]) -> MetalinkVersion | None:
    v3, v4 = weights.get(MetalinkVersion.V3, 0.0), weights.get(MetalinkVersion.V4, 0.0)
    if v4 > 0 and v4 >= v3:
        return MetalinkVersion.V4
    return MetalinkVersion.V3 if v3 > 0 else None


def _value_in(query: str) -> str | None:
    """The value of the first ``metalink`` key, ``""`` when it has none, ``None`` when there is no such key."""
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == "metalink":
            return value
    return None


def _weights(accept: str | None) -> dict[MetalinkVersion | None, float]:
    """The highest weight of each metalink type, and under ``None`` of everything else; empty when none is named."""
    if accept is None or accept == "*/*" or "metalink" not in (accept := accept.lower()):
        return {}
    weights: dict[MetalinkVersion | None, float] = {}
    for media_type, weight in _members(accept):
        version = _TYPES.get(media_type)
        weights[version] = max(weights.get(version, 0.0), weight)
    return weights


def _members(accept: str) -> Iterator[tuple[str, float]]:
    """The media ranges with their weights; one with an unreadable weight is left out."""
    if '"' in accept:
        accept = _QUOTED.sub('""', accept)
    for member in accept.split(","):
        media_type, *parameters = (part.strip() for part in member.split(";"))
        written = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        if media_type and _WEIGHT.fullmatch(written):
            yield media_type, float(written)
