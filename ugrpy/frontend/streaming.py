"""GET and PUT for clients that cannot be redirected: the bytes go through here, as fast as the slower side takes them."""

import secrets
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AbstractContextManager, aclosing, contextmanager
from dataclasses import dataclass

import structlog
from aiohttp import hdrs, web
from multidict import CIMultiDict

from ugrpy import telemetry
from ugrpy.core.errors import RequestError, TooManyRequests, Unavailable
from ugrpy.core.meter import Meter
from ugrpy.federation import Federation, KnownName
from ugrpy.frontend import answers
from ugrpy.frontend.exchange import Exchange
from ugrpy.load.admission import Admission
from ugrpy.load.settings import RESERVE_SHARE
from ugrpy.load.share import Limit, Room, Share
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.model import EndpointId
from ugrpy.streaming import Asked, Direction, Source, Stale, StreamingSettings, Way, way
from ugrpy.streaming.source import Reading
from ugrpy.webdav.ranges import Multipart, Span, if_range_holds, multipart, parse_range
from ugrpy.webdav.validators import weak_etag

log = structlog.get_logger("ugrpy.streaming")

BUSY_RETRY_S = 5.0
# The client's side holds so much of what its storage has sent already: enough for a fast network's pace, and bounded.
BUFFER_BYTES = 1024 * 1024
_CONDITIONS = (
    hdrs.IF_MATCH,
    hdrs.IF_NONE_MATCH,
    hdrs.IF_MODIFIED_SINCE,
    hdrs.IF_UNMODIFIED_SINCE,
    hdrs.IF_RANGE,
)


