"""Several kinds of message on one bus: each reaches those who have a part in it, in every process but the own."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ugrpy.core.errors import DataError
from ugrpy.service.bus import MOST_WAITING, Bus
from ugrpy.service.channels import Channels, channels_of_host
from ugrpy.service.supervisor import SHARED_DIR


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: that of a socket has a limit of 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="bus") as name:
        yield Path(name)


class Heard(list[bytes]):
    async def __call__(self, message: bytes) -> None:
        self.append(message)


@asynccontextmanager
async def other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Channels]:
    """Another worker, in this process: a bus is named after its process."""
    with monkeypatch.context() as patched:
        patched.setattr("os.getpid", lambda: 999_999)
        channels = Channels(folder)
    await channels.open()
    yield channels
    await channels.close()


async def test_each_kind_reaches_those_who_hear_it_and_no_other(folder, monkeypatch):
    apples, pears, own = Heard(), Heard(), Heard()
    async with (
        channels_of_host({SHARED_DIR: str(folder)}) as here,
        other(folder, monkeypatch) as there,
    ):
        with here.hearing("apples", own), there.hearing("apples", apples):
            with there.hearing("pears", pears):
                await here.tell("apples", b"1\n2")
                await here.tell("pears", b"")
            await here.tell("pears", b"too late")
            await here.tell("plums", b"nobody hears of them")
        assert (apples, pears, own) == ([b"1\n2"], [b""], [])
        assert "apples" not in repr(here)


async def test_what_is_only_mentioned_arrives_too_and_in_order(folder, monkeypatch):
    heard = Heard()
    async with (
        channels_of_host({SHARED_DIR: str(folder)}) as here,
        other(folder, monkeypatch) as there,
    ):
        with there.hearing("apples", heard):
            for number in range(5):
                await here.mention("apples", b"%d" % number)
            await here.tell("apples", b"last")
    assert heard == [b"0", b"1", b"2", b"3", b"4", b"last"]


async def test_mentions_are_dropped_for_one_that_takes_nothing_up_and_it_is_left_in_peace(
    folder, monkeypatch
):
    heard, go_on = Heard(), asyncio.Event()

    async def hear(message: bytes) -> None:
        await go_on.wait()
        heard.append(message)

    async with (
        channels_of_host({SHARED_DIR: str(folder)}) as here,
        other(folder, monkeypatch) as there,
    ):
        with there.hearing("apples", hear):
            for _ in range(MOST_WAITING + 50):
                await here.mention("apples", b"x")
            go_on.set()
            await here.tell("apples", b"last")
            assert len(heard) == MOST_WAITING + 1


async def test_a_process_that_is_alone_tells_nobody():
    async with channels_of_host({}) as alone:
        assert alone.alone
        await alone.tell("apples", b"1")
        await alone.mention("apples", b"1")


@pytest.mark.parametrize("kind", ["apples", "two words", "", "Äpfel"])
def test_a_kind_is_a_word_that_is_heard_once(kind):
    channels = Channels(None)
    with (
        channels.hearing("apples", Heard()),
        pytest.raises(ValueError, match="taken, or no word"),
        channels.hearing(kind, Heard()),
    ):
        pass


async def test_a_message_of_no_kind_is_a_defect(folder):
    gave_up: list[Exception] = []
    channels = Channels(folder)

    async def hear(message: bytes) -> None:
        try:
            await channels._heard(message)
        except DataError as error:
            gave_up.append(error)

    ours = Bus(folder, hear, name="ours")
    theirs = Bus(folder, Heard(), name="theirs")
    for bus in (ours, theirs):
        await bus.open()
    await theirs.tell(b"no kind")
    for bus in (ours, theirs):
        await bus.close()
    assert len(gave_up) == 1
