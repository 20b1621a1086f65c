"""Which parts of a file does a request ask for, and how are they told? (RFC 9110 section 14)

    Range: bytes=0-99,200-      two parts, of a file of 250 bytes: 0 to 99 and 200 to 249
    Content-Range: bytes 0-99/250

A ``Range`` that cannot be read, or asks for more than there is in all, is passed over, and the whole file is the answer (section 14.2).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ugrpy.webdav.dates import parse_http_date

# A header of 8 kB can name over a thousand parts; each of them is a request to a storage.
MOST_SPANS = 256

_RANGE = re.compile(r"bytes=(?P<list>.*)", re.IGNORECASE | re.ASCII)
_SPEC = re.compile(r"(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})", re.ASCII)
_CONTENT_RANGE = re.compile(
    r"bytes (?P<first>[0-9]{1,18})-(?P<last>[0-9]{1,18})/(?P<total>[0-9]{1,18}|\*)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from ``first`` up to, but without, ``end``."""

    first: int
    end: int

    @property
    def size_bytes(self) -> int:
        """How many there are."""
        return self.end - self.first

    def as_range(self) -> str:
        """The value of ``Range`` that asks for it."""
        return f"bytes={self.first}-{self.end - 1}"

    def as_content_range(self, total_bytes: int) -> str:
        """The value of ``Content-Range`` for it in a file of that size."""
        return f"bytes {self.first}-{self.end - 1}/{total_bytes}"


def parse_range(value: str | None, size_bytes: int) -> tuple[Span, ...] | None:
    """The parts of a file of that size that are asked for, in the order of the request; ``None``: the whole file.

    Empty when none of them lies within the file, which is 416. Parts that reach beyond the end are cut there, and those that begin
    beyond it are left out.
    """
    listed = None if value is None else _RANGE.fullmatch(value.strip())
    if listed is None:
        return None
    specs = [spec.strip() for spec in listed["list"].split(",")]
    found = [_SPEC.fullmatch(spec) for spec in specs if spec]
    if not found or len(found) > MOST_SPANS:
        return None
    spans: list[Span] = []
    for spec in found:
        if spec is None or not _is_spec(spec["first"], spec["last"]):
            return None
        span = _span(spec["first"], spec["last"], size_bytes)
        if span.size_bytes > 0:
            spans.append(span)
    if sum(span.size_bytes for span in spans) > size_bytes:
        return None
    return tuple(spans)


def _is_spec(first: str, last: str) -> bool:
    """Whether it names a part: a first byte, a last one not before it, or how many there are at the end."""
    if not first:
        return bool(last)
    return not last or int(first) <= int(last)


def _span(first: str, last: str, size_bytes: int) -> Span:
    if not first:
        return Span(max(0, size_bytes - int(last)), size_bytes)
    end = min(int(last) + 1, size_bytes) if last else size_bytes
    return Span(int(first), end)


def if_range_holds(value: str | None, etag: str | None, mtime_s: int | None) -> bool:
    """Whether the parts asked for are parts of the state that the client has (RFC 9110 section 13.1.5); true without the header.

    Tags are compared strongly, so a weak one never holds; a date holds when it is exactly that of the current state.
    """
    if value is None:
        return True
    said = value.strip()
    if said.startswith(('"', "W/")):
        return etag is not None and said == etag and not etag.startswith("W/")
    date_s = parse_http_date(said)
    return date_s is not None and date_s == mtime_s


def parse_content_range(value: str | None) -> tuple[Span, int | None] | None:
    """The part that an answer holds, and the size of the whole if it says so; ``None`` when it cannot be read."""
    match = None if value is None else _CONTENT_RANGE.fullmatch(value.strip())
    if match is None or int(match["first"]) > int(match["last"]):
        return None
    total = None if match["total"] == "*" else int(match["total"])
    return Span(int(match["first"]), int(match["last"]) + 1), total


@dataclass(frozen=True, slots=True)
class Multipart:
    """Several parts in one answer (RFC 9110 section 14.6): what stands before each, and after the last."""

    spans: tuple[Span, ...]
    heads: tuple[bytes, ...]
    tail: bytes
    content_type: str

    @property
    def size_bytes(self) -> int:
        """The length of the content, all parts and what stands around them."""
        around = sum(map(len, self.heads)) + len(self.tail)
        return around + sum(span.size_bytes for span in self.spans)


def multipart(
    spans: Sequence[Span],
    total_bytes: int,
    boundary: str,
    part_type: str = "application/octet-stream",
) -> Multipart:
    """These parts of a file of that size. ``boundary`` must not occur in the file, which chance sees to."""
    heads = tuple(
        f"\r\n--{boundary}\r\nContent-Type: {part_type}\r\n"
        f"Content-Range: {span.as_content_range(total_bytes)}\r\n\r\n".encode("ascii")
        for span in spans
    )
    tail = f"\r\n--{boundary}--\r\n".encode("ascii")
    return Multipart(tuple(spans), heads, tail, f"multipart/byteranges; boundary={boundary}")
