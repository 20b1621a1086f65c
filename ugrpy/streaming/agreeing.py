"""Does this answer of a storage hold the bytes that are wanted, of the version that is being read?

A file is read on at another replica when one dies. What is put together must be one version of it, so each answer is held against what is
known of the name: the size of the whole, always; the date, against that of the same storage's own description; the entity tag, against what
the same storage gave before in this transfer. Two storages have different dates and tags for the same bytes, so these are not compared
across storages; replicas whose checksums differ have been outvoted before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ugrpy.namespace.model import Absent, Cause, Denied, Digest, Unknown
from ugrpy.webdav.dates import parse_http_date
from ugrpy.webdav.ranges import Span, parse_content_range


@dataclass(frozen=True, slots=True)
class Version:
    """What is known of the copy at one storage; ``None`` for what is not."""

    size_bytes: int | None
    mtime_s: int | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Usable:
    """The bytes are there, after ``skip_bytes`` that were not asked for. ``end``: of the span, where only the answer tells it."""

    skip_bytes: int
    end: int | None
    etag: str | None


@dataclass(frozen=True, slots=True)
class Changed:
    """It is another version than the one that is known."""

    why: str


Agreement = Usable | Changed | Absent | Denied | Unknown


def agreement(
    status: int, headers: Mapping[str, str], wanted: Span | None, version: Version
) -> Agreement:
    """Whether an answer to a GET for ``wanted`` can be used; ``None``: the whole, of a size that nobody knows."""
    match status:
        case 200 | 206:
            return _other_version(headers, version) or _bytes(status, headers, wanted, version)
        case 404 | 410:
            return Absent()
        case 401 | 403:
            return Denied(status, f"GET answered {status}")
        case 412 | 416:
            return Changed(f"GET answered {status}")
        case _:
            return Unknown(Cause.MALFORMED, f"GET answered {status}")


def _other_version(headers: Mapping[str, str], version: Version) -> Changed | None:
    date_s = parse_http_date(headers.get("Last-Modified", ""))
    if None not in (date_s, version.mtime_s) and date_s != version.mtime_s:
        return Changed("it was written since")
    if version.etag is not None and headers.get("ETag", version.etag) != version.etag:
        return Changed("it was written in the middle of the transfer")
    return None


def _bytes(
    status: int, headers: Mapping[str, str], wanted: Span | None, version: Version
) -> Agreement:
    etag = headers.get("ETag")
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        return Unknown(Cause.MALFORMED, "GET answered in a coding that was not asked for")
    if status == 200:
        length = _length(headers)
        if None not in (length, version.size_bytes) and length != version.size_bytes:
            return Changed("it has another size")
        if wanted is None:
            return Usable(0, length, etag)
        return Usable(wanted.first, wanted.end, etag)
    held = parse_content_range(headers.get("Content-Range"))
    if held is None or wanted is None:
        return Unknown(Cause.MALFORMED, "GET answered with a part that cannot be placed")
    span, total = held
    if total is not None and version.size_bytes is not None and total != version.size_bytes:
        return Changed("it has another size")
    if span != wanted:
        return Unknown(Cause.MALFORMED, "GET answered with another part than was asked for")
    return Usable(0, wanted.end, etag)


def _length(headers: Mapping[str, str]) -> int | None:
    said = headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None


def disagree(one: Sequence[Digest], other: Sequence[Digest]) -> bool:
    """Whether any checksum that is known of both differs."""
    values = {digest.algorithm: digest.value for digest in one}
    return any(values.get(digest.algorithm, digest.value) != digest.value for digest in other)
