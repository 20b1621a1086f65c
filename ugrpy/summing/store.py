"""Where is what was learnt of replicas kept, for all workers of a host and for the next start?

In an SQLite database of its own beside the journal, since it is another kind of thing: the journal must not lose a word and is never in the
way, whereas this is a memory that may grow, is written behind everybody's back, and costs some work when it is lost.
"""

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ugrpy.journal.database import IN_MEMORY, Database
from ugrpy.namespace.changes import Fingerprint
from ugrpy.namespace.disagreements import Disagreement, NewsOfDisagreements
from ugrpy.namespace.learnt import Learnt, Unwritten
from ugrpy.namespace.model import Digest, EndpointId

FILE = "replicas.sqlite"
FORMAT = 1
MOST_READ = 5000

# names as bytes, since paths may hold what is not UTF-8; digests as "adler32=03da0195 md5=..."
_SCHEMA = """
CREATE TABLE IF NOT EXISTS digests (
  number INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB NOT NULL, endpoint TEXT NOT NULL,
  size_bytes INTEGER NOT NULL, mtime_s INTEGER NOT NULL, digests TEXT NOT NULL, at_s REAL NOT NULL,
  UNIQUE (name, endpoint)
);
CREATE TABLE IF NOT EXISTS disagreements (
  name BLOB NOT NULL, endpoint TEXT NOT NULL, about TEXT NOT NULL, says TEXT NOT NULL,
  majority TEXT NOT NULL, first_seen_s REAL NOT NULL, last_seen_s REAL NOT NULL,
  PRIMARY KEY (name, endpoint, about)
) WITHOUT ROWID;
"""
_PUT = (
    "INSERT OR REPLACE INTO digests (name, endpoint, size_bytes, mtime_s, digests, at_s)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
# who found it first says since when
_NOTE = (
    "INSERT INTO disagreements VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET says = excluded.says,"
    " majority = excluded.majority, last_seen_s = max(last_seen_s, excluded.last_seen_s)"
)


@dataclass(frozen=True, slots=True)
class Written:
    """What others have written since; ``last`` is the number of the newest. ``disagreements`` is ``None`` when nobody has changed any."""

    learnt: tuple[Learnt, ...]
    last: int
    disagreements: tuple[Disagreement, ...] | None = None


class Store:
    """In ``folder``, or in memory for a process that is alone. At most ``most`` replicas. Raises ``ConfigError`` when it cannot be used."""

    def __init__(self, folder: Path | None, most: int) -> None:
        self._most = most
        self._seen_version = -1
        self._base = Database(
            IN_MEMORY if folder is None else folder / FILE,
            _SCHEMA,
            FORMAT,
            refusal="what was learnt of replicas cannot be kept",
            durable=False,
        )

    def __repr__(self) -> str:
        return f"<Store {self._base!r}>"

    async def exchange(self, mine: Unwritten, seen: NewsOfDisagreements, last: int) -> Written:
        """Write down what is new here, read what is new elsewhere since number ``last``. Raises ``Unavailable``, and then nothing was written."""

        def work(base: sqlite3.Connection) -> Written:
            _forget(base, mine)
            base.executemany(_PUT, [_row(one) for one in mine.learnt])
            if mine.learnt:
                base.execute(
                    "DELETE FROM digests WHERE number <= (SELECT max(number) FROM digests) - ?",
                    (self._most,),
                )
            _note(base, seen)
            rows = base.execute(
                "SELECT number, name, endpoint, size_bytes, mtime_s, digests, at_s FROM digests"
                " WHERE number > ? ORDER BY number LIMIT ?",
                (last, MOST_READ),
            ).fetchall()
            return Written(
                tuple(_learnt(*row[1:]) for row in rows),
                rows[-1][0] if rows else last,
                self._disagreements(base, changed=bool(seen)),
            )

        return await self._base.do(work)

    async def disagreements(self) -> tuple[Disagreement, ...]:
        """All that are reported, by whichever worker."""
        return await self._base.do(_all_disagreements)

    async def close(self) -> None:
        """Finish what was begun."""
        await self._base.close()

    def _disagreements(
        self, base: sqlite3.Connection, *, changed: bool
    ) -> tuple[Disagreement, ...] | None:
        # changes whenever another connection has written
        (version,) = base.execute("PRAGMA data_version").fetchone()
        if version == self._seen_version and not changed:
            return None
        self._seen_version = version
        return _all_disagreements(base)


def _forget(base: sqlite3.Connection, mine: Unwritten) -> None:
    base.executemany(
        "DELETE FROM digests WHERE name = ?", [(os.fsencode(name),) for name in mine.gone]
    )
    for name in mine.gone_below:
        below = os.fsencode(name).rstrip(b"/")
        base.execute("DELETE FROM digests WHERE name = ?", (below or b"/",))
        base.execute(
            "DELETE FROM digests WHERE name >= ? AND name < ?", (below + b"/", below + b"0")
        )


def _note(base: sqlite3.Connection, seen: NewsOfDisagreements) -> None:
    by_name: dict[str, list[Disagreement]] = {name: [] for name in seen.names}
    for line in seen.seen:
        by_name[line.path].append(line)
    for name, lines in by_name.items():
        key = os.fsencode(name)
        kept = [line.subject for line in lines]
        for endpoint, about in base.execute(
            "SELECT endpoint, about FROM disagreements WHERE name = ?", (key,)
        ).fetchall():
            if (endpoint, about) not in kept:
                base.execute(
                    "DELETE FROM disagreements WHERE name = ? AND endpoint = ? AND about = ?",
                    (key, endpoint, about),
                )
        base.executemany(
            _NOTE,
            [
                (key, one.endpoint, one.about, one.says, one.majority, one.first_seen_s, one.last_seen_s)
                for one in lines
            ],
        )  # fmt: skip


def _all_disagreements(base: sqlite3.Connection) -> tuple[Disagreement, ...]:
    rows = base.execute("SELECT * FROM disagreements ORDER BY name, endpoint, about").fetchall()
    return tuple(
        Disagreement(os.fsdecode(name), EndpointId(endpoint), *rest)
        for name, endpoint, *rest in rows
    )


def facts_of(one: Disagreement) -> dict[str, str]:
    """A line of the report, fit for JSON and for a terminal. Bytes of a name that are not UTF-8 are written as ``\\xff``."""
    return {
        "path": _printable(one.path),
        "endpoint": one.endpoint,
        "about": one.about,
        "says": one.says,
        "majority": one.majority,
        "first_seen": _date(one.first_seen_s),
        "last_seen": _date(one.last_seen_s),
    }


def _printable(path: str) -> str:
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _date(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _row(learnt: Learnt) -> tuple[object, ...]:
    digests = " ".join(f"{one.algorithm}={one.value}" for one in learnt.digests)
    known = learnt.known
    key = os.fsencode(learnt.path), learnt.endpoint
    return (*key, known.size_bytes, known.mtime_s, digests, learnt.at_s)


def _learnt(
    name: bytes, endpoint: str, size_bytes: int, mtime_s: int, digests: str, at_s: float
) -> Learnt:
    pairs: Sequence[Sequence[str]] = [one.split("=") for one in digests.split()]
    return Learnt(
        os.fsdecode(name),
        EndpointId(endpoint),
        Fingerprint(size_bytes, mtime_s),
        tuple(Digest(algorithm, value) for algorithm, value in pairs),
        at_s,
    )
