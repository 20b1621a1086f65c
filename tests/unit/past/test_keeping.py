"""What is written down, what of it comes back, and what a broken or full disk costs: nothing else."""

import asyncio
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.federation.world import CERN, UVIC
from ugrpy.core.errors import Unavailable
from ugrpy.federation import KnownListing, KnownName
from ugrpy.namespace.merge import Merged, Sighting, summarise
from ugrpy.namespace.model import (
    Absent,
    Cause,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
)
from ugrpy.namespace.origin import Origin
from ugrpy.namespace.paths import name_of
from ugrpy.namespace.verdict import OutOfService
from ugrpy.past import Keeping, keeping, open_store
from ugrpy.past.store import FILE, FORMAT, MOST_CHILDREN, Batch, Store
from ugrpy.testing.clock import FakeClock

MOST = 100


def name(path: str, out: Iterable[EndpointId] = (), **said: Observation | None) -> KnownName:
    """``None``: holds it."""
    found = Found(Entry(name_of(path), Kind.FILE, 10))
    knowledge = {EndpointId(one): Sighting(what or found, 1000.0) for one, what in said.items()}
    away = {one: OutOfService("drained") for one in out}
    return KnownName(path, summarise(knowledge), knowledge, frozenset(), away, 1000.0)


def listing(path: str, *children: str, holders: tuple[EndpointId, ...] = (UVIC,)) -> KnownListing:
    merged = tuple(Merged(Entry(one, Kind.FILE, 1), holders) for one in sorted(children))
    return KnownListing(
        path, Merged(Entry(name_of(path), Kind.COLLECTION), holders), merged, {}, 1000.0
    )


async def opened(folder: Path, most: int = MOST, later_s: float = 0.0) -> Store:
    """As by another process, whose clock shows something else."""
    clock = FakeClock(monotonic_s=5000.0, wall_s=2e9)
    clock.advance(later_s)
    store = await asyncio.to_thread(open_store, folder, most, clock)
    assert store is not None
    return store


def change(folder: Path, statement: str) -> None:
    """Behind its back."""
    database = sqlite3.connect(folder / FILE, isolation_level=None)
    database.execute(statement)
    database.close()


class Host:
    """A process after another."""

    def __init__(self, folder: Path, keeping: Keeping) -> None:
        self.folder = folder
        self.keeping = keeping

    @classmethod
    async def start(cls, folder: Path) -> "Host":
        return cls(folder, Keeping(await opened(folder)))

    async def restart(self, later_s: float = 0.0) -> None:
        await self.keeping.close()
        self.keeping = Keeping(await opened(self.folder, later_s=later_s))

    async def holders(self, path: str) -> list[str]:
        known = await self.keeping.name(path)
        return [] if known is None or known.merged is None else list(known.merged.holders)

    async def children(self, path: str) -> list[str]:
        known = await self.keeping.listing(path)
        return [] if known is None else [child.entry.name for child in known.children]


@pytest.fixture
async def host(tmp_path):
    one = await Host.start(tmp_path / "state")
    yield one
    await one.keeping.close()


async def test_a_name_comes_back_after_a_restart_with_its_age(host):
    host.keeping.note_name(name("/f\udcff", uvic=None, cern=None, triumf=Absent()))
    await host.restart(later_s=60.0)
    known = await host.keeping.name("/f\udcff")
    assert known is not None
    # 4000 seconds old when it was noted
    assert (known.origin, known.at_s) == (Origin.LAST_KNOWN, pytest.approx(1000.0))
    assert await host.holders("/f\udcff") == ["cern", "uvic"]
    assert await host.keeping.name("/g") is None


async def test_a_listing_comes_back(host):
    host.keeping.note_listing(listing("/d", "a", "b"))
    await host.restart()
    assert await host.children("/d") == ["a", "b"]
    assert await host.children("/e") == []


async def test_what_has_gone_is_taken_out_and_what_is_in_doubt_is_not(host):
    for path in ("/gone", "/doubt", "/out"):
        host.keeping.note_name(name(path, uvic=None))
    await host.keeping.write()
    host.keeping.note_name(name("/gone", uvic=Absent()))
    host.keeping.note_name(name("/doubt", uvic=Absent(), cern=Unknown(Cause.BUSY)))
    host.keeping.note_name(name("/out", [UVIC], cern=Absent()))
    await host.restart()
    assert [await host.holders(path) for path in ("/gone", "/doubt", "/out")] == [
        [],
        ["uvic"],
        ["uvic"],
    ]


