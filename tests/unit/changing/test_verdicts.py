"""What a client is told of a change on several storages: every mixture of outcomes."""

import pytest

from ugrpy.changing.verdicts import failures, none_did, reason_of, verdict
from ugrpy.core.errors import (
    Clash,
    Forbidden,
    NoRoom,
    NotFound,
    PartlyDone,
    Unavailable,
)
from ugrpy.namespace.model import Absent, Cause, Denied, EndpointId, Unknown
from ugrpy.namespace.outcomes import Conflict, Done, Full

DONE, ABSENT, DENIED, FULL = Done(), Absent(), Denied(401), Full()
CONFLICT = Conflict(409, "a file stands there")
SILENT, BROKEN, GONE = Unknown(Cause.TIMEOUT), Unknown(Cause.FAILED), Unknown(Cause.UNREACHABLE)


def told(*outcomes, late=()):
    named = {EndpointId(f"e{number}"): outcome for number, outcome in enumerate(outcomes)}
    return verdict("/d/f", "deleted", named, dict.fromkeys(late, "in downtime"))


def test_done_everywhere_is_done():
    assert told(DONE) is None
    assert told(DONE, Done(created=True)) is None
    assert told() is None


@pytest.mark.parametrize(
    ("outcomes", "error", "status"),
    [
        ([ABSENT, ABSENT], NotFound, 404),
        ([DENIED], Forbidden, 403),
        ([DENIED, ABSENT], Forbidden, 403),
        ([CONFLICT], Clash, 409),
        ([CONFLICT, DENIED, ABSENT], Clash, 409),
        ([FULL], NoRoom, 507),
        ([FULL, DENIED], NoRoom, 507),
        ([SILENT], Unavailable, 504),
        ([SILENT, BROKEN, DENIED], Unavailable, 504),
        ([BROKEN], Unavailable, 502),
        ([Unknown(Cause.MALFORMED), GONE], Unavailable, 502),
        ([GONE], Unavailable, 503),
        ([Unknown(Cause.BUSY), DENIED], Unavailable, 503),
        ([FULL, CONFLICT], Unavailable, 502),
    ],
)
def test_when_none_did_it_the_reason_is_told(outcomes, error, status):
    raised = told(*outcomes)
    assert type(raised) is error
    assert raised.status == status
    assert set(raised.missing) == {f"e{number}" for number in range(len(outcomes))}
    assert "/d/f" in str(raised)
    if isinstance(raised, Unavailable):
        assert (raised.retry_after_s is not None) == (status == 503)


@pytest.mark.parametrize(
    ("outcomes", "late", "status"),
    [
        ([DONE, DENIED], (), 502),
        ([DONE, CONFLICT, FULL], (), 502),
        ([DONE, ABSENT], (), 502),
        ([DONE, SILENT], (), 504),
        ([DONE, BROKEN, DENIED], (), 502),
        ([DONE, GONE], (), 503),
        ([DONE], ("far",), 503),
        ([DONE, DENIED], ("far",), 502),
    ],
)
def test_half_done_is_no_success(outcomes, late, status):
    raised = told(*outcomes, late=late)
    assert type(raised) is PartlyDone
    assert raised.status == status
    failed = {f"e{n}" for n, outcome in enumerate(outcomes) if not isinstance(outcome, Done)}
    assert set(raised.missing) == failed | set(late)
    assert raised.retry_after_s is not None
    assert f"not on {len(failed) + len(late)}" in str(raised)


def test_only_storages_out_of_service_hold_it():
    raised = told(late=("far",))
    assert type(raised) is Unavailable
    assert raised.status == 503
    assert raised.missing == {"far": "in downtime"}
    assert "a storage element gave no usable answer" in str(raised)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (DONE, "done"),
        (ABSENT, "there is nothing of that name"),
        (DENIED, "refused (401)"),
        (Denied(403, "not yours"), "not yours"),
        (Conflict(423), "refused as things are (423)"),
        (CONFLICT, "a file stands there"),
        (FULL, "no room"),
        (Full("quota"), "quota"),
        (SILENT, "timeout"),
        (Unknown(Cause.BUSY, "busy for 3 s"), "busy for 3 s"),
    ],
)
def test_every_outcome_has_words(outcome, reason):
    assert reason_of(outcome) == reason


def test_failures_are_those_that_did_not():
    assert failures({EndpointId("a"): DONE, EndpointId("b"): FULL}) == {"b": "no room"}
    assert none_did("/f", "made", {}, {}).status == 503
