"""What becomes a record, what is left out, and that nothing a disk does comes back to a request."""

import asyncio
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from tests.unit.federation.world import Tally
from tests.unit.frontend.world import CLIENT, World, a_request, a_world
from ugrpy.core.aio import cancel_and_wait
from ugrpy.frontend.gateway import Gateway, GatewayOptions
from ugrpy.health.notices import Notice, NoticeKind
from ugrpy.namespace.model import EndpointId
from ugrpy.recording import Recorder, RecordingPlace, RecordingSettings
from ugrpy.recording import recorder as module
from ugrpy.recording.flights import Flight
from ugrpy.recording.reading import Looked, Query, every
from ugrpy.recording.rules import Ruled, Rules, kept_rules
from ugrpy.recording.sieve import parse_network
from ugrpy.telemetry import FLIGHTS, FLIGHTS_LOST

ONE, TWO = EndpointId("one"), EndpointId("two")


async def look(folder: Path, query: Query) -> list[Flight]:
    """What is found in a ring."""
    return await asyncio.to_thread(lambda: list(every(folder, query, Looked())))


@dataclass
class Recorded:
    """A gateway that records."""

    world: World
    gateway: Gateway
    recorder: Recorder
    folder: Path
    tally: Tally

    async def ask(self, method: str, target: str) -> int:
        """The status of an answer."""
        request, _written = a_request(method, target)
        return (await self.gateway(request)).status

    async def flights(self) -> list[Flight]:
        """All that is written down, in the order of the requests."""
        await self.recorder.flush()
        found = await look(self.folder, Query())
        return sorted(found, key=lambda one: int(one.id.split("-")[1], 16))


def recorded(folder: Path, settings: RecordingSettings | None = None) -> Recorded:
    """Both endpoints hold ``/d/f``; to be made in the loop that uses it."""
    world, tally = a_world(), Tally()
    for endpoint in (world.one, world.two):
        endpoint.add_file("/d/f", 10)
    places = world.federation.ranker.candidates
    rules = Rules(tuple(Ruled(name, one.place) for name, one in places.items()))
    place = RecordingPlace(folder, process="3f2a")
    recorder = Recorder(world.federation, rules, settings or RecordingSettings(), place, tally)
    gateway = Gateway(world.federation, GatewayOptions(recorder=recorder), clock=world.clock)
    return Recorded(world, gateway, recorder, folder, tally)


async def test_decisions_are_recorded_and_answers_without_one_are_not(tmp_path):
    here = recorded(tmp_path)
    assert await here.ask("GET", "/d/f") == 302
    assert await here.ask("GET", "/d/f") == 302
    assert await here.ask("GET", "/d/f?metalink=4") == 200
    assert await here.ask("GET", "/none") == 404
    assert await here.ask("BREW", "/d/f") == 405
    for method, target in (("HEAD", "/d/f"), ("GET", "/d/"), ("OPTIONS", "/d/f")):
        assert await here.ask(method, target) == 200
    first, second, metalink, none, brew = await here.flights()
    assert (first.path, first.client, first.status, first.endpoint) == ("/d/f", CLIENT, 302, "one")
    assert (first.cache, second.cache) == ("miss", "hit")
    # the first was answered when the better one had spoken
    assert (first.order, metalink.order) == (("one",), ("one", "two"))
    assert first.scene is not None
    assert first.scene.holders[0] == "one"
    assert first.zone.rule is None  # these rules are others than the gateway's
    assert (none.status, none.order) == (404, ())
    assert none.why.startswith("/none")
    assert none.scene is not None
    assert set(none.scene.absent) == {"one", "two"}
    assert (brew.method, brew.status, brew.scene) == ("BREW", 405, None)
    assert here.tally.of(FLIGHTS) == 1  # one block
    assert abs(first.at_s - here.world.clock.wall()) < 1e-3


async def test_an_incomplete_listing_is_recorded_with_who_was_missing(tmp_path):
    here = recorded(tmp_path)
    down = Notice(NoticeKind.DISABLED, "maintenance")
    here.world.federation.board[TWO].announce([down], here.world.clock.monotonic())
    assert await here.ask("GET", "/d/") == 200
    assert await here.ask("GET", "/d/f") == 302
    listing, redirect = await here.flights()
    assert listing.missing.keys() == {"two"}
    assert "maintenance" in listing.missing["two"]
    assert redirect.order == ("one",)
    assert "maintenance" in redirect.withheld["two"]
    assert redirect.scene is not None
    assert "maintenance" in redirect.scene.out["two"]


