"""Workers tell each other: in order, for certain, and who does not take it up does not go on."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ugrpy.service import bus as bus_module
from ugrpy.service.bus import FAILED_TO_ACT, LONGEST_BYTES, Bus

ROOT = Path(__file__).parents[3]
WAIT_S = 30


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: that of a socket has a limit of 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="bus") as name:
        yield Path(name)


class Heard(list[bytes]):
    """What was heard, each message after ``pause_s``."""

    pause_s = 0.0

    async def __call__(self, message: bytes) -> None:
        await asyncio.sleep(self.pause_s)
        self.append(message)


@asynccontextmanager
async def opened(folder: Path, *names: str) -> AsyncIterator[dict[str, Heard]]:
    """Buses in this process; the first of each name's messages are in what is yielded."""
    heard = {name: Heard() for name in names}
    async with contextlib.AsyncExitStack() as stack:
        for name in names:
            one = Bus(folder, heard[name], name=name)
            await one.open()
            stack.push_async_callback(one.close)
        yield heard


@asynccontextmanager
async def teller(
    folder: Path, *, confirm_s: float = WAIT_S, hear: Heard | None = None
) -> AsyncIterator[Bus]:
    one = Bus(folder, hear or Heard(), name="teller", confirm_s=confirm_s)
    await one.open()
    try:
        yield one
    finally:
        await one.close()


