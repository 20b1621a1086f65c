"""How do messages get from the socket to us and past the library, while it sees to all else on the same connection?

``Tap`` makes the connection in place of aiormq's own factories, with a reader that sifts what comes (``shoalpy.intake.frames``).
Acknowledgements are written to the same socket: frames may stand in any order between others.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, SupportsIndex

from aiormq.connection import TransportFactory
from yarl import URL

from shoalpy.intake.frames import HEARTBEAT, Delivery, Sifter, render_ack

Came = Callable[[Sequence[Delivery]], None]

# The library takes a connection on which it sees nothing for the end of it, and the broker need not send signs of life while messages come; so the
# library is shown one so often.
_SIGN_OF_LIFE_S = 1.0


class ContextProvider(Protocol):
    """Whoever knows how to speak TLS."""

    async def get_context(self) -> ssl.SSLContext:
        """What TLS needs."""
        ...


class Tap(TransportFactory):
    """Of one connection. ``came`` is told of messages; to be set before any can come."""

    def __init__(self, largest_bytes: int) -> None:
        self.came: Came = _nobody
        self._sifter = Sifter(largest_bytes)
        self._transport: asyncio.WriteTransport | None = None

    def __repr__(self) -> str:
        return f"<Tap {self._sifter!r}>"

    async def create(
        self, url: URL, **settings: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, as ``asyncio.open_connection`` does, but for the reader."""
        loop = asyncio.get_running_loop()
        security: ContextProvider = settings["ssl_context_provider"]
        context = await security.get_context() if url.scheme == "amqps" else None
        reader = _Reader(self._sift, loop)
        transport, protocol = await loop.create_connection(
            lambda: asyncio.StreamReaderProtocol(reader, loop=loop),
            url.host or "",
            url.port or 0,
            ssl=context,
        )
        self._transport = transport
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    def acknowledge(self, channel: int, tag: int) -> None:
        """Tell the broker that all messages up to this one were taken; nothing once the connection is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(render_ack(channel, tag))

    def _sift(self, data: bytes) -> bytes:
        passed, deliveries = self._sifter.feed(data)
        if deliveries:
            self.came(deliveries)
        return passed


class _Reader(asyncio.StreamReader):
    def __init__(self, sift: Callable[[bytes], bytes], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._sift = sift
        self._time = loop.time
        self._shown_at_s = 0.0

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Some bytes have come."""
        passed = self._sift(bytes(data))
        if not passed:
            now_s = self._time()
            if now_s - self._shown_at_s < _SIGN_OF_LIFE_S:
                return
            self._shown_at_s = now_s
            passed = HEARTBEAT
        super().feed_data(passed)


def _nobody(_deliveries: Sequence[Delivery]) -> None:
    return
