"""PUT through the gateway: what the client sends goes on to the storage while it arrives."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import web

from ugrpy.changing import Changing, Wanted
from ugrpy.core.errors import BadRequest, RequestError
from ugrpy.frontend import answers
from ugrpy.frontend.exchange import Exchange
from ugrpy.frontend.streaming import Streaming
from ugrpy.namespace.model import EndpointId
from ugrpy.service.body import ContentTooSlow, ends_connection, go_on, has_body, refuse_coded
from ugrpy.streaming import Direction

# The storage is waited for a little longer than the client, so that it is clear whose silence it was.
_LONGER_S = 1.0


async def stream_upload(
    exchange: Exchange, streaming: Streaming, changing: Changing, wanted: Wanted
) -> web.StreamResponse:
    """201 for a new name, 204 for one that was replaced, when the storage has it and everybody sees it.

    A client that waits for a word before it sends (``Expect``) hears nothing until a place was found. One that leaves ends the upload.
    """
    refuse_coded(exchange.request)
    content = Received(exchange, streaming)
    idle_s = streaming.settings.idle_s + _LONGER_S
    size_bytes = wanted.size_bytes if has_body(exchange.request) else 0
    wanted = replace(wanted, size_bytes=size_bytes, streamed=True)
    placed = await changing.write(wanted, content, idle_s)
    exchange.placed(placed.ranking)
    response = web.Response(
        status=201 if placed.created else 204, headers={"Server": answers.SERVER}
    )
    if ends_connection(exchange.request, response.status):
        response.force_close()
    return response


class Received:
    """The content of a request, as a storage takes it."""

    def __init__(self, exchange: Exchange, streaming: Streaming) -> None:
        self._exchange = exchange
        self._streaming = streaming
        self._endpoint: EndpointId | None = None
        self.size_bytes = 0
        self.ended = False
        self.fault: RequestError | None = None

    def __repr__(self) -> str:
        return f"<Received {self.size_bytes} bytes, ended={self.ended}>"

    async def begin(self, endpoint: EndpointId) -> None:
        """Tell the client to send, if it waits for that."""
        self._endpoint = endpoint
        self._exchange.endpoint = endpoint
        try:
            await go_on(self._exchange.request)
        except ConnectionError:
            self.fault = _left()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces as they come. Raises what is then the ``fault``."""
        if self.fault is not None:
            raise self.fault
        while not self.ended:
            piece = await self._piece()
            if piece:
                self.size_bytes += len(piece)
                assert self._endpoint is not None
                self._streaming.moved(self._endpoint, Direction.WRITE, len(piece))
                yield piece

    async def _piece(self) -> bytes:
        content = self._exchange.request.content
        idle_s = self._streaming.settings.idle_s
        try:
            async with asyncio.timeout(idle_s):
                piece = await content.readany()
        except TimeoutError:
            self.fault = ContentTooSlow(f"the content did not go on within {idle_s:g} seconds")
            raise self.fault from None
        except web.RequestPayloadError:
            self.fault = BadRequest("the content is not in well-formed chunks")
            raise self.fault from None
        except (OSError, asyncio.CancelledError) as error:
            if content.exception() is None:  # it is we who are called off, by the storage's side
                raise
            self.fault = _left()
            raise self.fault from error
        self.ended = content.at_eof()
        return piece


def _left() -> BadRequest:
    return BadRequest("the client left before it had sent all")
