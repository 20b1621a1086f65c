"""One SQLite database as several workers of a host use it, without ever holding their loops up.

SQLite is called from one thread of its own, which takes what has come up meanwhile into one transaction: a hundred uploads begun
at the same moment cost one flush of the disk.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import structlog

from ugrpy.core.errors import ConfigError, Unavailable

log = structlog.get_logger("ugrpy.journal")

T = TypeVar("T")

IN_MEMORY = Path(":memory:")
# Shorter than workers wait for each other's word (``service.bus``), so that a lock is told as such.
BUSY_S = 2.0
BUSY_PAUSE_S = 0.02
MOST_TOGETHER = 500
RETRY_AFTER_S = 10.0


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


class Database:
    """The file ``path``, made with its folder when it is not there; ``IN_MEMORY`` is gone with the process.

    ``layout`` is the number of the schema: a file with another one is not touched. ``durable``: what was done has reached the disk
    before anybody hears of it. ``refusal`` is told when the disk does not take or give something. Raises ``ConfigError`` when it cannot be used.
    """

    def __init__(
        self, path: Path, schema: str, layout: int, *, refusal: str, durable: bool = True
    ) -> None:
        self._path = path
        self._refusal = refusal
        try:
            if path != IN_MEMORY:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = _opened(path, schema, layout, "FULL" if durable else "NORMAL")
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"cannot keep {path.name} in {path.parent}: {error}",
                where="changes.state_dir",
                hint="name a folder on a local disk that this user may write",
            ) from error
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=path.stem, daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Database {self._path}>"

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What ``work`` returns, done in a transaction. Raises ``Unavailable`` when the disk does not take or give it; nothing was then changed."""
        if self._closed:
            raise Unavailable(self._refusal)
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future(), loop)
        self._jobs.put(job)
        # what was handed to the thread is done, whether anybody still waits for it or not
        result: T = await asyncio.shield(job.done)
        return result

    async def close(self) -> None:
        """Finish what was begun; what comes later is refused."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    # -- the thread ---------------------------------------------------------------------------------

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
            with _Transaction(self._database):
                for job in jobs:
                    job.result = job.work(self._database)
        except Exception as error:  # noqa: BLE001 - whoever handed the work over hears of it, and the thread goes on
            if len(jobs) > 1:
                for job in jobs:
                    self._transact([job])
                return
            jobs[0].error = self._told(error)

    def _told(self, error: Exception) -> Exception:
        if not isinstance(error, sqlite3.Error):
            return error
        log.warning("a database cannot be used", file=str(self._path), error=str(error))
        return Unavailable(self._refusal, retry_after_s=RETRY_AFTER_S)


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


def _opened(path: Path, schema: str, layout: int, synchronous: str) -> sqlite3.Connection:
    """Workers that start together find the database locked for a moment, and SQLite itself does not wait there."""
    for _ in range(round(BUSY_S / BUSY_PAUSE_S)):
        try:
            return _connected(path, schema, layout, synchronous)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
        time.sleep(BUSY_PAUSE_S)
    return _connected(path, schema, layout, synchronous)


def _connected(path: Path, schema: str, layout: int, synchronous: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {synchronous}")
        with _Transaction(database):
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version not in (0, layout):
                raise sqlite3.DatabaseError(f"it was written by another version ({version})")
            if version == 0:
                for statement in schema.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {layout}")
    except sqlite3.Error:
        database.close()
        raise
    return database
