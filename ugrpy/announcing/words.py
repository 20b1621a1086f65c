"""What can be said about an endpoint, when does it count, and how is it written down? Pure.

::

    {"version": 1, "words": [{"endpoint": "uvic", "kind": "drained", "reason": "new disks", "by": "alice", "said": "2026-11-30T16:00:00Z",
      "until": "2026-12-01T06:00:00Z"}]}

Times are the wall clock's, since they come from people and outlive the process; ``as_notice`` turns them into those of the breaker.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from ugrpy.core.errors import DataError
from ugrpy.health.notices import Notice, NoticeKind
from ugrpy.namespace.model import EndpointId

VERSION = 1
LONGEST_REASON = 500  # characters
LONGEST_BY = 100
_DURATION = re.compile(r"([0-9]{1,9})(s|m|h|d|w)?", re.ASCII)
_UNIT_S = {None: 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# Orders that take each other's place: one of them at a time holds for an endpoint.
_POSITIONS = frozenset({NoticeKind.DRAINED, NoticeKind.DISABLED, NoticeKind.KEPT})


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody has said about an endpoint; ``said_s`` is when. ``announced``: it comes from a calendar."""

    endpoint: EndpointId
    kind: NoticeKind
    reason: str = ""
    by: str = ""
    said_s: float = 0.0
    start_s: float | None = None
    end_s: float | None = None
    announced: bool = False

    def is_over(self, wall: float) -> bool:
        """Whether it will never count again."""
        return self.end_s is not None and self.end_s <= wall

    def has_begun(self, wall: float) -> bool:
        """Whether its time has come."""
        return self.start_s is None or self.start_s <= wall

    def as_notice(self, ahead_s: float) -> Notice:
        """The same for the breaker, whose clock is behind the wall clock by ``ahead_s``."""
        return Notice(
            self.kind,
            self.reason,
            self.by,
            -inf if self.start_s is None else self.start_s - ahead_s,
            inf if self.end_s is None else self.end_s - ahead_s,
            self.announced,
        )


def with_word(words: Iterable[Word], said: Word, wall: float) -> tuple[Word, ...]:
    """What holds after something more was said: one of drained, disabled and kept at a time, and downtimes beside it."""
    left = [one for one in words if not one.is_over(wall)]
    if said.kind in _POSITIONS:
        left = [one for one in left if one.endpoint != said.endpoint or one.kind not in _POSITIONS]
    return (*left, said)


def without_orders(
    words: Iterable[Word], endpoint: EndpointId, wall: float, *, planned: bool = False
) -> tuple[Word, ...]:
    """What holds after an endpoint was given back: nothing that has begun, and with ``planned`` nothing that has not either."""
    return tuple(
        one
        for one in words
        if not one.is_over(wall)
        and (one.endpoint != endpoint or not (planned or one.has_begun(wall)))
    )


def render_words(words: Iterable[Word]) -> bytes:
    """The bytes of a file, or of a message."""
    return json.dumps({"version": VERSION, "words": [facts_of(one) for one in words]}).encode()


def facts_of(word: Word) -> dict[str, object]:
    """One as it is shown and written; what says nothing is left out."""
    facts: dict[str, object] = {
        "endpoint": word.endpoint,
        "kind": word.kind.value,
        "reason": word.reason,
        "by": word.by,
        "said": render_time(word.said_s),
        "from": None if word.start_s is None else render_time(word.start_s),
        "until": None if word.end_s is None else render_time(word.end_s),
        "announced": word.announced,
    }
    return {key: value for key, value in facts.items() if value not in (None, "", False)}


def parse_words(data: bytes) -> tuple[Word, ...]:
    """Raises ``DataError`` for what ``render_words`` did not write."""
    try:
        document = json.loads(data)
        if document["version"] != VERSION:
            raise DataError(f"a version that is not known here: {document['version']!r}")
        return tuple(_word(facts) for facts in document["words"])
    except (AttributeError, TypeError, KeyError, ValueError, RecursionError) as error:
        raise DataError(f"not what is said about endpoints: {error}") from error


def _word(facts: dict[str, object]) -> Word:
    start, end = facts.get("from"), facts.get("until")
    return Word(
        EndpointId(str(facts["endpoint"])),
        NoticeKind(str(facts["kind"])),
        str(facts.get("reason", "")),
        str(facts.get("by", "")),
        parse_time(str(facts["said"])),
        None if start is None else parse_time(str(start)),
        None if end is None else parse_time(str(end)),
        bool(facts.get("announced", False)),
    )


def render_time(wall: float) -> str:
    """A moment as RFC 3339 has it, in UTC and whole seconds: ``2026-11-30T16:00:00Z``."""
    return datetime.fromtimestamp(round(wall), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> float:
    """The seconds since the epoch of an ISO 8601 moment; without a zone it is UTC. Raises ``ValueError``."""
    moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def parse_duration_s(text: str) -> float:
    """``90``, ``30m``, ``2h``, ``1d``, ``1w``. Raises ``ValueError``."""
    if (found := _DURATION.fullmatch(text.strip())) is None:
        raise ValueError(f"{text!r} is no length of time; write it like 90s, 30m, 2h or 1d")
    return float(int(found[1]) * _UNIT_S[found[2]])


def check_text(text: str, longest: int, what: str) -> str:
    """Text for one line of a log. Raises ``ValueError`` for what is too long or would not be readable there."""
    if len(text) > longest:
        raise ValueError(f"{what} has more than {longest} characters")
    if not text.isprintable():
        raise ValueError(f"{what} has characters that cannot be printed")
    return text


def of_endpoint(words: Iterable[Word], endpoint: EndpointId) -> Sequence[Word]:
    """Those about one endpoint."""
    return [one for one in words if one.endpoint == endpoint]
