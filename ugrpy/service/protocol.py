"""The one file that knows aiohttp's server from the inside.

``web.Server`` makes a ``RequestHandler`` for each connection. ``ProtocolServer`` lets the gateway choose the class, which is the
seam for answering known requests in ``data_received``, before the parser. Everything here that is private in aiohttp is
named in ``PRIVATE_NAMES``; a test compares them with the installed version, so an upgrade fails there and not in production.

``GatewayProtocol`` adds what aiohttp has nothing for: a head must be complete in time, every refusal is told in our form and
never repeats what the client sent, and a broken request never costs the answers to those before it. What takes too long is
found by ``ugrpy.service.patience``, which looks at all connections now and then; a request costs no timer.

The names were read in aiohttp 3.14. ``Server.__call__`` of the original turns a ``TypeError`` of the constructor into a warning
and forgets all settings, which is another reason to have our own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import structlog
from aiohttp import StreamReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from ugrpy.core.meter import Meter, NullMeter
from ugrpy.core.service_metrics import service_metrics
from ugrpy.service.crowds import Crowds
from ugrpy.service.patience import Outflow, Patience, unsent_bytes
from ugrpy.service.refusal import (
    CROWDED,
    LONG_HEAD,
    MAX_HEAD_BYTES,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_TARGET_BYTES,
    NETWORK_CROWDED,
    SLOW_HEAD,
    Fault,
    Refusal,
    Refused,
    is_framed,
    refusal_of,
    refusal_of_request,
)

log = structlog.get_logger("ugrpy.service")

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

PRIVATE_NAMES = {
    RequestHandler: (
        "_buffer_paused",
        "_close",
        "_current_request",
        "_force_close",
        "_keepalive_timeout",
        "_loop",
        "_manager",
        "_messages",
        "_next_keepalive_close_time",
        "_paused",
        "_payload_parser",
        "_process_keepalive",
        "_request_count",
        "_upgraded",
        "_waiter",
    ),
    web.Server: ("__call__", "_connections", "_kwargs"),
}

_NO_TIME_S = 0.001
_HEAD_END = b"\r\n\r\n"
_HEAD_END_BYTES = len(_HEAD_END)
_receive = RequestHandler.data_received
_BOUNDS = {
    "max_line_size": MAX_TARGET_BYTES,
    "max_field_size": MAX_HEADER_BYTES,
    "max_headers": MAX_HEADERS,
    "auto_decompress": False,
}


class GatewayProtocol(RequestHandler):
    """One client connection.

    ``_body`` is the content of the latest request, ``_body_left`` how many bytes of it have not come (``None``: it is in chunks),
    ``_head_since_s`` the time when a head was begun that is not complete
    (0: none), ``_head_bytes`` how much of it came and ``_head_tail`` its last three bytes. Once a refusal is queued, ``_deaf``: nothing more is read.
    """

    __slots__ = (
        "_body",
        "_body_left",
        "_deaf",
        "_head_bytes",
        "_head_since_s",
        "_head_tail",
        "_opened_s",
        "_outflow",
    )

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._body: StreamReader = EMPTY_PAYLOAD
        self._body_left: int | None = 0
        self._deaf = False
        self._head_since_s = 0.0
        self._head_bytes = 0
        self._head_tail = b""
        self._opened_s = 0.0
        self._outflow = Outflow()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there; it is turned away when there are too many."""
        super().connection_made(transport)
        self._opened_s = self._loop.time()
        if self._server.is_crowded:
            self._refuse(CROWDED)
        elif not self._server.crowds.admits(self, client_of(cast("asyncio.Transport", transport))):
            self._refuse(NETWORK_CROWDED)

    @property
    def _server(self) -> "ProtocolServer":
        return cast("ProtocolServer", self._manager)

    # -- receiving -------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """One segment, given to the parser head by head.

        The parser forgets what it has found when it meets an error later in the same piece, and what follows a request
        with ``Upgrade``; so it never gets more than the end of one head at a time, except where a body ends.
        """
        end = self._end_of_head(data)
        while 0 < end < len(data) and self._is_between_pieces():
            self._parse(data[:end])
            data = data[end:]
            end = self._end_of_head(data)
        self._parse(data)

    def _end_of_head(self, data: bytes) -> int:
        """Where in this segment a head ends, which may have begun to end in the one before; 0 when none does."""
        at = (self._head_tail + data).find(_HEAD_END)
        return 0 if at < 0 else at + _HEAD_END_BYTES - len(self._head_tail)

    def _is_between_pieces(self) -> bool:
        """Whether no content is awaited, and the queue takes more."""
        return self._body.is_eof() and not self._buffer_paused

    def _parse(self, data: bytes) -> None:
        if self._deaf:
            return
        body, head = self._body, data
        if not body.is_eof():
            head = self._behind_the_body(data)
        before = self._request_count
        _receive(self, data)
        new = self._request_count - before
        if new:
            self._head_since_s = 0.0
            while new:
                self._take(-new)
                new -= 1
        elif body.is_eof() and not self._upgraded:
            self._more_of_a_head(head)
        incomplete = (self._head_tail + data)[1 - _HEAD_END_BYTES :]
        self._head_tail = incomplete if self._head_since_s else b""

    def _behind_the_body(self, data: bytes) -> bytes:
        """What would belong to the next head, if the content that is still awaited ends in this segment.

        Where chunks end the parser does not tell; they end in an empty line, and so would a head that is complete.
        """
        left = self._body_left
        if left is None:
            return data.rpartition(_HEAD_END)[2] if _HEAD_END in data else b""
        self._body_left = max(0, left - len(data))
        return data[left:]

    def _take(self, index: int) -> None:
        """Look at a request the parser has just queued."""
        message, body = self._messages[index]
        if isinstance(message, _ErrInfo):
            self._deaf = True
            if not self._body.is_eof():
                self._break_body()
        elif (refusal := refusal_of_request(message)) is not None:
            self._messages[index] = (_error(refusal), EMPTY_PAYLOAD)
            self._deaf = True
        else:
            self._body = body
            length = message.headers.get(hdrs.CONTENT_LENGTH, "")
            self._body_left = int(length) if length.isdigit() else None
            if body is not EMPTY_PAYLOAD and not is_framed(message):
                self._close_after(index)

    def _break_body(self) -> None:
        """The content of a request breaks off in nonsense: that request is answered, and the nonsense is not another one."""
        self._messages.pop()
        self._request_count -= 1
        broken = web.RequestPayloadError("the content is not well-formed")
        if self._messages:
            self._close_after(-1)
            self._body.set_exception(broken)
        else:  # it is being answered, or was
            self._close = True
            if self._current_request is not None:
                self._body.set_exception(broken)
        self._body.feed_eof()

    def _close_after(self, index: int) -> None:
        """The answer to this request, which is queued, ends the connection."""
        message, body = self._messages[index]
        if not isinstance(message, _ErrInfo):
            self._messages[index] = (message._replace(should_close=True), body)

    def _more_of_a_head(self, data: bytes) -> None:
        if not self._head_since_s:
            if not data.strip(
                b"\r\n"
            ):  # empty lines before a request are nothing (RFC 9112 section 2.2)
                return
            self._head_since_s = self._loop.time()
            self._head_bytes = 0
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(LONG_HEAD)

    # -- refusing --------------------------------------------------------------------------------

    def _refuse(self, refusal: Refusal) -> None:
        """Answer so when everything asked before is answered, then end."""
        self._deaf = True
        self._head_since_s = 0.0
        self._request_count += 1
        self._messages.append((_error(refusal), EMPTY_PAYLOAD))
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no request; aiohttp's own would repeat it to the client and log a trace-back."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        refusal = refusal_of(exc)
        self._server.count(refusal.fault)
        log.info(
            "request refused",
            client=request.remote,
            status=refusal.status,
            why=exc.message.partition(":")[
                0
            ],  # after the colon is what was sent, which may be a secret
        )
        headers = {**refusal.headers, "Server": self._server.program}
        response = web.Response(status=refusal.status, headers=headers, body=refusal.body)
        response.force_close()
        return response

    # -- waiting ---------------------------------------------------------------------------------

    def look(self, patience: Patience, transport: asyncio.Transport, now: float) -> None:
        """End what has taken too long."""
        if self._head_since_s:
            if self._buffer_paused:  # it may be waiting for us
                self._head_since_s = now
            elif now - self._head_since_s >= patience.head_s:
                self._refuse(SLOW_HEAD)
        elif (
            not (self._request_count or self._force_close)
            and now - self._opened_s >= patience.head_s
        ):
            self._server.count(Fault.SILENT)
            self.force_close()
        unsent = unsent_bytes(transport)
        stalled_s = self._outflow.stalled_s(unsent, now)
        if stalled_s >= patience.send_s:
            self._server.count(Fault.STALLED)
            log.info(
                "client does not read",
                client=client_of(transport),
                unsent_bytes=unsent,
                stalled_s=round(stalled_s, 1),
            )
            transport.abort()

    def resume_writing(self) -> None:
        """The client takes what it is sent."""
        self._outflow.moved()
        super().resume_writing()

    def _process_keepalive(self) -> None:
        """Idle for too long; a client in the middle of a head is not idle, and has a limit of its own."""
        if self._head_since_s:
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()


def client_of(transport: asyncio.Transport) -> str:
    """The other side's address, or nothing for a Unix socket."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""


