"""Drained, at risk, before a downtime, just back: in service, but not as any other."""

from collections import Counter
from collections.abc import Iterable
from random import Random

from tests.unit.federation.world import CERN, TRIUMF, UVIC, World, holding, virtual, world
from ugrpy.federation.explain import explain
from ugrpy.health.notices import Notice, NoticeKind
from ugrpy.health.policy import HealthPolicy
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.model import Cause, EndpointId, Unknown

HUGE = 10**12  # longer than a day with the defaults


def announce(small: World, name: EndpointId, notices: Iterable[Notice]) -> None:
    change = small.board.announce(name, notices, small.now_s)
    if change is not None:
        small.federation.note_transition(change)
    small.federation.asking.note_weights()


@virtual
async def test_a_drained_endpoint_is_asked_but_not_offered_beside_others():
    uvic = holding("uvic", "/f")
    uvic.add_file("/only", 5)
    small = world(uvic, holding("cern", "/f"))
    announce(small, UVIC, [Notice(NoticeKind.DRAINED, "disks")])
    assert await small.holders("/f") == [CERN]
    assert await small.holders("/only") == [UVIC]
    error = await small.refused("/nowhere")
    assert error.status == 404, "it has been asked and said so"
    told = await explain(small.federation, "/f", small.zone("10.1.0.1"))
    assert told.ranked is not None
    assert {one.id: one.reason for one in told.ranked.rejected} == {
        "uvic": "drained by the operator: disks"
    }


@virtual
async def test_a_farther_one_that_is_silent_is_worth_a_moment_when_the_nearer_is_drained():
    cern = holding("cern", "/f")
    cern.latency_s = 0.1
    small = world(holding("uvic", "/f"), cern)
    announce(small, UVIC, [Notice(NoticeKind.DRAINED)])
    known, took_s = await small.locate("/f")
    assert 0.1 <= took_s < 0.25
    assert small.federation.order(known, small.zone("10.1.0.1")) == (CERN,)


@virtual
async def test_and_a_nearer_one_that_is_drained_is_not_waited_for():
    uvic = holding("uvic", "/f")
    uvic.latency_s = 0.1
    small = world(uvic, holding("cern", "/f"))
    announce(small, UVIC, [Notice(NoticeKind.DRAINED)])
    _, took_s = await small.locate("/f")
    assert took_s < 0.05


@virtual
async def test_size_and_time_decide_before_a_downtime():
    uvic, cern = holding("uvic", "/small"), holding("cern", "/small")
    for storage in (uvic, cern):
        storage.add_file("/huge", HUGE)
    small = world(uvic, cern)
    for path in ("/small", "/huge"):
        await small.locate(path, Want.ALL)
    start_s = small.now_s + 3600.0
    announce(small, UVIC, [Notice(NoticeKind.OUTAGE, start_s=start_s, end_s=start_s + 3600)])
    assert await small.holders("/small") == [UVIC, CERN]
    assert await small.holders("/huge") == [CERN]
    announce(small, CERN, [Notice(NoticeKind.DISABLED)])
    assert await small.holders("/huge") == [UVIC], "rather that than nobody"


@virtual
async def test_one_that_answers_503_with_a_wish_is_left_alone_for_so_long():
    uvic, cern = holding("uvic", "/f"), holding("cern", "/f")
    small = world(uvic, cern)
    await small.locate("/f", Want.ALL)
    busy = Unknown(Cause.BUSY, "the endpoint answered 503", retry_after_s=30.0)
    small.federation.asking.note_health(UVIC, busy, None)
    assert await small.holders("/f") == [CERN]
    await small.pass_s(31.0)
    small.board.tick(small.now_s)
    assert await small.holders("/f") == [UVIC, CERN]


@virtual
async def test_at_risk_it_stands_behind_its_equals():
    small = world(*(holding(name, "/f") for name in ("uvic", "triumf", "cern")), fuzz_km=200.0)
    await small.locate("/f", Want.ALL)
    announce(small, UVIC, [Notice(NoticeKind.AT_RISK)])
    assert {tuple(await small.holders("/f")) for _ in range(20)} == {(TRIUMF, UVIC, CERN)}


@virtual
async def test_one_that_has_returned_gets_its_share_by_and_by():
    draw = Random(7).random
    small = world(
        *(holding(name, "/f") for name in ("uvic", "triumf")),
        fuzz_km=200.0,
        draw=draw,
        health=HealthPolicy(slow_start_s=100.0),
    )
    await small.locate("/f", Want.ALL)

    async def firsts() -> Counter[str]:
        small.federation.asking.note_weights()
        return Counter([(await small.holders("/f"))[0] for _ in range(1000)])

    assert (await firsts())[UVIC] > 400
    small.board[UVIC].told_ejected("no route", small.now_s)
    small.board[UVIC].told_returned(small.now_s)
    assert 40 < (await firsts())[UVIC] < 150, "a tenth against a whole"
    await small.pass_s(60.0)
    assert 250 < (await firsts())[UVIC] < 420
    await small.pass_s(41.0)
    assert (await firsts())[UVIC] > 400
