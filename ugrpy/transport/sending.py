"""How is a body sent that is still arriving from somebody else, who may leave in the middle of it?

Never so that the other side could take a part for the whole. In chunks, the last one is left out when the body breaks off.
With an announced length each piece is held back until the next one is there, the last one until the body has ended well:
a body that fails at its very end (a checksum that does not agree) is one byte short at least.
"""

from collections.abc import AsyncIterable, Mapping

from ugrpy.core.errors import BodyBroken
from ugrpy.transport.phases import HeadLimit


class Sending:
    """The pieces of ``body`` for one request, while ``limit`` is told what is waited for.

    ``broken``: what the body raised. ``whole``: it has ended well, and its last piece been handed over.
    """

    __slots__ = ("_ended", "_held", "_left_bytes", "_limit", "_source", "broken", "whole")

    def __init__(
        self, body: AsyncIterable[bytes], limit: HeadLimit, size_bytes: int | None
    ) -> None:
        self._source = aiter(body)
        self._limit = limit
        self._left_bytes = size_bytes
        self._held = b""
        self._ended = False
        self.broken: Exception | None = None
        self.whole = False

    def __aiter__(self) -> "Sending":
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._next()
        except Exception as error:
            self.broken = error
            raise
        self._limit.sending()
        if piece:
            return piece
        self._limit.sent()
        raise StopAsyncIteration

    async def _next(self) -> bytes:
        """What is to be sent now; empty at the end."""
        while not self._ended:
            self._limit.fetching()
            piece = await anext(self._source, None)
            if piece is None:
                self._end()
            elif self._left_bytes is None and piece:
                return piece
            elif piece and (ready := self._exchanged(piece)):
                return ready
        self.whole = True
        ready, self._held = self._held, b""
        return ready

    def _exchanged(self, piece: bytes) -> bytes:
        """The piece that was held back, for this one."""
        assert self._left_bytes is not None
        self._left_bytes -= len(piece)
        if self._left_bytes < 0:
            raise BodyBroken("the body is longer than announced")
        ready, self._held = self._held, piece
        return ready

    def _end(self) -> None:
        self._ended = True
        if self._left_bytes:
            raise BodyBroken("the body is shorter than announced")


def announced_bytes(headers: Mapping[str, str] | None) -> int | None:
    """The length of the body by the headers that go with it."""
    for name, value in (headers or {}).items():
        if name.lower() == "content-length":
            return int(value)
    return None
