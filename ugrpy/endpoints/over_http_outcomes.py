"""What does a status mean when something was to be changed, and which outcome stands for several?"""

from collections.abc import Iterable

from ugrpy.namespace.model import Absent, Cause, Denied, Unknown
from ugrpy.namespace.outcomes import Conflict, Done, Full, Outcome

# Statuses of WebDAV that a transport takes for faults, and that say something about the request (RFC 4918 section 11.5).
REFUSALS_ABOVE_500 = (501, 507)
# What a child has when another one was refused (RFC 4918 section 11.4): it says nothing of its own.
FAILED_DEPENDENCY = 424
# Refused for now, or not understood to the end: asking again may have another answer.
_PASSING = frozenset({408, 421, 425, 429})


def outcome_of(method: str, status: int) -> Outcome:
    """What a status says by itself.

    Any refusal by 4xx says that nothing has happened. A redirect that was not followed, *accepted* (202) and what the
    protocol does not know settle nothing.
    """
    words = f"{method} answered {status}"
    match status:
        case 404 | 410:
            return Absent()
        case 401 | 403:
            return Denied(status, words)
        case 413 | 507:
            return Full(words)
        case 501:
            return Conflict(status, words)
        case _ if status != 202 and 200 <= status < 300:
            return Done(created=status == 201)
        case _ if 400 <= status < 500 and status not in _PASSING:
            return Conflict(status, words)
        case _:
            return Unknown(Cause.FAILED if status >= 500 else Cause.MALFORMED, words)


def worst_of(outcomes: Iterable[Outcome]) -> Outcome:
    """What is to be said of a whole whose parts came to this; *done* only when each of them is."""
    return max(outcomes, key=_badness, default=Done())


def _badness(outcome: Outcome) -> int:
    match outcome:
        case Done():
            return 0
        case Absent():
            return 1
        case Conflict():
            return 2
        case Full():
            return 3
        case Denied():
            return 4
        case Unknown():
            return 5
