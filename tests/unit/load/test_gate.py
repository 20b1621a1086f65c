"""Waiting for a turn in virtual time: who gives up, who is called in the same moment, who is turned away."""

import asyncio

import pytest

from tests.unit.federation.world import virtual
from ugrpy.core.aio import spawn
from ugrpy.load.gate import Gate, TurnedAway
from ugrpy.load.share import Limit, Room

LONG_S = 100.0


def at(gate: Gate) -> tuple[int, int]:
    return gate.share.at_work, gate.share.waiting


@virtual
async def test_a_turn_comes_when_one_ends():
    gate = Gate(Room(1, waiting=10))
    assert await gate.enter("a", LONG_S) is False
    waiting = spawn(gate.enter("b", LONG_S), name="b")
    await asyncio.sleep(1)
    assert at(gate) == (1, 1)
    gate.leave("a")
    assert await waiting is True
    assert at(gate) == (1, 0)


@virtual
async def test_nobody_waits_longer_than_he_likes():
    gate = Gate(Room(1, waiting=10))
    await gate.enter("a", LONG_S)
    with pytest.raises(TurnedAway) as caught:
        await gate.enter("b", 5.0)
    assert caught.value.limit is Limit.TOO_LONG
    assert asyncio.get_running_loop().time() == 5.0
    assert at(gate) == (1, 0)


@virtual
async def test_a_full_queue_turns_away_the_newest_of_the_longest():
    gate = Gate(Room(1, waiting=2))
    await gate.enter("a", LONG_S)
    first = spawn(gate.enter("a", LONG_S), name="first")
    second = spawn(gate.enter("a", LONG_S), name="second", on_error=lambda _error: None)
    await asyncio.sleep(0)
    other = spawn(gate.enter("b", LONG_S), name="b")
    with pytest.raises(TurnedAway):
        await second
    with pytest.raises(TurnedAway):
        await gate.enter("a", LONG_S)
    gate.leave("a")
    assert await other is True
    gate.leave("b")
    assert await first is True
    assert at(gate) == (1, 0)


@pytest.mark.parametrize("order", ["called, then left", "left, then called"])
def test_a_turn_given_to_one_who_is_leaving_goes_to_the_next(order):
    @virtual
    async def story() -> None:
        gate = Gate(Room(1, waiting=10))
        await gate.enter("a", LONG_S)
        leaving = spawn(gate.enter("b", LONG_S), name="b")
        staying = spawn(gate.enter("c", LONG_S), name="c")
        await asyncio.sleep(0)
        if order == "called, then left":
            gate.leave("a")
            leaving.cancel()
        else:
            leaving.cancel()
            gate.leave("a")
        assert await staying is True
        assert leaving.cancelled()
        assert at(gate) == (1, 0)
        gate.leave("c")
        assert at(gate) == (0, 0)

    story()


@virtual
async def test_one_who_is_evicted_and_leaves_in_one_moment_takes_nothing_along():
    gate = Gate(Room(1, waiting=2))
    await gate.enter("a", LONG_S)
    waiting = [spawn(gate.enter("a", LONG_S), name="a") for _ in range(2)]
    await asyncio.sleep(0)
    other = spawn(gate.enter("b", LONG_S), name="b")
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.gather(*waiting[1:], return_exceptions=True)
    assert at(gate) == (1, 2)
    for flow in ("a", "b", "a"):
        gate.leave(flow)
    await asyncio.gather(other, waiting[0])
    assert at(gate) == (0, 0)


@virtual
async def test_a_flood_that_hangs_is_the_flood_s_own_wait():
    """Row of events: one network hangs on all places and has hundreds waiting; others come one after the other, and none waits."""
    gate = Gate(Room(20, reserve=5, waiting=1000))

    async def hang() -> None:
        await gate.enter("flood", LONG_S)
        await asyncio.sleep(10)
        gate.leave("flood")

    flood = [spawn(hang(), name="flood") for _ in range(200)]
    await asyncio.sleep(0.1)
    for number in range(50):
        assert await gate.enter(f"other {number}", LONG_S) is False
        await asyncio.sleep(0.01)
        gate.leave(f"other {number}")
    assert gate.share.of("flood") == (20, 180)
    await asyncio.gather(*flood)
    assert asyncio.get_running_loop().time() == pytest.approx(100.0)  # all places, all of the time
    assert at(gate) == (0, 0)
