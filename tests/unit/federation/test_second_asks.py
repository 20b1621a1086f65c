"""An endpoint that is late for once is asked again, and one that is in trouble is not."""

import asyncio
from typing import cast

import pytest

from tests.unit.federation.world import CERN, TRIUMF, UVIC, World, asked, holding, virtual, world
from ugrpy import telemetry
from ugrpy.core.errors import NotFound, Unavailable
from ugrpy.federation import Policies
from ugrpy.health.notices import Notice, NoticeKind
from ugrpy.health.policy import HealthPolicy
from ugrpy.namespace.fanout import FanoutPolicy, Want
from ugrpy.namespace.model import Absent, Cause, Denied, EndpointId, Entry, Found, Kind, Unknown
from ugrpy.testing import HANG, Reply, ScriptedEndpoint

FILE = Found(Entry("f", Kind.FILE, 10))
FOLDER = Found(Entry("d", Kind.COLLECTION))
BUSY = Reply(Unknown(Cause.BUSY, "429"))
# Enough to know a tail, and few enough that no more than one second question is granted.
WARM = 16
USUAL_S = 0.01
AGAIN_S = 2 * USUAL_S  # and as much as the median is rounded up by


def usual(name: str, *paths: str) -> ScriptedEndpoint:
    return holding(name, *paths, latency_s=USUAL_S)


async def warmed(*storage: ScriptedEndpoint, policy: FanoutPolicy | None = None) -> World:
    """A federation that knows how fast these are."""
    policies = Policies(fanout=policy or FanoutPolicy())
    small = world(*storage, policies=policies, health=HealthPolicy(eject_after=0))
    for turn in range(WARM):
        await small.locate(f"/warm/{turn}", Want.ALL)
    for one in storage:
        one.calls.clear()
    return small


def outcomes(small: World, name: EndpointId) -> dict[str, int]:
    counted = {
        outcome: small.tally.of(telemetry.SECOND_ASKS, name, outcome)
        for outcome in ("won", "lost", "failed", "withheld")
    }
    return {outcome: count for outcome, count in counted.items() if count}


async def end(small: World, *storage: ScriptedEndpoint) -> None:
    """Nothing is left behind, neither here nor there."""
    await asyncio.sleep(0)
    assert [one.pending for one in storage] == [0] * len(storage)
    await small.federation.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.row("M4")
@virtual
async def test_enough_is_known_the_late_one_is_asked_again_and_the_rest_is_cancelled():
    uvic, triumf, cern = usual("uvic", "/early"), usual("triumf"), usual("cern", "/early")
    small = await warmed(uvic, triumf, cern)
    # answered when enough is known: nobody who is silent could be nearer
    triumf.on("/early", HANG)
    cern.on("/early", HANG)
    known, took_s = await small.locate("/early")
    assert took_s == pytest.approx(USUAL_S)
    assert known.silent == {TRIUMF, CERN}
    # and the rest is cancelled when it should have answered long ago
    await small.pass_s(1.1)
    assert [triumf.cancelled, cern.cancelled] == [[("stat", "/early")]] * 2
    # the hedge: the only one that is late is asked again, and the question that was lost is cancelled
    uvic.on("/lost", HANG, Reply(FILE))
    known, took_s = await small.locate("/lost")
    assert took_s == pytest.approx(AGAIN_S + USUAL_S, abs=0.004)
    assert small.federation.expect(known).holders == (UVIC,)
    assert uvic.cancelled == [("stat", "/lost")]
    # the deadline: nothing true can be said without it, so it is waited for, and its silence is no absence
    uvic.on("/silent", HANG)
    known, took_s = await small.locate("/silent")
    assert took_s == pytest.approx(10.0)
    with pytest.raises(Unavailable):
        small.federation.expect(known)
    await end(small, uvic, triumf, cern)


# -- names ----------------------------------------------------------------------------------------


@virtual
async def test_a_question_that_got_lost_is_answered_the_second_time():
    uvic, cern = usual("uvic"), usual("cern")
    small = await warmed(uvic, cern)
    uvic.on("/f", HANG, Reply(FILE))
    known, took_s = await small.locate("/f")
    assert took_s == pytest.approx(AGAIN_S + USUAL_S, abs=0.004)
    assert small.federation.expect(known).holders == (UVIC,)
    assert uvic.calls == [("stat", "/f"), ("stat", "/f")]
    assert uvic.cancelled == [("stat", "/f")]
    assert asked(cern) == [1]
    assert outcomes(small, UVIC) == {"won": 1}
    await end(small, uvic, cern)


