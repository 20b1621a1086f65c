"""When a client hears what of a copy."""

import asyncio
import itertools

import pytest

from tests.unit.federation.world import virtual
from ugrpy.copying.relaying import Moved, Transfer, told
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.errors import Forbidden, Unavailable
from ugrpy.testing import LoopClock
from ugrpy.testing.clock import WALL_START_S
from ugrpy.webdav.markers import Ended, MarkerReader, Progress


class Story:
    """A copy: pauses and bytes in turn, then perhaps an error; and what was told of it."""

    def __init__(self, *steps: tuple[float, int], then: BaseException | None = None) -> None:
        self.steps, self.then = steps, then
        self.ended: list[tuple[str, int]] = []
        self.cancelled = False

    async def work(self, moved: Moved) -> None:
        try:
            for pause_s, size_bytes in self.steps:
                await asyncio.sleep(pause_s)
                moved.add(size_bytes)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.then is not None:
            raise self.then

    @property
    def transfer(self) -> Transfer:
        return Transfer(
            "copy", self.work, lambda how, moved: self.ended.append((how, moved)), LoopClock()
        )

    async def heard(self) -> list[tuple[float, bytes]]:
        """The pieces, each with the second it came."""
        now = asyncio.get_running_loop().time
        return [(now(), piece) async for piece in told(self.transfer)]


def read(pieces: list[tuple[float, bytes]]) -> tuple[list[tuple[float, Progress]], Ended]:
    reader = MarkerReader()
    blocks = [(at_s, block) for at_s, piece in pieces for block in reader.feed(piece)]
    return blocks, reader.close()


@virtual
async def test_a_short_copy_is_one_marker_and_a_success():
    story = Story((0.5, 100))
    blocks, ended = read(await story.heard())
    assert ended == Ended(True)
    # the first byte was seen before the end
    assert [block.transferred_bytes for _, block in blocks] == [100, 100][-len(blocks) :]
    assert story.ended == [("done", 100)]


@virtual
async def test_markers_come_at_least_every_five_seconds_with_time_stripe_and_bytes():
    story = Story((7.0, 10), (7.0, 20), (7.0, 30))
    pieces = await story.heard()
    blocks, ended = read(pieces)
    assert ended.succeeded
    times = [0.0, *(at_s for at_s, _ in pieces)]
    assert max(b - a for a, b in itertools.pairwise(times)) <= 5.0
    assert [(at_s, block.transferred_bytes) for at_s, block in blocks] == [
        (5.0, 0),
        (10.0, 10),
        (15.0, 30),
        (20.0, 30),
        (21.0, 60),
    ]
    for at_s, block in blocks:
        assert block.timestamp_s == int(WALL_START_S + at_s)
        assert (block.stripe, block.stripes) == (0, 1)


@virtual
async def test_what_fails_before_a_byte_has_moved_is_an_error_of_its_own():
    story = Story((3.0, 0), then=Forbidden("the source refuses access (403)"))
    with pytest.raises(Forbidden):
        await story.heard()
    assert story.ended == [("failed", 0)]


@virtual
async def test_what_fails_later_is_a_line():
    story = Story((0.1, 10), (1.0, 0), then=Unavailable("the source: lost", status=502))
    _blocks, ended = read(await story.heard())
    assert ended == Ended(False, "the source: lost")
    assert story.ended == [("failed", 10)]


@virtual
async def test_what_fails_after_the_first_marker_is_a_line_although_nothing_has_moved():
    story = Story((8.0, 0), then=Unavailable("the source: silent", status=504))
    _blocks, ended = read(await story.heard())
    assert ended == Ended(False, "the source: silent")


@virtual
async def test_a_mistake_of_ours_is_told_without_its_text():
    _blocks, ended = read(await Story((0.1, 1), (0.1, 0), then=KeyError("/secret")).heard())
    assert ended == Ended(False, "this gateway made a mistake")


@virtual
async def test_whoever_stops_reading_stops_the_copy():
    story = Story((1.0, 10), (100.0, 10))

    async def reading() -> None:
        await story.heard()

    reader = spawn(reading(), name="reader")
    await asyncio.sleep(2.0)
    await cancel_and_wait(reader)
    assert story.cancelled
    assert story.ended == [("left", 10)]


@virtual
async def test_whoever_stops_before_the_first_byte_stops_it_as_well():
    story = Story((100.0, 10))
    reader = spawn(story.heard(), name="reader")
    await asyncio.sleep(2.0)
    await cancel_and_wait(reader)
    assert story.cancelled
    assert story.ended == [("left", 0)]
