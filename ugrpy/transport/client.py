"""One endpoint's way out: a pool of connections, its limits and its time-outs.

Redirects are never followed here: what a storage's redirect means is for the endpoint kind to decide. DNS goes through
c-ares (``aiodns``) and never through threads; hosts files are honoured, other sources of the system's name service
switch are not.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import aiohttp
from aiohttp.resolver import AsyncResolver
from yarl import URL

from ugrpy.core.errors import Busy, ConfigError, Failed, TimedOut
from ugrpy.transport.mapping import endpoint_errors
from ugrpy.transport.options import TransportOptions
from ugrpy.transport.phases import HeadLimit, tracing
from ugrpy.transport.retry_after import parse_retry_after

# The rest of an answer is read so that the connection can be used again, unless it is longer than this or takes longer:
# a page that explains a 404 comes with its head, and nobody shall wait for one that does not.
DRAIN_LIMIT_BYTES = 64 * 1024
DRAIN_LIMIT_S = 0.1

# Methods that ask and change nothing. aiohttp does not know that PROPFIND is one (RFC 4918 section 9.1).
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND"})

MayConnect = Callable[[str, int], bool]
"""Whether an IP address, as text, may be connected to at this port."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of a response, and its body in pieces."""

    status: int
    headers: Mapping[str, str]
    content: aiohttp.StreamReader

    async def drain(self) -> None:
        """Read a short rest of the body and forget it, so that the connection is kept. What is wrong with it is no matter."""
        read = 0
        with suppress(aiohttp.ClientError, OSError):
            async with asyncio.timeout(DRAIN_LIMIT_S):
                async for piece in self.content.iter_any():
                    read += len(piece)
                    if read > DRAIN_LIMIT_BYTES:
                        return


class Transport:
    """HTTP towards one endpoint. Make it inside the running loop; ``close`` it in the same.

    ``may_connect`` is asked for each address that a name turned out to have, right before it is connected to.
    """

    def __init__(
        self,
        endpoint: str,
        options: TransportOptions,
        *,
        user_agent: str = "ugrpy",
        may_connect: MayConnect | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._options = options
        self._resolver = AsyncResolver()
        self._connector = aiohttp.TCPConnector(
            limit=options.max_connections,
            ssl=_tls(options),
            resolver=self._resolver,
            ttl_dns_cache=60,
            keepalive_timeout=60,
            socket_factory=None if may_connect is None else _guarded(may_connect),
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": user_agent},
            auto_decompress=True,
            timeout=aiohttp.ClientTimeout(total=options.total_timeout_s),
            trace_configs=[tracing()],
        )

    def __repr__(self) -> str:
        return f"Transport({self.endpoint}, closed={self._session.closed})"

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        answers: Collection[int] = (),
        proxy: str | None = None,
    ) -> AsyncIterator[Reply]:
        """Send a request, through the HTTP proxy at that URL if one is given; the reply is valid inside the block.

        Raises ``TimedOut``, ``Unreachable``, ``Malformed`` (also from reading the body inside the block), ``Busy``
        for 429 and 503, ``Failed`` for any other 5xx. All other statuses are the caller's, and those in ``answers``.
        """
        with endpoint_errors(self.endpoint, method, self._options.total_timeout_s):
            response = await self._answer(_Request(method, url, headers, body, proxy))
            try:
                reply = Reply(response.status, response.headers, response.content)
                failed = response.status >= 500 or response.status == 429
                if failed and response.status not in answers:
                    await reply.drain()
                    raise _refusal(self.endpoint, method, reply)
                yield reply
                if not response.content.at_eof():
                    await reply.drain()
            finally:
                # a body read to its end has already given the connection back to the pool
                response.close() if not response.content.at_eof() else response.release()

    async def _answer(self, request: "_Request") -> aiohttp.ClientResponse:
        """Ask, and once more when a connection from the pool turns out to be closed (RFC 9112 section 9.3.1).

        Servers close idle connections when they like (Apache after 5 s), and a request may cross that on its way.
        """
        limit = HeadLimit(self._options)
        try:
            return await self._head_of_response(limit, request)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not limit.reused or request.method not in _SAFE_METHODS:
                raise
        return await self._head_of_response(HeadLimit(self._options), request)

    async def _head_of_response(
        self, limit: HeadLimit, request: "_Request"
    ) -> aiohttp.ClientResponse:
        try:
            async with limit:
                return await self._session.request(
                    request.method,
                    URL(request.url, encoded=True),
                    headers=request.headers,
                    data=request.body,
                    allow_redirects=False,
                    proxy=request.proxy,
                    trace_request_ctx=limit,
                )
        except TimeoutError as error:
            if not limit.expired:
                raise
            raise TimedOut(f"{request.method}: {limit.expired}", endpoint=self.endpoint) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        # the connector closes only a resolver that it made itself
        await self._resolver.close()


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str] | None
    body: bytes | None
    proxy: str | None


_AddressInfo = tuple[
    int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
]


def _guarded(may_connect: MayConnect) -> Callable[[_AddressInfo], socket.socket]:
    """What makes sockets only for addresses that may be connected to."""

    def make(info: _AddressInfo) -> socket.socket:
        family, kind, protocol, _, where = info
        host, port = where[0], where[1]
        if not (isinstance(host, str) and isinstance(port, int) and may_connect(host, port)):
            raise PermissionError(errno.EACCES, "this address may not be connected to")
        return socket.socket(family, kind, protocol)

    return make


def _tls(options: TransportOptions) -> ssl.SSLContext | bool:
    if not options.verify_tls:
        return False
    if options.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(options.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"cannot read {options.ca_file}: {error}", where="ca_file") from error


def _refusal(endpoint: str, method: str, reply: Reply) -> Busy | Failed:
    message = f"{method}: the endpoint answered {reply.status}"
    if reply.status in (429, 503):
        wish_s = parse_retry_after(reply.headers)
        return Busy(message, endpoint=endpoint, retry_after_s=wish_s)
    return Failed(message, endpoint=endpoint)
