"""Questions wait for their turn at an endpoint: that is neither its time nor its fault, and others do not wait along."""

import asyncio
from dataclasses import replace

import pytest

from tests.unit.federation.world import (
    CERN,
    UVIC,
    World,
    holding,
    virtual,
    world,
)
from ugrpy import telemetry
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.errors import Unavailable
from ugrpy.federation import Member, Policies
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.showing import snapshot_of
from ugrpy.load.asker import work_for
from ugrpy.load.settings import LoadSettings
from ugrpy.namespace.fanout import FanoutPolicy, Want
from ugrpy.namespace.model import Entry, Found, Kind
from ugrpy.testing import HANG, Reply, ScriptedEndpoint

DEADLINE_S = 10.0
POLICIES = Policies(
    fanout=FanoutPolicy(deadline_s=DEADLINE_S, hedge_s=0.25), load=LoadSettings(max_at_work=80)
)
STRICT = HealthPolicy(eject_after=1)


def narrow(*storage: ScriptedEndpoint, connections: int = 1, **more: object) -> World:
    """A federation of endpoints that are asked only so much at a time."""
    members = [Member(one, connections=connections) for one in storage]
    return world(*members, policies=replace(POLICIES, **more))  # type: ignore[arg-type]


@virtual
async def test_waiting_for_a_turn_is_not_the_endpoint_s_time():
    uvic = holding("uvic", *(f"/{number}" for number in range(5)), latency_s=1.0)
    small = narrow(uvic)
    took = await asyncio.gather(*(small.locate(f"/{number}", Want.ALL) for number in range(5)))
    assert [took_s for _, took_s in took] == pytest.approx([1.0, 2.0, 3.0, 4.0, 5.0])
    latency_s = snapshot_of(small.board[UVIC], small.now_s).latency_s
    assert latency_s == pytest.approx(1.0)


@virtual
async def test_who_gets_no_turn_is_told_that_the_endpoint_is_busy_and_its_health_hears_nothing():
    uvic = holding("uvic", "/f")
    uvic.on("/hangs", HANG)
    small = world(Member(uvic, connections=1), policies=POLICIES, health=STRICT)
    hanging = spawn(small.locate("/hangs"), name="hanging")
    await asyncio.sleep(0.1)
    before_s = small.now_s
    error = await small.refused("/f")
    assert isinstance(error, Unavailable)
    assert (error.status, error.retry_after_s) == (503, 5.0)
    assert error.missing == {"uvic": "busy: not asked, having waited 5 s for a turn"}
    assert small.now_s - before_s == pytest.approx(DEADLINE_S / 2)
    assert small.tally.of(telemetry.ENDPOINT_HELD_BACK, "uvic") == 1
    assert ("stat", "/f") not in uvic.calls
    seen = snapshot_of(small.board[UVIC], small.now_s)
    assert (seen.in_service, seen.failed) == (True, 0)
    await hanging
    assert snapshot_of(small.board[UVIC], small.now_s).failed == 1  # that one was its own


@virtual
async def test_one_that_was_asked_late_is_not_blamed_for_the_deadline():
    uvic = holding("uvic")
    uvic.on("/first", Reply(Found(Entry("first", Kind.FILE, 1)), after_s=4.0))
    uvic.on("/late", HANG)
    small = world(Member(uvic, connections=1), policies=POLICIES, health=STRICT)
    first = spawn(small.locate("/first"), name="first")
    await asyncio.sleep(0)
    error = await small.refused("/late")
    assert isinstance(error, Unavailable)
    assert error.status == 504
    seen = snapshot_of(small.board[UVIC], small.now_s)
    assert (seen.failed, seen.in_service) == (0, True)
    await first


@virtual
async def test_one_that_has_not_been_asked_yet_does_not_stall():
    uvic, cern = holding("uvic"), holding("cern", *(f"/{number}" for number in range(4)))
    uvic.everything(HANG)
    small = world(Member(uvic, connections=1), Member(cern), policies=POLICIES)
    took = await asyncio.gather(*(small.locate(f"/{number}") for number in range(4)))
    assert [took_s for _, took_s in took] == pytest.approx([0.25] * 4)
    assert snapshot_of(small.board[UVIC], small.now_s).stalls == 1


