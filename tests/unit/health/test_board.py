"""The board: many breakers by name."""

import pytest

from ugrpy.endpoints.base import Probe
from ugrpy.health.board import HealthBoard
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