@virtual
async def test_the_first_word_wins_when_it_comes_after_all_and_the_second_question_is_cancelled():
    uvic, cern = usual("uvic"), usual("cern")
    small = await warmed(uvic, cern)
    uvic.on("/f", Reply(FILE, after_s=0.025), HANG)
    known, took_s = await small.locate("/f")
    assert took_s == pytest.approx(0.025)
    assert small.federation.expect(known).holders == (UVIC,)
    assert uvic.cancelled == [("stat", "/f")]
    assert outcomes(small, UVIC) == {"lost": 1}
    await end(small, uvic, cern)


@virtual
async def test_a_miss_is_told_when_the_last_has_said_so_the_second_time():
    uvic, cern = usual("uvic"), usual("cern")
    small = await warmed(uvic, cern)
    uvic.on("/f", HANG, Reply(Absent()))
    known, took_s = await small.locate("/f")
    assert took_s == pytest.approx(AGAIN_S + USUAL_S, abs=0.004)
    with pytest.raises(NotFound):
        small.federation.expect(known)
    await end(small, uvic, cern)


@virtual
async def test_silence_stays_unknown_however_often_it_was_asked():
    uvic, cern = usual("uvic"), usual("cern")
    small = await warmed(uvic, cern)
    uvic.everything(HANG)
    known, took_s = await small.locate("/f")
    assert took_s == pytest.approx(10.0)
    with pytest.raises(Unavailable) as refused:
        small.federation.expect(known)
    assert refused.value.status == 504
    assert uvic.cancelled == [("stat", "/f"), ("stat", "/f")]
    assert outcomes(small, UVIC) == {"lost": 1}
    await end(small, uvic, cern)


@virtual
async def test_a_second_question_that_fails_changes_nothing():
    uvic, cern = usual("uvic"), usual("cern")
    small = await warmed(uvic, cern)
    uvic.on("/f", Reply(FILE, after_s=3.0), BUSY)
    known, took_s = await small.locate("/f")
    assert took_s == pytest.approx(3.0)
    assert small.federation.expect(known).holders == (UVIC,)
    assert outcomes(small, UVIC) == {"failed": 1}
    await end(small, uvic, cern)


@virtual
async def test_what_the_first_question_comes_to_is_final():
    uvic, cern = usual("uvic"), usual("cern")
    small = await warmed(uvic, cern)
    uvic.on("/f", Reply(Unknown(Cause.FAILED, "500"), after_s=0.05), HANG)
    known, took_s = await small.locate("/f")
    assert took_s == pytest.approx(0.05)
    assert known.summary.unknown[UVIC].detail == "500"
    assert outcomes(small, UVIC) == {"lost": 1}
    await end(small, uvic, cern)


@virtual
async def test_a_refusal_is_a_word_like_any_other():
    uvic = usual("uvic")
    small = await warmed(uvic)
    uvic.on("/f", HANG, Reply(Denied(403, "no")))
    known, _ = await small.locate("/f")
    assert UVIC in known.summary.denied
    await end(small, uvic)


@virtual
async def test_when_the_client_leaves_both_questions_end():
    uvic, cern = usual("uvic"), usual("cern")
    small = await warmed(uvic, cern)
    uvic.everything(HANG)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await small.locate("/f")
    await end(small, uvic, cern)
    assert uvic.cancelled == [("stat", "/f"), ("stat", "/f")]


@virtual
async def test_closing_ends_both_questions():
    uvic, cern = usual("uvic"), usual("cern")
    small = await warmed(uvic, cern)
    uvic.everything(HANG)
    waiting = asyncio.create_task(small.locate("/f"))
    await asyncio.sleep(0.2)
    assert uvic.pending == 2
    await small.federation.close()
    assert uvic.pending == 0
    await asyncio.wait([waiting])
    assert waiting.cancelled()


# -- when it is not asked again -------------------------------------------------------------------


@virtual
async def test_one_that_has_just_failed_is_not_asked_twice():
    uvic, cern = usual("uvic"), usual("cern")
    small = await warmed(uvic, cern)
    uvic.on("/busy", BUSY)
    await small.locate("/busy")
    uvic.on("/f", Reply(FILE, after_s=1.0))
    _, took_s = await small.locate("/f")
    assert took_s == pytest.approx(1.0)
    assert asked(uvic) == [2]
    assert outcomes(small, UVIC) == {"withheld": 1}


