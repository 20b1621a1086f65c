"""Which names exist, and who holds them? A seeded namespace that is computed, never stored.

Storage elements, load generator and checks run in separate processes; each derives the same answer from the same
few numbers, so nothing is passed between them. The tree::

    /bench/set-000042/AOD.00004217._000001.pool.root.1     look-ups: 100 names a set, any index up to 10**8
    /lists/000003/evt.000003.000999.root                   listings: ``list_entries`` names a list

All names of one shape are equally long, so every redirect carries an equally long ``Location``.
"""

import re
from dataclasses import asdict, dataclass

NAMES_PER_SET = 100
_MASK = (1 << 64) - 1
_LOOKUP = re.compile(r"/bench/set-(\d{6})/AOD\.(\d{8})\._000001\.pool\.root\.1\Z")
_LISTED = re.compile(r"/lists/(\d{6})/evt\.(\d{6})\.(\d{6})\.root\Z")
_COLLECTION = re.compile(r"(|/bench|/bench/set-\d{6}|/lists|/lists/\d{6})/?\Z")


def mix(value: int) -> int:
    """Spread an integer over 64 bits, the same in every process (the finalizer of splitmix64)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


@dataclass(frozen=True, slots=True)
class Item:
    """One name: its last component, and for files the size in bytes and the modification time."""

    name: str
    collection: bool
    size_bytes: int = 0
    mtime_s: int = 0


@dataclass(frozen=True, slots=True)
class Corpus:
    """A federation of ``members`` elements; each name is on ``replicas_min`` to ``replicas_max`` of them.

    ``miss_percent`` of the look-up names are on none. Of the listed names all but ``list_shared_percent`` are on one only.
    """

    seed: int = 1
    members: int = 3
    replicas_min: int = 1
    replicas_max: int = 3
    miss_percent: int = 5
    list_entries: int = 1000
    list_shared_percent: int = 100

    def as_json(self) -> dict[str, int]:
        """The numbers, for handing to another process: ``Corpus(**numbers)`` is the same corpus."""
        return asdict(self)

    def holders(self, index: int) -> tuple[int, ...]:
        """Which members hold look-up name ``index``; empty when it is nowhere."""
        drawn = mix(self.seed * 1_000_003 + index)
        if drawn % 100 < self.miss_percent:
            return ()
        return self._members(drawn)

    def list_holders(self, number: int, position: int) -> tuple[int, ...]:
        """Which members hold name ``position`` of list ``number``: at least one."""
        drawn = mix((self.seed * 7919 + number) * 1_000_003 + position)
        shared = (drawn >> 16) % 100 < self.list_shared_percent
        return self._members(drawn) if shared else self._members(drawn)[:1]

    def _members(self, drawn: int) -> tuple[int, ...]:
        count = self.replicas_min + (drawn >> 8) % (self.replicas_max - self.replicas_min + 1)
        first = (drawn >> 32) % self.members
        return tuple((first + step) % self.members for step in range(count))

    def stat(self, member: int, path: str) -> Item | None:
        """What ``member`` holds under ``path``, or ``None``."""
        if found := _LOOKUP.match(path):
            index = int(found[2])
            if int(found[1]) != index // NAMES_PER_SET or member not in self.holders(index):
                return None
            return _file(path.rpartition("/")[2], mix(index))
        if found := _LISTED.match(path):
            number, position = int(found[1]), int(found[3])
            if int(found[2]) != number or position >= self.list_entries:
                return None
            if member not in self.list_holders(number, position):
                return None
            return _file(path.rpartition("/")[2], mix(position))
        if _COLLECTION.match(path):
            return Item(path.rstrip("/").rpartition("/")[2], collection=True)
        return None

    def children(self, member: int, path: str) -> list[Item]:
        """The names ``member`` holds in a collection; ``/bench`` and ``/lists`` show their first hundred."""
        path = path.rstrip("/")
        if path.startswith("/lists/"):
            number = int(path[7:])
            return [
                _file(list_name(number, position), mix(position))
                for position in range(self.list_entries)
                if member in self.list_holders(number, position)
            ]
        if path.startswith("/bench/set-"):
            first = int(path[11:]) * NAMES_PER_SET
            held = (lookup_path(n) for n in range(first, first + NAMES_PER_SET))
            return [item for p in held if (item := self.stat(member, p)) is not None]
        if path == "/bench":
            return [Item(f"set-{n:06d}", collection=True) for n in range(100)]
        if path == "/lists":
            return [Item(f"{n:06d}", collection=True) for n in range(100)]
        return [Item("bench", collection=True), Item("lists", collection=True)]


def _file(name: str, drawn: int) -> Item:
    return Item(name, False, 1000 + drawn % 999_000, 1_500_000_000 + (drawn >> 40))


def lookup_path(index: int) -> str:
    """The path of look-up name ``index``."""
    return f"/bench/set-{index // NAMES_PER_SET:06d}/AOD.{index:08d}._000001.pool.root.1"


def list_path(number: int) -> str:
    """The path of the collection with ``list_entries`` names."""
    return f"/lists/{number:06d}/"


def list_name(number: int, position: int) -> str:
    """The name at ``position`` in list ``number``."""
    return f"evt.{number:06d}.{position:06d}.root"
