"""GET and HEAD: redirects to replicas, metadata from what we know, metalinks, pages."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import CIMultiDict

from ugrpy.core.clock import Clock
from ugrpy.core.errors import NotFound, PreconditionFailed, Unavailable
from ugrpy.core.meter import Instrument
from ugrpy.core.urls import encode_path
from ugrpy.federation import Federation, KnownListing, KnownName
from ugrpy.frontend import answers, page
from ugrpy.frontend.ahead import send_ahead
from ugrpy.frontend.digesting import (
    Wanted,
    tell_digests,
    tell_why_not,
    wanted_digests,
    wants_digest,
)
from ugrpy.frontend.exchange import Exchange
from ugrpy.frontend.streaming import Streaming
from ugrpy.frontend.telling import provenance
from ugrpy.load.admission import Admission
from ugrpy.metalink.document import Document, MetalinkReplica
from ugrpy.metalink.links import render_describedby
from ugrpy.metalink.negotiate import MetalinkVersion, metalink_accepted, metalink_wanted
from ugrpy.metalink.v3 import render_metalink3
from ugrpy.metalink.v4 import render_metalink4
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId, Kind
from ugrpy.namespace.paths import name_of
from ugrpy.streaming import Direction
from ugrpy.summing import Summing
from ugrpy.summing.copies import chosen
from ugrpy.webdav.validators import Conditions, Verdict, evaluate, weak_etag

METALINK_TYPES = {
    MetalinkVersion.V3: "application/metalink+xml",
    MetalinkVersion.V4: "application/metalink4+xml",
}
ROWS_IN_ONE_GO = 5000
_SUFFIXES = {MetalinkVersion.V3: ".metalink", MetalinkVersion.V4: ".meta4"}


@dataclass(frozen=True, slots=True)
class Reading:
    """Answers GET and HEAD. ``redirected`` counts clients sent to each endpoint."""

    federation: Federation
    clock: Clock
    max_replicas: int
    redirected: Mapping[EndpointId, Instrument]
    summing: Summing
    load: Admission
    streaming: Streaming | None = None

    async def get(self, exchange: Exchange) -> web.StreamResponse:
        """302 to the best replica, a metalink when that is what is wanted, a page for a collection."""
        if exchange.path is None:
            return await self._page(exchange)
        if exchange.slash:
            listing = await self._listing(exchange, exchange.path)
            if listing.itself.entry.kind is Kind.COLLECTION:
                return await self._page(exchange, listing)
        accept = exchange.request.headers.get("Accept")
        wanted = metalink_wanted(accept, exchange.query)
        if wanted is not None:
            return await self._metalink(exchange, wanted)
        streaming = self.streaming
        if streaming is not None and (place := streaming.begin(exchange, Direction.READ)):
            with place:
                return await self._streamed(exchange, streaming)
        known = self.federation.recall(exchange.path, Want.BEST, exchange.zone)
        if known is None:
            known = await self._inquire(exchange, exchange.path, Want.BEST)
        else:
            exchange.cache, exchange.known = "hit", known
        describe = metalink_accepted(accept)
        if not known.settled:
            merged = self.federation.expect(known)
            if merged.entry.kind is Kind.COLLECTION:
                return self._slash_form(exchange)
        if (unchanged := _conditional(exchange, known, whole=False)) is not None:
            return unchanged
        return self._redirect(exchange, known, describe=describe)

    async def _streamed(self, exchange: Exchange, streaming: Streaming) -> web.StreamResponse:
        """The file itself, for a client that cannot be redirected: its conditions are all ours to judge."""
        known = await self._known(exchange, streaming.want(exchange))
        if self.federation.expect(known).entry.kind is Kind.COLLECTION:
            return self._slash_form(exchange)
        if (unchanged := _conditional(exchange, known, whole=True)) is not None:
            return unchanged
        return await streaming.get(exchange, known)

    async def head(self, exchange: Exchange) -> web.StreamResponse:
        """Answered by us from what the endpoints say; never a signed redirect (clients reuse it for GET)."""
        if exchange.path is None:
            return web.Response(headers=_page_headers())
        accept = exchange.request.headers.get("Accept")
        wanted = metalink_wanted(accept, exchange.query)
        if wanted is not None and not exchange.slash:
            return await self._metalink(exchange, wanted)
        digest_wanted = wants_digest(exchange.request.headers)
        # the replica that is best for this client is asked for a checksum first
        known = await self._known(exchange, Want.BEST if digest_wanted else Want.ANY)
        merged = self.federation.expect(known)
        if merged.entry.kind is Kind.COLLECTION:
            return _page_head() if exchange.slash else self._slash_form(exchange)
        if wanted is not None:
            return await self._metalink(exchange, wanted)  # of a file with a slash at its end
        if (unchanged := _conditional(exchange, known, whole=True)) is not None:
            return unchanged
        if merged.entry.size_bytes is None:
            # nobody told the length, and one of ours would be wrong: the storage may know
            return self._redirect(exchange, known)
        headers = answers.file_headers(known, merged)
        answers.note_missing(exchange, headers, known.missing)
        if digest_wanted:
            await self._tell_digests(exchange, headers, known)
        if metalink_accepted(accept):
            self._describe(exchange, headers)
        return web.Response(headers=headers)

    async def _tell_digests(
        self, exchange: Exchange, headers: CIMultiDict[str], known: KnownName
    ) -> None:
        """The checksums that the client wants, or why there are none."""
        wanted = wanted_digests(exchange.request.headers)
        if not wanted.algorithms:
            tell_why_not(headers, "none of the algorithms is known here")
            return
        try:
            order = self.federation.order(known, exchange.zone)
        except Unavailable:
            order = ()
        async with self.load.at_work(exchange.identity.address):
            answered = await self.summing.ask(known, wanted.algorithms, order)
        if answered.digests:
            tell_digests(headers, wanted, answered.digests)
        else:
            tell_why_not(headers, answered.why)

    async def _known(self, exchange: Exchange, want: Want) -> KnownName:
        path = exchange.path
        assert path is not None
        known = self.federation.recall(path, want, exchange.zone)
        if known is not None:
            exchange.recalled(known)
            return known
        return await self._inquire(exchange, path, want)

    async def _inquire(self, exchange: Exchange, path: str, want: Want) -> KnownName:
        fwd = self.federation.why_forward(path)
        async with self.load.at_work(exchange.identity.address):
            return await exchange.asking(fwd, self.federation.inquire(path, want, exchange.zone))

    def _redirect(
        self, exchange: Exchange, known: KnownName, *, describe: bool = False
    ) -> web.StreamResponse:
        order = self.federation.order(known, exchange.zone)
        exchange.ranked(order, self.federation)
        exchange.endpoint = order[0]
        self.redirected[order[0]].add()
        merged = known.merged
        # a checksum is told with a redirect when it is at hand; aria2 asks for one each time, and nobody waits for it here
        told = (
            merged is not None
            and bool(merged.entry.digests)
            and wants_digest(exchange.request.headers)
        )
        quick = None if describe or told else answers.quick_redirect(exchange, known, order)
        if quick is not None:
            return quick
        replicas = self.federation.replicas(known, order)
        response = answers.redirect(exchange, known, replicas, limit=self.max_replicas)
        if told and merged is not None:
            wanted = Wanted(wanted_digests(exchange.request.headers).digest)
            digests = chosen(merged.entry.digests, wanted.algorithms)
            tell_digests(response.headers, wanted, digests)
        if describe:
            self._describe(exchange, response.headers)
        return response

    async def _metalink(self, exchange: Exchange, version: MetalinkVersion) -> web.Response:
        known = await self._known(exchange, Want.MOST)
        merged = self.federation.expect(known)
        if merged.entry.kind is Kind.COLLECTION:
            raise NotFound(f"{exchange.external} is a collection; metalinks describe files")
        order = self.federation.order(known, exchange.zone)
        exchange.ranked(order, self.federation)
        replicas = self.federation.replicas(known, order[: self.max_replicas or None])
        document = Document(
            name=name_of(exchange.external),
            size_bytes=merged.entry.size_bytes,
            digests=merged.entry.digests,
            replicas=tuple(MetalinkReplica(r.url, n, r.country) for n, r in enumerate(replicas, 1)),
            published_s=self.clock.wall(),
        )
        body = (
            render_metalink4(document)
            if version is MetalinkVersion.V4
            else render_metalink3(document)
        )
        headers: CIMultiDict[str] = CIMultiDict(
            {
                "Server": answers.SERVER,
                "Content-Type": METALINK_TYPES[version],
                "Content-Disposition": answers.attachment(document.name + _SUFFIXES[version]),
                "Vary": "Accept",
            }
        )
        answers.note_missing(exchange, headers, known.missing)
        if metalink_accepted(exchange.request.headers.get("Accept")):
            self._describe(exchange, headers)
        return web.Response(headers=headers, body=body)

    def _describe(self, exchange: Exchange, headers: CIMultiDict[str]) -> None:
        """Tell a client that named a metalink type where the metalink is; others would stumble (row K37)."""
        href = encode_path(exchange.external) + "?metalink=4"
        headers.add("Link", render_describedby(href, METALINK_TYPES[MetalinkVersion.V4]))

    def _slash_form(self, exchange: Exchange) -> web.Response:
        query = f"?{exchange.query}" if exchange.query else ""
        return answers.to_collection(encode_path(exchange.external) + "/" + query)

    async def _listing(self, exchange: Exchange, path: str) -> KnownListing:
        exchange.cache = "hit"  # a miss that is remembered is raised
        known = self.federation.recall_listing(path)
        if known is not None:
            exchange.recalled(known)
            return known
        exchange.cache = "miss"
        async with self.load.at_work(exchange.identity.address):
            return await exchange.asking("miss", self.federation.inquire_listing(path))

    async def _page(
        self, exchange: Exchange, listing: KnownListing | None = None
    ) -> web.StreamResponse:
        headers = _page_headers()
        answers.note_missing(exchange, headers, {} if listing is None else listing.missing)
        if listing is None or len(listing.children) <= ROWS_IN_ONE_GO:
            pieces = page.render_listing(await self._view(exchange, listing))
            return await answers.send_pieces(exchange, 200, headers, pieces)
        async with AsyncExitStack() as place:
            await place.enter_async_context(self.load.long_page(exchange.identity.address))
            pieces = page.render_listing(await self._view(exchange, listing))
            return await send_ahead(exchange, 200, headers, pieces, place.aclose)

    async def _view(self, exchange: Exchange, listing: KnownListing | None) -> page.ListingView:
        sort = page.parse_sort(dict(parse_qsl(exchange.query)))
        if listing is None:
            above = [page.Row(name, Kind.COLLECTION) for name in exchange.above]
            rows = page.sort_rows(above, sort)
            missing: Mapping[str, str] = {}
            told = None
        else:
            rows = await _rows(listing, sort, show_endpoints=exchange.show_endpoints)
            missing = listing.missing
            told = provenance(exchange, listing)
        return page.ListingView(
            path=exchange.external,
            rows=rows,
            sort=sort,
            missing=missing,
            show_endpoints=exchange.show_endpoints,
            identity=exchange.identity.name or "anonymous",
            partial=bool(missing),
            asked=listing.asked if listing else 0,
            told=told,
        )


def _page_headers() -> CIMultiDict[str]:
    return CIMultiDict(
        {
            "Server": answers.SERVER,
            "Content-Type": page.CONTENT_TYPE,
            "Content-Security-Policy": page.CONTENT_SECURITY_POLICY,
            "Vary": "Accept",
        }
    )


def _page_head() -> web.StreamResponse:
    # the page is not rendered for HEAD, so its length is not known: chunked says so without a lie
    response = web.StreamResponse(headers=_page_headers())
    response.enable_chunked_encoding()
    return response


async def _rows(listing: KnownListing, sort: page.Sort, *, show_endpoints: bool) -> list[page.Row]:
    def sorted_rows() -> list[page.Row]:
        rows = (_row(child, show_endpoints=show_endpoints) for child in listing.children)
        return page.sort_rows(rows, sort)

    if len(listing.children) <= ROWS_IN_ONE_GO:
        return sorted_rows()
    # sorting a hundred thousand rows takes a second, in which others want answers
    return await asyncio.to_thread(sorted_rows)


def _row(child: Merged, *, show_endpoints: bool) -> page.Row:
    if show_endpoints:
        said = [f"{c.endpoint}: {c.about} {c.says}, others {c.majority}" for c in child.conflicts]
    else:
        said = [
            f"replicas disagree on {about}" for about in sorted({c.about for c in child.conflicts})
        ]
    entry = child.entry
    return page.Row(
        entry.name,
        entry.kind,
        entry.size_bytes,
        entry.mtime_s,
        len(child.holders),
        "; ".join(said),
        child.holders,
    )


def _conditional(exchange: Exchange, known: KnownName, *, whole: bool) -> web.Response | None:
    """304 or 412 when the client's conditions call for it (RFC 9110 section 13), by our own validators.

    ``whole``: all conditions are ours to judge. A redirected client repeats its conditions at the storage, whose validators
    they may well be, so a GET is only spared when it would bring nothing new.
    """
    headers = exchange.request.headers
    if not (
        "If-None-Match" in headers
        or "If-Modified-Since" in headers
        or (whole and ("If-Match" in headers or "If-Unmodified-Since" in headers))
    ):
        return None
    merged = known.merged
    if merged is None or not known.complete:
        # what is known may still change, so nothing can be said about it having changed
        return None
    conditions = Conditions(
        if_match=headers.get("If-Match") if whole else None,
        if_none_match=headers.get("If-None-Match"),
        if_modified_since=headers.get("If-Modified-Since"),
        if_unmodified_since=headers.get("If-Unmodified-Since") if whole else None,
    )
    match evaluate(conditions, weak_etag(merged.entry), merged.entry.mtime_s):
        case Verdict.NOT_MODIFIED:
            unchanged = answers.file_headers(known, merged)
            unchanged.popall("Content-Length", None)
            return web.Response(status=304, headers=unchanged)
        case Verdict.FAILED:
            raise PreconditionFailed(f"{exchange.external} does not meet the request's conditions")
        case Verdict.PROCEED:
            return None
