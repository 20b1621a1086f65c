"""Virtual time."""

import asyncio
import time

import pytest

from ugrpy.testing import Deadlock, LoopClock, VirtualLoop, run_virtual


def test_an_hour_passes_at_once():
    async def story() -> tuple[float, float]:
        clock = LoopClock()
        wall = clock.wall()
        await asyncio.sleep(3600)
        return clock.monotonic(), clock.wall() - wall

    before = time.monotonic()
    assert run_virtual(story()) == (3600.0, 3600.0)
    assert time.monotonic() - before < 5.0


def test_timeouts_and_sleeps_keep_their_order():
    async def story() -> list[str]:
        events = []

        async def one(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            events.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(one("late", 900.0))
            group.create_task(one("early", 0.001))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(10):
                    await asyncio.sleep(20)
            events.append("timeout")
            assert asyncio.get_running_loop().time() == pytest.approx(10)
        return events

    assert run_virtual(story()) == ["early", "timeout", "late"]


def test_a_lost_wake_up_is_an_error():
    async def story() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Deadlock, match="lost"):
        run_virtual(story())


def test_timers_of_one_run_fire_in_a_later_one():
    rung: list[bool] = []

    async def start() -> None:
        asyncio.get_running_loop().call_later(5.0, rung.append, True)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(start())
        runner.run(asyncio.sleep(4.0))
        assert rung == []
        runner.run(asyncio.sleep(1.5))
        assert rung == [True]
