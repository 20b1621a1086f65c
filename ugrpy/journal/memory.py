"""A journal that lasts as long as the process: for tests, and for a federation that takes no changes."""

from collections.abc import Sequence
from dataclasses import replace

from ugrpy.journal.base import OfName, Recorded
from ugrpy.namespace.changes import Operation, Record, Removal, Upload


class MemoryJournal:
    """A ``Journal`` in dictionaries."""

    def __init__(self) -> None:
        self._uploads: dict[str, Upload] = {}
        self._removals: dict[tuple[str, str], Removal] = {}
        self._operations: dict[str, Operation] = {}

    def __repr__(self) -> str:
        return f"<MemoryJournal {len(self._uploads)} uploads, {len(self._removals)} removals, {len(self._operations)} operations>"

    async def load(self) -> Recorded:
        """Everything."""
        return Recorded(
            tuple(self._uploads.values()),
            tuple(self._removals.values()),
            tuple(self._operations.values()),
        )

    async def of(self, path: str) -> OfName:
        """What is known of one name."""
        going = tuple(one for (name, _), one in self._removals.items() if name == path)
        return OfName(self._uploads.get(path), going)

    async def write(self, puts: Sequence[Record] = (), drops: Sequence[Record] = ()) -> None:
        """All of it."""
        for record in drops:
            match record:
                case Upload():
                    standing = self._uploads.get(record.path)
                    if standing is not None and standing.number == record.number:
                        del self._uploads[record.path]
                case Removal():
                    self._removals.pop((record.path, record.endpoint), None)
                case Operation():
                    self._operations.pop(record.number, None)
        for record in puts:
            match record:
                case Upload():
                    self._uploads[record.path] = record
                case Removal():
                    self._removals[record.path, record.endpoint] = record
                case Operation():
                    self._operations[record.number] = record

    async def operations(self) -> Sequence[Operation]:
        """Those that have not come to their end."""
        return tuple(self._operations.values())

    async def begin(self, operation: Operation) -> Operation | None:
        """Unless another touches the same names."""
        if (other := self._touching(operation.path, operation.target)) is not None:
            return other
        self._operations[operation.number] = operation
        return None

    async def take(self, operation: Operation, number: str) -> bool:
        """If it still is there."""
        if self._operations.pop(operation.number, None) is None:
            return False
        self._operations[number] = replace(operation, number=number)
        return True

    def _touching(self, *paths: str) -> Operation | None:
        names = [path for path in paths if path]
        return next((one for one in self._operations.values() if one.touches(*names)), None)

    async def claim(self, upload: Upload, after: str) -> Upload | Operation | None:
        """Unless another has come in between."""
        if (operation := self._touching(upload.path)) is not None:
            return operation
        standing = self._uploads.get(upload.path)
        if standing is not None and standing.number != after:
            return standing
        for key in [one for one in self._removals if one[0] == upload.path]:
            del self._removals[key]
        self._uploads[upload.path] = upload
        return None

    async def close(self) -> None:
        """Nothing to finish."""