async def test_the_older_word_of_who_could_not_be_asked_stands(host):
    host.keeping.note_name(name("/f", uvic=None, cern=None, triumf=None))
    await host.keeping.write()
    host.keeping.note_name(name("/f", [CERN], uvic=None, triumf=Unknown(Cause.TIMEOUT)))
    await host.restart()
    assert await host.holders("/f") == ["cern", "triumf", "uvic"]
    host.keeping.note_name(name("/f", uvic=None, triumf=Absent(), cern=Absent()))
    await host.restart()
    assert await host.holders("/f") == ["uvic"]


async def test_a_change_takes_out_the_name_and_the_listings_around_it(host):
    host.keeping.note_name(name("/d/f", uvic=None))
    host.keeping.note_listing(listing("/d", "f", "g"))
    await host.keeping.write()
    host.keeping.note_name(name("/d/f", uvic=None))  # pending, and from before the change
    host.keeping.forget("/d/f", frozenset(), below=False)
    await host.restart()
    assert (await host.holders("/d/f"), await host.children("/d")) == ([], [])


async def test_what_is_noted_after_a_change_is_kept(host):
    host.keeping.forget("/f", frozenset(), below=False)
    host.keeping.note_name(name("/f", uvic=None))
    await host.restart()
    assert await host.holders("/f") == ["uvic"]


async def test_of_those_who_are_away_the_older_word_stands_after_a_change(host):
    host.keeping.note_name(name("/d/f", uvic=None, cern=None))
    host.keeping.note_listing(listing("/d", "f", "g", holders=(UVIC, CERN)))
    host.keeping.note_listing(listing("/e", "f", "g"))
    await host.keeping.write()
    host.keeping.forget("/d/f", frozenset({CERN}), below=False)
    host.keeping.forget("/e/f", frozenset({CERN}), below=False)
    await host.restart()
    assert await host.holders("/d/f") == ["cern"]
    assert (await host.children("/d"), await host.children("/e")) == (["f", "g"], ["g"])


@pytest.mark.parametrize("away", [frozenset(), frozenset({CERN})])
async def test_a_change_of_a_tree_takes_all_out_that_is_below(host, away):
    for path in ("/d", "/d/f", "/d/e/f", "/df"):
        host.keeping.note_name(name(path, uvic=None, cern=None))
    for path in ("/d", "/d/e", "/df"):
        host.keeping.note_listing(listing(path, "f", holders=(UVIC, CERN)))
    await host.keeping.write()
    host.keeping.note_name(name("/d/late", uvic=None))
    host.keeping.forget("/d", away, below=True)
    await host.restart()
    left = ["cern"] if away else []
    for path in ("/d", "/d/f", "/d/e/f"):
        assert await host.holders(path) == left
    assert await host.holders("/d/late") == []
    assert await host.children("/d/e") == (["f"] if away else [])
    assert (await host.holders("/df"), await host.children("/df")) == (["cern", "uvic"], ["f"])


async def test_everything_can_go(host):
    host.keeping.note_name(name("/f", uvic=None))
    host.keeping.note_listing(listing("/", "f"))
    await host.keeping.write()
    host.keeping.forget("/", frozenset(), below=True)
    await host.restart()
    assert (await host.holders("/f"), await host.children("/")) == ([], [])


async def test_the_file_has_a_bound(host, tmp_path):
    store = await opened(tmp_path / "few", most=10)
    await store.write(Batch(names=[name(f"/{n:03}", uvic=None) for n in range(30)]))
    await store.write(Batch(listings=[listing(f"/d{n}", *map(str, range(20))) for n in range(9)]))
    await store.trim()
    assert [n for n in range(30) if await store.name(f"/{n:03}")] == list(range(20, 30))
    kept = [n for n in range(9) if await store.listing(f"/d{n}")]
    assert kept == list(range(9 - len(kept), 9))
    assert 0 < len(kept) < 9
    await store.close()


async def test_more_than_can_be_written_is_left_out_but_no_change_is(host, monkeypatch):
    monkeypatch.setattr(keeping, "MOST_PENDING", 5)
    host.keeping.note_name(name("/before", uvic=None))
    await host.keeping.write()
    for number in range(10):
        host.keeping.note_name(name(f"/{number}", uvic=None))
    await host.keeping.write()
    assert [await host.holders(f"/{n}") for n in (0, 4, 5)] == [["uvic"], ["uvic"], []]
    for number in range(20, 30):
        host.keeping.forget(f"/{number}", frozenset(), below=False)
    await host.restart()
    assert await host.holders("/before") == [], "it may be one of those that were changed"


