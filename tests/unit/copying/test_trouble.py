"""What a client is told of an end that does not play along."""

import pytest

from ugrpy.copying.trouble import failed, refused
from ugrpy.core.errors import (
    BodyBroken,
    Busy,
    Failed,
    Malformed,
    NotFound,
    OffLimits,
    TimedOut,
    Unreachable,
)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (404, 404),
        (410, 404),
        (401, 403),
        (403, 403),
        (405, 409),
        (409, 409),
        (412, 409),
        (501, 409),
        (413, 507),
        (507, 507),
        (400, 502),
        (418, 502),
    ],
)
def test_a_refusal_by_its_status(status, told):
    error = refused("source", status)
    assert error.status == told
    assert "source" in str(error)
    assert str(status) in str(error)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OffLimits("PUT: permission denied"), 403),
        (TimedOut("PUT: no answer"), 504),
        (Busy("PUT: answered 503"), 503),
        (Unreachable("PUT: connection refused"), 502),
        (Malformed("PUT: not HTTP"), 502),
        (Failed("PUT: answered 500"), 502),
        (BodyBroken("PUT: broke off"), 502),
    ],
)
def test_an_answer_that_was_not_to_be_had(error, status):
    assert failed("destination", error).status == status


def test_a_wish_to_be_asked_later_is_passed_on():
    assert failed("source", Busy("busy", retry_after_s=7.0)).retry_after_s == 7.0  # type: ignore[attr-defined]
    assert failed("source", Busy("busy")).retry_after_s is not None  # type: ignore[attr-defined]


def test_what_has_its_status_already_keeps_it_and_what_is_a_mistake_of_ours_is_none_of_theirs():
    error = NotFound("it is not there")
    assert failed("source", error) is error
    with pytest.raises(ZeroDivisionError):
        failed("source", ZeroDivisionError())
