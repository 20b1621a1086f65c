"""May we say "not found"?

The absence rule. A name that somebody holds is present. A name is absent only when every endpoint in service whose mount
covers it says so. Otherwise the truth is not to be had, and the answer says why:

===========================================  ======================================================================
silent until the deadline                    504
answered nonsense, or a server error         502
unreachable or busy                          503, with the endpoint's own Retry-After if it sent one
refused our credential                       403, unless a weightier doubt exists
out of service, the name known to be there   503 with Retry-After
out of service, ``absence = "strict"``       503 with Retry-After
out of service, name never known             404 that says who was missing
===========================================  ======================================================================

So one dead endpoint neither hides its files nor stops uploads of new ones (rows D24, D42).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ugrpy.core.errors import Forbidden, NotFound, RequestError, Unavailable
from ugrpy.core.trouble import Reason
from ugrpy.namespace.merge import Summary
from ugrpy.namespace.model import Cause, EndpointId, Unknown

# When nobody says otherwise: by then the prober or the breaker will have spoken.
DEFAULT_RETRY_AFTER_S = 10.0


@dataclass(frozen=True, slots=True)
class OutOfService:
    """An endpoint that was not asked. ``known``: it is remembered to hold the name. ``strict``: its silence is no absence."""

    reason: str
    retry_after_s: float = DEFAULT_RETRY_AFTER_S
    known: bool = False
    strict: bool = False


_WEIGHT = {
    Cause.TIMEOUT: 0,
    Cause.MALFORMED: 1,
    Cause.FAILED: 2,
    Cause.UNREACHABLE: 3,
    Cause.BUSY: 4,
}
_STATUS = {
    Cause.TIMEOUT: 504,
    Cause.MALFORMED: 502,
    Cause.FAILED: 502,
    Cause.UNREACHABLE: 503,
    Cause.BUSY: 503,
}


def refusal(path: str, summary: Summary, out: Mapping[EndpointId, OutOfService]) -> RequestError:
    """The error for a name that nobody in service was found to hold. ``summary.merged`` must be ``None``."""
    missing = missing_reasons(summary.unknown, out)
    if summary.unknown:
        return _unknown(path, summary.unknown, missing)
    holding = {name: state for name, state in out.items() if state.known or state.strict}
    if holding:
        return Unavailable(
            f"{path}: {_counted(holding)} that may hold it {_verb(holding, 'is', 'are')} out of service",
            status=503,
            retry_after_s=_soonest(state.retry_after_s for state in holding.values()),
            missing=missing,
        )
    if summary.denied:
        return Forbidden(
            f"{path}: {_counted(summary.denied)} would not let this gateway look",
            missing={str(name): denied.reason for name, denied in summary.denied.items()},
        )
    return NotFound(f"{path}: no storage element holds it", missing=missing)


def missing_reasons(
    unknown: Mapping[EndpointId, Unknown], out: Mapping[EndpointId, OutOfService]
) -> dict[str, str]:
    """Who has not been heard, and why; for people."""
    reasons: dict[str, str] = {str(name): silence.reason for name, silence in unknown.items()}
    return reasons | {str(name): Reason(state.reason) for name, state in out.items()}


def _unknown(
    path: str, unknown: Mapping[EndpointId, Unknown], missing: dict[str, str]
) -> Unavailable:
    cause = min((silence.cause for silence in unknown.values()), key=_WEIGHT.__getitem__)
    status = _STATUS[cause]
    wishes = [silence.retry_after_s for silence in unknown.values()]
    return Unavailable(
        f"{path}: {_counted(unknown)} that may hold it gave no usable answer",
        status=status,
        retry_after_s=_soonest(wishes) if status == 503 else None,
        missing=missing,
    )


def _soonest(wishes: Iterable[float | None]) -> float:
    return min((wish for wish in wishes if wish is not None), default=DEFAULT_RETRY_AFTER_S)


# The texts of errors are told to everybody, the names in ``missing`` only to those who may see them.
def _counted(names: Mapping[EndpointId, object]) -> str:
    return "a storage element" if len(names) == 1 else f"{len(names)} storage elements"


def _verb(names: Mapping[EndpointId, object], one: str, many: str) -> str:
    return one if len(names) == 1 else many
