"""The one file that knows aiohttp's server from the inside.

``web.Server`` makes a ``RequestHandler`` for each connection. ``ProtocolServer`` lets the gateway choose the class, which is the
seam for answering known requests in ``data_received``, before the parser. Everything here that is private in aiohttp is
named in ``PRIVATE_NAMES``; a test compares them with the installed version, so an upgrade fails there and not in production.

The names were read in aiohttp 3.14. ``Server.__call__`` of the original turns a ``TypeError`` of the constructor into a warning
and forgets all settings, which is another reason to have our own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

PRIVATE_NAMES = {
    RequestHandler: (
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
        "_request_count",
        "_upgraded",
        "_waiter",
    ),
    web.Server: ("__call__",),
}


class GatewayProtocol(RequestHandler):
    """One client connection."""

    __slots__ = ()


class ProtocolServer(web.Server):
    """A ``web.Server`` whose connections are of the given class.

    ``handler_cancellation`` is always on: when a client leaves, its handler is cancelled, and with it the asks that
    nobody else waits for.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        protocol: type[GatewayProtocol] = GatewayProtocol,
        **settings: Any,
    ) -> None:
        super().__init__(handler, handler_cancellation=True, **settings)
        self._protocol = protocol

    def __call__(self) -> RequestHandler:
        """The protocol for a new connection."""
        return self._protocol(self, loop=asyncio.get_running_loop(), **self._kwargs)
