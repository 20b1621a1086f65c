"""A long page to a client that reads slowly: what it is rendered from must not wait for the last byte to be taken.

The sorted rows of a page with a hundred thousand names take thirty megabytes, for each client that reads it. So such a page is rendered
as fast as others let us, whatever the client takes; what it has not taken by then waits packed, at a thirtieth of its length.
Only so many pages are rendered at a time (``Admission.long_page``), and what waits packed is sent at the client's pace.
"""

import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web
from multidict import CIMultiDict

from ugrpy.core.aio import next_turn
from ugrpy.frontend import answers
from ugrpy.frontend.exchange import Exchange

# With more than this on its way to the client, a further piece might have to wait for it to read.
BEHIND_BYTES = 16 * 1024
# The quickest that zlib has: pages are so alike in themselves that more effort gains little.
_LEVEL = 1


async def send_ahead(
    exchange: Exchange,
    status: int,
    headers: CIMultiDict[str],
    pieces: Iterable[bytes],
    rendered: Callable[[], Awaitable[None]],
) -> web.StreamResponse:
    """Send a rendered body in chunks, to a client of HTTP/1.0 until the connection ends; ``rendered`` is called when there is no more to render."""
    response = answers.in_chunks(exchange, status, headers)
    async with answers.sending(response, exchange):
        kept = _Kept()
        for piece in pieces:
            kept.put(piece)
            while kept and not _is_behind(exchange):
                await response.write(kept.take())
            await next_turn()
        await rendered()
        while kept:
            await response.write(kept.take())
    return response


class _Kept:
    """Pieces that have not been sent, all but the newest packed."""

    def __init__(self) -> None:
        self._newest = b""
        self._packed: deque[bytes] = deque()

    def __bool__(self) -> bool:
        return bool(self._newest or self._packed)

    def put(self, piece: bytes) -> None:
        if self._newest:
            self._packed.append(zlib.compress(self._newest, _LEVEL))
        self._newest = piece

    def take(self) -> bytes:
        if self._packed:
            return zlib.decompress(self._packed.popleft())
        newest, self._newest = self._newest, b""
        return newest


def _is_behind(exchange: Exchange) -> bool:
    transport = exchange.request.transport
    return transport is not None and transport.get_write_buffer_size() > BEHIND_BYTES
