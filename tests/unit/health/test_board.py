"""The board: many breakers by name."""

import pytest

from ugrpy.endpoints.base import Probe
from ugrpy.health.board import HealthBoard
from ugrpy.health.choosing import TransferTimes
from ugrpy.health.holding import LONGEST_WISH_S
from ugrpy.health.notices import Notice, NoticeKind
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.states import State
from ugrpy.namespace.model import Cause, EndpointId

A, B, C = EndpointId("a"), EndpointId("b"), EndpointId("c")


def board(**options) -> HealthBoard:
    return HealthBoard([A, B, C], HealthPolicy(eject_after=1), **options)


def test_one_endpoint_goes_the_others_stay():
    health = board()
    change = health.heard(B, Cause.UNREACHABLE, None, 10.0, "connection refused")
    assert change is not None
    assert (change.endpoint, change.after) == (B, State.EJECTED)
    assert [health.in_service(endpoint) for endpoint in health] == [True, False, True]
    reason = "ejected 5 s ago after 1 failure: connection refused"
    assert health.out_of_service([A, B], 15.0) == {B: reason}
    assert health.retry_after_s([A, B], 15.0) == 20.0
    assert health.retry_after_s([A, C], 15.0) is None
    assert repr(health) == "<HealthBoard a: in_service, b: ejected, c: in_service>"


def test_probes_go_to_those_that_need_them():
    health = board(unprobed={C})
    assert health.probes_due(0.0) == [A, B]
    health.probed(A, Probe(alive=True, latency_s=0.02), 0.0)
    assert health.probes_due(0.0) == [B]
    assert health[A].latency_s == 0.02
    assert health.patience_s(A, 0.25) == pytest.approx(0.08)


def test_admission_of_those_in_service_and_of_one_trial():
    health = board(unprobed={C})
    assert health.admit(C, 0.0)
    health.heard(C, Cause.TIMEOUT, None, 0.0)
    assert not health.admit(C, 9.9)
    assert health.admit(C, 10.0)
    assert not health.admit(C, 10.0)
    assert not health.in_service(C)
    (begun,) = health.tick(10.5)
    assert (begun.endpoint, begun.before, begun.after) == (C, State.EJECTED, State.TRIAL)
    assert health.tick(10.6) == []
    health.heard(C, None, 0.1, 11.0)
    assert health.admit(C, 11.0)


def test_a_probed_endpoint_gets_no_trial():
    health = board()
    health.heard(A, Cause.TIMEOUT, None, 0.0)
    assert not health.admit(A, 1e6)


def test_tick_reports_the_ends_of_downtimes():
    health = board()
    assert health[B].announce([Notice(NoticeKind.OUTAGE, end_s=20.0)], 0.0) is not None
    assert health.tick(19.0) == []
    (over,) = health.tick(20.0)
    assert (over.endpoint, over.after) == (B, State.IN_SERVICE)


def test_stalls_and_snapshots():
    health = board()
    for _ in range(3):
        health.stalled(A, 1.0)
    assert len(health) == 3
    assert [(s.endpoint, s.sluggish, s.stalls) for s in health.snapshots(2.0)] == [
        (A, True, 3),
        (B, False, 0),
        (C, False, 0),
    ]


def test_one_endpoint_may_have_a_policy_of_its_own():
    health = HealthBoard(
        [A, B],
        HealthPolicy(probe_interval_s=20.0),
        policies={B: HealthPolicy(eject_after=1, probe_interval_s=5.0, return_after=1)},
    )
    for endpoint in (A, B):
        health.probed(endpoint, Probe(alive=True, latency_s=0.02), 0.0)
        health.heard(endpoint, Cause.TIMEOUT, None, 1.0)
        health.heard(endpoint, None, 0.1, 1.5)
    assert health.absent == {B}
    assert health.probes_due(6.0) == [B]
    assert health.probes_due(21.5) == [A, B]
    assert health.shortest_interval_s(60.0) == 5.0
    assert HealthBoard([], HealthPolicy()).shortest_interval_s(60.0) == 60.0
    health.probed(B, Probe(alive=True, latency_s=0.02), 6.0)
    assert health.absent == frozenset()


def test_unknown_names_are_errors():
    with pytest.raises(KeyError):
        board().in_service(EndpointId("nobody"))


def test_the_absent_are_known_without_looking_at_each():
    health = board()
    assert health.absent == frozenset()
    health[A].announce([Notice(NoticeKind.DISABLED)], 1.0)
    assert health.absent == {A}
    health[B].announce([Notice(NoticeKind.OUTAGE, end_s=9.0)], 2.0)
    assert health.absent == {A, B}
    health.tick(9.0)
    health[A].announce([], 9.5)
    assert health.absent == frozenset()


