"""How is what is known of a name, or of a collection, written so that another process can use it?

For the compact part of the memory, for stores that gateways share, and for the state that outlives the process. Layout::

    byte     what it is: N (a name) or L (a listing)
    byte     the version of the format; another one is refused
    double   when the question was put, in seconds since the epoch
    uint16   the length of the path, and the path
    ...      who said what, as ``packed`` has it

Three rules:

- Times are of the wall, since no two processes share a monotonic clock. Whoever reads says what both of his clocks show, and gets
  ages on his own. What claims to come from the future was fetched now at best: a clock that is wrong must not prolong a life.
- Endpoints go by name, so that the order of a configuration means nothing. Whether they belong to this federation is
  for the reader to look at.
- Whatever the bytes are, reading them gives a value or a ``DataError``, in a time that their number bounds.

What is in nobody's interest elsewhere is left out: places for operators only (``Unknown.inside``), replicas and prepared heads.
"""

import math
import struct
from collections.abc import Callable, Mapping
from itertools import pairwise

from ugrpy.core.errors import DataError
from ugrpy.federation.contents import LOOSE
from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.federation.packed import AnswerPacker, AnswerUnpacker
from ugrpy.namespace.merge import Knowledge, Merged, Sighting, summarise
from ugrpy.namespace.model import EndpointId, Kind
from ugrpy.namespace.origin import Origin
from ugrpy.namespace.paths import can_be_asked_for, name_of
from ugrpy.namespace.verdict import OutOfService

VERSION = 2

# What is larger is not worth keeping packed.
MOST_ENDPOINTS = 1024
MOST_NAME_BYTES = 128 * 1024
MOST_LISTING_BYTES = 1000 * 1000  # memcached's largest item is 1 MiB, its own notes included

_HEAD = struct.Struct("<ccdH")
_NAME, _LISTING = b"N", b"L"
_VERSION = bytes([VERSION])
_MOST_PATH_BYTES = 0xFFFF

Over = Callable[[str, Knowledge], Knowledge]
"""Adds what is known beyond what was said, as ``LearntDigests.over`` does."""


def as_said(_path: str, knowledge: Knowledge) -> Knowledge:
    """Adds nothing."""
    return knowledge


def encode_name(known: KnownName, wall_s: float, monotonic_s: float) -> bytes | None:
    """The bytes of a name; ``None`` when they would be too many. The times are what both clocks show now.

    Only what was said is written: what follows from it is worked out anew by the reader.
    """
    packer = AnswerPacker(name_of(known.path))
    try:
        pack_said(packer, known)
    except DataError:
        return None
    return _whole(_NAME, known.path, known.at_s + (wall_s - monotonic_s), packer, MOST_NAME_BYTES)


def decode_name(
    data: bytes,
    wall_s: float,
    monotonic_s: float,
    over: Over = as_said,
    *,
    origin: Origin = Origin.SHARED,
) -> KnownName:
    """The name, with its times on the reader's monotonic clock. Raises ``DataError`` and nothing else."""
    path, stamp_s, start = _head(data, _NAME, MOST_NAME_BYTES)
    at_s = stamp_s - (wall_s - monotonic_s)
    reader = AnswerUnpacker(data, start, name_of(path))
    known = unpack_said(reader, path, at_s, over, latest_s=monotonic_s, origin=origin)
    reader.end()
    return known


def pack_said(packer: AnswerPacker, known: KnownName) -> None:
    """Who said what of a name, without the name and its time. Raises ``DataError`` for what is absurd."""
    packer.number(_few(len(known.knowledge)))
    for endpoint, sighting in known.knowledge.items():
        packer.word(endpoint)
        packer.signed(round((sighting.at_s - known.at_s) * 1000))
        packer.observation(sighting.observation)
    packer.number(len(known.silent))
    for endpoint in sorted(known.silent):
        packer.word(endpoint)
    packer.number(len(known.out))
    for endpoint, out in known.out.items():
        packer.word(endpoint)
        packer.out_of_service(out)


def unpack_said(
    reader: AnswerUnpacker,
    path: str,
    at_s: float,
    over: Over = as_said,
    *,
    latest_s: float = math.inf,
    origin: Origin = Origin.SHARED,
) -> KnownName:
    """What ``pack_said`` wrote of this name; no time is later than ``latest_s``."""
    knowledge: dict[EndpointId, Sighting] = {}
    for _ in range(_few(reader.count())):
        endpoint = reader.endpoint()
        after_s = _near(reader.signed() / 1000)
        knowledge[endpoint] = Sighting(reader.observation(), min(latest_s, at_s + after_s))
    silent = frozenset(reader.endpoint() for _ in range(reader.count()))
    out: Mapping[EndpointId, OutOfService] = {
        reader.endpoint(): reader.out_of_service() for _ in range(reader.count())
    }
    summary = summarise(over(path, knowledge))
    return KnownName(path, summary, knowledge, silent, out, min(latest_s, at_s), origin=origin)


