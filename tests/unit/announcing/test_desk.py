"""The desk: written down first, then in force here, then told the others."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ugrpy.announcing.desk import CHANNEL, REFRESH_S, Desk
from ugrpy.announcing.words import Word, parse_words
from ugrpy.core.errors import Unavailable
from ugrpy.health.board import HealthBoard
from ugrpy.health.notices import NoticeKind
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.states import State, Transition
from ugrpy.namespace.model import EndpointId
from ugrpy.service.bus import Bus
from ugrpy.service.channels import Channels
from ugrpy.testing import FakeClock
from ugrpy.testing.loop import run_virtual

A, B = EndpointId("a"), EndpointId("b")
DISABLE = Word(A, NoticeKind.DISABLED, "new disks", "alice")


class World:
    """A board with a desk, and what was told of it."""

    def __init__(self, folder: Path, channels: Channels | None = None) -> None:
        self.clock = FakeClock()
        self.board = HealthBoard([A, B], HealthPolicy())
        self.changes: list[Transition] = []
        self.desk = Desk(
            self.board, self.clock, folder, channels or Channels(None), self.changes.append
        )

    @property
    def states(self) -> list[State]:
        return [self.board[name].state for name in self.board]


async def test_an_order_counts_at_once_and_for_whoever_comes_later(tmp_path):
    world = World(tmp_path / "state")
    await world.desk.load()
    await world.desk.order(DISABLE)
    assert world.states == [State.DISABLED, State.IN_SERVICE]
    assert [change.after for change in world.changes] == [State.DISABLED]
    later = World(tmp_path / "state")
    await later.desk.load()
    assert later.states == [State.DISABLED, State.IN_SERVICE]
    await later.desk.give_back(A)
    assert later.states == [State.IN_SERVICE, State.IN_SERVICE]
    assert parse_words((tmp_path / "state" / "orders.json").read_bytes()) == ()
    assert repr(later.desk) == "<Desk 0 orders, 0 downtimes>"


async def test_what_cannot_be_written_down_does_not_count(tmp_path):
    (tmp_path / "file").write_text("in the way")
    world = World(tmp_path / "file" / "state")
    with pytest.raises(Unavailable, match="cannot be written down"):
        await world.desk.order(DISABLE)
    assert world.states == [State.IN_SERVICE, State.IN_SERVICE]


async def test_but_what_calendars_say_does(tmp_path):
    (tmp_path / "file").write_text("in the way")
    world = World(tmp_path / "file" / "state")
    said = Word(A, NoticeKind.OUTAGE, by="gocdb", start_s=0.0, end_s=9e9, announced=True)
    with capture_logs() as told:
        await world.desk.announce([said])
        await world.desk.announce([said])
    assert world.states == [State.DOWNTIME, State.IN_SERVICE]
    assert [line["event"] for line in told] == ["downtimes are not written down"]


async def test_a_file_that_cannot_be_read_is_set_aside(tmp_path):
    (tmp_path / "orders.json").write_bytes(b"{")
    world = World(tmp_path)
    with capture_logs() as told:
        await world.desk.load()
    assert [line["event"] for line in told] == ["what was said of endpoints cannot be read"]
    await world.desk.order(DISABLE)
    assert (tmp_path / "orders.unreadable").read_bytes() == b"{"


async def test_orders_and_calendars_add_up_and_an_operator_can_overrule_a_calendar(tmp_path):
    world = World(tmp_path)
    now = world.clock.wall()
    await world.desk.announce(
        [Word(A, NoticeKind.OUTAGE, by="g", start_s=now - 9, end_s=now + 60, announced=True)]
    )
    await world.desk.order(Word(A, NoticeKind.KEPT, end_s=now + 30))
    assert world.states == [State.IN_SERVICE, State.IN_SERVICE]
    world.clock.advance(31)
    assert [change.after for change in world.board.tick(world.clock.monotonic())] == [
        State.DOWNTIME
    ]
    world.clock.advance(30)
    assert [change.after for change in world.board.tick(world.clock.monotonic())] == [
        State.IN_SERVICE
    ]


def test_a_wall_clock_that_is_put_right_is_followed(tmp_path):
    world = World(tmp_path)

    async def story() -> None:
        now = world.clock.wall()
        world.desk._said["orders"] = (Word(A, NoticeKind.OUTAGE, start_s=now + 600, end_s=9e9),)
        refreshing = asyncio.ensure_future(world.desk.run())
        await asyncio.sleep(REFRESH_S + 1)
        assert world.states == [State.IN_SERVICE, State.IN_SERVICE]
        world.clock.set_wall(now + 700)
        await asyncio.sleep(REFRESH_S)
        assert world.states == [State.DOWNTIME, State.IN_SERVICE]
        refreshing.cancel()

    run_virtual(story())


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: that of a socket has a limit of 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="bus") as name:
        yield Path(name)


async def test_other_workers_act_on_it_before_the_operator_is_answered(tmp_path, folder):
    here, there = World(tmp_path, Channels(folder)), World(tmp_path)
    channels = here.desk._channels
    await channels.open()

    async def hear(message: bytes) -> None:
        kind, _, content = message.partition(b"\n")
        assert kind.decode() == CHANNEL
        await there.desk.hear(content)

    other = Bus(folder, hear, name="other")
    await other.open()
    await here.desk.order(DISABLE)
    assert there.states == [State.DISABLED, State.IN_SERVICE]
    await other.close()
    await channels.close()
