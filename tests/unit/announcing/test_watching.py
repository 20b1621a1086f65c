"""Calendars are looked at again and again; one that fails counts as it last was."""

import asyncio
from collections import Counter
from pathlib import Path

from structlog.testing import capture_logs

from ugrpy.announcing.desk import Desk
from ugrpy.announcing.settings import DowntimeSettings, Feed, FeedFormat
from ugrpy.announcing.watching import Watching
from ugrpy.announcing.words import render_time
from ugrpy.core.meter import Instrument
from ugrpy.health.board import HealthBoard
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.states import State
from ugrpy.namespace.model import EndpointId
from ugrpy.service.channels import Channels
from ugrpy.testing import FakeClock

A, B = EndpointId("a"), EndpointId("b")


class Counts:
    """A meter that adds up by outcome."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def instrument(self, name: str, **labels: str) -> Instrument:
        seen = self.seen

        class One:
            def add(self, value: float = 1.0) -> None:
                seen[labels["outcome"]] += 1

        return One()


class World:
    """Two endpoints, a calendar in a file, and somebody who looks at it often."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.board = HealthBoard([A, B], HealthPolicy())
        self.file = folder / "calendar.toml"
        self.counts = Counts()
        feed = Feed(format=FeedFormat.SIMPLE, source=str(self.file), name="by hand")
        self.settings = DowntimeSettings(feeds=(feed,), interval_s=0.01)
        self.desk = Desk(
            self.board, self.clock, folder / "state", Channels(None), lambda _change: None
        )

    def says(self, *endpoints: str) -> None:
        start, end = (render_time(self.clock.wall() + s) for s in (-60, 3600))
        early = self.file.with_suffix(".new")
        early.write_text(
            "downtimes = []\n"
            if not endpoints
            else "".join(
                f'[[downtimes]]\nendpoint = "{one}"\nfrom = {start}\nuntil = {end}\n'
                for one in endpoints
            )
        )
        early.replace(self.file)

    async def looked(self, outcome: str, times: int = 1) -> None:
        """Until it was looked at so many times more with that outcome."""
        aim = self.counts.seen[outcome] + times
        async with asyncio.timeout(20):
            while self.counts.seen[outcome] < aim:
                await asyncio.sleep(0.01)

    def start(self) -> "asyncio.Task[None]":
        names = {name: frozenset({str(name)}) for name in (A, B)}
        watching = Watching(self.settings, names, self.desk, self.clock, self.counts)
        return asyncio.create_task(watching.run())

    @property
    def away(self) -> list[str]:
        return [name for name in self.board if self.board[name].state is State.DOWNTIME]


async def test_what_it_says_counts_until_it_says_otherwise(tmp_path):
    world = World(tmp_path)
    world.says("a")
    running = world.start()
    await world.looked("unchanged")
    assert world.away == ["a"]
    world.says("b")
    await world.looked("unchanged", 2)
    assert world.away == ["b"]
    world.file.write_text("[[downtimes")
    with capture_logs() as told:
        await world.looked("failed", 3)
        assert world.away == ["b"], "as it last was"
        world.says()
        await world.looked("unchanged", 2)
    assert world.away == []
    assert [line["event"].partition(",")[0] for line in told] == [
        "a calendar of downtimes cannot be read",
        "a calendar of downtimes can be read again",
    ], "told once, not at every look"
    running.cancel()


async def test_a_gateway_that_begins_while_the_calendar_is_away_knows_what_it_said(tmp_path):
    before = World(tmp_path)
    before.says("a")
    running = before.start()
    await before.looked("unchanged")
    running.cancel()
    before.file.unlink()
    after = World(tmp_path)
    await after.desk.load()
    running = after.start()
    await after.looked("failed", 2)
    assert after.away == ["a"]
    running.cancel()
