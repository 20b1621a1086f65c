"""What is read of a content that is held in memory, and what are its checksums?"""

import hashlib
import re
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from ugrpy.endpoints.base import Opened
from ugrpy.namespace.model import Digest

_PIECE_BYTES = 64 * 1024
_RANGE = re.compile(r"bytes=(?P<first>[0-9]*)-(?P<last>[0-9]*)", re.ASCII)
_ALGORITHMS: Mapping[str, Callable[[bytes], str]] = {
    "adler32": lambda content: f"{zlib.adler32(content):08x}",
    "md5": lambda content: hashlib.md5(content, usedforsecurity=False).hexdigest(),
    "sha-256": lambda content: hashlib.sha256(content).hexdigest(),
    "sha-512": lambda content: hashlib.sha512(content).hexdigest(),
}


def checksums(content: bytes, algorithms: Sequence[str]) -> tuple[Digest, ...]:
    """Those that are known here, of those that are wanted."""
    return tuple(
        Digest(name, _ALGORITHMS[name](content)) for name in algorithms if name in _ALGORITHMS
    )


def read(content: bytes | None, headers: Mapping[str, str]) -> Opened:
    """The answer to GET; ``None`` is not there. One range is served; anything else in ``Range`` has no effect."""
    if content is None:
        return Opened(404, {}, _pieces(b""))
    wanted = {name.lower(): value for name, value in headers.items()}.get("range", "")
    size_bytes = len(content)
    plain = {"Content-Length": str(size_bytes), "Accept-Ranges": "bytes"}
    asked = _RANGE.fullmatch(wanted)
    if asked is None or not (asked["first"] or asked["last"]):
        return Opened(200, plain, _pieces(content))
    first, last = _bounds(asked["first"], asked["last"], size_bytes)
    if first > last:
        return Opened(416, {"Content-Range": f"bytes */{size_bytes}"}, _pieces(b""))
    part = content[first : last + 1]
    told = {"Content-Length": str(len(part)), "Content-Range": f"bytes {first}-{last}/{size_bytes}"}
    return Opened(206, plain | told, _pieces(part))


def _bounds(first: str, last: str, size_bytes: int) -> tuple[int, int]:
    """RFC 9110 section 14.1.2: without a first byte it is so many from the end."""
    if not first:
        return max(0, size_bytes - int(last)), size_bytes - 1
    return int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PIECE_BYTES):
        yield content[start : start + _PIECE_BYTES]