@asynccontextmanager
async def worker(folder: Path, habit: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.unit.service.bus_worker", str(folder), habit),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


# -- among workers that are well --------------------------------------------------------------------------


async def test_one_alone_tells_nobody(folder):
    async with teller(folder) as bus:
        await bus.tell(b"news")
        assert repr(bus) == "<Bus teller.sock, 0 lines>"
        assert [path.name for path in folder.iterdir()] == ["teller.sock"]
    assert list(folder.iterdir()) == []


async def test_all_others_have_acted_when_it_is_told(folder):
    own = Heard()
    async with opened(folder, "a", "b", "c") as heard, teller(folder, hear=own) as bus:
        heard["b"].pause_s = 0.05
        for number in range(3):
            await bus.tell(b"%d" % number)
            assert {name: len(one) for name, one in heard.items()} == dict.fromkeys(
                "abc", number + 1
            )
        assert repr(bus) == "<Bus teller.sock, 3 lines>"
    assert heard["a"] == [b"0", b"1", b"2"]
    assert own == []


async def test_a_folder_may_be_deeper_than_the_name_of_a_socket_is_long(folder):
    deep = folder / ("deep" * 30) / ("er" * 60)
    deep.mkdir(parents=True)
    async with opened(deep, "one") as heard, teller(deep) as bus:
        await bus.tell(b"news")
        assert heard["one"] == [b"news"]


async def test_a_worker_that_is_not_named_is_called_by_its_process(folder):
    one = Bus(folder, Heard())
    await one.open()
    assert [path.name for path in folder.iterdir()] == [f"{os.getpid()}.sock"]
    await one.close()


async def test_a_thousand_messages_at_once_are_heard_in_their_order(folder):
    messages = [b"%d" % number for number in range(1000)]
    async with opened(folder, "a", "b") as heard, teller(folder) as bus:
        await asyncio.gather(*map(bus.tell, messages))
        assert heard["a"] == messages
        assert heard["b"] == messages
        assert repr(bus) == "<Bus teller.sock, 2 lines>"


async def test_all_tell_all_at_once(folder):
    heard = [Heard() for _ in range(4)]
    buses = [Bus(folder, one, name=str(number)) for number, one in enumerate(heard)]
    for bus in buses:
        await bus.open()
    await asyncio.gather(*(bus.tell(b"%d" % n) for _ in range(50) for n, bus in enumerate(buses)))
    for number, one in enumerate(heard):
        others = {b"%d" % other for other in range(4)} - {b"%d" % number}
        assert {name: one.count(name) for name in set(one)} == dict.fromkeys(others, 50)
    for bus in buses:
        await bus.close()


@pytest.mark.parametrize("message", [b"", b"\x06", b"\0\0\0\1", bytes(2_000_000)])
async def test_any_bytes_are_a_message(folder, message):
    async with opened(folder, "a") as heard, teller(folder) as bus:
        await bus.tell(message)
        await bus.tell(b"next")
        assert heard["a"] == [message, b"next"]


async def test_a_message_that_is_too_long_is_not_sent(folder):
    async with opened(folder, "a") as heard, teller(folder) as bus:
        with pytest.raises(ValueError, match="not sent"):
            await bus.tell(bytes(LONGEST_BYTES + 1))
        await bus.tell(b"next")
        assert heard["a"] == [b"next"]


async def test_who_leaves_off_telling_leaves_the_order_whole(folder):
    async with opened(folder, "a") as heard, teller(folder) as bus:
        heard["a"].pause_s = 0.05
        first = asyncio.ensure_future(bus.tell(b"1"))
        await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await bus.tell(b"2")
        assert heard["a"] == [b"1", b"2"]


async def test_a_busy_worker_that_confirms_one_after_the_other_is_left_alive(folder, monkeypatch):
    monkeypatch.setattr(os, "kill", _nobody_is_killed)
    async with opened(folder, "a") as heard, teller(folder, confirm_s=0.2) as bus:
        heard["a"].pause_s = 0.05
        await asyncio.gather(*(bus.tell(b"%d" % number) for number in range(12)))
        assert len(heard["a"]) == 12


def _nobody_is_killed(pid: int, number: int) -> None:
    raise AssertionError(f"{pid} was sent {number}")


# -- with those that are gone ------------------------------------------------------------------------------


async def test_the_socket_of_a_worker_that_ended_is_removed(folder):
    stale = folder / "12345.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(stale))
    async with teller(folder) as bus:
        await bus.tell(b"news")
        assert not stale.exists()
        await bus.tell(b"news")


async def test_a_worker_that_starts_is_never_taken_for_a_dead_one(folder):
    """While it does not listen yet, its socket is not where others look."""
    async with teller(folder) as bus:
        with socket.socket(socket.AF_UNIX) as early:
            early.bind(str(folder / "a.new"))
            await bus.tell(b"news")
            assert (folder / "a.new").exists()
        async with opened(folder, "a") as heard:  # what was left of an earlier one is no obstacle
            await bus.tell(b"news")
            assert heard["a"] == [b"news"]


async def test_a_new_worker_of_the_same_name_is_told(folder):
    async with teller(folder) as bus:
        for _ in range(3):
            async with opened(folder, "a") as heard:
                await bus.tell(b"news")
                assert heard["a"] == [b"news"]
            await bus.tell(b"to nobody")


async def test_a_worker_that_ends_while_it_is_told_is_not_waited_for(folder):
    async with worker(folder, "hangs") as process, teller(folder) as bus:
        telling = asyncio.ensure_future(bus.tell(b"news"))
        await asyncio.sleep(0.1)
        assert not telling.done()
        process.kill()
        await asyncio.wait_for(telling, WAIT_S)
        await process.wait()
        await bus.tell(b"more")
        assert list(folder.iterdir()) == [folder / "teller.sock"]


async def test_a_connection_that_is_cut_in_the_middle_of_a_message_does_no_harm(folder):
    async with opened(folder, "a") as heard, teller(folder) as bus:
        for cut in (b"", b"\0\0", b"\0\0\0\x05ab"):
            _reader, writer = await asyncio.open_unix_connection(folder / "a.sock")
            writer.write(cut)
            writer.close()
            await writer.wait_closed()
        await bus.tell(b"news")
        assert heard["a"] == [b"news"]


# -- with those that do not take it up ---------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["hangs", "stopped"])
async def test_a_worker_that_does_not_confirm_is_killed(folder, trouble):
    habit = "hangs" if trouble == "hangs" else "confirms"
    async with worker(folder, habit) as process, worker(folder, "confirms") as well:
        if trouble == "stopped":
            process.send_signal(signal.SIGSTOP)
        async with teller(folder, confirm_s=0.5) as bus:
            with capture_logs() as told:
                await asyncio.gather(bus.tell(b"1"), bus.tell(b"2"))
            assert await asyncio.wait_for(process.wait(), WAIT_S) == -signal.SIGKILL
            assert [(line["event"], line["pid"]) for line in told] == [
                ("a worker does not confirm a change, killed", process.pid)
            ]
            await bus.tell(b"3")
        assert well.returncode is None
        assert well.stdout is not None
        assert [await well.stdout.readline() for _ in "123"] == [b"1\n", b"2\n", b"3\n"]


async def test_a_worker_that_fails_to_act_confirms_nothing_and_ends(folder):
    async with worker(folder, "fails") as process, teller(folder) as bus:
        await bus.tell(b"news")
        assert await asyncio.wait_for(process.wait(), WAIT_S) == FAILED_TO_ACT


@pytest.mark.parametrize("failing", [ValueError, OSError, ConnectionResetError])
async def test_whatever_fails_in_a_worker_it_gives_up_before_the_other_hears(folder, failing):
    order: list[str] = []

    async def hear(_message: bytes) -> None:
        raise failing("cannot")

    one = Bus(folder, hear, name="a", give_up=lambda: order.append("gave up"))
    await one.open()
    async with teller(folder) as bus:
        with capture_logs() as told:
            await bus.tell(b"news")
            order.append("told")
        assert order == ["gave up", "told"]
        assert [line["event"] for line in told] == [
            "this worker cannot take up a change, so it ends"
        ]
    await one.close()


async def test_one_that_leaves_in_the_middle_does_not_give_up(folder):
    gave_up: list[bool] = []
    reached = asyncio.Event()

    async def hear(_message: bytes) -> None:
        reached.set()
        await asyncio.Event().wait()

    one = Bus(folder, hear, name="a", give_up=lambda: gave_up.append(True))
    await one.open()
    async with teller(folder) as bus:
        telling = asyncio.ensure_future(bus.tell(b"news"))
        await reached.wait()
        await one.close()
        await asyncio.wait_for(telling, WAIT_S)
    assert gave_up == []


async def test_a_bus_that_was_never_opened_can_be_closed(folder):
    await Bus(folder, Heard()).close()


def test_the_end_of_a_process_is_at_once(monkeypatch):
    statuses: list[int] = []
    leave: Callable[[int], None] = statuses.append
    monkeypatch.setattr(os, "_exit", leave)
    bus_module.end_process()
    assert statuses == [FAILED_TO_ACT]
