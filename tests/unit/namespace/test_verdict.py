"""The absence rule, row by row of its table."""

import pytest

from ugrpy.core.errors import Forbidden, NotFound, RequestError, Unavailable
from ugrpy.namespace.merge import Sighting, summarise
from ugrpy.namespace.model import Absent, Cause, Denied, EndpointId, Observation, Unknown
from ugrpy.namespace.verdict import (
    DEFAULT_RETRY_AFTER_S,
    OutOfService,
    missing_reasons,
    refusal,
)

A, B, C = EndpointId("a"), EndpointId("b"), EndpointId("c")


def verdict(
    said: dict[EndpointId, Observation], out: dict[EndpointId, OutOfService] | None = None
) -> RequestError:
    summary = summarise({name: Sighting(what, 1.0) for name, what in said.items()})
    return refusal("/f", summary, out or {})


def test_absent_everywhere_is_not_found():
    error = verdict({A: Absent(), B: Absent()})
    assert isinstance(error, NotFound)
    assert (error.status, error.missing) == (404, {})
    assert str(error) == "/f: no storage element holds it"


def test_nobody_covers_it():
    assert verdict({}).status == 404


@pytest.mark.parametrize(
    ("cause", "status", "retry_after_s"),
    [
        (Cause.TIMEOUT, 504, None),
        (Cause.MALFORMED, 502, None),
        (Cause.FAILED, 502, None),
        (Cause.UNREACHABLE, 503, DEFAULT_RETRY_AFTER_S),
        (Cause.BUSY, 503, DEFAULT_RETRY_AFTER_S),
    ],
)
def test_no_usable_answer_is_never_a_404(cause: Cause, status: int, retry_after_s: float | None):
    error = verdict({A: Absent(), B: Unknown(cause, "what happened")})
    assert isinstance(error, Unavailable)
    assert (error.status, error.retry_after_s) == (status, retry_after_s)
    assert error.missing == {"b": "what happened"}
    assert str(error) == "/f: a storage element that may hold it gave no usable answer"


def test_the_endpoints_own_wish_is_passed_on_the_soonest_first():
    busy = {A: Unknown(Cause.BUSY, "", 30.0), B: Unknown(Cause.BUSY, "", 20.0)}
    error = verdict({**busy, C: Unknown(Cause.UNREACHABLE)})
    assert isinstance(error, Unavailable)
    assert error.retry_after_s == 20.0


@pytest.mark.parametrize(
    ("causes", "status"),
    [
        ((Cause.BUSY, Cause.TIMEOUT), 504),
        ((Cause.UNREACHABLE, Cause.MALFORMED), 502),
        ((Cause.UNREACHABLE, Cause.FAILED), 502),
        ((Cause.FAILED, Cause.TIMEOUT, Cause.MALFORMED), 504),
        ((Cause.BUSY, Cause.UNREACHABLE), 503),
    ],
)
def test_of_several_doubts_the_weightiest_gives_the_status(causes, status):
    for order in (causes, tuple(reversed(causes))):
        said = dict(zip((A, B, C), map(Unknown, order), strict=False))
        error = verdict(dict(said))
        assert error.status == status
        assert isinstance(error, Unavailable)
        assert set(error.missing) == set(said)


def test_a_credential_refused_is_forbidden():
    error = verdict({A: Absent(), B: Denied()})
    assert isinstance(error, Forbidden)
    assert str(error) == "/f: a storage element would not let this gateway look"
    assert error.missing == {"b": "refused"}


@pytest.mark.parametrize(
    ("said", "out", "status"),
    [
        ({B: Unknown(Cause.BUSY)}, {}, 503),
        ({B: Unknown(Cause.TIMEOUT)}, {}, 504),
        ({}, {C: OutOfService("drained", known=True)}, 503),
        ({}, {C: OutOfService("drained", strict=True)}, 503),
        ({}, {C: OutOfService("drained")}, 403),
    ],
)
def test_a_refused_credential_yields_to_weightier_doubts_only(said, out, status):
    assert verdict({A: Denied(), **said}, out).status == status


def test_out_of_service_and_known_to_hold_it():
    error = verdict(
        {A: Absent()},
        {
            B: OutOfService("ejected", retry_after_s=7.0, known=True),
            C: OutOfService("drained", retry_after_s=3.0),
        },
    )
    assert isinstance(error, Unavailable)
    # the one that never held it has no say in when to come back, and is told all the same
    assert (error.status, error.retry_after_s) == (503, 7.0)
    assert error.missing == {"b": "ejected", "c": "drained"}
    assert str(error) == "/f: a storage element that may hold it is out of service"


def test_out_of_service_and_strict():
    error = verdict({A: Absent()}, {B: OutOfService("ejected", retry_after_s=7.0, strict=True)})
    assert isinstance(error, Unavailable)
    assert (error.status, error.retry_after_s) == (503, 7.0)


def test_the_soonest_of_those_that_may_hold_it():
    error = verdict(
        {},
        {
            A: OutOfService("ejected", retry_after_s=9.0, known=True),
            B: OutOfService("ejected", retry_after_s=4.0, strict=True),
        },
    )
    assert isinstance(error, Unavailable)
    assert error.retry_after_s == 4.0
    assert "2 storage elements that may hold it" in str(error)


def test_out_of_service_and_never_known_is_not_found_and_says_who_was_missing():
    error = verdict({A: Absent()}, {B: OutOfService("in downtime for another 3 h")})
    assert isinstance(error, NotFound)
    assert error.missing == {"b": "in downtime for another 3 h"}


def test_silence_in_service_outweighs_what_is_out():
    error = verdict({A: Unknown(Cause.TIMEOUT)}, {B: OutOfService("drained", known=True)})
    assert error.status == 504
    assert isinstance(error, Unavailable)
    assert error.missing == {"a": "timeout", "b": "drained"}


def test_reasons_prefer_the_detail_to_the_cause():
    reasons = missing_reasons(
        {A: Unknown(Cause.BUSY), B: Unknown(Cause.FAILED, "500 from nginx")},
        {C: OutOfService("drained")},
    )
    assert reasons == {"a": "busy", "b": "500 from nginx", "c": "drained"}
