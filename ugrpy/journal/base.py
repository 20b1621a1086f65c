"""What is asked of a journal, whatever it is kept in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ugrpy.namespace.changes import Operation, Record, Removal, Upload


@dataclass(frozen=True, slots=True)
class Recorded:
    """All that is written down."""

    uploads: tuple[Upload, ...] = ()
    removals: tuple[Removal, ...] = ()
    operations: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class OfName:
    """What is written down about one name."""

    upload: Upload | None = None
    removals: tuple[Removal, ...] = ()


class Journal(Protocol):
    """Every method raises ``Unavailable`` (503) when the disk does not take or give it; nothing was then changed."""

    async def load(self) -> Recorded:
        """Everything."""
        ...

    async def of(self, path: str) -> OfName:
        """What is known of one name."""
        ...

    async def write(self, puts: Sequence[Record] = (), drops: Sequence[Record] = ()) -> None:
        """All of it or nothing, and safe on the disk when this returns. Of uploads only that very one is dropped, not one that followed it."""
        ...

    async def operations(self) -> Sequence[Operation]:
        """Those that have not come to their end; there are few."""
        ...

    async def begin(self, operation: Operation) -> Operation | None:
        """Write an operation down unless another touches the same names; that one is then returned."""
        ...

    async def take(self, operation: Operation, number: str) -> bool:
        """Give an operation that nobody carries out any more another number; whether it still was there."""
        ...

    async def claim(self, upload: Upload, after: str) -> Upload | Operation | None:
        """Write an upload down unless another has come in between, or an operation touches the name; that one is then returned.

        ``after`` is the number of the upload that this one follows, ``""`` for none. Removals of the name are dropped: what must still go of it is in the upload.
        """
        ...

    async def close(self) -> None:
        """Finish what was begun."""
        ...
