"""What is a request waiting for, and for how long may it? Connecting, sending and the wait for the head have limits of their own.

aiohttp bounds single reads and the whole; it tells when a connection is being made, and that moves the deadline here.
Waiting for a place in the pool is bounded by the whole alone: it says that we are busy, not that the endpoint is slow.
"""

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp

from ugrpy.core.trouble import Trouble
from ugrpy.transport.options import TransportOptions


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one exchange may take. ``idle_s``: instead of a limit for the whole, one for each silent moment.

    ``head_s``: how long its head may take, where that is not ``first_byte_timeout_s``.
    """

    idle_s: float | None = None
    head_s: float | None = None


class HeadLimit:
    """Bounds one request until its head is there; ``expired`` says in words which limit passed, or is empty.

    ``reused``: it went out on a connection that had been used before, and may have been closed since.
    ``is_fetching``: what it waits for is the next piece of the body, so that the silence is not the endpoint's.
    Inside the block the request must be made with ``trace_request_ctx`` set to this object. The body may go on being sent
    after the block; that moves nothing any more.
    """

    __slots__ = (
        "_connects",
        "_options",
        "_over",
        "_patience",
        "_streams",
        "_timeout",
        "_words",
        "is_fetching",
        "reused",
    )

    def __init__(
        self, options: TransportOptions, patience: Patience = Patience(), *, streams: bool = False
    ) -> None:
        self._options = options
        self._patience = patience
        self._streams = streams
        self._timeout = asyncio.timeout(None)
        self._over = False
        self._words = ""
        self._connects = False
        self.reused = False
        self.is_fetching = False

    @property
    def expired(self) -> str:
        """Which limit passed, for people."""
        return self._words if self._timeout.expired() else ""

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        if (
            self._patience.idle_s is not None
        ):  # otherwise the whole has a limit, and this is part of it
            self._within(self._options.total_timeout_s, "no free connection")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        await self._timeout.__aexit__(kind, error, trace)

    def connecting(self) -> None:
        """From now on the name is resolved, the connection made, TLS agreed on."""
        self._connects = True
        self._within(self._options.connect_timeout_s, "no connection")

    def asking(self, *, reused: bool) -> None:
        """From now on the request is sent and its answer awaited."""
        self.reused, self._connects = reused, False
        if self._streams:
            self.sending()
        else:
            self.sent()

    def fetching(self) -> None:
        """From now on it is the next piece of the body that is waited for."""
        self.is_fetching = True
        self._within(self._patience.idle_s, "the body did not go on")

    def sending(self) -> None:
        """From now on a piece of the body is on its way."""
        self.is_fetching = False
        self._within(self._patience.idle_s, "nothing taken")

    def sent(self) -> None:
        """From now on the answer is awaited."""
        self.is_fetching = False
        self._within(self._patience.head_s or self._options.first_byte_timeout_s, "no answer")

    @property
    def trouble(self) -> Trouble:
        """What the limit that passed says of the endpoint."""
        return Trouble.CONNECTION_TIMEOUT if self._connects else Trouble.HTTP_RESPONSE_TIMEOUT

    def _within(self, limit_s: float | None, what: str) -> None:
        if self._over or self._timeout.expired():
            return
        if limit_s is None:
            self._timeout.reschedule(None)
            return
        self._words = f"{what} within {limit_s:g} s"
        self._timeout.reschedule(asyncio.get_running_loop().time() + limit_s)


def tracing() -> aiohttp.TraceConfig:
    """What makes a session tell a ``HeadLimit`` how far its request has come."""

    async def connecting(_: object, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.connecting()

    async def connected(_: object, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.asking(reused=False)

    async def reusing(_: object, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.asking(reused=True)

    config = aiohttp.TraceConfig()
    config.on_connection_create_start.append(connecting)
    config.on_connection_create_end.append(connected)
    config.on_connection_reuseconn.append(reusing)
    return config
