"""How are a million values held, when a few thousand of them are asked for all the time?

A name as objects takes some two kilobytes, and eight times less as bytes, which take some thirty microseconds to be made into objects again. So the most
recently used values are held *live*, as they are, and what has not been asked for lately is held *packed*; a packed value that is
asked for is live from then on. Both tiers together are one list in order of use, and the oldest go first, for want of items or
of bytes.

The key of a packed value is a number, the hash of its path, which is half the size of the path; the path itself
stands in front of the bytes and is compared. Of two paths with one hash (a chance of one in a hundred million among a million names)
the older is forgotten. A plain dictionary, since an ``OrderedDict`` takes 60 bytes more for each; to find its oldest keys one walks over the
holes that earlier ones left, so that they are evicted by the batch.
"""

import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar

V = TypeVar("V")

LIVE_ITEMS = 8192
# A live name of two replicas, with the heads of redirects that were prepared for it.
LIVE_BYTES = 4096
# What a packed value takes beside its bytes: the object's head, the key, its place in the dictionary.
EXTRA_BYTES = 140
# One in so many is evicted when there are too many.
_BATCHES = 256
_LENGTH = struct.Struct("<H")
LONGEST_PATH_BYTES = 0xFFFF

Pack = Callable[[str, V], bytes | None]
"""The bytes of a value; ``None`` when it cannot be packed, and is forgotten then."""

Unpack = Callable[[str, bytes, int], V]
"""The value of which the bytes begin at a place."""


def _unheeded() -> None:
    """For owners who do not count."""