def encode_listing(
    known: KnownListing,
    wall_s: float,
    monotonic_s: float,
    *,
    most_children: int = LOOSE,
    most_bytes: int = MOST_LISTING_BYTES,
) -> bytes | None:
    """The bytes of a listing; ``None`` when there are too many children, or bytes."""
    if len(known.children) > most_children:
        return None
    packer = AnswerPacker(name_of(known.path))
    try:
        packer.merged(known.itself)
        packer.number(len(known.missing))
        for endpoint, why in known.missing.items():
            packer.word(endpoint)
            packer.word(why)
        packer.number(_few(len(known.parts)))
        for endpoint, spoke_s in known.parts.items():
            packer.word(endpoint)
            packer.signed(round((spoke_s - known.at_s) * 1000))
        packer.number(len(known.children))
        # no child has this name, so that each says its own
        packer.name = "/"
        for child in known.children:
            packer.merged(child)
            if len(packer) > most_bytes:
                return None
    except DataError:
        return None
    stamp_s = known.at_s + (wall_s - monotonic_s)
    return _whole(_LISTING, known.path, stamp_s, packer, most_bytes)


def decode_listing(
    data: bytes,
    wall_s: float,
    monotonic_s: float,
    *,
    most_children: int = LOOSE,
    most_bytes: int = MOST_LISTING_BYTES,
    origin: Origin = Origin.SHARED,
) -> KnownListing:
    """The listing, its children in the order of their names. Raises ``DataError`` and nothing else."""
    path, stamp_s, start = _head(data, _LISTING, most_bytes)
    reader = AnswerUnpacker(data, start, name_of(path))
    itself = reader.merged()
    missing = {reader.word(): reader.word() for _ in range(reader.count())}
    at_s = min(monotonic_s, stamp_s - (wall_s - monotonic_s))
    parts: dict[EndpointId, float] = {}
    for _ in range(_few(reader.count())):
        endpoint = reader.endpoint()
        parts[endpoint] = min(monotonic_s, at_s + _near(reader.signed() / 1000))
    children = _children(reader, most_children)
    reader.end()
    if children and itself.entry.kind is Kind.FILE:
        raise DataError("a file has no children")
    return KnownListing(path, itself, children, missing, at_s, parts, origin)


def _children(reader: AnswerUnpacker, most: int) -> tuple[Merged, ...]:
    if (count := reader.count()) > most:
        raise DataError(f"more than {most} children", seen=str(count))
    reader.name = ""
    children = [reader.merged() for _ in range(count)]
    children.sort(key=lambda child: child.entry.name)
    names = [child.entry.name for child in children]
    if names and not names[0]:
        raise DataError("a child has no name")
    if any(one == next_one for one, next_one in pairwise(names)):
        raise DataError("two children have one name")
    return tuple(children)


def _few(endpoints: int) -> int:
    if endpoints > MOST_ENDPOINTS:
        raise DataError(f"more than {MOST_ENDPOINTS} endpoints", seen=str(endpoints))
    return endpoints


def _whole(
    what: bytes, path: str, stamp_s: float, packer: AnswerPacker, most_bytes: int
) -> bytes | None:
    octets = path.encode("utf-8", "surrogatepass")
    if len(octets) > _MOST_PATH_BYTES or _HEAD.size + len(octets) + len(packer) > most_bytes:
        return None
    return b"".join((_HEAD.pack(what, _VERSION, stamp_s, len(octets)), octets, packer.data))


def _head(data: bytes, what: bytes, most_bytes: int) -> tuple[str, float, int]:
    """The path, when the question was put, and where the rest begins."""
    if not _HEAD.size <= len(data) <= most_bytes:
        raise DataError("too short or too long", seen=f"{len(data)} bytes")
    kind, version, stamp_s, length = _HEAD.unpack_from(data)
    if kind != what or version != _VERSION:
        raise DataError("of another kind, or of another version", seen=repr(data[:2]))
    _near(stamp_s)
    end = _HEAD.size + length
    if end > len(data):
        raise DataError("the bytes end too early")
    return _path(data[_HEAD.size : end]), stamp_s, end


# A hundred thousand years: further away, a time has no milliseconds any more.
_FAR_S = 3.2e12


def _near(time_s: float) -> float:
    if not -_FAR_S < time_s < _FAR_S:
        raise DataError("no time", seen=str(time_s))
    return time_s


def _path(octets: bytes) -> str:
    try:
        path = octets.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise DataError("a path is not UTF-8", seen=repr(octets[:40])) from None
    if not path.startswith("/") or not can_be_asked_for(path):
        raise DataError("no path", seen=repr(path[:40]))
    return path
