"""The journal on a disk, with all that happens to disks and processes."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.unit.journal.openers import COUNT
from tests.unit.journal.test_journals import OPERATION, removal, upload
from ugrpy.core.errors import ConfigError, Unavailable
from ugrpy.journal import database, store
from ugrpy.journal.base import OfName, Recorded
from ugrpy.journal.database import Database
from ugrpy.journal.store import FILE, SqliteJournal

ROOT = Path(__file__).parents[3]
WAIT_S = 60


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    made = SqliteJournal(tmp_path)
    yield made
    asyncio.run(made.close())


def load(folder: Path) -> Recorded:
    """What a process that starts now reads."""
    journal = SqliteJournal(folder)

    async def read() -> Recorded:
        written = await journal.load()
        await journal.close()
        return written

    return asyncio.run(read())


def writing(folder: Path, name: str, *more: str) -> "subprocess.Popen[bytes]":
    """A process that writes until it is killed; ``said_by`` tells what it has acknowledged."""
    command = [sys.executable, "-m", "tests.unit.journal.writer", str(folder), name, *more]
    with (folder / f"{name}.said").open("wb") as said:
        return subprocess.Popen(command, cwd=ROOT, stdout=said)


def said_by(folder: Path, name: str) -> list[int]:
    whole, _, _cut = (folder / f"{name}.said").read_text().rpartition("\n")
    return [int(line) for line in whole.splitlines() if line.isdigit()]


def broken_row(folder: Path, what: str, name: bytes, body: str) -> None:
    with sqlite3.connect(folder / FILE) as base:
        base.execute("INSERT INTO records VALUES (?, ?, '', ?)", (what, name, body))
    base.close()


# -- several at once ------------------------------------------------------------------------------------


async def test_writes_that_meet_share_a_transaction(journal, monkeypatch):
    transactions = []
    real = Database._transact

    def counted(self, jobs):
        transactions.append(len(jobs))
        real(self, jobs)

    monkeypatch.setattr(Database, "_transact", counted)
    gate = threading.Event()
    first = asyncio.ensure_future(journal._base.do(lambda _base: gate.wait(WAIT_S)))
    await asyncio.sleep(0.05)
    several = [asyncio.ensure_future(journal.write([upload(str(n), f"/{n}")])) for n in range(1200)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, *several)
    assert sum(transactions) == 1201
    assert max(transactions) <= database.MOST_TOGETHER
    assert len(transactions) <= 2 + 1200 // database.MOST_TOGETHER + 1
    assert len((await journal.load()).uploads) == 1200


async def test_one_that_fails_does_not_fail_the_others(journal):
    def ours_only(_base: sqlite3.Connection) -> None:
        raise KeyError("a mistake")

    def wrong(base: sqlite3.Connection) -> None:
        base.execute("INSERT INTO records VALUES ('upload', x'2f', '', NULL)")

    with capture_logs() as told:
        works = [
            journal.write([upload("1", "/1")]),
            journal._base.do(wrong),
            journal._base.do(ours_only),
            journal.write([upload("2", "/2")]),
        ]
        good, bad, ours, other = await asyncio.gather(*works, return_exceptions=True)
    assert (good, other) == (None, None)
    assert isinstance(bad, Unavailable)
    assert bad.status == 503
    assert isinstance(ours, KeyError)  # a mistake of ours, not of the disk
    assert [line["event"] for line in told] == ["a database cannot be used"]
    assert {one.number for one in (await journal.load()).uploads} == {"1", "2"}


async def test_a_name_that_cannot_be_written_down_is_the_callers_alone(journal):
    with pytest.raises(UnicodeEncodeError):
        await journal.write([upload("1", "/\ud800")])
    await journal.write([upload("2")])
    assert (await journal.load()).uploads == (upload("2"),)


async def test_a_write_nobody_waits_for_any_more_is_done(journal):
    task = asyncio.ensure_future(journal.write([upload("1")]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await journal.of("/d/f")).upload == upload("1")


def test_a_write_outlives_the_loop_it_came_from(tmp_path):
    journal = SqliteJournal(tmp_path)
    gate = threading.Event()

    async def leave() -> None:
        blocked = asyncio.ensure_future(journal._base.do(lambda _base: gate.wait(WAIT_S)))
        written = asyncio.ensure_future(journal.write([upload("1")]))
        await asyncio.sleep(0)
        blocked.cancel()
        written.cancel()

    asyncio.run(leave())
    gate.set()
    asyncio.run(journal.close())
    assert load(tmp_path).uploads == (upload("1"),)


async def test_who_comes_after_the_end_is_refused(tmp_path):
    journal = await asyncio.to_thread(SqliteJournal, tmp_path)
    writes = [asyncio.ensure_future(journal.write([upload(str(n), f"/{n}")])) for n in range(20)]
    await asyncio.sleep(0)
    await journal.close()
    await asyncio.gather(*writes)
    with pytest.raises(Unavailable, match="not begun"):
        await journal.write([upload("1")])
    await journal.close()
    assert len((await asyncio.to_thread(load, tmp_path)).uploads) == 20


# -- several processes ----------------------------------------------------------------------------------


async def test_two_journals_on_one_file_see_each_other_and_grant_one_claim(tmp_path):
    one = await asyncio.to_thread(SqliteJournal, tmp_path)
    two = await asyncio.to_thread(SqliteJournal, tmp_path)
    await one.write([upload("1")])
    assert (await two.of("/d/f")).upload == upload("1")
    for number in range(2, 12):
        standing = (await one.of("/d/f")).upload
        assert standing is not None
        claims = await asyncio.gather(
            one.claim(upload(f"{number}a"), standing.number),
            two.claim(upload(f"{number}b"), standing.number),
        )
        assert sum(claim is None for claim in claims) == 1
    await one.close()
    await two.close()


def test_workers_that_start_together_all_open_a_new_journal(tmp_path):
    for attempt in range(5):
        command = [sys.executable, "-m", "tests.unit.journal.openers", str(tmp_path / str(attempt))]
        said = subprocess.check_output(command, cwd=ROOT, timeout=WAIT_S, text=True)
        assert said == f"{COUNT}\n"


def test_two_processes_write_into_one_file_and_nothing_acknowledged_is_lost_when_one_is_killed(
    tmp_path,
):
    several = {name: writing(tmp_path, name) for name in ("a", "b")}
    for name, process in several.items():
        while len(said_by(tmp_path, name)) < 40:
            assert process.poll() is None
            time.sleep(0.01)
    for process in several.values():
        process.kill()
        process.wait(WAIT_S)
    said = {name: said_by(tmp_path, name) for name in several}
    written = load(tmp_path)
    uploads = {one.path for one in written.uploads}
    acknowledged = {f"/{name}/{number}" for name, numbers in said.items() for number in numbers}
    assert len(acknowledged) >= 80
    assert acknowledged <= uploads
    # what belongs together is there or not, as a whole
    assert {one.path for one in written.removals} == uploads


# -- disks ----------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_what_was_there_stays_whole(tmp_path):
    process = writing(tmp_path, "a", "200000")
    assert process.wait(WAIT_S) == 0
    numbers = set(said_by(tmp_path, "a"))
    full = (tmp_path / "a.said").read_text().splitlines()[-1]
    assert full == "full: 503 the change could not be written down, so it was not begun"
    written = load(tmp_path)
    uploads = {int(one.number) for one in written.uploads}
    assert len(numbers) > 5
    assert numbers <= uploads
    assert {one.path for one in written.removals} == {one.path for one in written.uploads}


def test_a_database_that_breaks_says_so_and_comes_back(journal, tmp_path):
    async def story() -> None:
        await journal.write([upload("1")])
        await journal._base.do(lambda base: base.execute("ALTER TABLE records RENAME TO hidden"))
        with capture_logs() as told:
            for asked in (journal.load(), journal.of("/d/f"), journal.write([upload("2")])):
                with pytest.raises(Unavailable, match="not begun") as caught:
                    await asked
                assert caught.value.retry_after_s == database.RETRY_AFTER_S
                assert str(tmp_path) not in str(caught.value)
        assert len(told) == 3
        await journal._base.do(lambda base: base.execute("ALTER TABLE hidden RENAME TO records"))
        assert (await journal.load()).uploads == (upload("1"),)

    asyncio.run(story())


def test_a_record_that_cannot_be_read_is_passed_over_and_reported(tmp_path):
    journal = SqliteJournal(tmp_path)

    async def write() -> None:
        await journal.write([upload("1", "/whole"), removal(path="/d/f"), OPERATION])

    asyncio.run(write())
    broken_row(tmp_path, "upload", b"/d/f", "{garbage")
    broken_row(tmp_path, "removal", b"/d/f", '{"path":"/d/f"}')
    broken_row(tmp_path, "operation", b"9", "[]")

    async def story() -> None:
        with capture_logs() as told:
            written = await journal.load()
            assert await journal.of("/d/f") == OfName(None, (removal(path="/d/f"),))
        assert written == Recorded((upload("1", "/whole"),), (removal(path="/d/f"),), (OPERATION,))
        assert [line["event"] for line in told] == ["a record is passed over"] * 5
        assert {line["seen"] for line in told} == {"{garbage", '{"path":"/d/f"}', "[]"}
        # its name can be used all the same
        await journal.write(drops=[upload("1"), OPERATION])
        assert await journal.claim(upload("2"), "") is None
        assert await journal.of("/d/f") == OfName(upload("2"))
        await journal.close()

    asyncio.run(story())


def test_a_database_of_another_version_is_refused_and_left_as_it_is(tmp_path):
    with sqlite3.connect(tmp_path / FILE) as base:
        base.execute(f"PRAGMA user_version = {store.FORMAT + 1}")
    base.close()
    with pytest.raises(ConfigError, match=r"written by another version \(2\)") as caught:
        SqliteJournal(tmp_path)
    assert caught.value.where == "changes.state_dir"
    with sqlite3.connect(tmp_path / FILE) as base:
        assert base.execute("PRAGMA user_version").fetchone() == (store.FORMAT + 1,)
        assert base.execute("SELECT * FROM sqlite_master").fetchall() == []
    base.close()


def test_what_is_no_database_is_refused(tmp_path):
    (tmp_path / FILE).write_bytes(b"something else" * 1000)
    with pytest.raises(ConfigError, match="not a database"):
        SqliteJournal(tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot keep journal\.sqlite") as caught:
        SqliteJournal(tmp_path / "file" / "state")
    assert "local disk" in caught.value.hint


def test_a_folder_that_nobody_can_write_is_refused():
    with pytest.raises(ConfigError, match=r"cannot keep journal\.sqlite"):
        SqliteJournal(Path("/proc/self"))


def test_a_database_that_stays_locked_is_refused_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_S", 0.1)
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ConfigError, match="locked"):
        SqliteJournal(tmp_path)
    holder.execute("ROLLBACK")
    holder.close()
    assert load(tmp_path) == Recorded()


def test_the_folder_is_for_its_user_alone(tmp_path):
    asyncio.run(SqliteJournal(tmp_path / "a" / "state").close())
    assert (tmp_path / "a" / "state").stat().st_mode & 0o777 == 0o700


def test_names_are_kept_whatever_the_locale(tmp_path):
    code = (
        "import asyncio, sys; from pathlib import Path; from ugrpy.journal.store import SqliteJournal;"
        "from tests.unit.journal.test_journals import upload\n"
        "async def main(journal):\n"
        "    await journal.write([upload('1', '/\\u20ac\\udcff')])\n"
        "asyncio.run(main(SqliteJournal(Path(sys.argv[1]))))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        check=True,
        timeout=WAIT_S,
    )
    assert load(tmp_path).uploads == (upload("1", "/€\udcff"),)