def _error(refusal: Refusal) -> _ErrInfo:
    return _ErrInfo(status=refusal.status, exc=Refused(refusal), message=refusal.detail)


class ProtocolServer(web.Server):
    """A ``web.Server`` whose connections are of the given class.

    ``handler_cancellation`` is always on: when a client leaves, its handler is cancelled, and with it the asks that
    nobody else waits for. ``program`` is who answers, and begins the name of the metric of faults. Content codings of requests are left alone: nobody needs them, and unpacking is an attack's lever.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        protocol: type[GatewayProtocol] = GatewayProtocol,
        patience: Patience | None = None,
        meter: Meter | None = None,
        program: str = "ugrpy",
        **settings: Any,
    ) -> None:
        super().__init__(handler, handler_cancellation=True, **{**_BOUNDS, **settings})
        self._protocol = protocol
        self._patience = patience = patience or Patience()
        self.crowds = Crowds(patience.network_connections, patience.proxies)
        meter = meter or NullMeter()
        self.program = program
        faults = service_metrics(program).client_faults
        self._faults = {fault: meter.instrument(faults.name, reason=fault) for fault in Fault}
        self._looking: asyncio.TimerHandle | None = None
        self._late = False

    def __call__(self) -> RequestHandler:
        """The protocol for a new connection."""
        return self._protocol(self, loop=asyncio.get_running_loop(), **self._kwargs)

    @property
    def is_crowded(self) -> bool:
        """Whether there are more connections than are wanted."""
        return 0 < self._patience.connections < len(self._connections)

    def count(self, fault: Fault) -> None:
        """One more connection ended for this reason."""
        self._faults[fault].add()

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """aiohttp tells of a new connection."""
        super().connection_made(handler, transport)
        if self._looking is None:
            self._look_later()

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """aiohttp tells that one has ended."""
        super().connection_lost(handler, exc)
        self.crowds.ended(handler)

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's
        """End all connections; those with a request in flight have ``timeout`` seconds. To aiohttp, 0 means for ever."""
        await super().shutdown(max(timeout, _NO_TIME_S) if timeout is not None else None)
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def _look_later(self) -> None:
        due_s = self._loop.time() + self._patience.look_every_s
        self._looking = self._loop.call_at(due_s, self._look, due_s)

    def _look(self, due_s: float) -> None:
        now = self._loop.time()
        # when we were held up ourselves, what clients have sent meanwhile is still to be read: they get one more round
        self._late = now - due_s > self._patience.look_every_s and not self._late
        if not self._late:
            for protocol, transport in list(self._connections.items()):
                cast("GatewayProtocol", protocol).look(self._patience, transport, now)
        self._looking = None
        if self._connections:
            self._look_later()
