"""How is a moment written in HTTP and WebDAV, and which moment does a server's text mean?

Moments are seconds since the epoch, UTC. Written: the one form RFC 9110 section 5.6.7 lets us send (IMF-fixdate) and
the RFC 3339 form of ``creationdate`` (RFC 4918 section 15.1). Read: the three HTTP forms and ISO 8601, because
storages put either kind into either property.
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBERS = {name.lower(): number for number, name in enumerate(_MONTHS, 1)}

_TWO_DIGITS = tuple(f"{number:02d}" for number in range(60))

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_DAY_S = 86400
# What datetime.date can name: years 1 to 9999. Anything beyond is drawn to the nearer end.
_FIRST_S = (date.min.toordinal() - _EPOCH_ORDINAL) * _DAY_S
_LAST_S = (date.max.toordinal() - _EPOCH_ORDINAL + 1) * _DAY_S - 1

# A date in text is some 30 characters; the bound keeps a hostile one from costing time.
_LONGEST_DATE = 64

_CLOCK = r"(?P<h>\d{2}):(?P<m>\d{2}):(?P<s>\d{2})"
_ZONE = r"(?:\s+(?P<zone>GMT|UTC|UT|Z|[+-]\d{4}))?"
_HTTP_FORMS = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        # IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
        rf"(?:[a-z]{{3}},\s*)?(?P<day>\d{{1,2}})\s+(?P<month>[a-z]{{3}})\s+(?P<year>\d{{4}})\s+{_CLOCK}{_ZONE}",
        # RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
        rf"[a-z]{{3,9}},\s*(?P<day>\d{{2}})-(?P<month>[a-z]{{3}})-(?P<year>\d{{2}}(?:\d{{2}})?)\s+{_CLOCK}{_ZONE}",
        # asctime: Sun Nov  6 08:49:37 1994
        rf"[a-z]{{3}}\s+(?P<month>[a-z]{{3}})\s+(?P<day>\d{{1,2}})\s+{_CLOCK}\s+(?P<year>\d{{4}})(?P<zone>)",
    )
)


@lru_cache(maxsize=512)
def _day_texts(day: int) -> tuple[str, str]:
    """Day number since the epoch -> (``Thu, 29 Feb 2024``, ``2024-02-29``)."""
    when = date.fromordinal(_EPOCH_ORDINAL + day)
    http = f"{_DAYS[when.weekday()]}, {when.day:02d} {_MONTHS[when.month - 1]} {when.year:04d}"
    return http, when.isoformat()


@lru_cache(maxsize=4096)
def _texts(second: int) -> tuple[str, str]:
    """Whole seconds since the epoch -> (HTTP date, RFC 3339 date)."""
    second = min(max(second, _FIRST_S), _LAST_S)
    http_day, iso_day = _day_texts(second // _DAY_S)
    minute, rest = divmod(second % _DAY_S, 60)
    clock = f"{_TWO_DIGITS[minute // 60]}:{_TWO_DIGITS[minute % 60]}:{_TWO_DIGITS[rest]}"
    return f"{http_day} {clock} GMT", f"{iso_day}T{clock}Z"


def render_http_date(seconds: float) -> str:
    """``Thu, 29 Feb 2024 12:34:56 GMT`` (IMF-fixdate). Fractions are cut; years outside 1..9999 are clamped."""
    return _texts(int(seconds // 1))[
        0
    ]  # the memo knows whole seconds, so that a running clock hits it


def render_iso_date(seconds: float) -> str:
    """``2024-02-29T12:34:56Z`` (RFC 3339). Fractions are cut; years outside 1..9999 are clamped."""
    return _texts(int(seconds // 1))[1]


def parse_http_date(text: str) -> int | None:
    """Seconds since the epoch of one of the three HTTP forms (RFC 9110 section 5.6.7), else ``None``.

    Lenient where servers are: case, a wrong or missing day name, a missing or numeric zone. Two-digit years from 70
    on are of the 1900s, as POSIX has it.
    """
    # before the memo, or strangers could fill it with long texts
    return None if len(text) > _LONGEST_DATE else _parse_http_date(text)


@lru_cache(maxsize=1024)
def _parse_http_date(text: str) -> int | None:
    text = text.strip()
    for form in _HTTP_FORMS:
        if (match := form.fullmatch(text)) is not None:
            return _seconds_of(match)
    return None


def _seconds_of(match: re.Match[str]) -> int | None:
    year = int(match["year"])
    if len(match["year"]) == 2:
        year += 1900 if year >= 70 else 2000
    hour, minute, second = int(match["h"]), int(match["m"]), int(match["s"])
    if hour > 23 or minute > 59 or second > 60:  # 60: a leap second (RFC 9110 section 5.6.7)
        return None
    try:
        day = date(
            year, _MONTH_NUMBERS.get(match["month"].lower(), 0), int(match["day"])
        ).toordinal()
    except ValueError:
        return None
    clock_s = hour * 3600 + minute * 60 + second
    return (day - _EPOCH_ORDINAL) * _DAY_S + clock_s - _offset_s(match["zone"] or "")


def _offset_s(zone: str) -> int:
    if zone[:1] not in ("+", "-"):
        return 0
    offset_s = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
    return -offset_s if zone[0] == "-" else offset_s


def parse_date(text: str) -> int | None:
    """Seconds since the epoch of an HTTP date or an ISO 8601 one (without a zone: UTC), ``None`` when unreadable."""
    seconds = parse_http_date(text)
    if seconds is not None or len(text) > _LONGEST_DATE:
        return seconds
    try:
        when = datetime.fromisoformat(text.strip().upper())
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return int(when.timestamp() // 1)
    except ValueError:
        return None
