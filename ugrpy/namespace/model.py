"""The vocabulary: what a storage element can say about a name, and what we keep of it.

An answer is one of four, and they stay apart all the way to the client::

    Found    the endpoint holds the name, and this is what it says of it
    Absent   the endpoint says that it does not hold it
    Denied   the endpoint will not tell us (401, 403)
    Unknown  no usable answer, and why

"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from ugrpy.core.errors import Busy, EndpointError, Malformed, TimedOut, Unreachable
from ugrpy.core.trouble import Reason, Trouble

EndpointId = NewType("EndpointId", str)


class Kind(StrEnum):
    """What a name stands for."""

    FILE = "file"
    COLLECTION = "collection"


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A checksum: algorithm in lower case (``adler32``, ``md5``, ``sha-256``), value in lower-case hex."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One name as one endpoint describes it. ``None`` means the endpoint did not say.

    ``name`` is the last path component, decoded; the root is ``""``. ``mtime_s`` is in whole seconds since
    the epoch, as HTTP dates are. A collection's ``size_bytes`` is always ``None``.
    """

    name: str
    kind: Kind
    size_bytes: int | None = None
    mtime_s: int | None = None
    digests: tuple[Digest, ...] = ()


class Cause(StrEnum):
    """Why an answer is unknown."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"
    BUSY = "busy"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Found:
    """The endpoint holds the name. ``left_out``, of a listing: how many children could not be handed on, having no usable name."""

    entry: Entry
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Absent:
    """The endpoint says that it does not hold the name."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The endpoint refuses to say: it is alive, and our credential does not suffice."""

    status: int = 403
    detail: str = ""

    @property
    def reason(self) -> Reason:
        """Why, for those who miss it: it answered, so nothing has failed."""
        return Reason(self.detail or "refused", None, status=self.status)


@dataclass(frozen=True, slots=True)
class Unknown:
    """No usable answer. ``retry_after_s`` is the endpoint's own wish, when it sent one.

    ``detail`` may be told to clients and names no place; ``inside`` is for operators. ``trouble`` says more closely what went wrong,
    where that is known.
    """

    cause: Cause
    detail: str = ""
    retry_after_s: float | None = field(default=None, compare=False)
    inside: str = field(default="", compare=False)
    trouble: Trouble | None = field(default=None, compare=False)

    @property
    def reason(self) -> Reason:
        """Why, for those who miss it."""
        return Reason(self.detail or self.cause.value, self.trouble or _TROUBLES[self.cause])


_TROUBLES = {
    Cause.TIMEOUT: Trouble.HTTP_RESPONSE_TIMEOUT,
    Cause.UNREACHABLE: Trouble.DESTINATION_UNAVAILABLE,
    Cause.BUSY: Trouble.DESTINATION_UNAVAILABLE,
    Cause.MALFORMED: Trouble.HTTP_PROTOCOL_ERROR,
    Cause.FAILED: Trouble.HTTP_RESPONSE_INCOMPLETE,
}


Observation = Found | Absent | Denied | Unknown


def unknown_from(error: EndpointError) -> Unknown:
    """The observation that an endpoint's error amounts to."""
    match error:
        case TimedOut():
            cause = Cause.TIMEOUT
        case Unreachable():
            cause = Cause.UNREACHABLE
        case Malformed():
            cause = Cause.MALFORMED
        case Busy():
            cause = Cause.BUSY
        case _:
            cause = Cause.FAILED
    return Unknown(cause, str(error), error.retry_after_s, error.inside, error.trouble)