@virtual
async def test_one_that_nobody_waits_for_is_not_asked_twice_for_a_miss_either():
    uvic, cern = usual("uvic"), usual("cern", *(f"/{n}" for n in range(3)))
    small = await warmed(uvic, cern)
    for turn in range(3):
        uvic.on(f"/{turn}", Reply(Absent(), after_s=0.9))
        await small.locate(f"/{turn}")
    assert small.board[UVIC].sluggish
    await small.pass_s(60.0)  # the budget is as it was
    before, withheld = len(uvic.calls), outcomes(small, UVIC)["withheld"]
    uvic.on("/f", Reply(FILE, after_s=1.0))
    await small.locate("/f")
    assert len(uvic.calls) == before + 1
    assert outcomes(small, UVIC)["withheld"] == withheld + 1


class Crowded(ScriptedEndpoint):
    """All its connections are busy."""

    spare: int | None = 0

    @property
    def spare_connections(self) -> int | None:
        return self.spare


@virtual
async def test_one_whose_connections_are_all_busy_is_not_asked_twice():
    uvic = Crowded("uvic", latency_s=USUAL_S)
    small = await warmed(uvic)
    uvic.on("/f", Reply(FILE, after_s=1.0))
    uvic.on("/g", Reply(FILE, after_s=1.0))
    await small.locate("/f")
    assert asked(uvic) == [1]
    assert outcomes(small, UVIC) == {"withheld": 1}
    uvic.spare = 1
    await small.locate("/g")
    assert asked(uvic) == [3]


@virtual
async def test_the_budget_holds_when_everything_has_become_slow():
    uvic = usual("uvic")
    small = await warmed(uvic)
    uvic.latency_s = 0.5
    async with asyncio.TaskGroup() as group:
        for turn in range(400):
            group.create_task(small.locate(f"/{turn}"))
    questions = 400 + WARM
    assert len(uvic.calls) - 400 == int(0.05 * questions)
    assert outcomes(small, UVIC)["withheld"] == 400 - int(0.05 * questions)


@virtual
async def test_by_setting_nobody_is_asked_twice():
    uvic = usual("uvic")
    small = await warmed(uvic, policy=FanoutPolicy(again_share=0.0))
    uvic.on("/f", Reply(FILE, after_s=1.0))
    await small.locate("/f")
    assert asked(uvic) == [1]


@virtual
async def test_one_that_is_slow_by_nature_is_not_asked_twice_for_that():
    uvic = holding("uvic", "/f", latency_s=1.5)
    small = await warmed(uvic)
    await small.locate("/f")
    assert asked(uvic) == [1]
    uvic.on("/g", HANG, Reply(FILE, after_s=0.1))
    _, took_s = await small.locate("/g")
    assert 3.0 < took_s < 4.0  # twice the median, which is rounded up


@virtual
async def test_after_an_outage_it_is_not_known_how_fast_it_is():
    uvic = usual("uvic")
    small = await warmed(uvic)
    assert small.federation.asking.expecting.usual(UVIC, "stat").count == WARM
    assert "p95" in repr(small.federation.asking.expecting)
    works = Notice(NoticeKind.DISABLED, "works")
    drained = small.board.announce(UVIC, [works], small.now_s)
    back = small.board.announce(UVIC, (), small.now_s)
    for change in (drained, back):
        assert change is not None
        small.federation.note_transition(change)
    assert small.federation.asking.expecting.usual(UVIC, "stat").count == 0


# -- listings -------------------------------------------------------------------------------------


def folder(*names: str, after_s: float | None = None, gap_s: float = 0.0) -> Reply:
    children = tuple(Entry(name, Kind.FILE, 1) for name in names)
    return Reply(FOLDER, children, after_s=after_s, piece_size=1, gap_s=gap_s)


async def listed(small: World) -> tuple[list[str], dict[str, str]]:
    listing = await small.federation.list("/d")
    return [child.entry.name for child in listing.children], dict(listing.missing)


async def warmed_listings(*storage: ScriptedEndpoint) -> World:
    small = world(*storage, health=HealthPolicy(eject_after=0))
    for turn in range(WARM):
        for one in storage:
            one.add_collection(f"/warm{turn}")
        await small.federation.list(f"/warm{turn}")
    return small


