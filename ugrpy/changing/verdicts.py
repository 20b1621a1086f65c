"""What is a client told of a change that several storages carried out, or did not?

Success only when all did. When none did, the reason they share; when they differ, or some did and some did not, the client is told that it
is half done and who is missing: no 2xx, since clients take every one of those for the whole truth.
"""

from collections.abc import Mapping

from ugrpy.core.errors import (
    Clash,
    Forbidden,
    NoRoom,
    NotFound,
    PartlyDone,
    RequestError,
    Unavailable,
)
from ugrpy.core.trouble import Reason
from ugrpy.namespace.model import Absent, Cause, Denied, EndpointId, Unknown
from ugrpy.namespace.outcomes import Conflict, Done, Full, Outcome
from ugrpy.namespace.verdict import DEFAULT_RETRY_AFTER_S

Outcomes = Mapping[EndpointId, Outcome]


def reason_of(outcome: Outcome) -> str:
    """Why it was not done, in words for the client."""
    match outcome:
        case Done():
            return "done"
        case Absent():
            return Reason("there is nothing of that name", None)
        case Denied(status, detail):
            return Reason(detail or f"refused ({status})", None, status=status)
        case Conflict(status, detail):
            return Reason(detail or f"refused as things are ({status})", None, status=status)
        case Full(detail):
            return Reason(detail or "no room", None)
        case Unknown():
            return outcome.reason


def failures(outcomes: Outcomes) -> dict[str, str]:
    """Who did not do it, and why."""
    return {
        str(name): reason_of(outcome)
        for name, outcome in outcomes.items()
        if not isinstance(outcome, Done)
    }


def verdict(
    path: str, what: str, outcomes: Outcomes, late: Mapping[str, str]
) -> RequestError | None:
    """The error that a change amounts to, ``None`` when it is done. ``what`` is what was to happen: "deleted".

    ``late`` are storages out of service that hold the name and could not be told, each with the reason.
    """
    failed = failures(outcomes)
    missing = failed | dict(late)
    if not missing:
        return None
    done = len(outcomes) - len(failed)
    if done:
        return PartlyDone(
            f"{path}: {what} on {_counted(done)}, not on {len(missing)}",
            status=_status(outcomes),
            missing=missing,
            retry_after_s=DEFAULT_RETRY_AFTER_S,
        )
    return none_did(path, what, outcomes, missing)


def none_did(path: str, what: str, outcomes: Outcomes, missing: Mapping[str, str]) -> RequestError:
    """The error when nothing was done at all: the reason that all share, or that it is not to be had."""
    kinds = {type(outcome) for outcome in outcomes.values()}
    if kinds == {Absent}:
        return NotFound(f"{path}: no storage element holds it", missing=missing)
    if kinds <= {Denied, Absent} and outcomes:
        return Forbidden(f"{path}: no storage element lets this gateway do that", missing=missing)
    if kinds <= {Conflict, Denied, Absent} and outcomes:
        return Clash(f"{path}: not {what}, as things are", missing=missing)
    if kinds <= {Full, Denied} and outcomes:
        return NoRoom(f"{path}: not {what}, there is no room", missing=missing)
    status = _status(outcomes)
    return Unavailable(
        f"{path}: not {what}, {_counted(len(missing))} gave no usable answer",
        status=status,
        missing=missing,
        retry_after_s=DEFAULT_RETRY_AFTER_S if status == 503 else None,
    )


def _status(outcomes: Outcomes) -> int:
    causes = {outcome.cause for outcome in outcomes.values() if isinstance(outcome, Unknown)}
    if Cause.TIMEOUT in causes:
        return 504
    if causes & {Cause.FAILED, Cause.MALFORMED}:
        return 502
    others = [one for one in outcomes.values() if not isinstance(one, Done | Unknown)]
    return 502 if others and not causes else 503


def _counted(count: int) -> str:
    return "a storage element" if count == 1 else f"{count} storage elements"