class TwoTiers(Generic[V]):
    """At most ``max_items`` values of some ``max_bytes`` by path. ``evicted`` and ``unpacked`` only grow, and are told as they do.

    Values must be the same after packing and unpacking; what is changed in a live one may be lost.
    """

    __slots__ = (
        "_bytes",
        "_live_items",
        "_pack",
        "_packed",
        "_unpack",
        "evicted",
        "live",
        "max_bytes",
        "max_items",
        "on_evicted",
        "on_unpacked",
        "unpacked",
    )

    def __init__(
        self,
        max_items: int,
        max_bytes: int,
        pack: Pack[V],
        unpack: Unpack[V],
        live_items: int = LIVE_ITEMS,
    ) -> None:
        if max_items < 1:
            raise ValueError(f"max_items must be at least 1, not {max_items}")
        self.max_items = max_items
        self.max_bytes = max_bytes
        self.evicted = 0
        self.unpacked = 0
        self.on_evicted: Callable[[], None] = _unheeded
        self.on_unpacked: Callable[[], None] = _unheeded
        self._pack = pack
        self._unpack = unpack
        self.live: OrderedDict[str, V] = OrderedDict()
        """Those held live, the least recently used first; for who cannot spare a call of ``get``."""
        # at most a quarter of either bound, so that the larger part is packed
        self._live_items = max(1, min(live_items, max_items // 4, max_bytes // (4 * LIVE_BYTES)))
        self._packed: dict[int, bytes] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.live) + len(self._packed)

    def __repr__(self) -> str:
        return f"<TwoTiers {len(self.live)} live, {len(self._packed)} packed in {self._bytes} bytes, {self.evicted} evicted>"

    @property
    def live_count(self) -> int:
        """How many are held live."""
        return len(self.live)

    @property
    def bytes_held(self) -> int:
        """What all take, by estimate."""
        return self._bytes + len(self.live) * LIVE_BYTES

    def get(self, path: str) -> V | None:
        """The value, which is then live and the most recently used one."""
        if (value := self.live.get(path)) is not None:
            self.live.move_to_end(path)
            return value
        head = _head(path)
        blob = self._packed_of(path, head)
        if blob is None:
            return None
        value = self._unpack(path, blob, len(head))
        self.unpacked += 1
        self.on_unpacked()
        self._drop(hash(path))
        self.live[path] = value
        self._keep_bounds()
        return value

    def peek(self, path: str) -> V | None:
        """As ``get``, but it counts as no use of the value, which stays as it is."""
        if (value := self.live.get(path)) is not None:
            return value
        head = _head(path)
        blob = self._packed_of(path, head)
        return None if blob is None else self._unpack(path, blob, len(head))

    def put(self, path: str, value: V) -> None:
        """Remember a value, in the place of what was known of its path; the most recently used one."""
        self.pop(path)
        self.live[path] = value
        self._keep_bounds()

    def pop(self, path: str) -> bool:
        """Forget one path; whether anything was known of it."""
        if self.live.pop(path, None) is not None:
            return True
        if not self._packed or self._packed_of(path, _head(path)) is None:
            return False
        self._drop(hash(path))
        return True

    def below(self, path_prefix: str) -> list[str]:
        """The paths that are this one or lie below it; walks over everything, at some ten million in a second."""
        found = [
            *self._live_below(path_prefix),
            *map(_path_of, self._packed_below(path_prefix).values()),
        ]
        path = path_prefix.rstrip("/")
        if path and self._packed_of(path, _head(path)) is not None:
            found.append(path)
        return found

    def pop_below(self, path_prefix: str, unless: Sequence[bytes] = ()) -> list[str]:
        """Forget a path and all below it. With ``unless``, all that is live and what has one of these bytes in it stays; their paths are returned.

        A million are gone in some tenths of a second, since none is unpacked.
        """
        kept = self._live_below(path_prefix)
        if not unless:
            for path in kept:
                del self.live[path]
            kept = []
        for key, blob in self._packed_below(path_prefix).items():
            if any(octets in blob for octets in unless):
                kept.append(_path_of(blob))
            else:
                self._drop(key)
        path = path_prefix.rstrip("/")
        if unless:
            kept.append(path or "/")
        elif path:
            self.pop(path)
        return kept

    def _live_below(self, path_prefix: str) -> list[str]:
        path = path_prefix.rstrip("/")
        below = path + "/"
        return [key for key in self.live if key == path or key.startswith(below)]

    def _packed_below(self, path_prefix: str) -> dict[int, bytes]:
        below = _octets(path_prefix.rstrip("/") + "/")
        return {
            key: blob
            for key, blob in self._packed.items()
            if blob.startswith(below, _LENGTH.size) and len(below) <= _LENGTH.unpack_from(blob)[0]
        }

    def paths(self) -> Iterator[str]:
        """All paths, the least recently used first; nothing may change meanwhile."""
        yield from map(_path_of, self._packed.values())
        yield from self.live

    def clear(self) -> None:
        """Forget everything; the counters stay."""
        self.live.clear()
        self._packed.clear()
        self._bytes = 0

    def _packed_of(self, path: str, head: bytes) -> bytes | None:
        blob = self._packed.get(hash(path))
        return blob if blob is not None and blob.startswith(head) else None

    def _drop(self, key: int) -> None:
        if (blob := self._packed.pop(key, None)) is not None:
            self._bytes -= len(blob) + EXTRA_BYTES

    def _keep_bounds(self) -> None:
        if len(self.live) > self._live_items:
            path, value = self.live.popitem(last=False)
            octets = self._pack(path, value)
            head = _head(path)
            if octets is None or len(head) > _LENGTH.size + LONGEST_PATH_BYTES:
                self._note_evicted()
            else:
                self._drop(hash(path))
                self._packed[hash(path)] = head + octets
                self._bytes += len(head) + len(octets) + EXTRA_BYTES
        while self._packed and (len(self) > self.max_items or self.bytes_held > self.max_bytes):
            self._evict()

    def _evict(self) -> None:
        batch = max(1, min(self.max_items, len(self._packed)) // _BATCHES)
        for key in list(islice(self._packed, batch)):
            self._drop(key)
            self._note_evicted()

    def _note_evicted(self) -> None:
        self.evicted += 1
        self.on_evicted()


def _octets(path: str) -> bytes:
    return path.encode("utf-8", "surrogatepass")


def _head(path: str) -> bytes:
    octets = _octets(path)
    # of a path that is too long nothing is held packed, and its head fits none
    return _LENGTH.pack(min(len(octets), LONGEST_PATH_BYTES)) + octets


def _path_of(blob: bytes) -> str:
    return blob[_LENGTH.size : _LENGTH.size + _LENGTH.unpack_from(blob)[0]].decode(
        "utf-8", "surrogatepass"
    )
