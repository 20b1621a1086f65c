"""PROPFIND, always answered by us: the collection first, each child once, what is missing said in the headers."""

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web
from multidict import CIMultiDict

from ugrpy.core.errors import BadRequest, DepthRefused
from ugrpy.federation import Federation, KnownListing
from ugrpy.frontend import answers
from ugrpy.frontend.exchange import Exchange
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import Entry, Kind
from ugrpy.namespace.paths import join
from ugrpy.webdav.properties import Described
from ugrpy.webdav.render import render_multistatus
from ugrpy.webdav.request import Depth, parse_depth, parse_propfind
from ugrpy.webdav.validators import weak_etag

CONTENT_TYPE = 'application/xml; charset="utf-8"'
MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Propfind:
    """Answers PROPFIND."""

    federation: Federation

    async def __call__(self, exchange: Exchange) -> web.StreamResponse:
        """207 for Depth 0 and 1; Depth infinity, which is also the default, is refused (RFC 4918 section 9.1)."""
        request = exchange.request
        depth = parse_depth(request.headers.get("Depth"))
        question = parse_propfind(await _body(request))
        if depth is Depth.INFINITY:
            raise DepthRefused(
                "PROPFIND with Depth infinity is not offered; ask level by level with Depth 1"
            )
        headers: CIMultiDict[str] = CIMultiDict(
            {"Server": answers.SERVER, "Content-Type": CONTENT_TYPE, "DAV": "1"}
        )
        items = await self._describe(exchange, depth, headers)
        return await answers.send_pieces(request, 207, headers, render_multistatus(items, question))

    async def _describe(
        self, exchange: Exchange, depth: Depth, headers: CIMultiDict[str]
    ) -> Iterable[Described]:
        if exchange.path is None:
            return _above(exchange, depth)
        if depth is Depth.ZERO:
            known = self.federation.recall(exchange.path, Want.ANY)
            exchange.cache = "hit" if known else "miss"
            known = known or await self.federation.inquire(exchange.path, Want.ANY)
            merged = self.federation.expect(known)
            answers.note_missing(exchange, headers, known.missing)
            return [_described(exchange.external, merged, stable=known.complete)]
        listing = await self._listing(exchange, exchange.path)
        answers.note_missing(exchange, headers, listing.missing)
        return _listed(exchange.external, listing)

    async def _listing(self, exchange: Exchange, path: str) -> KnownListing:
        known = self.federation.recall_listing(path)
        exchange.cache = "miss" if known is None else "hit"
        return known or await self.federation.inquire_listing(path)


async def _body(request: web.BaseRequest) -> bytes:
    if not request.can_read_body:
        return b""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise BadRequest(f"a PROPFIND body is at most {MAX_BODY_BYTES} bytes")
    body = await request.content.read(MAX_BODY_BYTES + 1)
    while len(body) <= MAX_BODY_BYTES and not request.content.at_eof():
        body += await request.content.read(MAX_BODY_BYTES + 1 - len(body))
    if len(body) > MAX_BODY_BYTES:
        raise BadRequest(f"a PROPFIND body is at most {MAX_BODY_BYTES} bytes")
    return body


def _above(exchange: Exchange, depth: Depth) -> list[Described]:
    paths = [exchange.external]
    if depth is Depth.ONE:
        paths += [join(exchange.external, name) for name in exchange.above]
    return [_described(path, Merged(Entry("", Kind.COLLECTION), ())) for path in paths]


def _listed(external: str, listing: KnownListing) -> Iterable[Described]:
    yield _described(external, listing.itself)
    for child in listing.children:
        yield _described(join(external, child.entry.name), child)


def _described(path: str, merged: Merged, *, stable: bool = True) -> Described:
    entry = merged.entry
    return Described(
        href=path,
        name=path.rpartition("/")[2],
        kind=entry.kind,
        size_bytes=entry.size_bytes,
        mtime_s=entry.mtime_s,
        etag=weak_etag(entry) if stable and entry.kind is Kind.FILE else None,
        replicas=len(merged.holders),
    )