async def test_long_and_partial_listings_are_not_kept(host):
    long = listing("/long", *(f"{n:05}" for n in range(MOST_CHILDREN + 1)))
    host.keeping.note_listing(long)
    host.keeping.note_listing(replace(listing("/part", "a"), missing={"cern": "429"}))
    await host.restart()
    assert (await host.children("/long"), await host.children("/part")) == ([], [])


# -- trouble -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"", b"no database at all" * 100, b"SQLite format 3\0" + bytes(5000)]
)
async def test_a_broken_file_costs_the_state_and_nothing_else(tmp_path, content):
    await asyncio.to_thread((tmp_path / FILE).write_bytes, content)
    host = await Host.start(tmp_path)
    host.keeping.note_name(name("/f", uvic=None))
    await host.restart()
    assert await host.holders("/f") == ["uvic"]
    await host.keeping.close()


async def test_a_file_of_another_version_is_begun_anew(tmp_path):
    await asyncio.to_thread(change, tmp_path, f"PRAGMA user_version = {FORMAT + 1}")
    store = await opened(tmp_path)
    assert await store.name("/f") is None
    await store.close()


async def test_rows_that_cannot_be_read_are_not_there(host):
    host.keeping.note_name(name("/f", uvic=None))
    host.keeping.note_listing(listing("/d", "f"))
    await host.keeping.close()
    for table in ("names", "listings"):
        await asyncio.to_thread(change, host.folder, f"UPDATE {table} SET body = x'4e01'")
    await host.restart()
    assert (await host.holders("/f"), await host.children("/d")) == ([], [])
    host.keeping.note_name(name("/f", [CERN], uvic=None))
    host.keeping.forget("/d/x", frozenset({CERN}), below=False)
    await host.restart()
    assert await host.holders("/f") == ["uvic"]


def test_where_nothing_can_be_written_there_is_no_store(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert open_store(tmp_path / "file" / "below", MOST, FakeClock()) is None
    (tmp_path / FILE).mkdir()
    assert open_store(tmp_path, MOST, FakeClock()) is None


class Refusing(Store):
    """A disk that takes nothing for a while."""

    full = True

    async def write(self, batch):
        if self.full:
            raise Unavailable("full")
        await super().write(batch)

    async def trim(self):
        raise Unavailable("full")

    async def name(self, path):
        raise Unavailable("cannot be read")

    async def listing(self, path):
        await asyncio.sleep(3600)


async def test_a_full_disk_loses_names_and_no_change(host, monkeypatch):
    host.keeping.note_name(name("/f", uvic=None))
    await host.keeping.write()
    store = host.keeping._store
    monkeypatch.setattr(store, "__class__", Refusing)
    host.keeping.note_name(name("/g", uvic=None))
    host.keeping.forget("/f", frozenset(), below=False)
    await host.keeping.write()
    assert await host.keeping.name("/f") is None
    monkeypatch.setattr(keeping, "READ_S", 0.01)
    assert await host.keeping.listing("/d") is None
    await host.keeping._trim()
    monkeypatch.setattr(Refusing, "full", False)
    await host.keeping.write()
    monkeypatch.undo()
    assert (await host.holders("/f"), await host.holders("/g")) == ([], [])


async def test_it_writes_by_itself_and_says_what_it_is_at(host, monkeypatch):
    monkeypatch.setattr(keeping, "INTERVAL_S", 0.001)
    monkeypatch.setattr(keeping, "TRIM_EVERY", 1)
    host.keeping.note_name(name("/f", uvic=None))
    assert repr(host.keeping).startswith("<Keeping 1 names, 0 listings, <Store <Database")
    running = asyncio.create_task(host.keeping.run())
    async with asyncio.timeout(10):
        while not await host.holders("/f"):
            await asyncio.sleep(0.001)
    running.cancel()


async def test_two_workers_write_into_one_file(host):
    other = Keeping(await opened(host.folder))
    host.keeping.note_name(name("/f", uvic=None))
    other.note_name(name("/g", cern=None))
    await asyncio.gather(host.keeping.write(), other.write())
    assert (await host.holders("/g"), await host.holders("/f")) == (["cern"], ["uvic"])
    await other.close()
