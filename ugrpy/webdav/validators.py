"""Has it changed? Validators, and the conditional headers that use them (RFC 9110 sections 8.8 and 13)."""

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from ugrpy.namespace.model import Entry
from ugrpy.webdav.dates import parse_http_date

# RFC 9110 section 8.8.3; lists may have empty members (section 5.6.1.2)
_ETAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_ETAG_LIST = re.compile(rf"[\s,]*{_ETAG}(?:\s*,[\s,]*{_ETAG})*[\s,]*")
_ONE_ETAG = re.compile(_ETAG)


def weak_etag(entry: Entry) -> str:
    """``W/"..."`` over kind, size, date and digests; the same in every process, for every order of digests.

    Weak (RFC 9110 section 8.8.1): replicas with equal facts may differ in bytes we have not seen.
    """
    digests = ",".join(f"{digest.algorithm}={digest.value}" for digest in sorted(entry.digests))
    facts = f"{entry.kind}|{entry.size_bytes}|{entry.mtime_s}|{digests}"
    return f'W/"{blake2b(facts.encode(), digest_size=8).hexdigest()}"'


class Verdict(StrEnum):
    """What the conditions of a request amount to."""

    PROCEED = "proceed"
    NOT_MODIFIED = "not-modified"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditional headers as they came, ``None`` where there was none.

    ``reads``: the method is GET or HEAD, for which a state the client has already is 304 and not 412.
    """

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None
    reads: bool = True


_NONE = Conditions()


def evaluate(conditions: Conditions, etag: str | None, mtime_s: int | None) -> Verdict:
    """Carry out RFC 9110 section 13.2.2 on what is there now.

    ``etag`` is that of the current state, ``None`` when the name stands for nothing; ``mtime_s`` its date, ``None`` when
    not known. A header that cannot be read is taken as not sent.
    """
    if conditions == _NONE:
        return Verdict.PROCEED
    if not _unchanged_as_demanded(conditions, etag, mtime_s):
        return Verdict.FAILED
    if conditions.if_none_match is not None:  # If-Modified-Since is then ignored, section 13.1.3
        if _matches(conditions.if_none_match, etag, strong=False) is True:
            return Verdict.NOT_MODIFIED if conditions.reads else Verdict.FAILED
        return Verdict.PROCEED
    if conditions.reads and conditions.if_modified_since is not None and mtime_s is not None:
        since_s = parse_http_date(conditions.if_modified_since)
        if since_s is not None and mtime_s <= since_s:
            return Verdict.NOT_MODIFIED
    return Verdict.PROCEED


def permits_change(if_match: str | None, if_none_match: str | None, etag: str | None) -> bool:
    """Whether a name may be written, moved over or deleted under these headers; where not, the answer is 412.

    ``etag`` is that of the current state, ``None`` when the name stands for nothing. ``If-None-Match: *`` asks that there be
    nothing (RFC 9110 section 13.1.2), ``If-Match`` that there be something, and with tags, one of these states (13.1.1).

    Both headers are compared weakly, against section 13.1.1, which wants the strong comparison for If-Match. Our tags are
    weak, since replicas with equal facts may differ in bytes we have not seen; compared strongly they would match nothing,
    and a client that read the tag from us could never write under it. Compared weakly the lost update is caught whenever
    size, date or digest have changed, which is all that can be known here.

    A header that cannot be read forbids the change: somebody asked for care, and nothing is lost by 412. An empty one was
    not sent.
    """
    demanded = (if_match or "").strip()
    excluded = (if_none_match or "").strip()
    if demanded and _matches(demanded, etag, strong=False) is not True:
        return False
    return not excluded or _matches(excluded, etag, strong=False) is False


def _unchanged_as_demanded(conditions: Conditions, etag: str | None, mtime_s: int | None) -> bool:
    """Steps 1 and 2: If-Match, or without one If-Unmodified-Since."""
    if conditions.if_match is not None:
        return _matches(conditions.if_match, etag, strong=True) is not False
    if conditions.if_unmodified_since is not None and mtime_s is not None:
        since_s = parse_http_date(conditions.if_unmodified_since)
        return since_s is None or mtime_s <= since_s
    return True


def _matches(header: str, etag: str | None, *, strong: bool) -> bool | None:
    """Whether the list names ``etag``; ``None`` when it is no list. Strong comparison: RFC 9110 section 8.8.3.2."""
    if header.strip() == "*":
        return etag is not None
    if _ETAG_LIST.fullmatch(header) is None:
        return None
    if etag is None:
        return False
    listed = _ONE_ETAG.findall(header)
    if strong:
        return not etag.startswith("W/") and etag in listed
    return etag.removeprefix("W/") in [one.removeprefix("W/") for one in listed]