@virtual
async def test_clients_that_leave_before_their_turn_say_nothing_of_the_endpoint():
    uvic = holding("uvic")
    uvic.everything(HANG)
    small = narrow(uvic)
    leaving = [spawn(small.locate(f"/{number}"), name="leaving") for number in range(5)]
    await asyncio.sleep(1.0)
    await cancel_and_wait(*leaving)
    assert snapshot_of(small.board[UVIC], small.now_s).stalls == 1
    turns = small.federation.asking.turns[UVIC]
    assert (turns.at_work, turns.waiting) == (0, 0)


@virtual
async def test_a_silent_endpoint_keeps_a_quarter_of_the_gateway_waiting_and_others_are_not_held_up():
    uvic, cern = holding("uvic"), holding("cern", *(f"/{number}" for number in range(200)))
    uvic.everything(HANG)
    small = narrow(uvic, cern, connections=4)
    turns = small.federation.asking.turns[UVIC]
    asked = [spawn(small.locate(f"/{number}", Want.ALL), name="ask") for number in range(90)]
    await asyncio.sleep(4.5)
    assert turns.at_work + turns.waiting == 90
    await asyncio.sleep(0.6)  # those that wait are given up, and it is silent
    assert turns.is_silent()
    more = [spawn(small.locate(f"/{number}", Want.ALL), name="more") for number in range(100, 160)]
    await asyncio.sleep(0.1)
    assert turns.at_work + turns.waiting == 25
    answered = [one.result() for one in more if one.done()]
    assert len(answered) == 60 - 21
    for known, took_s in answered:
        assert known.missing == {"uvic": "busy: not asked, since enough is waiting for it"}
        assert known.merged is not None
        assert known.merged.holders == (CERN,)
        assert took_s < 0.2
    await asyncio.gather(*asked, *more)


@virtual
async def test_listings_that_hang_do_not_keep_names_from_being_asked_for():
    uvic = holding("uvic", "/f")
    for number in range(40):
        uvic.on(f"/listed/{number}", HANG)
    small = narrow(uvic, connections=8)
    flood = [spawn(small.federation.list(f"/listed/{n}"), name="list") for n in range(40)]
    await asyncio.sleep(0.1)
    known, took_s = await small.locate("/f")
    assert known.merged is not None
    assert took_s < 0.01
    await cancel_and_wait(*flood)


@virtual
async def test_turns_are_shared_among_the_networks_for_whom_tasks_work():
    uvic = holding(
        "uvic", *(f"/{network}/{n}" for network in "ab" for n in range(30)), latency_s=0.1
    )
    small = narrow(uvic, connections=1)

    async def client(network: str, number: int) -> float:
        work_for(network)
        return (await small.locate(f"/{network}/{number}", Want.ALL))[1]

    flood = [spawn(client("a", number), name="a") for number in range(30)]
    await asyncio.sleep(0.01)
    waits = await asyncio.gather(*(client("b", number) for number in range(3)))
    assert waits == pytest.approx([0.19, 0.39, 0.59], abs=0.02)  # every second turn
    await asyncio.gather(*flood)


@virtual
async def test_an_endpoint_without_others_may_keep_all_of_the_gateway_waiting():
    """There is nobody else who could answer, so a refusal would only take the answer away."""
    names = [f"/{number}" for number in range(120)]
    uvic = holding("uvic", *names, latency_s=0.1)
    small = world(
        Member(uvic, connections=8), policies=replace(POLICIES, load=LoadSettings(max_at_work=100))
    )
    asked = await asyncio.gather(*(small.locate(name, Want.ALL) for name in names))
    assert all(known.merged is not None for known, _ in asked)
    assert small.tally.of(telemetry.ENDPOINT_HELD_BACK, "uvic") == 0
