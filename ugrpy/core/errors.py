"""Every error this project raises on purpose.

::

    UgrError                   .hint: what an operator can do about it
    ├── ConfigError            .where: file, line or key path; what was expected is in the message
    ├── RequestError           .status: the client asked for something we refuse
    │   ├── BadRequest         400
    │   ├── Forbidden          403
    │   │   ├── DepthRefused   403  PROPFIND with Depth infinity (RFC 4918 section 9.1)
    │   │   └── TooManyItems   403  a collection with more items than may be listed
    │   ├── NotFound           404
    │   ├── MethodNotAllowed   405  .allowed
    │   ├── Clash              409  what is there stands in the way
    │   ├── PreconditionFailed 412
    │   ├── TooManyRequests    429  .retry_after_s  .limit  .most
    │   ├── BadGateway         502  what was asked for would be another server's to do
    │   ├── NoRoom             507  no storage element has room for it
    │   └── Unavailable        502, 503 or 504  .retry_after_s  .missing
    │       └── PartlyDone     a change that was carried out on some storage elements and not on others
    ├── EndpointError          .endpoint: the storage element did not give a usable answer
    │   │                      .inside: the same for operators, who may read hosts and paths
    │   ├── TimedOut           it was silent for too long (also a TimeoutError)
    │   ├── Unreachable        no connection: DNS, refused, TLS (also a ConnectionError)
    │   │   └── OffLimits      we may not connect there
    │   ├── Malformed          it answered, but not in a form the protocol allows
    │   ├── Busy               429 or 503  .retry_after_s
    │   └── Failed             any other 5xx
    ├── BodyBroken             what was to be sent to an endpoint broke off: no fault of the endpoint, which saw a broken request
    └── DataError              bytes that break a format: where, and which rule  .seen: what stood there

*Absent* and *denied* are answers (``namespace.model``), not exceptions. Foreign exceptions are
mapped to these once, at the seam where they arise; cancellation is never mapped.
"""

from collections.abc import Mapping
from typing import ClassVar

from ugrpy.core.trouble import Trouble


class UgrError(Exception):
    """The root. ``hint`` tells an operator what can be done, or is empty."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(UgrError):
    """A setting that cannot be used. ``where`` names the file with its line or the key path."""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.where = where


class RequestError(UgrError):
    """The client asked for something this service refuses; ``status`` is the HTTP status."""

    status = 400
    title = "Bad Request"


class BadRequest(RequestError):
    """The request breaks HTTP, WebDAV or the rules for names."""


class Forbidden(RequestError):
    """The identity may not do this here, or no storage element that might hold the name lets us look.

    ``missing`` says of each storage element that refused why.
    """

    status = 403
    title = "Forbidden"

    def __init__(
        self, message: str, *, missing: Mapping[str, str] | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.missing = dict(missing or {})


class DepthRefused(Forbidden):
    """PROPFIND with Depth infinity, refused with the precondition RFC 4918 section 9.1 names."""


class TooManyItems(Forbidden):
    """The collection holds more items than this service lists; each of them can be asked for by its name."""


class NotFound(RequestError):
    """Every endpoint that could hold the name says that it does not."""

    status = 404
    title = "Not Found"

    def __init__(
        self, message: str, *, missing: Mapping[str, str] | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.missing = dict(missing or {})


class MethodNotAllowed(RequestError):
    """The method is known or unknown, but not offered; ``allowed`` goes into ``Allow``."""

    status = 405
    title = "Method Not Allowed"

    def __init__(self, message: str, *, allowed: tuple[str, ...], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.allowed = allowed


class Clash(RequestError):
    """What is there stands in the way: a collection where a file should go, a missing parent, a copy that may not be replaced.

    ``missing`` says of each storage element that refused why.
    """

    status = 409
    title = "Conflict"

    def __init__(
        self, message: str, *, missing: Mapping[str, str] | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.missing = dict(missing or {})


class BadGateway(RequestError):
    """What was asked for would be another server's to do, and this one cannot have it done (RFC 4918 section 9.8.5)."""

    status = 502
    title = "Bad Gateway"


class NoRoom(RequestError):
    """No storage element that takes uploads has room for it (RFC 4918 section 11.5). ``missing`` says of each why."""

    status = 507
    title = "Insufficient Storage"

    def __init__(
        self, message: str, *, missing: Mapping[str, str] | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.missing = dict(missing or {})


class TooManyRequests(RequestError):
    """There is no room for this request now (RFC 6585 section 4). ``limit`` names the limit, and ``most`` is how much it allows."""

    status = 429
    title = "Too Many Requests"

    def __init__(
        self, message: str, *, retry_after_s: float, limit: str, most: float, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        self.limit = limit
        self.most = most


class PreconditionFailed(RequestError):
    """A conditional header (RFC 9110 section 13) does not hold."""

    status = 412
    title = "Precondition Failed"


class Unavailable(RequestError):
    """The truth is not to be had now. ``missing`` says of each absent endpoint why.

    ``status`` is 504 when an endpoint stayed silent until the deadline, 502 when one answered
    nonsense, 503 when one is out of service, unreachable or busy.
    """

    title = "Unavailable"
    titles: ClassVar[Mapping[int, str]] = {
        502: "Bad Gateway",
        503: "Service Unavailable",
        504: "Gateway Timeout",
    }

    def __init__(
        self,
        message: str,
        *,
        status: int = 503,
        retry_after_s: float | None = None,
        missing: Mapping[str, str] | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.title = self.titles[status]
        self.retry_after_s = retry_after_s
        self.missing = dict(missing or {})


class PartlyDone(Unavailable):
    """A change was carried out on some storage elements and not on others; ``missing`` says of each of those why."""


class EndpointError(UgrError):
    """A storage element gave no usable answer. ``retryable`` says whether asking again can help.

    The message is told to clients, so it never names a host, a path on the storage element or a credential (row K29).
    ``inside`` says the same for operators, with all that helps them; ``trouble`` by a name for programs, where the class of the error says less.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        endpoint: str = "",
        retry_after_s: float | None = None,
        inside: str = "",
        trouble: Trouble | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.endpoint = endpoint
        self.retry_after_s = retry_after_s
        self.trouble = trouble
        self.inside = inside or message


class TimedOut(EndpointError, TimeoutError):
    """Silent for too long: connecting, before the first byte, or in total (the message says which)."""


class Unreachable(EndpointError, ConnectionError):
    """No connection: unknown host, refused, reset, TLS failure."""


class OffLimits(Unreachable):
    """No connection was tried: the address is one that we may not connect to."""

    retryable = False


class Malformed(EndpointError):
    """It answered, but not in a form the protocol allows."""

    retryable = False


class Busy(EndpointError):
    """429 or 503; ``retry_after_s`` carries its ``Retry-After`` when it sent one."""


class Failed(EndpointError):
    """Any other 5xx."""


class BodyBroken(UgrError):
    """A body that was to be sent on broke off before its end; whoever was sent it has seen that it is not whole."""


class DataError(UgrError):
    """Bytes that break a format; the message says where and which rule, in words of our own.

    ``seen`` is what stood there instead, as far as that helps: it comes from a stranger and may say anything.
    """

    def __init__(self, message: str, *, seen: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.seen = seen
