"""One name: who is asked, who is waited for, and what is said when nobody holds it."""

import asyncio

import pytest

from tests.unit.federation.world import (
    CERN,
    GENEVA_CLIENT,
    UVIC,
    VICTORIA_CLIENT,
    asked,
    holding,
    virtual,
    world,
)
from ugrpy import telemetry
from ugrpy.core.errors import ConfigError, Forbidden, NotFound, Unavailable
from ugrpy.endpoints.base import Probe
from ugrpy.federation import Member
from ugrpy.federation.members import Members
from ugrpy.health.policy import HealthPolicy
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.model import Cause, Denied, Entry, Kind, Unknown
from ugrpy.testing import HANG, Reply, ScriptedEndpoint

# -- how long a client waits ------------------------------------------------------------------------


@virtual
async def test_the_nearest_holder_is_all_a_redirect_waits_for():
    uvic, cern = holding("uvic", "/f", latency_s=0.02), holding("cern")
    cern.everything(HANG)
    small = world(uvic, cern)
    known, took_s = await small.locate("/f")
    assert took_s == pytest.approx(0.02)
    assert known.silent == {CERN}
    assert small.federation.order(known, small.zone(VICTORIA_CLIENT)) == (UVIC,)
    assert small.tally.of(telemetry.EARLY_ANSWERS) == 0


@virtual
async def test_a_nearer_silent_one_gets_its_chance_within_the_hedge():
    uvic, cern = holding("uvic", "/f", latency_s=0.3), holding("cern", "/f", latency_s=0.1)
    small = world(uvic, cern)
    known, took_s = await small.locate("/f")
    assert took_s == pytest.approx(0.3)
    assert small.federation.order(known, small.zone(VICTORIA_CLIENT)) == (UVIC, CERN)


@virtual
async def test_a_client_who_stands_beside_the_quick_one_does_not_wait_for_the_other():
    uvic, cern = holding("uvic", "/f", latency_s=0.3), holding("cern", "/f", latency_s=0.1)
    small = world(uvic, cern)
    _, took_s = await small.locate("/f", client=GENEVA_CLIENT)
    assert took_s == pytest.approx(0.1)


@virtual
async def test_without_a_zone_the_first_holder_will_do():
    uvic, cern = holding("uvic", "/f", latency_s=0.3), holding("cern", "/f", latency_s=0.1)
    _, took_s = await world(uvic, cern).locate("/f", client=None)
    assert took_s == pytest.approx(0.1)


@virtual
async def test_a_hung_one_nearby_costs_the_hedge_a_few_times_and_then_nothing():
    uvic = holding("uvic")
    uvic.everything(HANG)
    cern = holding("cern", *(f"/{n}" for n in range(6)), latency_s=0.1)
    small = world(uvic, cern, health=HealthPolicy(slow_after=3))
    took_s = [(await small.locate(f"/{n}"))[1] for n in range(6)]
    assert took_s == pytest.approx([0.35, 0.35, 0.35, 0.1, 0.1, 0.1])
    assert small.board[UVIC].sluggish
    assert small.board[UVIC].in_service
    assert small.tally.of(telemetry.EARLY_ANSWERS) == 6
    # it is still asked, so that one prompt answer can clear it
    assert asked(uvic) == [6]


@virtual
async def test_several_slow_ones_at_once_cost_one_hedge():
    uvic, triumf, cern = holding("uvic"), holding("triumf"), holding("cern", "/f", latency_s=0.1)
    uvic.everything(HANG)
    triumf.everything(HANG)
    _, took_s = await world(uvic, triumf, cern).locate("/f")
    assert took_s == pytest.approx(0.35)


@virtual
async def test_existence_is_known_from_the_first_who_says_so():
    uvic, cern = holding("uvic", "/f", latency_s=3.0), holding("cern", "/f", latency_s=0.1)
    _, took_s = await world(uvic, cern).locate("/f", Want.ANY)
    assert took_s == pytest.approx(0.1)


@virtual
async def test_a_metalink_waits_for_everybody():
    uvic, cern = holding("uvic", "/f", latency_s=3.0), holding("cern", "/f", latency_s=0.1)
    small = world(uvic, cern)
    known, took_s = await small.locate("/f", Want.ALL)
    assert took_s == pytest.approx(3.0)
    assert small.federation.expect(known).holders == (CERN, UVIC)


