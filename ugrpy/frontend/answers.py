"""Responses and their headers: redirects, metadata, bodies in pieces."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from urllib.parse import quote

from aiohttp import web
from multidict import CIMultiDict

from ugrpy.federation import KnownName, Replica
from ugrpy.frontend.exchange import Exchange
from ugrpy.frontend.problem import proxy_status
from ugrpy.metalink.links import render_duplicate_links
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId
from ugrpy.service.quick import QuickResponse, head_of, quick_for
from ugrpy.webdav.dates import render_http_date
from ugrpy.webdav.validators import weak_etag

SERVER = "ugrpy"
CACHE_HIT = "ugrpy; hit"
CACHE_MISS = "ugrpy; fwd=miss"
# Bodies up to this size are sent whole, with their length; longer ones in chunks as they are rendered.
WHOLE_BYTES = 256 * 1024


def quick_redirect(
    exchange: Exchange, known: KnownName, order: tuple[EndpointId, ...]
) -> web.StreamResponse | None:
    """What ``redirect`` would answer, from a head made before; ``None`` when there is none or it would not fit."""
    head = known.prepared.get(order)
    if head is None or exchange.cache != "hit" or not quick_for(exchange.request):
        return None
    return QuickResponse(302, head)


def redirect(
    exchange: Exchange, known: KnownName, replicas: Sequence[Replica], *, limit: int
) -> web.Response:
    """302 to the first replica; the others as duplicates (RFC 6249), best first.

    A remembered name's head depends on the order only: it is kept for ``quick_redirect``, unless URLs are signed.
    """
    headers: CIMultiDict[str] = CIMultiDict({"Server": SERVER, "Location": replicas[0].url})
    if len(replicas) > 1:
        headers["Link"] = render_duplicate_links(replicas, limit=limit)
    headers["Cache-Status"] = CACHE_HIT if exchange.cache == "hit" else CACHE_MISS
    if known.summary.unknown or known.out:
        note_missing(exchange, headers, known.missing)
    elif (
        known.settled
        and exchange.cache == "hit"
        and all(one.endpoint in known.used for one in replicas)
    ):
        known.prepared[tuple(one.endpoint for one in replicas)] = head_of(302, headers)
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
    if missing:
        shown = sorted(missing.items()) if exchange.show_endpoints else [("", "")] * len(missing)
        headers["Proxy-Status"] = proxy_status(
            [(name, "destination_unavailable", reason) for name, reason in shown]
        )


def attachment(name: str) -> str:
    """``Content-Disposition`` for a download under ``name`` (RFC 6266; other than plain ASCII by RFC 5987)."""
    # some browsers take a percent sign for the beginning of an escape (RFC 6266 appendix D)
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in name)
    value = f'attachment; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe='', errors='surrogateescape')}"
    return value


class PiecesResponse(web.StreamResponse):
    """A body in pieces. ``sent_bytes`` is the body alone; aiohttp's own count has the head and the chunks' frames in it."""

    sent_bytes = 0

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send one piece."""
        await super().write(data)
        self.sent_bytes += len(data)


async def send_pieces(
    request: web.BaseRequest, status: int, headers: CIMultiDict[str], pieces: Iterable[bytes]
) -> web.StreamResponse:
    """Send a rendered body: whole with its length when short, else in chunks while it is being rendered.

    Ends as a cancelled handler does when the client leaves in between.
    """
    rest = iter(pieces)
    first, whole = _gather(rest)
    if whole or request.version < (1, 1):
        return web.Response(status=status, headers=headers, body=b"".join(chain((first,), rest)))
    response = PiecesResponse(status=status, headers=headers)
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        await response.write(first)
        for piece in rest:
            await response.write(piece)
        await response.write_eof()
    except ConnectionError as error:
        # we noticed before aiohttp, which would have cancelled us; to it, any other exception is a mistake of ours
        raise asyncio.CancelledError("the client has left") from error
    return response


def _gather(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    gathered: list[bytes] = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size > WHOLE_BYTES:
            return b"".join(gathered), False
    return b"".join(gathered), True
