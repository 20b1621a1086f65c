"""Does the common ground of the tests hold: both loops, no lost failures, no blocking of the loop by us?"""

import asyncio
from typing import Any

import pytest
from blockbuster import BlockingError
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import _is_async
from ugrpy.core.aio import spawn

seen_loops: set[str] = set()


async def test_async_tests_run_on_either_loop():
    seen_loops.add(type(asyncio.get_running_loop()).__module__.partition(".")[0])


def test_both_loops_were_used():
    assert seen_loops == {"asyncio", "uvloop"}


async def test_a_failure_nobody_fetched_is_seen(loop_errors):
    async def fail() -> None:
        raise LookupError("lost")

    task = spawn(fail(), name="loser")
    await asyncio.wait([task])
    del task
    await asyncio.sleep(0)
    [error] = loop_errors
    assert isinstance(error["exception"], LookupError)
    loop_errors.clear()


async def test_blocking_calls_of_ours_are_refused():
    code = compile(
        "import time\ndef stall(): time.sleep(0.001)", spawn.__code__.co_filename, "exec"
    )
    ours: dict[str, Any] = {}
    exec(code, ours)
    with pytest.raises(BlockingError):
        ours["stall"]()


async def test_blocking_calls_of_tests_are_allowed(tmp_path):
    (tmp_path / "file").write_text("x")


@given(st.none())
async def test_given_tests_count_as_async(nothing):
    assert nothing is None


def test_async_is_told_from_sync(request):
    assert not _is_async(request)
