"""The journal as an SQLite database: shared by all workers of a host, whole after a crash or a full disk.

SQLite is called from one thread of its own, which takes what has come up meanwhile into one transaction: a hundred uploads begun
at the same moment cost one flush of the disk. Nothing is acknowledged before that flush (``synchronous = FULL``).
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import structlog

from ugrpy.core.errors import ConfigError, DataError, Unavailable
from ugrpy.journal.base import OfName, Recorded
from ugrpy.journal.records import parse_operation, parse_removal, parse_upload, render_record
from ugrpy.namespace.changes import Operation, Record, Removal, Upload

log = structlog.get_logger("ugrpy.journal")

T = TypeVar("T")

FILE = "journal.sqlite"
FORMAT = 1
BUSY_S = 5.0
BUSY_PAUSE_S = 0.02
MOST_TOGETHER = 500
RETRY_AFTER_S = 10.0

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


@dataclass(slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    done: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop
    result: Any = field(default=None)
    error: BaseException | None = None

    def tell(self) -> None:
        """Hand the result to whoever waits, if he still does; from the thread."""
        with suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.result)


class SqliteJournal:
    """A ``Journal`` in ``folder``, which is made if it is not there. Raises ``ConfigError`` when it cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = _opened(self._path)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"cannot keep the journal in {folder}: {error}",
                where="changes.state_dir",
                hint="name a folder on a local disk that this user may write",
            ) from error
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<SqliteJournal {self._path}>"

    # -- the journal --------------------------------------------------------------------------------

    async def load(self) -> Recorded:
        """Everything that can be read; what cannot is reported and left where it is."""
        rows = await self._do(
            lambda base: base.execute("SELECT what, body FROM records").fetchall()
        )
        return Recorded(
            tuple(_readable(parse_upload, rows, "upload")),
            tuple(_readable(parse_removal, rows, "removal")),
            tuple(_readable(parse_operation, rows, "operation")),
        )

    async def of(self, path: str) -> OfName:
        """What is known of one name."""
        rows = await self._do(lambda base: _rows_of(base, path))
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

        await self._do(work)

    async def claim(self, upload: Upload, after: str) -> Upload | None:
        """Unless another has come in between."""

        def work(base: sqlite3.Connection) -> Upload | None:
            standing = _upload_of(base, upload.path)
            if standing is not None and standing.number != after:
                return standing
            base.execute(_DROP_REMOVALS, (_bytes_of(upload.path),))
            base.execute(_PUT, (*_key(upload), render_record(upload)))
            return None

        return await self._do(work)

    async def close(self) -> None:
        """Finish what was begun; what comes later is refused."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    # -- the thread ---------------------------------------------------------------------------------

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise Unavailable("this gateway is stopping, so no change can be begun")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future(), loop)
        self._jobs.put(job)
        # what was handed to the thread is done, whether anybody still waits for it or not
        result: T = await asyncio.shield(job.done)
        return result

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            together, last = [job], False
            while len(together) < MOST_TOGETHER and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    last = True
                    break
                together.append(following)
            self._transact(together)
            for one in together:
                one.tell()
            if last:
                break
        self._database.close()

    def _transact(self, jobs: list[_Job]) -> None:
        """All in one transaction; when that fails, each in one of its own, so that none fails for another's sake."""
        try:
            with self._transaction():
                for job in jobs:
                    job.result = job.work(self._database)
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread goes on, and somebody waits for the outcome
            if len(jobs) > 1:
                for job in jobs:
                    self._transact([job])
                return
            jobs[0].error = self._told(error)

    def _told(self, error: Exception) -> Exception:
        """What is raised where somebody waits; a mistake of ours is not taken for one of the disk."""
        if not isinstance(error, sqlite3.Error):
            return error
        log.warning("the journal cannot be used", file=str(self._path), error=str(error))
        return Unavailable(
            "the change could not be written down, so it was not begun",
            retry_after_s=RETRY_AFTER_S,
        )

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._database)


class _Transaction:
    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._database.execute("COMMIT")
        finally:
            if self._database.in_transaction:  # it did not come to an end, or could not
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")


def _opened(path: Path) -> sqlite3.Connection:
    """Workers that start together find the database locked for a moment, and SQLite itself does not wait there."""
    for _ in range(round(BUSY_S / BUSY_PAUSE_S)):
        try:
            return _connected(path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
        time.sleep(BUSY_PAUSE_S)
    return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        with _Transaction(database):
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version not in (0, FORMAT):
                raise sqlite3.DatabaseError(f"it was written by another version ({version})")
            if version == 0:
                database.execute(_SCHEMA)
                database.execute(f"PRAGMA user_version = {FORMAT}")
    except sqlite3.Error:
        database.close()
        raise
    return database


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
