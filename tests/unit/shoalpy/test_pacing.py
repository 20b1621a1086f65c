"""Rates, in virtual time."""

import asyncio
import itertools

import pytest

from shoalpy.pacing import Pacing
from ugrpy.testing.loop import LoopClock, run_virtual


async def times_of(pacing: Pacing, targets: list[str]) -> list[tuple[float, str]]:
    times: list[tuple[float, str]] = []

    async def go(target: str) -> None:
        await pacing.turn(target)
        times.append((asyncio.get_running_loop().time(), target))

    await asyncio.gather(*map(go, targets))
    return times


def pacing(rate_per_s: float, target_rate_per_s: float) -> Pacing:
    return Pacing(LoopClock(), rate_per_s=rate_per_s, target_rate_per_s=target_rate_per_s)


@pytest.mark.row("S48")
def test_both_rates_hold_in_every_moment():
    targets = [f"t{number % 3}" for number in range(300)]
    times = run_virtual(times_of(pacing(10, 4), targets))
    assert len(times) == 300
    assert _least_gap([at for at, _ in times]) >= 0.1 - 1e-9
    for name in ("t0", "t1", "t2"):
        assert _least_gap([at for at, target in times if target == name]) >= 0.25 - 1e-9
    # and nothing is wasted: three targets at 4 a second may have 10 together
    assert times[-1][0] == pytest.approx(29.9, abs=0.5)


@pytest.mark.row("S48")
def test_a_target_that_many_want_holds_up_nobody_else():
    times = run_virtual(times_of(pacing(100, 1), ["busy"] * 50 + ["free"]))
    assert next(at for at, target in times if target == "free") < 0.1
    assert times[-1][0] == pytest.approx(49, abs=0.5)


def test_one_who_gives_up_waiting_leaves_the_turn_to_the_next():
    async def run() -> float:
        mine = pacing(100, 1)
        await mine.turn("t")
        waiting = asyncio.create_task(mine.turn("t"))
        await asyncio.sleep(0.5)
        waiting.cancel()
        await mine.turn("t")
        return asyncio.get_running_loop().time()

    assert run_virtual(run()) == pytest.approx(1.0)


def test_targets_that_nobody_asks_are_forgotten():
    async def run() -> list[str]:
        mine, shown = pacing(100, 10), []
        for name in ("a", "b"):
            await mine.turn(name)
            shown.append(repr(mine))
        await asyncio.sleep(1)
        await mine.turn("c")
        return [*shown, repr(mine)]

    assert run_virtual(run()) == [
        "<Pacing of 1 targets>",
        "<Pacing of 2 targets>",
        "<Pacing of 1 targets>",
    ]


def _least_gap(times: list[float]) -> float:
    return min(after - before for before, after in itertools.pairwise(times))
