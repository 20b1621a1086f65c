"""Responses and their headers: redirects, metadata, bodies in pieces."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import quote

import structlog
from aiohttp import web
from aiohttp.web_response import ContentCoding
from multidict import CIMultiDict

from ugrpy.core.aio import next_turn
from ugrpy.core.errors import RequestError
from ugrpy.federation import KnownName, Replica
from ugrpy.frontend.exchange import Exchange
from ugrpy.frontend.fields import proxy_status, proxy_status_of_all
from ugrpy.frontend.telling import quick_tail, tell
from ugrpy.metalink.links import render_duplicate_links
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId
from ugrpy.service.coding import SMALLEST_BYTES, content_coding
from ugrpy.service.quick import QuickResponse, head_before_length, quick_for
from ugrpy.webdav.dates import render_http_date
from ugrpy.webdav.validators import weak_etag

log = structlog.get_logger("ugrpy.frontend")

SERVER = "ugrpy"
# Bodies up to this size are sent whole, with their length; longer ones in chunks as they are rendered.
WHOLE_BYTES = 256 * 1024


def quick_redirect(
    exchange: Exchange, known: KnownName, order: tuple[EndpointId, ...]
) -> web.StreamResponse | None:
    """What ``redirect`` would answer, from a head made before; ``None`` when there is none or it would not fit."""
    head = known.prepared.get(order)
    if head is None or exchange.cache != "hit" or not quick_for(exchange.request):
        return None
    return QuickResponse(302, head + quick_tail(exchange, known))


def redirect(
    exchange: Exchange, known: KnownName, replicas: Sequence[Replica], *, limit: int
) -> web.Response:
    """302 to the first replica; the others as duplicates (RFC 6249), best first.

    A remembered name's head depends on the order only: it is kept for ``quick_redirect``, unless URLs are signed.
    """
    headers: CIMultiDict[str] = CIMultiDict({"Server": SERVER, "Location": replicas[0].url})
    if len(replicas) > 1:
        headers["Link"] = render_duplicate_links(replicas, limit=limit)
    if known.summary.unknown or known.out:
        note_missing(exchange, headers, known.missing)
    elif (
        known.settled
        and exchange.cache == "hit"
        and all(one.endpoint in known.used for one in replicas)
    ):
        order = tuple(one.endpoint for one in replicas)
        known.prepared[order] = head_before_length(302, headers)
    return web.Response(status=302, headers=headers)


def to_collection(target: str) -> web.Response:
    """302 to the slash form of a collection. Path-only, so the gateway never has to know its own name."""
    return web.Response(status=302, headers={"Server": SERVER, "Location": target})


def file_headers(known: KnownName, merged: Merged) -> CIMultiDict[str]:
    """What HEAD says of a file. The ETag is given only when all have spoken: a late answer could change it."""
    headers: CIMultiDict[str] = CIMultiDict(
        {"Server": SERVER, "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
    )
    entry = merged.entry
    if entry.size_bytes is not None:
        headers["Content-Length"] = str(entry.size_bytes)
    if entry.mtime_s is not None:
        headers["Last-Modified"] = render_http_date(entry.mtime_s)
    if known.complete:
        headers["ETag"] = weak_etag(entry)
    return headers


def note_missing(exchange: Exchange, headers: CIMultiDict[str], missing: Mapping[str, str]) -> None:
    """Say which endpoints did not contribute (``Proxy-Status``, RFC 9209); only how many, where names are not shown."""
    if not missing:
        return
    exchange.missing = missing
    if exchange.show_endpoints:
        headers["Proxy-Status"] = proxy_status(missing)
    else:
        asked = 0 if exchange.known is None else exchange.known.asked
        headers["Proxy-Status"] = proxy_status_of_all(missing, asked)


def attachment(name: str) -> str:
    """``Content-Disposition`` for a download under ``name`` (RFC 6266; other than plain ASCII by RFC 5987)."""
    # some browsers take a percent sign for the beginning of an escape (RFC 6266 appendix D)
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in name)
    value = f'attachment; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe='', errors='surrogateescape')}"
    return value


def missing_note(exchange: Exchange, missing: Mapping[str, str]) -> str:
    """The same in a sentence, for those who read only the body; empty when nothing is missing."""
    if not missing:
        return ""
    count = "1 storage element" if len(missing) == 1 else f"{len(missing)} storage elements"
    note = f"incomplete: {count} did not contribute"
    if exchange.show_endpoints:
        note += ": " + "; ".join(f"{name}: {reason}" for name, reason in sorted(missing.items()))
    return note


class PiecesResponse(web.StreamResponse):
    """A body in pieces. ``sent_bytes`` is the body alone, before it is compressed; aiohttp's own count has the head in it."""

    sent_bytes = 0

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send one piece, and let others have their turn: a client that reads fast would never make us wait."""
        await super().write(data)
        self.sent_bytes += len(data)
        await next_turn()


async def send_pieces(
    exchange: Exchange, status: int, headers: CIMultiDict[str], pieces: Iterable[bytes]
) -> web.StreamResponse:
    """Send a rendered body: whole with its length when short, else in chunks while it is being rendered.

    To a client of HTTP/1.0 a long one goes out until the connection ends: to know its length would take all of it in memory.
    Compressed if the client likes. Ends as a cancelled handler does when the client leaves in between.
    """
    rest = iter(pieces)
    first, whole = _gather(rest)
    if whole:
        coding = _vary(exchange, headers)
        answer = web.Response(status=status, headers=headers, body=first)
        if coding is not None and len(first) >= SMALLEST_BYTES:
            answer.enable_compression(coding)
        return answer
    response = in_chunks(exchange, status, headers)
    async with sending(response, exchange):
        await response.write(first)
        for piece in rest:
            await response.write(piece)
    return response


async def send_growing(
    exchange: Exchange, status: int, headers: CIMultiDict[str], pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Send a body while it comes into being, to a client of HTTP/1.1.

    If it cannot be finished (a ``RequestError``) the connection is closed in the middle of the body: by then there is no other
    way to tell the client, and to end it in order would be a lie.
    """
    response = _chunked(status, headers, _vary(exchange, headers))
    try:
        async with sending(response, exchange):
            async for piece in pieces:
                await response.write(piece)
    except RequestError as error:
        break_off(exchange, response, str(error))
    return response


