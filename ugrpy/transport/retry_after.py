"""When does a busy endpoint want to be asked again? (RFC 9110 section 10.2.3)

::

    Retry-After: 120
    Retry-After: Fri, 31 Dec 1999 23:59:59 GMT

A date is counted from the answer's own ``Date``, so that clocks that differ do not matter and no clock is needed.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# As many digits as a wait of thirty years has: what is longer is not meant seriously.
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from now, not below zero; ``None`` when nothing, or nothing readable, is said."""
    wish = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(wish):
        return float(wish)
    then, now = _moment(wish), _moment(headers.get("Date", ""))
    if then is None or now is None:
        return None
    return max(0.0, (then - now).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
