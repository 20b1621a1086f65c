"""Where is what was known last written, for all workers of a host and for the next start?

In an SQLite database beside the journal, of bounded size: the names and listings longest not written go. A file that is broken, or of another
version, is thrown away; a disk that is full or cannot be written costs what would have been written.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import structlog

from ugrpy.core.clock import Clock
from ugrpy.core.errors import ConfigError, DataError
from ugrpy.federation.codec import decode_listing, decode_name, encode_listing, encode_name
from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.journal.database import Database
from ugrpy.namespace.model import EndpointId
from ugrpy.namespace.origin import Origin
from ugrpy.namespace.paths import name_of, parent_of
from ugrpy.past.records import left_with, listing_left_with, listing_without, worth_keeping

log = structlog.get_logger("ugrpy.past")

T = TypeVar("T", KnownName, KnownListing)

FILE = "last-known.sqlite"
LOCK_FILE = "last-known.lock"
FORMAT = 1
# Longer listings would take the thread, and others, more than a few milliseconds to write and to read.
MOST_CHILDREN = 2000
# Of listings as many bytes are kept as so many for each name that may be kept.
LISTING_BYTES_PER_NAME = 100

_SCHEMA = """
CREATE TABLE IF NOT EXISTS names (
  number INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS listings (
  number INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE, body BLOB NOT NULL
)
"""
_TRIM_LISTINGS = """
DELETE FROM listings WHERE number <= (
  SELECT number FROM (SELECT number, sum(length(body)) OVER (ORDER BY number DESC) AS total FROM listings)
  WHERE total > ? ORDER BY number DESC LIMIT 1
)
"""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A name that was changed, with all ``below`` it or not, but for what those hold who are ``away``."""

    path: str
    away: Set[EndpointId] = frozenset()
    below: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written at once, in this order. ``gone`` are names that nobody holds any more. ``everything``: all is forgotten first."""

    forgotten: Sequence[Forgotten] = ()
    gone: Sequence[str] = ()
    names: Sequence[KnownName] = ()
    listings: Sequence[KnownListing] = ()
    everything: bool = field(default=False, kw_only=True)


def open_store(folder: Path, most_names: int, clock: Clock) -> "Store | None":
    """The store in ``folder``; ``None`` when nothing can be written there. To be called in a thread."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # or one worker would throw away what another has just made
        with _locked(folder / LOCK_FILE):
            return Store(_usable(folder / FILE), most_names, clock)
    except (ConfigError, OSError) as error:
        log.warning("what is known will not outlive this process", reason=str(error))
        return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _usable(path: Path) -> Database:
    if path.exists() and (why := _broken(path)):
        log.warning("what was known last cannot be read, begun anew", file=str(path), reason=why)
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    return Database(
        path, _SCHEMA, FORMAT, refusal="what was known last cannot be kept", durable=False
    )


def _broken(path: Path) -> str:
    """Why the file cannot be used; empty when it can, or when it is merely in use."""
    try:
        database = sqlite3.connect(path, timeout=5.0, isolation_level=None)
        try:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            database.close()
    except sqlite3.OperationalError as error:
        return "" if error.sqlite_errorcode == sqlite3.SQLITE_BUSY else str(error)
    except sqlite3.DatabaseError as error:
        return str(error)
    if version not in (0, FORMAT):
        return f"it was written by another version ({version})"
    return "" if found == "ok" else str(found)


class Store:
    """At most ``most_names`` names, and listings of some bytes for each of them. Methods raise ``Unavailable`` when the disk refuses."""

    def __init__(self, base: Database, most_names: int, clock: Clock) -> None:
        self._base = base
        self._most_names = most_names
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Store {self._base!r}>"

    async def write(self, batch: Batch) -> None:
        """All of it, or nothing."""
        wall_s, monotonic_s = self._clock.wall(), self._clock.monotonic()
        await self._base.do(lambda base: _Writer(base, wall_s, monotonic_s).write(batch))

    async def trim(self) -> None:
        """Keep the bound."""

        def work(base: sqlite3.Connection) -> None:
            base.execute(
                "DELETE FROM names WHERE number <= (SELECT number FROM names ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (self._most_names,),
            )
            base.execute(_TRIM_LISTINGS, (self._most_names * LISTING_BYTES_PER_NAME,))

        await self._base.do(work)

    async def name(self, path: str) -> KnownName | None:
        """What was known last of a name."""
        body = await self._base.do(lambda base: _body(base, "names", path))
        return self._read(decode_name, body)

    async def listing(self, path: str) -> KnownListing | None:
        """What was seen last in a collection."""
        body = await self._base.do(lambda base: _body(base, "listings", path))
        return self._read(decode_listing, body)

    async def close(self) -> None:
        """Finish what was begun."""
        await self._base.close()

    def _read(self, decode: Callable[..., T], body: bytes | None) -> T | None:
        if body is None:
            return None
        try:
            return decode(
                body, self._clock.wall(), self._clock.monotonic(), origin=Origin.LAST_KNOWN
            )
        except DataError as error:
            log.warning("what was known last cannot be read", reason=str(error), seen=error.seen)
            return None


class _Writer:
    """Writes one batch, in the thread of the database. The times are what both clocks show."""

    def __init__(self, base: sqlite3.Connection, wall_s: float, monotonic_s: float) -> None:
        self._base = base
        self._now = wall_s, monotonic_s

    def write(self, batch: Batch) -> None:
        if batch.everything:
            self._base.execute("DELETE FROM names")
            self._base.execute("DELETE FROM listings")
        for one in batch.forgotten:
            self._forget_below(one) if one.below else self._forget(one)
        for path in batch.gone:
            self._put("names", path, None)
        for known in batch.names:
            older = self._name(known.path) if known.out or known.summary.unknown else None
            self._put_name(known.path, worth_keeping(known, older))
        for listing in batch.listings:
            self._put_listing(listing.path, listing)

    def _forget(self, one: Forgotten) -> None:
        self._forget_name(one.path, one.away)
        self._put("listings", one.path, None)
        around = parent_of(one.path)
        if not one.away:
            self._put("listings", around, None)
        elif (listing := self._listing(around)) is not None:
            self._put_listing(around, listing_without(listing, name_of(one.path), one.away))

    def _forget_below(self, one: Forgotten) -> None:
        below = _key(one.path.rstrip("/"))
        within = (below + b"/", below + b"0")
        # most say nothing of those who are away, and need not be read
        of_others = "".join(" AND instr(body, ?) = 0" for _ in one.away)
        names = [name.encode() for name in one.away]
        for table in ("names", "listings"):
            query = f"DELETE FROM {table} WHERE path >= ? AND path < ?{of_others}"  # noqa: S608 - of our words
            self._base.execute(query, (*within, *names))
        for table, forget in (("names", self._forget_name), ("listings", self._forget_listing)):
            query = f"SELECT path FROM {table} WHERE path >= ? AND path < ?"  # noqa: S608 - one of ours
            for (key,) in self._base.execute(query, within).fetchall():
                forget(_path(key), one.away)
        self._forget_listing(one.path, one.away)
        self._forget(one)

    def _forget_name(self, path: str, away: Set[EndpointId]) -> None:
        known = self._name(path) if away else None
        self._put_name(path, None if known is None else left_with(known, away))

    def _forget_listing(self, path: str, away: Set[EndpointId]) -> None:
        listing = self._listing(path) if away else None
        self._put_listing(path, None if listing is None else listing_left_with(listing, away))

    def _put_name(self, path: str, known: KnownName | None) -> None:
        self._put("names", path, None if known is None else encode_name(known, *self._now))

    def _put_listing(self, path: str, listing: KnownListing | None) -> None:
        body = None
        if listing is not None:
            body = encode_listing(listing, *self._now, most_children=MOST_CHILDREN)
        self._put("listings", path, body)

    def _put(self, table: str, path: str, body: bytes | None) -> None:
        if body is None:
            self._base.execute(f"DELETE FROM {table} WHERE path = ?", (_key(path),))  # noqa: S608 - one of ours
        else:
            put = f"INSERT OR REPLACE INTO {table} (path, body) VALUES (?, ?)"  # noqa: S608 - one of ours
            self._base.execute(put, (_key(path), body))

    def _name(self, path: str) -> KnownName | None:
        try:
            body = _body(self._base, "names", path)
            return None if body is None else decode_name(body, *self._now)
        except DataError:
            return None

    def _listing(self, path: str) -> KnownListing | None:
        try:
            body = _body(self._base, "listings", path)
            return None if body is None else decode_listing(body, *self._now)
        except DataError:
            return None


def _body(base: sqlite3.Connection, table: str, path: str) -> bytes | None:
    query = f"SELECT body FROM {table} WHERE path = ?"  # noqa: S608 - one of ours
    row: tuple[bytes] | None = base.execute(query, (_key(path),)).fetchone()
    return None if row is None else row[0]


def _key(path: str) -> bytes:
    return path.encode("utf-8", "surrogatepass")


def _path(key: bytes) -> str:
    return key.decode("utf-8", "surrogatepass")