@virtual
async def test_a_clock_that_lags_behind_the_loops_timers_leaves_nobody_waiting():
    """Timers and clocks never agree to the last digit; here every timer rings a thousandth too early."""

    class Lagging:
        def monotonic(self) -> float:
            return 0.999 * asyncio.get_running_loop().time()

        def wall(self) -> float:
            return self.monotonic()

    uvic, cern = holding("uvic"), holding("cern", "/f", latency_s=0.1)
    uvic.everything(HANG)
    small = world(uvic, cern, clock=Lagging())
    _, took_s = await small.locate("/f")
    assert took_s == pytest.approx(0.35, abs=0.01)
    assert (await small.refused("/g")).status == 504


# -- misses -----------------------------------------------------------------------------------------


@virtual
async def test_a_miss_waits_for_everybody_and_is_a_404():
    uvic, cern = holding("uvic", latency_s=0.02), holding("cern", latency_s=2.0)
    small = world(uvic, cern)
    known, took_s = await small.locate("/f")
    assert took_s == pytest.approx(2.0)
    with pytest.raises(NotFound, match="/f: no storage element holds it") as missed:
        small.federation.expect(known)
    assert missed.value.missing == {}
    assert small.tally.of(telemetry.ABSENT_WITH_MISSING) == 0


@virtual
async def test_silence_until_the_deadline_is_a_504_and_is_not_remembered():
    uvic, cern = holding("uvic", latency_s=0.02), holding("cern")
    cern.everything(HANG)
    small = world(uvic, cern)
    known, took_s = await small.locate("/f")
    assert took_s == pytest.approx(10.0)
    assert not known.complete
    with pytest.raises(Unavailable) as refused:
        small.federation.expect(known)
    assert refused.value.status == 504
    assert refused.value.missing == {"cern": "no answer within 10 s"}
    assert cern.cancelled == [("stat", "/f")]
    cern.everything(None)
    assert (await small.refused("/f")).status == 404
    assert asked(uvic, cern) == [2, 2]


@pytest.mark.parametrize(
    ("said", "status", "retry_after_s"),
    [
        (Unknown(Cause.BUSY, "429", 7.0), 503, 7.0),
        (Unknown(Cause.UNREACHABLE, "refused"), 503, 10.0),
        (Unknown(Cause.MALFORMED, "not XML"), 502, None),
        (Unknown(Cause.FAILED, "500"), 502, None),
    ],
)
@virtual
async def test_a_doubt_is_never_a_404(said: Unknown, status: int, retry_after_s: float | None):
    uvic, cern = holding("uvic"), holding("cern")
    cern.on("/f", Reply(said))
    error = await world(uvic, cern).refused("/f")
    assert isinstance(error, Unavailable)
    assert (error.status, error.retry_after_s) == (status, retry_after_s)
    assert error.missing == {"cern": said.detail}


@virtual
async def test_a_refused_credential_is_a_403():
    uvic, cern = holding("uvic"), holding("cern")
    cern.on("/f", Reply(Denied(401, "who are you")))
    assert isinstance(await world(uvic, cern).refused("/f"), Forbidden)


@virtual
async def test_a_defect_in_one_kind_of_endpoint_does_not_take_the_others_along():
    uvic, cern = holding("uvic", "/f"), holding("cern")
    cern.everything(Reply(error=ZeroDivisionError("a defect")))
    small = world(uvic, cern)
    known, _ = await small.locate("/f", Want.ALL)
    assert small.federation.expect(known).holders == (UVIC,)
    assert known.missing == {"cern": "internal error: ZeroDivisionError"}
    assert (await small.refused("/g")).status == 502


# -- shared questions -------------------------------------------------------------------------------


@pytest.mark.row("D39")
@virtual
async def test_a_hundred_clients_of_one_cold_path_ask_each_endpoint_once():
    storage = [holding(name, "/f", latency_s=0.1) for name in ("uvic", "triumf", "cern")]
    small = world(*storage)
    async with asyncio.TaskGroup() as clients:
        found = [
            clients.create_task(small.holders("/f", client))
            for client in (VICTORIA_CLIENT, GENEVA_CLIENT) * 50
        ]
    assert asked(*storage) == [1, 1, 1]
    assert {one.result()[0] for one in found} == {UVIC, CERN}


@virtual
async def test_different_names_are_different_questions():
    uvic = holding("uvic", "/f", "/g", latency_s=0.1)
    small = world(uvic)
    await asyncio.gather(small.locate("/f"), small.locate("/g"))
    assert asked(uvic) == [2]


