"""How is the other server of a copy asked?

Redirects are followed within bounds. What a client has us pass on (``TransferHeader...``, usually a token) goes on to another host only
when the operator has named that one; and never does a redirect lead from TLS into the clear.

A PUT cannot simply follow a redirect, since its body streams by and cannot be sent a second time. Each attempt asks first
(``Expect: 100-continue``, RFC 9110 section 10.1.1), and what it would send is not even fetched before the server has said that it wants it:
a redirect, or a refusal, comes instead. The alternative, a PUT without content to see where it leads, would leave an empty file at servers
that do not redirect. A server that ignores the question is sent the body after a while, and its redirects are then refused.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

from ugrpy.copying.partners import Partners, Way, server_of
from ugrpy.copying.settings import CopySettings
from ugrpy.copying.trouble import failed, refused
from ugrpy.core.aio import next_turn
from ugrpy.core.errors import BodyBroken, EndpointError, Malformed, RequestError
from ugrpy.endpoints.over_http import REDIRECTS, redirect_target
from ugrpy.namespace.model import Digest
from ugrpy.transport.client import Reply, Transport
from ugrpy.transport.options import TransportOptions
from ugrpy.webdav.digests import parse_digest

MAX_HOPS = 5
# Servers that know the question answer it at once; curl waits for one second.
CONTINUE_S = 5.0
# 303 says that the answer is elsewhere, and is never an invitation to send content there (RFC 9110 section 15.4.4).
_KEEP_THE_METHOD = REDIRECTS - {303}
# These say what is wrong; of any other 5xx nobody knows.
_SAID = (501, 507)
_NO_CODING = {"Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Remote:
    """The other end: where, and what is to be passed on to it. ``whose`` is "source" or "destination"."""

    url: str
    passed: Mapping[str, str]
    whose: str


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of a file before it is read."""

    size_bytes: int | None = None
    digests: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """A file that is being read. ``digests`` are those that were told without being asked for."""

    pieces: AsyncIterator[bytes]
    size_bytes: int | None = None
    digests: tuple[Digest, ...] = ()


