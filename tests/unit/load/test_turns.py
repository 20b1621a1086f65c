"""One endpoint's turns: listings that hang do not keep names from being asked for, and a silent endpoint keeps few waiting."""

import asyncio

import pytest

from tests.unit.federation.world import virtual
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.load.settings import LoadSettings
from ugrpy.load.turns import HeldBack, Turns, Work

LOAD = LoadSettings(max_at_work=80, endpoint_share=0.9, silent_endpoint_share=0.25)


def some_turns(connections: int = 8, wait_s: float = 5.0, load: LoadSettings = LOAD) -> Turns:
    return Turns(connections, load, wait_s=wait_s, now=asyncio.get_running_loop().time)


async def hanging(turns: Turns, network: str, work: Work) -> None:
    await turns.enter(network, work)
    try:
        await asyncio.sleep(1000)
    finally:
        turns.leave(network, work)


@virtual
async def test_listings_that_hang_leave_turns_for_names():
    turns = some_turns()
    flood = [spawn(hanging(turns, "a", Work.LIST), name="list") for _ in range(40)]
    await asyncio.sleep(0.1)
    assert (turns.at_work, turns.waiting) == (6, 34)
    for _ in range(5):
        async with asyncio.timeout(0.001):
            await turns.enter("a", Work.STAT)
        turns.leave("a", Work.STAT)
    await cancel_and_wait(*flood)
    assert (turns.at_work, turns.waiting) == (0, 0)


@virtual
async def test_one_network_that_hangs_leaves_a_turn_for_another():
    turns = some_turns()
    flood = [spawn(hanging(turns, "a", Work.STAT), name="stat") for _ in range(40)]
    await asyncio.sleep(0.1)
    assert turns.at_work == 7
    async with asyncio.timeout(0.001):
        await turns.enter("b", Work.STAT)
    await cancel_and_wait(*flood)


@virtual
async def test_nobody_waits_for_ever():
    turns = some_turns(connections=1, wait_s=3.0)
    await turns.enter("a", Work.STAT)
    with pytest.raises(HeldBack, match="waited 3 s"):
        await turns.enter("b", Work.STAT)
    assert (turns.held_back, turns.waiting) == (1, 0)


@virtual
async def test_an_endpoint_that_answers_may_keep_most_of_the_gateway_waiting_and_a_silent_one_a_quarter():
    turns = some_turns(wait_s=100.0)
    flood = [spawn(hanging(turns, "a", Work.STAT), name="stat") for _ in range(90)]
    await asyncio.sleep(1)
    assert turns.at_work + turns.waiting == 90  # nine tenths of 80 + 20
    with pytest.raises(HeldBack, match="enough is waiting"):
        await turns.enter("a", Work.STAT)
    await asyncio.sleep(4)
    assert turns.is_silent()
    await cancel_and_wait(*flood[25:])
    assert turns.at_work + turns.waiting == 25
    with pytest.raises(HeldBack):
        await turns.enter("a", Work.STAT)
    turns.heard()
    assert not turns.is_silent()
    later = spawn(turns.enter("a", Work.STAT), name="later")
    await asyncio.sleep(0.1)
    assert turns.waiting == 19
    await cancel_and_wait(later, *flood)


@virtual
async def test_an_endpoint_that_nobody_asked_is_not_silent():
    turns = some_turns()
    await asyncio.sleep(1000)
    await turns.enter("a", Work.STAT)
    assert not turns.is_silent()
    await asyncio.sleep(5)
    assert turns.is_silent()
    turns.leave("a", Work.STAT)
    assert not turns.is_silent()


@virtual
async def test_few_connections_have_no_reserve():
    turns = some_turns(connections=1)
    await turns.enter("a", Work.LIST)
    waiting = spawn(turns.enter("a", Work.STAT), name="stat")
    await asyncio.sleep(0)
    assert (turns.at_work, turns.waiting) == (1, 1)
    turns.leave("a", Work.LIST)
    await waiting
