"""How are the children of one collection held, so that a long listing does not fill the memory?

A child as objects takes some 350 bytes; a hundred thousand of them, remembered for a minute, would be 35 MB. So beyond
``LOOSE`` children they are packed by the block, names in one text and numbers in arrays, at about 40 bytes each, and
unpacked as they are read. What an array cannot hold (checksums, clashes, absurd numbers) is kept as it is.

The children of one collection may still grow while they are read: several clients can follow the same listing from its
beginning, each at its own pace.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId, Entry, Kind

# Listings up to this length are held loose, in the order of the names, and answered in one piece.
LOOSE = 10_000
_BLOCK = 1024

_NO_NUMBER = -(1 << 63)
_COLLECTION = _NO_NUMBER + 1
_NUMBERS = range(_COLLECTION + 1, 1 << 63)

Holders = tuple[EndpointId, ...]


class Contents:
    """Children in the order in which they came."""

    __slots__ = ("_blocks", "_holders", "_loose", "_numbers")

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._loose: list[Merged] = []
        self._holders: list[Holders] = []
        self._numbers: dict[Holders, int] = {}

    def __repr__(self) -> str:
        return f"<Contents {len(self)} children, {len(self._blocks)} blocks>"

    def __len__(self) -> int:
        return len(self._loose) + sum(len(block) for block in self._blocks)

    def extend(self, children: Sequence[Merged]) -> None:
        """More children."""
        loose = self._loose
        loose += children
        if self._blocks or len(loose) > LOOSE:
            while len(loose) >= _BLOCK:
                self._blocks.append(self._packed(loose[:_BLOCK]))
                del loose[:_BLOCK]

    def __iter__(self) -> Iterator[Merged]:
        """All children there are by the time the iterator reaches its end."""
        children, place = self.after(0)
        while children:
            yield from children
            children, place = self.after(place)

    def after(self, place: int) -> tuple[Sequence[Merged], int]:
        """Some of the children from ``place`` on, and the place after them; none when there are no more by now.

        The first place is 0; any other has come from here.
        """
        number, inside = divmod(place, _BLOCK)
        for block in self._blocks[number:]:
            number += 1
            children = self._unpacked(block, inside)
            inside = 0
            if children:
                return children, number * _BLOCK
        packed = len(self._blocks) * _BLOCK
        children = self._loose[max(0, place - packed) :]
        return children, packed + len(self._loose)

    def seal(self) -> None:
        """Everything has come. From now on single children may change, and readers do not lose their place by it."""
        if self._loose:
            self._blocks.append(self._packed(self._loose))
            self._loose = []

    def find(self, name: str) -> Merged | None:
        """The child of this name, if there is one; looks through all names, as ``put`` does."""
        for child in self._loose:
            if child.entry.name == name:
                return child
        wanted = f"/{name}/"
        for block in self._blocks:
            if wanted in block.names:
                number = block.names.count("/", 0, block.names.index(wanted))
                if number in block.odd:
                    return block.odd[number]
                return self._unpacked(block, number)[0]
        return None

    def put(self, child: Merged) -> None:
        """One child more, or in the place of the one of the same name; to be called when sealed.

        Looks through all names, at some 100,000 in a millisecond.
        """
        if not self._replace(child.entry.name, child):
            self._blocks.append(self._packed((child,)))

    def remove(self, name: str) -> None:
        """One child less, if there is one of this name; to be called when sealed."""
        self._replace(name, None)

    def _replace(self, name: str, by: Merged | None) -> bool:
        wanted = f"/{name}/"
        for block in self._blocks:
            if wanted in block.names:
                # as many stand before it as there are slashes
                block.odd[block.names.count("/", 0, block.names.index(wanted))] = by
                return True
        return False

    def _packed(self, children: Sequence[Merged]) -> "_Block":
        block = _Block("/" + "".join(f"{child.entry.name}/" for child in children))
        for number, child in enumerate(children):
            entry = child.entry
            size = _COLLECTION if entry.kind is Kind.COLLECTION else _number(entry.size_bytes)
            block.sizes.append(size)
            block.mtimes.append(_number(entry.mtime_s))
            block.holders.append(self._number_of(child.holders))
            if entry.digests or child.conflicts or not _fits(entry):
                block.odd[number] = child
        return block

    def _number_of(self, holders: Holders) -> int:
        number = self._numbers.get(holders)
        if number is None:
            number = self._numbers[holders] = len(self._holders)
            self._holders.append(holders)
        return number

    def _unpacked(self, block: "_Block", start: int) -> list[Merged]:
        holders = self._holders
        children: list[Merged | None] = [
            Merged(
                Entry(name, Kind.COLLECTION, None, None if mtime == _NO_NUMBER else mtime)
                if size == _COLLECTION
                else Entry(
                    name,
                    Kind.FILE,
                    None if size == _NO_NUMBER else size,
                    None if mtime == _NO_NUMBER else mtime,
                ),
                holders[number],
            )
            for name, size, mtime, number in zip(
                block.names[1:-1].split("/"), block.sizes, block.mtimes, block.holders, strict=True
            )
        ]
        for number, child in block.odd.items():
            children[number] = child
        return [child for child in children[start:] if child is not None]


@dataclass(slots=True)
class _Block:
    """``names`` between slashes, which no name has in it; numbers of children without one are ``_NO_NUMBER``.

    ``odd`` holds, by their number in the block, children no array can hold or that were changed since; ``None``: it has gone.
    """

    names: str
    sizes: "array[int]" = field(default_factory=lambda: array("q"))
    mtimes: "array[int]" = field(default_factory=lambda: array("q"))
    holders: "array[int]" = field(default_factory=lambda: array("L"))
    odd: dict[int, Merged | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sizes) - sum(child is None for child in self.odd.values())


def _number(value: int | None) -> int:
    return _NO_NUMBER if value is None or value not in _NUMBERS else value


def _fits(entry: Entry) -> bool:
    return all(value is None or value in _NUMBERS for value in (entry.size_bytes, entry.mtime_s))