def break_off(exchange: Exchange, response: web.StreamResponse, reason: str) -> None:
    """Close the connection in the middle of a body, so that nobody takes it for whole.

    What has been sent still reaches the client, unless the end of the connection is the only sign of the end of the body (HTTP/1.0).
    """
    log.warning("answer broken off", path=exchange.external, reason=reason)
    response.force_close()
    transport = exchange.request.transport
    if transport is None:
        return
    ends_by_closing = response.content_length is None and exchange.request.version < (1, 1)
    transport.abort() if ends_by_closing else transport.close()


async def send_as_it_comes(
    exchange: Exchange,
    status: int,
    headers: CIMultiDict[str],
    first: bytes,
    rest: AsyncIterator[bytes],
) -> web.StreamResponse:
    """Send a body each piece of which is news for the client: never compressed, which would hold them back."""
    request = exchange.request
    response = PiecesResponse(status=status, headers=headers)
    if request.version >= (1, 1):
        response.enable_chunked_encoding()
    else:
        response.force_close()
    async with sending(response, exchange):
        await response.write(first)
        async for piece in rest:
            await response.write(piece)
    return response


def in_chunks(exchange: Exchange, status: int, headers: CIMultiDict[str]) -> PiecesResponse:
    """A response whose length is not known, compressed if the client likes; to HTTP/1.0 it lasts until the connection ends."""
    coding = _vary(exchange, headers)
    if exchange.request.version >= (1, 1):
        return _chunked(status, headers, coding)
    response = PiecesResponse(status=status, headers=headers)
    response.force_close()
    return response


def _chunked(
    status: int, headers: CIMultiDict[str], coding: ContentCoding | None
) -> PiecesResponse:
    response = PiecesResponse(status=status, headers=headers)
    response.enable_chunked_encoding()
    if coding is not None:
        response.enable_compression(coding)
    return response


@asynccontextmanager
async def sending(response: PiecesResponse, exchange: Exchange) -> AsyncIterator[None]:
    """Begin the answer, and end it in order. A client that leaves in between ends the handler as a cancelled one."""
    tell(exchange, response.status, response.headers)
    try:
        await response.prepare(exchange.request)
        yield
        await response.write_eof()
    except ConnectionError as error:
        # we noticed before aiohttp, which would have cancelled us; to it, any other exception is a mistake of ours
        raise asyncio.CancelledError("the client has left") from error


def _vary(exchange: Exchange, headers: CIMultiDict[str]) -> ContentCoding | None:
    """The coding for this client; others may get another, which caches are told."""
    vary = headers.get("Vary")
    headers["Vary"] = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"
    return content_coding(exchange.request.headers.get("Accept-Encoding"))


def _gather(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    gathered: list[bytes] = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size > WHOLE_BYTES:
            return b"".join(gathered), False
    return b"".join(gathered), True