@virtual
async def test_the_client_gone_before_the_answer_cancels_the_asks():
    uvic, cern = holding("uvic", latency_s=1.0), holding("cern", latency_s=1.0)
    small = world(uvic, cern)
    client = asyncio.create_task(small.locate("/f"))
    await small.pass_s(0.5)
    assert (uvic.pending, cern.pending) == (1, 1)
    client.cancel()
    with pytest.raises(asyncio.CancelledError):
        await client
    await small.pass_s(0)
    assert uvic.cancelled == cern.cancelled == [("stat", "/f")]
    assert (uvic.pending, cern.pending) == (0, 0)
    # that the client left says nothing about the endpoints, and the next one asks anew
    assert small.board[UVIC].failed == 0
    assert (await small.locate("/f"))[1] == pytest.approx(1.0)


@virtual
async def test_an_endpoint_that_hangs_until_its_clients_leave_is_suspected():
    uvic = holding("uvic", "/f")
    uvic.everything(HANG)
    small = world(uvic)
    small.board.probed(UVIC, Probe(alive=True, latency_s=0.01), small.now_s)
    for stay_s in (0.2, 0.3, 0.3, 0.3):
        assert not small.board[UVIC].probe_due(small.now_s + 1.0)
        client = asyncio.ensure_future(small.locate("/f"))
        await small.pass_s(stay_s)
        client.cancel()
        await small.pass_s(0.01)
    assert small.board[UVIC].stalls == 3, "the first one left too soon to say anything"
    assert small.board[UVIC].probe_due(small.now_s + 1.0)
    assert small.board.in_service(UVIC)


@virtual
async def test_one_of_two_clients_gone_leaves_the_question_to_the_other():
    uvic = holding("uvic", "/f", latency_s=1.0)
    small = world(uvic)
    impatient = asyncio.create_task(small.locate("/f"))
    patient = asyncio.create_task(small.holders("/f"))
    await small.pass_s(0.5)
    impatient.cancel()
    assert await patient == [UVIC]
    assert (asked(uvic), uvic.cancelled) == ([1], [])


# -- closing ----------------------------------------------------------------------------------------


@virtual
async def test_closing_leaves_no_task_no_timer_and_no_open_endpoint():
    uvic, cern = holding("uvic"), holding("cern", "/early", latency_s=0.1)
    uvic.everything(HANG)
    small = world(uvic, cern)
    await small.locate("/early")  # answered, and its question goes on
    waiting = [
        asyncio.create_task(work)
        for work in (
            small.locate("/early", Want.ALL),
            small.locate("/f"),
            small.federation.list("/d"),
        )
    ]
    await small.pass_s(0.2)
    await small.federation.close()
    assert [one.pending for one in (uvic, cern)] == [0, 0]
    assert [one.closed for one in (uvic, cern)] == [True, True]
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in ended] == [asyncio.CancelledError] * 3
    assert asyncio.all_tasks() == {asyncio.current_task()}
    # nothing rings later and nothing is held against the endpoint
    failed = small.board[UVIC].failed
    await small.pass_s(60)
    assert small.board[UVIC].failed == failed == 0


@virtual
async def test_closing_an_idle_federation():
    uvic = holding("uvic")
    await world(uvic).federation.close()
    assert uvic.closed


# -- the members ------------------------------------------------------------------------------------


def test_two_endpoints_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="two endpoints are called 'uvic'"):
        Members(Member(ScriptedEndpoint("uvic")) for _ in range(2))


@virtual
async def test_what_it_shows():
    small = world(holding("uvic", "/f", latency_s=1.0), holding("cern"))
    assert len(small.federation.members) == 2
    assert [member.id for member in small.federation.members] == [UVIC, CERN]
    client = asyncio.create_task(small.locate("/f"))
    await small.pass_s(0.5)
    shown = repr(small.federation)
    assert "Members(uvic, cern)" in shown
    assert "<Locating 1 names under way>" in shown
    assert "Memory" in shown
    await client


@virtual
async def test_collections_are_told_from_files():
    uvic = holding("uvic", "/d/f")
    small = world(uvic)
    folder, _ = await small.locate("/d")
    file, _ = await small.locate("/d/f")
    missing, _ = await small.locate("/x")
    assert [known.is_collection for known in (folder, file, missing)] == [True, False, False]
    assert small.federation.expect(folder).entry == Entry("d", Kind.COLLECTION)
    assert small.federation.expect(file).entry == Entry("f", Kind.FILE, 10)