@virtual
async def test_the_only_one_that_has_named_nothing_is_asked_again():
    uvic, cern = usual("uvic"), usual("cern")
    small = await warmed_listings(uvic, cern)
    uvic.on("/d", HANG, folder("a", "b"))
    cern.on("/d", folder("b", "c"))
    before_s = small.now_s
    assert await listed(small) == (["a", "b", "c"], {})
    assert small.now_s - before_s < 0.1
    assert uvic.cancelled == [("list", "/d")]
    assert outcomes(small, UVIC) == {"won": 1}
    await end(small, uvic, cern)


@virtual
async def test_who_names_a_child_first_names_them_all():
    """The first answer comes while the second is under way: no child is there twice, and nobody is waited for in vain."""
    uvic = usual("uvic")
    small = await warmed_listings(uvic)
    uvic.on("/d", folder("a", "b", "c", after_s=0.04, gap_s=1.0), folder("x", after_s=0.5))
    assert await listed(small) == (["a", "b", "c"], {})
    assert outcomes(small, UVIC) == {"lost": 1}
    uvic.on("/d", folder("x", after_s=0.5), folder("a", "b", after_s=0.01, gap_s=1.0))
    small.federation.forget("/d")
    await small.pass_s(60.0)
    assert await listed(small) == (["a", "b"], {})
    assert outcomes(small, UVIC) == {"lost": 1, "won": 1}
    await end(small, uvic)


@virtual
async def test_a_long_listing_that_goes_on_is_not_asked_for_again():
    uvic = usual("uvic")
    small = await warmed_listings(uvic)
    uvic.on("/d", folder("a", "b", "c", gap_s=2.0))
    assert await listed(small) == (["a", "b", "c"], {})
    assert uvic.calls.count(("list", "/d")) == 1
    # what it took is no measure of how fast it begins
    tail_s = small.federation.asking.expecting.usual(UVIC, "list").quantile_s(1.0)
    assert cast("float", tail_s) < 2 * USUAL_S


@virtual
async def test_a_listing_waits_for_the_deadline_and_says_what_is_missing():
    uvic, cern = usual("uvic"), usual("cern")
    small = await warmed_listings(uvic, cern)
    uvic.everything(HANG)
    cern.on("/d", folder("b"))
    before_s = small.now_s
    assert await listed(small) == (["b"], {"uvic": "no answer within 10 s"})
    assert small.now_s - before_s == pytest.approx(10.0)
    await end(small, uvic, cern)


# -- giving up ------------------------------------------------------------------------------------


@virtual
async def test_a_quick_one_that_hangs_is_given_up_soon_once_the_client_has_its_answer():
    uvic, cern = usual("uvic", "/f"), usual("cern")
    small = await warmed(uvic, cern)
    cern.everything(HANG)
    known, took_s = await small.locate("/f")
    assert took_s == pytest.approx(USUAL_S)
    assert known.silent == {CERN}
    await small.pass_s(1.1)
    assert cern.cancelled == [("stat", "/f")]
    assert small.board[CERN].failed == 1
    # and it is known for what it is: in doubt, and not absent
    later = await small.locate("/f")
    assert later[0].summary.unknown[CERN].cause is Cause.TIMEOUT
    await end(small, uvic, cern)


@virtual
async def test_a_metalink_does_not_wait_for_one_that_should_have_answered_long_ago():
    uvic, cern = usual("uvic", "/f"), usual("cern")
    small = await warmed(uvic, cern)
    cern.everything(HANG)
    known, took_s = await small.locate("/f", Want.MOST)
    assert took_s == pytest.approx(1.0)
    assert small.federation.expect(known).holders == (UVIC,)
    assert set(known.missing) == {CERN}


@virtual
async def test_one_that_hangs_is_ejected_within_seconds_by_what_clients_never_notice():
    uvic, cern = usual("uvic", *(f"/{n}" for n in range(3))), usual("cern")
    small = await warmed(uvic, cern)
    small.board[CERN].policy = HealthPolicy(eject_after=3)
    cern.everything(HANG)
    for turn in range(3):
        _, took_s = await small.locate(f"/{turn}")
        assert took_s == pytest.approx(USUAL_S)
    await small.pass_s(1.1)
    assert not small.board.in_service(CERN)
    _, took_s = await small.locate("/nowhere")
    assert took_s == pytest.approx(USUAL_S)


@virtual
async def test_by_setting_nobody_is_given_up_before_the_deadline():
    uvic, cern = usual("uvic", "/f"), usual("cern")
    small = await warmed(uvic, cern, policy=FanoutPolicy(give_up_floor_s=10.0))
    cern.everything(HANG)
    _, took_s = await small.locate("/f", Want.MOST)
    assert took_s == pytest.approx(10.0)