async def test_hits_may_be_left_out_and_nothing_else(tmp_path):
    here = recorded(tmp_path, RecordingSettings(hits=0.0))
    for target in ("/d/f", "/d/f", "/d/f", "/none", "/none"):
        await here.ask("GET", target)
    assert [(one.status, one.cache) for one in await here.flights()] == [
        (302, "miss"),
        (404, "miss"),
        (404, "hit"),
    ]


async def test_a_part_of_the_address_may_be_kept_and_finds_it_all_the_same(tmp_path):
    here = recorded(tmp_path, RecordingSettings(client_bits_v4=20))
    await here.ask("GET", "/d/f")
    (flight,) = await here.flights()
    assert flight.client == "192.0.0.0/20"
    for question, fits in ((CLIENT, True), ("192.0.0.0/16", True), ("192.0.99.1", False)):
        assert bool(await look(tmp_path, Query(client=parse_network(question)))) is fits


async def test_what_does_not_fit_is_dropped_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    here = recorded(tmp_path)
    assert [await here.ask("GET", "/d/f") for _ in range(5)] == [302] * 5
    assert len(await here.flights()) == 3
    assert here.tally.of(FLIGHTS_LOST, "waiting") == 2
    assert await here.ask("GET", "/d/f") == 302
    assert len(await here.flights()) == 4


async def test_while_the_disk_is_slow_requests_are_answered(tmp_path, monkeypatch):
    here = recorded(tmp_path)
    go_on, began, append = threading.Event(), threading.Event(), here.recorder._ring.append

    def slowly(block: bytes) -> None:
        began.set()
        assert go_on.wait(30)
        append(block)

    monkeypatch.setattr(here.recorder._ring, "append", slowly)
    await here.ask("GET", "/d/f")
    flushing = asyncio.create_task(here.recorder.flush())
    while not began.is_set():
        await asyncio.sleep(0)
    assert [await here.ask("GET", "/d/f") for _ in range(3)] == [302] * 3
    assert not flushing.done()
    go_on.set()
    await flushing
    assert len(await here.flights()) == 4


async def test_what_was_being_written_when_the_work_is_called_off_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FLUSH_S", 0.0)
    here = recorded(tmp_path)
    go_on, began, append = threading.Event(), threading.Event(), here.recorder._ring.append

    def slowly(block: bytes) -> None:
        began.set()
        assert go_on.wait(30)
        append(block)

    monkeypatch.setattr(here.recorder._ring, "append", slowly)
    await here.ask("GET", "/d/f")
    running = asyncio.create_task(here.recorder.run())
    while not began.is_set():
        await asyncio.sleep(0)
    await cancel_and_wait(running)
    await here.ask("GET", "/d/f")
    closing = asyncio.create_task(here.recorder.close())
    await asyncio.sleep(0)
    assert not closing.done()
    go_on.set()
    await closing
    assert len(await look(tmp_path, Query())) == 2


async def test_a_disk_that_refuses_costs_records_only_and_is_tried_again(tmp_path):
    folder = tmp_path / "flights"
    await asyncio.to_thread(folder.write_text, "no folder")
    here = recorded(folder)
    await here.recorder.begin()
    assert await here.ask("GET", "/d/f") == 302
    await here.recorder.flush()
    assert here.tally.of(FLIGHTS_LOST, "disk") == 1
    await asyncio.to_thread(folder.unlink)
    assert await here.ask("GET", "/d/f") == 302
    assert len(await here.flights()) == 1
    await here.recorder.close()


async def test_the_rules_are_beside_the_flights_and_old_ones_go(tmp_path):
    here = recorded(tmp_path)
    old = tmp_path / "rules-00ff.json"
    await asyncio.to_thread(old.write_text, "{}")
    await asyncio.to_thread(os.utime, old, (1.0, 1.0))
    # the first file has nothing before it; the next one sees how old the oldest decision is
    for _ in range(2):
        await here.ask("GET", "/d/f")
        first, *_ = await here.flights()
        await here.recorder.close()

    def files() -> None:
        assert kept_rules(tmp_path, first.rules).endpoints
        assert not old.exists()
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}

    await asyncio.to_thread(files)
