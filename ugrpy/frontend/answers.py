"""Responses and their headers: redirects, metadata, bodies in pieces."""

from collections.abc import Iterable, Iterator
from itertools import chain
from urllib.parse import quote

from aiohttp import web
from multidict import CIMultiDict

from ugrpy.federation import KnownName, Replica
from ugrpy.frontend.problem import proxy_status
from ugrpy.metalink.links import render_duplicate_links
from ugrpy.namespace.merge import Merged
from ugrpy.webdav.dates import render_http_date
from ugrpy.webdav.validators import weak_etag

SERVER = "ugrpy"
CACHE_HIT = "ugrpy; hit"
CACHE_MISS = "ugrpy; fwd=miss"
# Bodies up to this size are sent whole, with their length; longer ones in chunks as they are rendered.
WHOLE_BYTES = 256 * 1024


def redirect(
    known: KnownName, replicas: tuple[Replica, ...], *, limit: int, hit: bool
) -> web.Response:
    """302 to the first replica; the others as duplicates (RFC 6249), best first.

    The headers depend on the order of the replicas only, so they are made once per name and order.
    """
    order = tuple(replica.endpoint for replica in replicas)
    prepared = known.prepared.get(order)
    if prepared is None:
        prepared = CIMultiDict({"Server": SERVER, "Location": replicas[0].url})
        if len(replicas) > 1:
            prepared["Link"] = render_duplicate_links(replicas, limit=limit)
        if all(known.used.get(name) is not None for name in order):
            # signed URLs are not kept, and neither is what was made of them
            known.prepared[order] = prepared
    headers = CIMultiDict(prepared)
    headers["Cache-Status"] = CACHE_HIT if hit else CACHE_MISS
    if known.silent or known.summary.unknown or known.out:
        note_missing(headers, known.missing)
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


def note_missing(headers: CIMultiDict[str], missing: dict[str, str]) -> None:
    """Say which endpoints did not contribute (``Proxy-Status``, RFC 9209)."""
    if missing:
        headers["Proxy-Status"] = proxy_status(
            [(name, "destination_unavailable", reason) for name, reason in sorted(missing.items())]
        )


def attachment(name: str) -> str:
    """``Content-Disposition`` for a download under ``name`` (RFC 6266; other than plain ASCII by RFC 5987)."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\' else "_" for c in name)
    value = f'attachment; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe='', errors='surrogateescape')}"
    return value


async def send_pieces(
    request: web.BaseRequest, status: int, headers: CIMultiDict[str], pieces: Iterable[bytes]
) -> web.StreamResponse:
    """Send a rendered body: whole with its length when short, else in chunks while it is being rendered."""
    rest = iter(pieces)
    first, whole = _gather(rest)
    if whole or request.version < (1, 1):
        return web.Response(status=status, headers=headers, body=b"".join(chain((first,), rest)))
    response = web.StreamResponse(status=status, headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(first)
    for piece in rest:
        await response.write(piece)
    await response.write_eof()
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
