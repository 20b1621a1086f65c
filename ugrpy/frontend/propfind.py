"""PROPFIND, always answered by us: the collection first, each child once, what is missing said in the headers."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from aiohttp import web
from multidict import CIMultiDict

from ugrpy.core.errors import DepthRefused
from ugrpy.federation import Federation, Follower, KnownListing
from ugrpy.frontend import answers
from ugrpy.frontend.exchange import Exchange
from ugrpy.frontend.telling import provenance
from ugrpy.load.admission import Admission
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import Entry, Kind
from ugrpy.namespace.paths import join
from ugrpy.service.body import read_body
from ugrpy.webdav.properties import Described
from ugrpy.webdav.provenance import Provenance, is_asked_for
from ugrpy.webdav.render import MultistatusWriter, render_multistatus
from ugrpy.webdav.request import Depth, PropfindForm, PropfindRequest, parse_depth, parse_propfind
from ugrpy.webdav.validators import weak_etag

CONTENT_TYPE = 'application/xml; charset="utf-8"'
MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Propfind:
    """Answers PROPFIND."""

    federation: Federation
    load: Admission
    body_timeout_s: float = 30.0

    async def __call__(self, exchange: Exchange) -> web.StreamResponse:
        """207 for Depth 0 and 1; Depth infinity, which is also the default, is refused (RFC 4918 section 9.1)."""
        request = exchange.request
        depth = parse_depth(request.headers.get("Depth"))
        body = await read_body(request, max_bytes=MAX_BODY_BYTES, timeout_s=self.body_timeout_s)
        question = parse_propfind(body)
        if depth is Depth.INFINITY:
            raise DepthRefused(
                "PROPFIND with Depth infinity is not offered; ask level by level with Depth 1"
            )
        headers: CIMultiDict[str] = CIMultiDict(
            {"Server": answers.SERVER, "Content-Type": CONTENT_TYPE, "DAV": "1"}
        )
        if exchange.path is None:
            return await _send(exchange, headers, question, _above(exchange, depth), {})
        if depth is Depth.ONE:
            return await self._list(exchange, headers, question)
        known = self.federation.recall(exchange.path, Want.ANY)
        if known is not None:
            exchange.recalled(known)
        else:
            fwd = self.federation.why_forward(exchange.path)
            async with self.load.at_work(exchange.identity.address):
                known = await exchange.asking(fwd, self.federation.inquire(exchange.path, Want.ANY))
        merged = self.federation.expect(known)
        told = provenance(exchange, known)
        itself = _described(exchange.external, merged, told, stable=known.complete)
        itself = replace(itself, is_target=True)
        return await _send(exchange, headers, question, [itself], known.missing)

    async def _list(
        self, exchange: Exchange, headers: CIMultiDict[str], question: PropfindRequest
    ) -> web.StreamResponse:
        path = exchange.path
        assert path is not None
        exchange.cache = "hit"  # a miss that is remembered is raised
        remembered = self.federation.recall_listing(path)
        listing: KnownListing | Follower
        if remembered is not None:
            exchange.recalled(remembered)
            listing = remembered
        else:
            exchange.cache = "miss"
            async with self.load.at_work(exchange.identity.address):
                if exchange.request.version < (1, 1) or _must_be_whole(question):
                    # without chunks a broken end could not be told from the end
                    listing = await exchange.asking("miss", self.federation.inquire_listing(path))
                else:
                    listing = await exchange.asking("miss", self.federation.open_listing(path))
        if isinstance(listing, KnownListing):
            items = _listed(exchange.external, listing, provenance(exchange, listing))
            return await _send(exchange, headers, question, items, listing.missing)
        try:
            answers.note_missing(exchange, headers, listing.missing)
            async with aclosing(_following(exchange, listing, question)) as pieces:
                return await answers.send_growing(exchange, 207, headers, pieces)
        finally:
            listing.close()


async def _send(
    exchange: Exchange,
    headers: CIMultiDict[str],
    question: PropfindRequest,
    items: Iterable[Described],
    missing: Mapping[str, str],
) -> web.StreamResponse:
    answers.note_missing(exchange, headers, missing)
    note = answers.missing_note(exchange, missing)
    pieces = render_multistatus(items, question, note)
    return await answers.send_pieces(exchange, 207, headers, pieces)


async def _following(
    exchange: Exchange, listing: Follower, question: PropfindRequest
) -> AsyncGenerator[bytes, None]:
    """The multistatus of a listing that still grows. Who is missing in the end is told in its last lines."""
    external, writer = exchange.external, MultistatusWriter(question)
    yield writer.HEAD + b"".join(writer.some([_described(external, listing.itself, None)]))
    async for children in listing.pieces():
        for piece in writer.some(
            _described(join(external, child.entry.name), child, None) for child in children
        ):
            yield piece
    yield writer.end(answers.missing_note(exchange, listing.missing))


def _above(exchange: Exchange, depth: Depth) -> list[Described]:
    paths = [exchange.external]
    if depth is Depth.ONE:
        paths += [join(exchange.external, name) for name in exchange.above]
    return [_described(path, Merged(Entry("", Kind.COLLECTION), ()), None) for path in paths]


def _listed(external: str, listing: KnownListing, told: Provenance) -> Iterable[Described]:
    yield replace(_described(external, listing.itself, told), is_target=True)
    for child in listing.children:
        yield _described(join(external, child.entry.name), child, told)


def _must_be_whole(question: PropfindRequest) -> bool:
    """Whether the answer begins with what is only known in the end: who contributed to it."""
    return question.form is PropfindForm.PROPNAME or is_asked_for(question.names)


def _described(
    path: str, merged: Merged, told: Provenance | None, *, stable: bool = True
) -> Described:
    entry = merged.entry
    return Described(
        href=path,
        name=path.rpartition("/")[2],
        kind=entry.kind,
        size_bytes=entry.size_bytes,
        mtime_s=entry.mtime_s,
        etag=weak_etag(entry) if stable and entry.kind is Kind.FILE else None,
        replicas=len(merged.holders),
        holders=merged.holders,
        told=told,
    )
