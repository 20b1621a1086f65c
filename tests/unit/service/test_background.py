"""Background work: begun again after a fault, with growing pauses; told and counted; ended quietly."""

import asyncio

import pytest
from structlog.testing import capture_logs

from ugrpy.core.aio import cancel_and_wait
from ugrpy.core.service_metrics import service_metrics
from ugrpy.service.background import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    Background,
    next_pause_s,
    start_background,
)
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.testing.loop import LoopClock, run_virtual

FAILED = "shoalpy_background_failures_total"


def a_meter() -> PrometheusMeter:
    return PrometheusMeter(service_metrics("shoalpy").rows)


def failures(meter: PrometheusMeter, task: str) -> float:
    meter.flush()
    return meter.registry.get_sample_value(FAILED, {"task": task}) or 0.0


@pytest.mark.parametrize(
    ("pause_s", "lasted_s", "expected_s"),
    [
        (0.0, 0.0, FIRST_PAUSE_S),
        (FIRST_PAUSE_S, 1.0, 2 * FIRST_PAUSE_S),
        (32.0, 59.0, LONGEST_PAUSE_S),
        (LONGEST_PAUSE_S, 0.0, LONGEST_PAUSE_S),
        (LONGEST_PAUSE_S, LONGEST_PAUSE_S, FIRST_PAUSE_S),
    ],
)
def test_pauses(pause_s, lasted_s, expected_s):
    assert next_pause_s(pause_s, lasted_s) == expected_s


def test_work_that_fails_is_begun_again_later_and_later():
    begun_s: list[float] = []

    async def intake() -> None:
        begun_s.append(asyncio.get_running_loop().time())
        if len(begun_s) < 4:
            raise OSError("the broker is gone")

    async def story() -> PrometheusMeter:
        meter = a_meter()
        await start_background(Background("intake", intake), meter, "shoalpy", LoopClock())
        return meter

    with capture_logs() as told:
        meter = run_virtual(story())
    assert begun_s == [0, 1, 3, 7]
    assert failures(meter, "intake") == 3
    assert [(line["event"], line["task"], line["again_in_s"]) for line in told] == [
        ("background work failed", "intake", pause_s) for pause_s in (1, 2, 4)
    ]
    assert all(line["log_level"] == "error" and line["exc_info"] for line in told)


def test_after_a_long_good_time_the_pause_is_short_again():
    begun_s: list[float] = []

    async def intake() -> None:
        begun_s.append(asyncio.get_running_loop().time())
        if len(begun_s) == 4:
            await asyncio.sleep(1000)
        if len(begun_s) < 6:
            raise OSError

    with capture_logs():
        run_virtual(_until_done(intake))
    assert begun_s == [0, 1, 3, 7, 1008, 1010]


async def _until_done(work) -> None:
    await start_background(Background("w", work), a_meter(), "shoalpy", LoopClock())


async def test_work_that_returns_is_done_and_nobody_is_told():
    async def sweep() -> None:
        """Is done at once."""

    meter = a_meter()
    with capture_logs() as told:
        await start_background(Background("sweep", sweep), meter, "shoalpy")
    assert told == []
    assert failures(meter, "sweep") == 0


async def test_ending_it_is_no_failure():
    begun = asyncio.Event()

    async def for_ever() -> None:
        begun.set()
        await asyncio.Event().wait()

    meter = a_meter()
    with capture_logs() as told:
        task = start_background(Background("probes", for_ever), meter, "shoalpy")
        assert task.get_name() == "probes"
        await begun.wait()
        await cancel_and_wait(task)
    assert task.cancelled()
    assert told == []
    assert failures(meter, "probes") == 0
