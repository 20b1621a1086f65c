"""How do blocks of records lie in a file, so that a torn or damaged place costs no other block?

A file is a row of frames, each ::

    magic      8 bytes  "\\xf1ugfl\\x01\\r\\n": the version is in it, and no text looks like it
    lengths    3 x u32  of head, sieve and body, little endian
    crc        u32      of lengths, head and sieve
    head       JSON     {"rows": 2, "first": 1790000000.1, "last": 1790000000.3, ...}
    sieve               see ``sieve``
    body                zlib, which has a check sum of its own

Whoever looks for something reads heads and sieves and passes over the bodies. A frame that is not as it should be is
skipped up to the next magic; so the end that a killed process left behind is skipped too, since a file is never written on by another one.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

MAGIC = b"\xf1ugfl\x01\r\n"
_FIXED = struct.Struct("<8sIIII")
_LENGTHS = struct.Struct("<III")
# No frame of ours is near it; a length beyond it is damage, and so is content that swells beyond it.
MOST_BYTES = 64 * 1024 * 1024
_STRIDE = 256 * 1024
# Level 6 is 10 % smaller and takes four times as long.
LEVEL = 1


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a block without reading its body. Times are in seconds since the epoch; ``facts`` are the codec's."""

    rows: int
    first_s: float
    last_s: float
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Frame:
    """A block in a file: ``body_at`` is where its body begins."""

    head: Head
    sieve: bytes
    body_at: int
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of a file that holds no frame."""

    at: int
    size_bytes: int


def render_frame(head: Head, sieve: bytes, pieces: Iterable[bytes]) -> bytes:
    """The bytes of a frame; the content, which comes in pieces, is compressed here. Other threads have their turn with each piece."""
    said = {**head.facts, "rows": head.rows, "first": head.first_s, "last": head.last_s}
    text = json.dumps(said, separators=(",", ":")).encode("ascii")
    packing = zlib.compressobj(LEVEL)
    body = b"".join((*(packing.compress(piece) for piece in pieces), packing.flush()))
    lengths = _LENGTHS.pack(len(text), len(sieve), len(body))
    crc = zlib.crc32(sieve, zlib.crc32(text, zlib.crc32(lengths)))
    return b"".join((MAGIC, lengths, struct.pack("<I", crc), text, sieve, body))


def scan(file: BinaryIO, size_bytes: int) -> Iterator[Frame | Damage]:
    """All frames of a file of this length in their order, and the stretches between them that are none."""
    at, bad_from = 0, None
    while at < size_bytes:
        frame = _frame_at(file, at, size_bytes)
        if frame is None:
            bad_from = at if bad_from is None else bad_from
            at = _next_magic(file, at + 1, size_bytes)
            continue
        if bad_from is not None:
            yield Damage(bad_from, at - bad_from)
            bad_from = None
        yield frame
        at = frame.body_at + frame.body_bytes
    if bad_from is not None:
        yield Damage(bad_from, size_bytes - bad_from)


def read_content(file: BinaryIO, frame: Frame) -> bytes:
    """The content of a block; empty when it is damaged."""
    file.seek(frame.body_at)
    body = file.read(frame.body_bytes)
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(body, MOST_BYTES)
    except zlib.error:
        return b""
    return content if unpacking.eof else b""


def _frame_at(file: BinaryIO, at: int, size_bytes: int) -> Frame | None:
    file.seek(at)
    fixed = file.read(_FIXED.size)
    if len(fixed) < _FIXED.size or not fixed.startswith(MAGIC):
        return None
    _magic, text_bytes, sieve_bytes, body_bytes, crc = _FIXED.unpack(fixed)
    body_at = at + _FIXED.size + text_bytes + sieve_bytes
    if max(text_bytes, sieve_bytes, body_bytes) > MOST_BYTES or body_at + body_bytes > size_bytes:
        return None
    text, sieve = file.read(text_bytes), file.read(sieve_bytes)
    lengths = fixed[len(MAGIC) : len(MAGIC) + _LENGTHS.size]
    if not sieve or zlib.crc32(sieve, zlib.crc32(text, zlib.crc32(lengths))) != crc:
        return None
    head = _parse_head(text)
    return None if head is None else Frame(head, sieve, body_at, body_bytes)


def _parse_head(text: bytes) -> Head | None:
    try:
        said = json.loads(text)
        return Head(int(said.pop("rows")), float(said.pop("first")), float(said.pop("last")), said)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _next_magic(file: BinaryIO, at: int, size_bytes: int) -> int:
    """Where the next frame may begin at or after ``at``."""
    while at < size_bytes:
        file.seek(at)
        piece = file.read(_STRIDE)
        if (found := piece.find(MAGIC)) >= 0:
            return at + found
        if len(piece) < _STRIDE:
            break
        at += len(piece) - len(MAGIC) + 1
    return size_bytes
