"""What is a request waiting for, and for how long may it? Connecting and the wait for the head have limits of their own.

aiohttp bounds single reads and the whole; it tells when a connection is being made, and that moves the deadline here.
Waiting for a place in the pool is bounded by the whole alone: it says that we are busy, not that the endpoint is slow.
"""

import asyncio
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp

from ugrpy.transport.options import TransportOptions


class HeadLimit:
    """Bounds one request until its head is there; ``expired`` says in words which limit passed, or is empty.

    ``reused``: it went out on a connection that had been used before, and may have been closed since.
    Inside the block the request must be made with ``trace_request_ctx`` set to this object.
    """

    __slots__ = ("_options", "_timeout", "_words", "reused")

    def __init__(self, options: TransportOptions) -> None:
        self._options = options
        self._timeout = asyncio.timeout(None)
        self._words = ""
        self.reused = False

    @property
    def expired(self) -> str:
        """Which limit passed, for people."""
        return self._words if self._timeout.expired() else ""

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._timeout.__aexit__(kind, error, trace)

    def connecting(self) -> None:
        """From now on the name is resolved, the connection made, TLS agreed on."""
        self._within(self._options.connect_timeout_s, "no connection")

    def asking(self, *, reused: bool) -> None:
        """From now on the request is sent and its answer awaited."""
        self.reused = reused
        self._within(self._options.first_byte_timeout_s, "no answer")

    def _within(self, limit_s: float, what: str) -> None:
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