def test_not_more_than_a_share_is_ejected_and_it_says_so():
    names = [EndpointId(f"e{number}") for number in range(5)]
    health = HealthBoard(names, HealthPolicy(eject_after=1, max_ejected_percent=50))
    for name in names:
        health.heard(name, Cause.UNREACHABLE, None, 0.0)
    assert health.absent == set(names[:2]), "two of five; the third would be more than half"
    assert health[names[2]].note(0.0) == (
        "failing, but kept, since so many fail that our own network may be the cause: unreachable"
    )
    health.announce(names[3], [Notice(NoticeKind.DISABLED)], 0.0)
    assert names[3] in health.absent, "the operator may take out as many as he likes"
    for at in (10.0, 20.0):
        health.probed(names[0], Probe(alive=True, latency_s=0.01), at)
    health.heard(names[2], Cause.UNREACHABLE, None, 21.0)
    assert health.absent == {names[1], names[2], names[3]}, "there is room again"
    health.heard(names[4], None, 0.01, 22.0)
    assert health[names[4]].note(22.0) == ""


@pytest.mark.parametrize(
    ("endpoints", "percent", "out"), [(1, 0, 1), (1, 80, 1), (2, 80, 1), (5, 100, 5), (10, 80, 8)]
)
def test_how_many_may_be_ejected(endpoints, percent, out):
    names = [EndpointId(f"e{number}") for number in range(endpoints)]
    health = HealthBoard(names, HealthPolicy(eject_after=1, max_ejected_percent=percent))
    for name in names:
        health.heard(name, Cause.TIMEOUT, None, 0.0)
        assert health[name].told_ejected("says another", 1.0) is None, "nor by hearsay"
    assert len(health.absent) == out


def test_the_fittest_of_those_in_service():
    health = HealthBoard([A, B, C], HealthPolicy(eject_after=1), times=TransferTimes(1e6, 0.0))
    everybody = [C, A, B]
    assert health.fittest(everybody, 10**12, 0.0) == (C, A, B)
    health.announce(A, [Notice(NoticeKind.DRAINED, "disks")], 0.0)
    health.announce(B, [Notice(NoticeKind.OUTAGE, start_s=100.0, end_s=200.0)], 0.0)
    assert health.withheld == {A, B}
    assert not health.absent
    assert health.fittest(everybody, 99_000_000, 0.0) == (C, B)
    assert health.fittest(everybody, 101_000_000, 0.0) == (C,)
    assert health.fittest([A, B], 101_000_000, 0.0) == (A,), "drained before broken off"
    assert health.fittest([B], 101_000_000, 0.0) == (B,), "rather that than nobody"
    assert [health.takes_new(name) for name in (A, B, C)] == [False, True, True]
    assert health.why_unfit(A, 0, 0.0) == "drained by the operator: disks"
    assert health.why_unfit(C, None, 0.0) == ""
    health.tick(100.0)
    assert health.fittest([A, B], 0, 100.0) == (A,)
    assert health.why_unfit(B, 0, 100.0) == "in downtime for another 100 s"
    health.heard(C, Cause.BUSY, None, 100.0, wish_s=30.0)
    assert health.absent == {B, C}
    assert health.reserved == {A}


def test_one_that_asks_to_be_left_alone_is_until_it_answers_or_the_time_is_over():
    health = HealthBoard([A, B], HealthPolicy())
    health.heard(A, Cause.BUSY, None, 0.0, wish_s=30.0)
    assert health.fittest([A, B], 0, 1.0) == (B,)
    assert health.fittest([A], 0, 1.0) == (A,)
    assert health[A].note(1.0) == "it asked to be left alone for another 29 s"
    health.tick(30.0)
    assert health.withheld == frozenset()
    health.heard(A, Cause.BUSY, None, 40.0, wish_s=1e9)
    health.tick(41.0 + LONGEST_WISH_S)
    assert health.withheld == frozenset()
    health.heard(A, None, 0.01, 1999.0)
    health.heard(A, Cause.BUSY, None, 2000.0, wish_s=30.0)
    health.heard(A, None, 0.01, 2001.0)
    assert health.fittest([A, B], 0, 2002.0) == (A, B)


def test_a_disabled_endpoint_is_not_probed():
    health = board()
    health.announce(A, [Notice(NoticeKind.DISABLED)], 0.0)
    assert A not in health.probes_due(1e6)
    health.announce(A, [Notice(NoticeKind.OUTAGE, end_s=1e9)], 1e6)
    assert A in health.probes_due(1e6), "one in downtime may be back early"


def test_what_others_say():
    health = board()
    told = health[A].told_ejected("no route to host", 5.0)
    assert told is not None
    assert told.reason == "ejected 0 s ago: no route to host"
    assert health[A].told_ejected("again", 6.0) is None
    back = health[A].told_returned(7.0)
    assert back is not None
    assert back.after is State.IN_SERVICE
    assert health[A].told_returned(8.0) is None
    assert health[A].evidence_s == 6.0
    assert health[B].evidence_s is None


def test_one_that_is_never_ejected_is_not_by_hearsay_either():
    health = HealthBoard([A], HealthPolicy(eject_after=0))
    assert health[A].told_ejected("no route to host", 5.0) is None
    assert health.absent == frozenset()
