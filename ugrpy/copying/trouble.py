"""What is a client told when one end of a copy does not play along?

``whose`` is "source" or "destination": no message names a host or a path, which may be secrets of the one who set the copy up.
"""

from ugrpy.core.errors import (
    BodyBroken,
    Busy,
    Clash,
    EndpointError,
    Forbidden,
    NoRoom,
    NotFound,
    OffLimits,
    RequestError,
    TimedOut,
    Unavailable,
)
from ugrpy.namespace.model import unknown_from
from ugrpy.namespace.verdict import DEFAULT_RETRY_AFTER_S


def refused(whose: str, status: int) -> RequestError:
    """A status that is no success and no redirect."""
    match status:
        case 404 | 410:
            return NotFound(f"the {whose} does not exist ({status})")
        case 401 | 403:
            return Forbidden(f"the {whose} refuses access ({status})")
        case 405 | 409 | 412 | 415 | 423 | 501:
            return Clash(f"the {whose} will not take part, as things are ({status})")
        case 413 | 507:
            return NoRoom(f"the {whose} has no room ({status})")
        case _:
            return Unavailable(f"the {whose} answered {status}", status=502)


def failed(whose: str, error: Exception) -> RequestError:
    """An answer that could not be had, or broke off."""
    match error:
        case RequestError():
            return error
        case OffLimits():
            return Forbidden(f"this gateway may not connect to the {whose}")
        case TimedOut():
            return _not_to_be_had(whose, error, 504)
        case Busy(retry_after_s=wish_s):
            wish_s = DEFAULT_RETRY_AFTER_S if wish_s is None else wish_s
            return _not_to_be_had(whose, error, 503, wish_s)
        case EndpointError() | BodyBroken():
            return _not_to_be_had(whose, error, 502)
        case _:
            raise error


def _not_to_be_had(
    whose: str, error: Exception, status: int, retry_after_s: float | None = None
) -> Unavailable:
    why = unknown_from(error).reason if isinstance(error, EndpointError) else str(error)
    return Unavailable(
        f"the {whose}: {error}",
        status=status,
        retry_after_s=retry_after_s,
        missing={whose: why},
    )