class StreamedResponse(answers.PiecesResponse):
    """A body of large pieces: waiting for the storage gives others their turn."""

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send one piece; waits while the client has enough."""
        await web.StreamResponse.write(self, data)
        self.sent_bytes += len(data)


@dataclass(frozen=True, slots=True)
class _Plan:
    """An answer with content: its head, and the parts of the file, in the order in which they are sent."""

    status: int
    headers: CIMultiDict[str]
    spans: tuple[Span | None, ...]
    parts: Multipart | None = None


class Streaming:
    """What goes through this process."""

    def __init__(
        self, federation: Federation, settings: StreamingSettings, meter: Meter, load: Admission
    ) -> None:
        self._federation = federation
        self.settings = settings
        self._meter = meter
        self._load = load
        most = settings.max_at_once
        self.share: Share[str, None] = Share(Room(most, reserve=int(most * RESERVE_SHARE)))
        self._moved = {
            (member.id, direction): meter.instrument(
                telemetry.STREAMED_BYTES.name, endpoint=member.id, direction=direction.value
            )
            for member in federation.members
            for direction in Direction
        }

    def __repr__(self) -> str:
        return f"<Streaming {self.share.at_work} under way>"

    def begin(
        self, exchange: Exchange, direction: Direction
    ) -> AbstractContextManager[None] | None:
        """The place of a transfer whose bytes go through here, taken already; ``None`` when the client is to be redirected.

        Raises ``Unavailable`` or ``TooManyRequests`` when there should be one, and there are too many already.
        """
        asked = Asked(
            direction,
            exchange.path or "/",
            exchange.request.headers.get(hdrs.USER_AGENT, ""),
            exchange.identity.address,
        )
        network = self._load.network(exchange.identity.address)
        match way(self.settings, asked, has_room=self.share.has_room(network)):
            case Way.STREAM:
                self.share.arrive(network, None)
                return self._under_way(network)
            case Way.REDIRECT:
                return None
            case Way.BUSY:
                self._meter.instrument(telemetry.STREAMS_REFUSED.name).add()
                raise self._busy(exchange, network)

    @contextmanager
    def _under_way(self, network: str) -> Iterator[None]:
        try:
            yield
        finally:
            self.share.leave(network)

    def _busy(self, exchange: Exchange, network: str) -> RequestError:
        room, (own, _) = self.share.room, self.share.of(network)
        if self.share.at_work < room.whole:  # what is left is for others
            return TooManyRequests(
                f"{exchange.external}: {own} transfers of your network go through this gateway already",
                retry_after_s=BUSY_RETRY_S,
                limit=Limit.STREAMS.value,
                most=own,
            )
        return Unavailable(
            f"{exchange.external}: too many transfers go through this gateway at the moment",
            retry_after_s=BUSY_RETRY_S,
        )

    def want(self, exchange: Exchange) -> Want:
        """What must be known of a name: when the client has conditions, all that can be."""
        headers = exchange.request.headers
        return Want.ALL if any(name in headers for name in _CONDITIONS) else Want.BEST

    def moved(self, endpoint: EndpointId, direction: Direction, size_bytes: int) -> None:
        """So many bytes more have come from there, or gone there."""
        self._moved[endpoint, direction].add(size_bytes)

    # -- reading ------------------------------------------------------------------------------------

    async def get(self, exchange: Exchange, known: KnownName) -> web.StreamResponse:
        """200, 206 or 416, from the best replica and those after it. Conditions have been judged already."""
        try:
            return await self._get(exchange, known, dates_agree=True)
        except Stale:
            assert exchange.path is not None
            await self._federation.found_stale(exchange.path)
            question = self._federation.inquire(exchange.path, Want.ALL, exchange.zone)
            fresh = await exchange.asking("stale", question)
        try:
            return await self._get(exchange, fresh, dates_agree=False)
        except Stale:
            raise Unavailable(
                f"{exchange.external} changes faster than it can be read", retry_after_s=1.0
            ) from None

    async def _get(
        self, exchange: Exchange, known: KnownName, *, dates_agree: bool
    ) -> web.StreamResponse:
        plan = _plan(exchange, known, self._federation.expect(known).entry.size_bytes)
        if not plan.spans:
            return web.Response(status=plan.status, headers=plan.headers)
        order = self._federation.order(known, exchange.zone)
        exchange.known = known
        exchange.ranked(order, self._federation)
        reading = Reading(
            order,
            exchange.zone,
            self.settings.idle_s,
            lambda name, size_bytes: self.moved(name, Direction.READ, size_bytes),
            dates_agree,
        )
        source = Source(self._federation, known, reading)
        try:
            return await self._send(exchange, plan, source)
        finally:
            exchange.endpoint = source.endpoint
            if source.failovers:
                self._meter.instrument(telemetry.STREAM_FAILOVERS.name).add(source.failovers)

    async def _send(self, exchange: Exchange, plan: _Plan, source: Source) -> web.StreamResponse:
        """The head is sent when the first piece is there: until then every error can still be told."""
        async with aclosing(_body(plan, source)) as body:
            first = await anext(body, b"")
            response = _response(plan, source, exchange.request)
            try:
                async with answers.sending(response, exchange):
                    _widen(exchange.request)
                    await response.write(first)
                    async for piece in body:
                        await response.write(piece)
            except RequestError as error:
                answers.break_off(exchange, response, str(error))
        return response


def _response(plan: _Plan, source: Source, request: web.BaseRequest) -> StreamedResponse:
    response = StreamedResponse(status=plan.status, headers=plan.headers)
    if response.content_length is None:
        response.content_length = source.size_bytes
    if response.content_length is None and request.version >= (1, 1):
        response.enable_chunked_encoding()
    return response


def _widen(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=BUFFER_BYTES)


async def _body(plan: _Plan, source: Source) -> AsyncGenerator[bytes, None]:
    heads = plan.parts.heads if plan.parts is not None else (b"",) * len(plan.spans)
    for head, span in zip(heads, plan.spans, strict=True):
        before = head  # goes with the first bytes of its part
        async with aclosing(source.pieces(span)) as pieces:
            async for piece in pieces:
                yield before + piece if before else piece
                before = b""
    if plan.parts is not None:
        yield plan.parts.tail


def _plan(exchange: Exchange, known: KnownName, size_bytes: int | None) -> _Plan:
    merged = known.merged
    assert merged is not None, "a name that nobody holds has been refused before"
    headers = answers.file_headers(known, merged)
    answers.note_missing(exchange, headers, known.missing)
    if size_bytes is None:
        headers["Accept-Ranges"] = "none"
        return _Plan(200, headers, (None,))
    spans = _spans(exchange.request.headers, known, size_bytes)
    if spans is None:
        return _Plan(200, headers, (Span(0, size_bytes),) if size_bytes else ())
    if not spans:
        headers["Content-Range"] = f"bytes */{size_bytes}"
        headers["Content-Length"] = "0"
        return _Plan(416, headers, ())
    if len(spans) == 1:
        headers["Content-Range"] = spans[0].as_content_range(size_bytes)
        headers["Content-Length"] = str(spans[0].size_bytes)
        return _Plan(206, headers, spans)
    parts = multipart(spans, size_bytes, secrets.token_hex(16), headers["Content-Type"])
    headers["Content-Type"] = parts.content_type
    headers["Content-Length"] = str(parts.size_bytes)
    return _Plan(206, headers, spans, parts)


def _spans(
    headers: Mapping[str, str], known: KnownName, size_bytes: int
) -> tuple[Span, ...] | None:
    merged = known.merged
    assert merged is not None
    etag = weak_etag(merged.entry) if known.complete else None
    mtime_s = merged.entry.mtime_s if known.complete else None
    if not if_range_holds(headers.get(hdrs.IF_RANGE), etag, mtime_s):
        return None
    return parse_range(headers.get(hdrs.RANGE), size_bytes)
