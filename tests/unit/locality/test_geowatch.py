"""Databases that change under a reader: taken up when they are good, left alone when they are not, never in the way of a look-up."""

import asyncio
import os
import threading
from ipaddress import ip_address
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.errors import ConfigError
from ugrpy.locality import Candidate, Position, Ranker, RankPolicy
from ugrpy.locality.facts import UNKNOWN_FACTS
from ugrpy.locality.geodb import GeoDatabase, Locator
from ugrpy.locality.geowatch import GeoWatcher
from ugrpy.locality.model import Place

HOME = ip_address("192.0.2.7")


def mmdb(path: Path, city: str, latitude: float = 1.0, kind: str = "GeoLite2-City") -> bytes:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=kind)
    record = {
        "city": {"names": {"en": city}},
        "location": {"latitude": latitude, "longitude": 2.0},
    }
    writer.insert_network(IPSet(["192.0.2.0/24", "2001:db8::/32"]), record)
    writer.to_db_file(str(path))
    return path.read_bytes()


class Watched:
    """A file, a database that was opened from it, a watcher, and what the watcher told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "City.mmdb"
        self.first = mmdb(self.path, "Oldtown")
        self.database = GeoDatabase([self.path])
        self.forgotten = 0
        self.failures: list[ConfigError] = []
        self.watcher = GeoWatcher(self.database, forget=self._forget, failed=self.failures.append)

    def _forget(self) -> None:
        self.forgotten += 1

    def content(self, city: str, latitude: float = 1.0) -> bytes:
        return mmdb(self.folder / "made.mmdb", city, latitude)

    def put(self, content: bytes) -> None:
        """As geoipupdate does: a new file in the place of the old one."""
        fresh = self.path.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(self.path)

    def city(self) -> str | None:
        return self.database.facts(HOME).city


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path)


async def test_a_file_that_stays_the_same_is_not_read_again(watched):
    refreshed = await watched.watcher.check()
    assert refreshed.taken_up == ()
    assert refreshed.failures == ()
    assert watched.forgotten == 0


@pytest.mark.parametrize("in_place", [False, True], ids=["renamed", "overwritten"])
async def test_a_new_file_is_taken_up(watched, in_place):
    content = watched.content("Newtown, which has a longer name")
    watched.path.write_bytes(content) if in_place else watched.put(content)
    assert watched.city() == "Oldtown"

    assert (await watched.watcher.check()).taken_up == ("City.mmdb",)
    assert watched.city() == "Newtown, which has a longer name"
    assert (watched.forgotten, watched.failures) == (1, [])
    await watched.watcher.check()
    assert watched.forgotten == 1


async def test_a_file_of_the_same_size_and_name_but_another_time_is_taken_up(watched):
    watched.path.write_bytes(watched.content("Newtown"))
    os.utime(watched.path, ns=(1, 1))
    await watched.watcher.check()
    assert watched.city() == "Newtown"


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"not a database",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1000] if len(content) > 2000 else content[:100],
        lambda content: b"\xff" * 200 + content[200:],
        lambda content: content[content.rindex(b"\xab\xcd\xefMaxMind.com") :],
    ],
    ids=["empty", "text", "half", "without its end", "a broken tree", "nothing but metadata"],
)
@pytest.mark.parametrize("in_place", [False, True], ids=["renamed", "overwritten"])
async def test_a_damaged_file_leaves_the_old_one_and_is_told_once(watched, damage, in_place):
    content = damage(watched.content("Newtown"))
    watched.path.write_bytes(content) if in_place else watched.put(content)

    await watched.watcher.check()
    await watched.watcher.check()

    assert watched.city() == "Oldtown"
    assert watched.database.facts(ip_address("2001:db8::1")).city == "Oldtown"
    assert watched.forgotten == 0
    assert [str(watched.path) in str(error) for error in watched.failures] == [True]


async def test_after_a_damaged_file_a_good_one_counts(watched):
    watched.path.write_bytes(watched.content("Newtown")[:-300])
    await watched.watcher.check()
    watched.path.write_bytes(watched.content("Newtown"))
    await watched.watcher.check()
    assert watched.city() == "Newtown"
    assert len(watched.failures) == 1


async def test_a_file_that_goes_is_told_once_and_taken_up_when_it_comes_back(watched):
    watched.path.unlink()
    await watched.watcher.check()
    await watched.watcher.check()
    assert watched.city() == "Oldtown"
    assert len(watched.failures) == 1

    watched.put(watched.content("Newtown"))
    await watched.watcher.check()
    assert watched.city() == "Newtown"


async def test_the_same_failure_again_after_a_good_file_is_told_again(watched):
    for _ in range(2):
        watched.path.unlink()
        await watched.watcher.check()
        watched.put(watched.content("Newtown"))
        await watched.watcher.check()
    assert len(watched.failures) == 2


def test_the_others_stay_when_one_changes(tmp_path):
    watched = Watched(tmp_path)
    names = tmp_path / "ISP.mmdb"
    writer = MMDBWriter(ip_version=4, database_type="GeoIP2-ISP")
    writer.insert_network(IPSet(["192.0.2.0/24"]), {"isp": "Uni"})
    writer.to_db_file(str(names))
    database = GeoDatabase([watched.path, names])
    watched.put(watched.content("Newtown"))

    assert database.refresh().taken_up == ("City.mmdb",)
    assert database.facts(HOME).city == "Newtown"
    assert database.facts(HOME).organisation == "Uni"
    assert repr(database) == "<GeoDatabase City.mmdb, ISP.mmdb>"


def test_when_the_makers_made_it(watched):
    assert GeoDatabase().built_at_s is None
    built_at_s = watched.database.built_at_s
    assert built_at_s is not None
    # the writer takes the machine's clock
    assert abs(built_at_s - watched.path.stat().st_mtime) < 600


def test_look_ups_go_on_in_other_threads_while_files_change(watched):
    contents = [watched.content("Newtown"), watched.first]
    seen: set[str | None] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add(watched.city())

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(40):
            watched.put(contents[turn % 2])
            assert watched.database.refresh().taken_up == ("City.mmdb",)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert seen <= {"Oldtown", "Newtown"}
    assert watched.city() == "Oldtown"


def test_after_closing_nothing_is_known_or_refreshed(watched):
    watched.database.close()
    watched.put(watched.content("Newtown"))
    assert watched.database.refresh().taken_up == ()
    assert watched.database.facts(HOME) == UNKNOWN_FACTS


async def test_a_locator_and_a_ranker_forget(watched):
    locator = Locator(watched.database)
    near = Candidate("near", Place(Position(48.0, 2.0)))
    far = Candidate("far", Place(Position(1.0, 2.0)))
    ranker = Ranker([near, far], (), RankPolicy(), locator.place)
    ids = ("near", "far")

    def forget() -> None:
        locator.forget()
        ranker.forget()

    watcher = GeoWatcher(watched.database, forget=forget)
    assert ranker.order(ranker.zone_of(HOME), ids, lambda: 0.5) == ("far", "near")
    watched.put(watched.content("Newtown", latitude=48.0))
    assert ranker.order(ranker.zone_of(HOME), ids, lambda: 0.5) == ("far", "near")
    await watcher.check()
    assert ranker.order(ranker.zone_of(HOME), ids, lambda: 0.5) == ("near", "far")


async def test_without_a_listener_a_failure_is_only_logged(watched):
    watched.path.unlink()
    refreshed = await GeoWatcher(watched.database, forget=lambda: None).check()
    assert len(refreshed.failures) == 1


async def test_it_looks_again_and_again(watched):
    taken_up = asyncio.Event()
    watcher = GeoWatcher(watched.database, forget=taken_up.set)
    running = spawn(watcher.run(0.001), name="watching")
    try:
        for city in ("Newtown", "Oldtown"):
            watched.put(watched.content(city))
            async with asyncio.timeout(30):
                await taken_up.wait()
            taken_up.clear()
            assert watched.city() == city
    finally:
        await cancel_and_wait(running)