class Reaching:
    """Connections to other servers. Make it inside the running loop."""

    def __init__(self, settings: CopySettings, partners: Partners) -> None:
        self._settings = settings
        self._partners = partners
        options = TransportOptions(
            max_connections=settings.max_connections * 2,
            connect_timeout_s=settings.connect_timeout_s,
            first_byte_timeout_s=settings.first_byte_timeout_s,
            ca_file=settings.ca_file,
        )
        self._ways = {
            way: Transport(
                "partner",
                options,
                may_connect=guard.may_connect if guard is not None else None,
            )
            for way, guard in ((way, partners.guards.get(way)) for way in Way)
        }

    def __repr__(self) -> str:
        return f"<Reaching by {self._partners!r}>"

    async def look(self, remote: Remote, algorithms: Sequence[str] = ()) -> Described:
        """What HEAD says: how long it is, and its checksums. Raises ``RequestError``."""
        headers = {"Want-Digest": ",".join(algorithms)} if algorithms else {}
        async with self._following(remote, "HEAD", headers) as reply:
            return Described(_length(reply), _digests(reply))

    @asynccontextmanager
    async def read(self, remote: Remote) -> AsyncIterator[Content]:
        """GET. Raises ``RequestError``; while the pieces are read, ``EndpointError``."""
        async with self._following(remote, "GET", _NO_CODING) as reply:
            if reply.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise failed(remote.whose, Malformed("GET: it is in a coding not asked for"))
            yield Content(reply.pieces(), _length(reply), _digests(reply))

    async def write(
        self, remote: Remote, body: AsyncIterable[bytes], size_bytes: int | None
    ) -> None:
        """PUT. Raises ``RequestError``, ``BodyBroken`` when it was the body that broke."""
        hop = _Hop(remote.url, remote.passed)
        for _ in range(MAX_HOPS + 1):
            try:
                onwards = await self._attempt(remote, hop, body, size_bytes)
            except EndpointError as error:
                raise failed(remote.whose, error) from error
            if onwards is None:
                return
            hop = onwards
        raise _too_many(remote)

    async def _attempt(
        self, remote: Remote, hop: "_Hop", body: AsyncIterable[bytes], size_bytes: int | None
    ) -> "_Hop | None":
        """Where to try next, ``None`` when it has been done. Raises ``EndpointError`` and ``RequestError``."""
        headers = {**hop.passed}
        if size_bytes is not None:
            headers["Content-Length"] = str(size_bytes)
        if hop.asks:
            headers["Expect"] = "100-continue"
        limit = asyncio.timeout(CONTINUE_S if hop.asks else None)
        attempt = Attempt(body, begun=lambda: limit.reschedule(None))
        try:
            async with limit, self._ask("PUT", hop.url, headers, attempt) as reply:
                attempt.over = True
                if reply.status not in _KEEP_THE_METHOD:
                    _expect_success(remote, reply)
                    return None
                if attempt.begun:
                    raise Malformed("PUT: redirected in the middle of the content")
                return _Hop(*self._onwards(remote, hop.url, hop.passed, reply))
        except TimeoutError:
            if not limit.expired():
                raise
            return replace(hop, asks=False)

    async def close(self) -> None:
        """Close all connections."""
        for transport in self._ways.values():
            await transport.close()

    @asynccontextmanager
    async def _following(
        self, remote: Remote, method: str, headers: Mapping[str, str]
    ) -> AsyncIterator[Reply]:
        url, passed = remote.url, remote.passed
        for _ in range(MAX_HOPS + 1):
            try:
                async with self._ask(method, url, {**headers, **passed}) as reply:
                    if reply.status not in REDIRECTS:
                        _expect_success(remote, reply)
                        yield reply
                        return
                    url, passed = self._onwards(remote, url, passed, reply)
            except EndpointError as error:
                raise failed(remote.whose, error) from error
        raise _too_many(remote)

    def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: AsyncIterable[bytes] | None = None,
    ) -> AbstractAsyncContextManager[Reply]:
        transport = self._ways[self._partners.way_to(url)]
        return transport.exchange(
            method,
            url,
            headers=headers,
            body=body,
            answers=_SAID,
            idle_s=self._settings.idle_timeout_s,
            head_s=self._settings.first_byte_timeout_s,
        )

    def _onwards(
        self, remote: Remote, url: str, passed: Mapping[str, str], reply: Reply
    ) -> tuple[str, Mapping[str, str]]:
        """Where a redirect leads, and what is passed on there."""
        target = redirect_target(url, reply.headers)
        if url.startswith("https:") and not target.startswith("https:"):
            raise failed(remote.whose, Malformed("redirected from https to http"))
        if not self._partners.admits(target):
            raise failed(remote.whose, Malformed("redirected to a host that is no partner"))
        same = server_of(url).host == server_of(target).host
        return target, passed if same or self._partners.vouches_for(target) else {}


@dataclass(frozen=True, slots=True)
class _Hop:
    """Where a PUT is tried, with what, and whether it is asked first."""

    url: str
    passed: Mapping[str, str]
    asks: bool = True


class Attempt:
    """What one request sends of a body: nothing once it is ``over``. ``begun``: some of it has been fetched, which is told."""

    __slots__ = ("_body", "_tell", "begun", "over")

    def __init__(self, body: AsyncIterable[bytes], begun: Callable[[], None]) -> None:
        self._body = aiter(body)
        self._tell = begun
        self.begun = False
        self.over = False

    def __aiter__(self) -> "Attempt":
        return self

    async def __anext__(self) -> bytes:
        if not self.begun:
            # the client library lets the body go with a final answer as it does with 100: whoever waits for the answer runs first
            await next_turn()
            if self.over:
                raise BodyBroken("nobody wants it here")
            self.begun = True
            self._tell()
        return await anext(self._body)


def _expect_success(remote: Remote, reply: Reply) -> None:
    if not 200 <= reply.status < 300:
        raise refused(remote.whose, reply.status)


def _length(reply: Reply) -> int | None:
    said = reply.headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None


def _digests(reply: Reply) -> tuple[Digest, ...]:
    return parse_digest(reply.headers.get("Digest", ""))


def _too_many(remote: Remote) -> RequestError:
    return failed(remote.whose, Malformed(f"more than {MAX_HOPS} redirects"))
