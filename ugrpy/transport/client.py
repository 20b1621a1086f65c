"""One endpoint's way out: a pool of connections, its limits and its time-outs.

Redirects are never followed here: what a storage's redirect means is for the endpoint kind to decide. DNS goes through
c-ares (``aiodns``) and never through threads; hosts files are honoured, other sources of the system's name service
switch are not.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypedDict, Unpack

import aiohttp
from aiohttp.client_middlewares import ClientHandlerType
from aiohttp.resolver import AsyncResolver
from yarl import URL

from ugrpy.core.errors import BodyBroken, Busy, ConfigError, Failed, TimedOut
from ugrpy.transport.mapping import endpoint_errors
from ugrpy.transport.options import TransportOptions
from ugrpy.transport.phases import HeadLimit, Patience, tracing
from ugrpy.transport.retry_after import parse_retry_after
from ugrpy.transport.sending import Sending, announced_bytes

# The rest of an answer is read so that the connection can be used again, unless it is longer than this or takes longer:
# a page that explains a 404 comes with its head, and nobody shall wait for one that does not.
DRAIN_LIMIT_BYTES = 64 * 1024
DRAIN_LIMIT_S = 0.1

# Methods that ask and change nothing. aiohttp does not know that PROPFIND is one (RFC 4918 section 9.1).
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND"})

MayConnect = Callable[[str, int], bool]
"""Whether an IP address, as text, may be connected to at this port."""


Body = bytes | AsyncIterable[bytes] | None


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of a response, and its body in pieces.

    ``asked_whole``: the body of the request had been sent to its end when the head came. ``within`` is what ``pieces``
    needs: who is asked what, and for how long it may be silent.
    """

    status: int
    headers: Mapping[str, str]
    content: aiohttp.StreamReader
    asked_whole: bool = True
    within: tuple[str, str, float | None] = ("", "", None)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives, for an exchange with ``idle_s``. Raises the errors of ``exchange`` to whoever reads."""
        while piece := await self._piece():
            yield piece

    async def _piece(self) -> bytes:
        endpoint, method, idle_s = self.within
        with endpoint_errors(endpoint, method, idle_s or 0):
            limit = asyncio.timeout(idle_s)
            try:
                async with limit:
                    return await self.content.readany()
            except TimeoutError as error:
                if not limit.expired():
                    raise
                words = f"{method}: nothing more within {idle_s:g} s"
                raise TimedOut(words, endpoint=endpoint) from error

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
        self._may_connect = may_connect
        self._under_way = 0
        # a pool for each kind of work, or transfers at their clients' pace would keep questions from being asked
        self._asking = self._session(user_agent, self._connector(keepalive_timeout=60))
        self._changing = self._session(user_agent, self._connector(force_close=True))
        self._reading = self._session(user_agent, self._connector(keepalive_timeout=60))
        self._writing = self._session(user_agent, self._connector(force_close=True))

    def _connector(self, **pool: Unpack["_Pool"]) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(
            limit=self._options.max_connections,
            ssl=_tls(self._options),
            resolver=self._resolver,
            ttl_dns_cache=60,
            socket_factory=None if self._may_connect is None else _guarded(self._may_connect),
            **pool,
        )

    def _session(self, user_agent: str, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": user_agent},
            auto_decompress=True,
            timeout=aiohttp.ClientTimeout(total=self._options.total_timeout_s),
            trace_configs=[tracing()],
            middlewares=(_once,),
        )

    def __repr__(self) -> str:
        return f"Transport({self.endpoint}, closed={self._asking.closed})"

    @property
    def spare(self) -> int:
        """How many more questions can be asked at once before one has to wait for a connection."""
        return max(0, self._options.max_connections - self._under_way)

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        answers: Collection[int] = (),
        proxy: str | None = None,
        idle_s: float | None = None,
        head_s: float | None = None,
    ) -> AsyncIterator[Reply]:
        """Send a request, through the HTTP proxy at that URL if one is given; the reply is valid inside the block.

        Raises ``TimedOut``, ``Unreachable``, ``Malformed`` (also from reading the body inside the block), ``Busy``
        for 429 and 503, ``Failed`` for any other 5xx. All other statuses are the caller's, and those in ``answers``.

        With ``idle_s`` there is no limit for the whole, but one for each silent moment while the body is sent and between
        the reply's ``pieces``, which are then the bytes as they came. ``head_s`` is how long the head may take, counted from
        when the request has been sent. A body that is still arriving goes out in chunks unless the headers announce its
        length; when it breaks off or lasts too long, the endpoint sees a broken request and ``BodyBroken`` is raised.
        """
        asks = method in _SAFE_METHODS and idle_s is None
        self._under_way += asks
        try:
            with endpoint_errors(self.endpoint, method, self._options.total_timeout_s):
                request = _Request(method, url, headers, body, proxy, Patience(idle_s, head_s))
                response, asked_whole = await self._answer(request)
                try:
                    within = (self.endpoint, method, idle_s)
                    reply = Reply(
                        response.status, response.headers, response.content, asked_whole, within
                    )
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
        finally:
            self._under_way -= asks

    async def _answer(self, request: "_Request") -> tuple[aiohttp.ClientResponse, bool]:
        """Ask, and once more when a connection from the pool turns out to be closed (RFC 9112 section 9.3.1).

        Servers close idle connections when they like (Apache after 5 s, XRootD after many an answer, without saying so), and a
        request may cross that on its way. One that changes something cannot be asked again, and has a connection of its own.
        """
        limit = HeadLimit(self._options, request.patience, streams=request.streams)
        if request.streams:
            return await self._answer_to_stream(limit, request)
        try:
            return await self._head_of_response(limit, request, request.body), True
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not limit.reused or request.method not in _SAFE_METHODS:
                raise
        again = HeadLimit(self._options, request.patience)
        return await self._head_of_response(again, request, request.body), True

    async def _answer_to_stream(
        self, limit: HeadLimit, request: "_Request"
    ) -> tuple[aiohttp.ClientResponse, bool]:
        assert isinstance(request.body, AsyncIterable)
        sending = Sending(request.body, limit, announced_bytes(request.headers))
        try:
            response = await self._head_of_response(limit, request, sending)
        except (aiohttp.ClientError, OSError):
            if sending.broken is None:
                raise
            raise BodyBroken(f"{request.method}: the body broke off") from sending.broken
        return response, sending.whole

    async def _head_of_response(
        self, limit: HeadLimit, request: "_Request", body: Body
    ) -> aiohttp.ClientResponse:
        try:
            async with limit:
                return await self._session_for(request).request(
                    request.method,
                    URL(request.url, encoded=True),
                    headers=request.headers,
                    data=body,
                    allow_redirects=False,
                    proxy=request.proxy,
                    trace_request_ctx=limit,
                    **request.when_streaming,
                )
        except _Lost as lost:
            raise lost.how from None
        except TimeoutError as error:
            if not limit.expired:
                raise
            words = f"{request.method}: {limit.expired}"
            if limit.is_fetching:
                raise BodyBroken(words) from error
            raise TimedOut(words, endpoint=self.endpoint, trouble=limit.trouble) from error

    def _session_for(self, request: "_Request") -> aiohttp.ClientSession:
        is_safe = request.method in _SAFE_METHODS
        if request.patience.idle_s is None:
            return self._asking if is_safe else self._changing
        return self._reading if is_safe else self._writing

    async def close(self) -> None:
        """Close all connections."""
        for session in (self._asking, self._changing, self._reading, self._writing):
            await session.close()
        # the connector closes only a resolver that it made itself
        await self._resolver.close()


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str] | None
    body: Body
    proxy: str | None
    patience: Patience

    @property
    def streams(self) -> bool:
        """Whether the body is still arriving."""
        return self.body is not None and not isinstance(self.body, bytes)

    @property
    def when_streaming(self) -> "_Streaming":
        """What is different about an exchange that lasts as long as it has to."""
        if self.patience.idle_s is None:
            return {}
        return {"timeout": aiohttp.ClientTimeout(total=None), "auto_decompress": False}


class _Pool(TypedDict, total=False):
    keepalive_timeout: float
    force_close: bool


class _Streaming(TypedDict, total=False):
    timeout: aiohttp.ClientTimeout
    auto_decompress: bool


class _Lost(aiohttp.ClientError):
    """A connection was lost before the head: ``how``, which the session would not take for a reason to ask again."""

    def __init__(self, how: aiohttp.ClientError) -> None:
        super().__init__(str(how))
        self.how = how


async def _once(
    request: aiohttp.ClientRequest, handler: ClientHandlerType
) -> aiohttp.ClientResponse:
    """Ask once: a session asks a second time by itself when a method is idempotent, PUT and DELETE included.

    Whoever deletes twice is told that nothing was there, and does not know any more whether anything was.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(error) from error


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
