"""The four answers."""

import pytest

from ugrpy.core.errors import Busy, EndpointError, Failed, Malformed, TimedOut, Unreachable
from ugrpy.namespace.model import Cause, Unknown, unknown_from


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (TimedOut("no first byte"), Cause.TIMEOUT),
        (Unreachable("refused"), Cause.UNREACHABLE),
        (Malformed("not XML"), Cause.MALFORMED),
        (Busy("429"), Cause.BUSY),
        (Failed("500"), Cause.FAILED),
        (EndpointError("odd"), Cause.FAILED),
    ],
)
def test_an_endpoint_error_is_an_unknown_answer_with_its_cause(error: EndpointError, cause: Cause):
    assert unknown_from(error) == Unknown(cause, str(error))


def test_the_wish_to_be_asked_later_is_kept_and_does_not_make_another_answer():
    unknown = unknown_from(Busy("429", retry_after_s=30.0))
    assert unknown.retry_after_s == 30.0
    assert unknown == Unknown(Cause.BUSY, "429")


def test_what_is_for_operators_is_kept_and_does_not_make_another_answer():
    unknown = unknown_from(Malformed("redirected elsewhere", inside="redirected to http://x/"))
    assert unknown.inside == "redirected to http://x/"
    assert unknown == Unknown(Cause.MALFORMED, "redirected elsewhere")
