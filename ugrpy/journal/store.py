"""The journal as an SQLite database: shared by all workers of a host, whole after a crash or a full disk.

Nothing is acknowledged before it is on the disk (``synchronous = FULL``).
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import structlog

from ugrpy.core.errors import DataError
from ugrpy.journal.base import OfName, Recorded
from ugrpy.journal.database import Database
from ugrpy.journal.records import parse_operation, parse_removal, parse_upload, render_record
from ugrpy.namespace.changes import Operation, Record, Removal, Upload

log = structlog.get_logger("ugrpy.journal")

T = TypeVar("T")

FILE = "journal.sqlite"
FORMAT = 1

# name and endpoint as bytes, since paths may hold what is not UTF-8
_SCHEMA = """
CREATE TABLE records (
  what TEXT NOT NULL, name BLOB NOT NULL, endpoint TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (what, name, endpoint)
) WITHOUT ROWID
"""
_PUT = "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)"
_DROP = "DELETE FROM records WHERE what = ? AND name = ? AND endpoint = ?"
_DROP_REMOVALS = "DELETE FROM records WHERE what = 'removal' AND name = ?"


class SqliteJournal:
    """A ``Journal`` in ``folder``, which is made if it is not there. Raises ``ConfigError`` when it cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._base = Database(
            folder / FILE,
            _SCHEMA,
            FORMAT,
            refusal="the change could not be written down, so it was not begun",
        )

    def __repr__(self) -> str:
        return f"<SqliteJournal {self._base!r}>"

    # -- the journal --------------------------------------------------------------------------------

    async def load(self) -> Recorded:
        """Everything that can be read; what cannot is reported and left where it is."""
        rows = await self._base.do(
            lambda base: base.execute("SELECT what, body FROM records").fetchall()
        )
        return Recorded(
            tuple(_readable(parse_upload, rows, "upload")),
            tuple(_readable(parse_removal, rows, "removal")),
            tuple(_readable(parse_operation, rows, "operation")),
        )

    async def of(self, path: str) -> OfName:
        """What is known of one name."""
        rows = await self._base.do(lambda base: _rows_of(base, path))
        uploads = _readable(parse_upload, rows, "upload")
        return OfName(
            uploads[0] if uploads else None, tuple(_readable(parse_removal, rows, "removal"))
        )

    async def write(self, puts: Sequence[Record] = (), drops: Sequence[Record] = ()) -> None:
        """All of it or nothing."""

        def work(base: sqlite3.Connection) -> None:
            for record in drops:
                if isinstance(record, Upload) and not _stands(base, record):
                    continue  # one that has followed it is not dropped
                base.execute(_DROP, _key(record))
            base.executemany(_PUT, [(*_key(record), render_record(record)) for record in puts])

        await self._base.do(work)

    async def operations(self) -> Sequence[Operation]:
        """Those that have not come to their end."""
        return await self._base.do(_operations)

    async def begin(self, operation: Operation) -> Operation | None:
        """Unless another touches the same names."""

        def work(base: sqlite3.Connection) -> Operation | None:
            if (other := _touching(base, operation.path, operation.target)) is not None:
                return other
            base.execute(_PUT, (*_key(operation), render_record(operation)))
            return None

        return await self._base.do(work)

    async def take(self, operation: Operation, number: str) -> bool:
        """If it still is there."""
        taken = replace(operation, number=number)

        def work(base: sqlite3.Connection) -> bool:
            if not base.execute(_DROP, _key(operation)).rowcount:
                return False
            base.execute(_PUT, (*_key(taken), render_record(taken)))
            return True

        return await self._base.do(work)

    async def claim(self, upload: Upload, after: str) -> Upload | Operation | None:
        """Unless another has come in between."""

        def work(base: sqlite3.Connection) -> Upload | Operation | None:
            if (operation := _touching(base, upload.path)) is not None:
                return operation
            standing = _upload_of(base, upload.path)
            if standing is not None and standing.number != after:
                return standing
            base.execute(_DROP_REMOVALS, (_bytes_of(upload.path),))
            base.execute(_PUT, (*_key(upload), render_record(upload)))
            return None

        return await self._base.do(work)

    async def close(self) -> None:
        """Finish what was begun."""
        await self._base.close()


def _bytes_of(path: str) -> bytes:
    # as names come from URLs, whatever the locale of the process
    return path.encode("utf-8", "surrogateescape")


def _key(record: Record) -> tuple[str, bytes, str]:
    match record:
        case Upload(path=path):
            return "upload", _bytes_of(path), ""
        case Removal(path=path, endpoint=endpoint):
            return "removal", _bytes_of(path), endpoint
        case Operation(number=number):
            return "operation", number.encode(), ""


def _rows_of(base: sqlite3.Connection, path: str) -> list[tuple[str, str]]:
    return base.execute(
        "SELECT what, body FROM records WHERE what IN ('upload', 'removal') AND name = ?",
        (_bytes_of(path),),
    ).fetchall()


def _operations(base: sqlite3.Connection) -> list[Operation]:
    rows = base.execute("SELECT what, body FROM records WHERE what = 'operation'").fetchall()
    return _readable(parse_operation, rows, "operation")


def _touching(base: sqlite3.Connection, *paths: str) -> Operation | None:
    names = [path for path in paths if path]
    return next((one for one in _operations(base) if one.touches(*names)), None)


def _upload_of(base: sqlite3.Connection, path: str) -> Upload | None:
    uploads = _readable(parse_upload, _rows_of(base, path), "upload")
    return uploads[0] if uploads else None


def _stands(base: sqlite3.Connection, upload: Upload) -> bool:
    standing = _upload_of(base, upload.path)
    return standing is not None and standing.number == upload.number


def _readable(parse: Callable[[str], T], rows: Sequence[tuple[str, str]], what: str) -> list[T]:
    records: list[T] = []
    for kind, body in rows:
        if kind != what:
            continue
        try:
            records.append(parse(body))
        except DataError as error:
            log.warning("a record is passed over", reason=str(error), seen=error.seen)
    return records
