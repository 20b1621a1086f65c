"""Tasks have names, owners and listeners."""

import asyncio
import gc
import weakref
from typing import Any

import pytest

from ugrpy.core.aio import cancel_and_wait, first_of, next_turn, spawn


async def three() -> int:
    return 3


async def fail() -> None:
    raise ValueError("a defect")


async def test_a_task_has_its_name_and_its_result():
    task = spawn(three(), name="count to three")
    assert task.get_name() == "count to three"
    assert await task == 3


async def test_a_task_is_kept_although_nobody_holds_it():
    done = asyncio.Event()
    gate: weakref.ref[asyncio.Future[None]]

    async def wait() -> None:
        nonlocal gate
        # held by nothing but the waiting task, so that a lost task takes its future along
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        gate = weakref.ref(future)
        await future
        done.set()

    watched = weakref.ref(spawn(wait(), name="waits"))
    await asyncio.sleep(0)
    gc.collect()
    assert watched() is not None
    future = gate()
    assert future is not None
    future.set_result(None)
    await done.wait()
    del future
    await asyncio.sleep(0)
    gc.collect()
    assert watched() is None


async def test_a_failure_is_reported_to_the_loop_at_once(loop_errors: list[dict[str, Any]]):
    task = spawn(fail(), name="fails")
    await asyncio.wait([task])
    await asyncio.sleep(0)
    (context,) = loop_errors
    assert context["message"] == "task 'fails' failed"
    assert isinstance(context["exception"], ValueError)
    assert context["task"] is task
    loop_errors.clear()


async def test_a_failure_goes_to_its_listener_instead():
    heard: list[BaseException] = []
    task = spawn(fail(), name="fails", on_error=heard.append)
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert [str(error) for error in heard] == ["a defect"]


async def test_success_and_cancellation_are_quiet():
    heard: list[BaseException] = []
    good = spawn(three(), name="good", on_error=heard.append)
    cancelled = spawn(asyncio.sleep(60), name="sleeps", on_error=heard.append)
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([good, cancelled])
    await asyncio.sleep(0)
    assert heard == []
    assert cancelled.cancelled()


async def test_whoever_awaits_hears_of_the_failure_as_well():
    task = spawn(fail(), name="fails", on_error=lambda error: None)
    with pytest.raises(ValueError, match="a defect"):
        await task


async def test_cancelling_waits_for_the_end():
    ended: list[str] = []

    async def lingering() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append("lingering")

    async def failing() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("on the way out")

    heard: list[BaseException] = []
    tasks = [
        spawn(lingering(), name="lingers"),
        spawn(failing(), name="fails", on_error=heard.append),
        spawn(three(), name="done"),
    ]
    await asyncio.sleep(0)
    await cancel_and_wait(*tasks)
    assert all(task.done() for task in tasks)
    assert ended == ["lingering"]
    assert [str(error) for error in heard] == ["on the way out"]
    await cancel_and_wait()


async def test_the_first_that_is_done_ends_the_wait_and_none_is_cancelled():
    loop = asyncio.get_running_loop()
    quick, slow = loop.create_future(), loop.create_future()
    loop.call_soon(quick.set_result, 1)
    await first_of(slow, quick)
    assert (quick.result(), slow.done()) == (1, False)
    waiting = asyncio.ensure_future(first_of(slow))
    await next_turn()
    await cancel_and_wait(waiting)
    assert not slow.cancelled()
