"""PUT, DELETE and MKCOL: uploads are sent to a storage, everything else is carried out here."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import hdrs, web
from multidict import CIMultiDict

from ugrpy.changing import Changing, Wanted
from ugrpy.core.errors import BadRequest, Forbidden, MethodNotAllowed, NotFound
from ugrpy.core.meter import Instrument
from ugrpy.frontend import answers
from ugrpy.frontend.announced import (
    announced_digests,
    announced_length,
    conditions,
    refuse_fragment,
)
from ugrpy.frontend.exchange import Exchange
from ugrpy.frontend.receiving import stream_upload
from ugrpy.frontend.streaming import Streaming
from ugrpy.load.admission import Admission
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId, Kind
from ugrpy.service.body import ends_connection, has_body
from ugrpy.streaming import Direction
from ugrpy.webdav.request import Depth, parse_depth

TEXT = "text/plain; charset=utf-8"
_ON_COLLECTIONS = ("OPTIONS", "GET", "HEAD", "PROPFIND", "DELETE", "MOVE", "COPY")


class UnsupportedContent(BadRequest):
    """Content of a kind that this method does not take (RFC 4918 section 9.3.1)."""

    status = 415
    title = "Unsupported Media Type"


@dataclass(frozen=True, slots=True)
class Writing:
    """Answers PUT, DELETE and MKCOL. ``redirected`` counts clients sent to each endpoint."""

    changing: Changing
    redirected: Mapping[EndpointId, Instrument]
    load: Admission
    streaming: Streaming | None = None

    async def put(self, exchange: Exchange) -> web.StreamResponse:
        """307 to where the content goes, at once: whether the client waits for a word (``Expect``) or sends already.

        In the second case the connection takes in the content for a while before it ends, so that the client can read the answer.
        """
        refuse_fragment(exchange)
        if hdrs.CONTENT_RANGE in exchange.request.headers:
            raise BadRequest("parts of a file cannot be written (RFC 9110 section 14.5)")
        path = name_to_change(exchange)
        if exchange.slash:
            raise MethodNotAllowed(
                f"{exchange.external}/ is a collection; nothing can be written in its place",
                allowed=_ON_COLLECTIONS,
            )
        wanted = Wanted(
            path,
            exchange.zone,
            announced_length(exchange),
            announced_digests(exchange),
            conditions(exchange),
        )
        streaming = self.streaming
        if streaming is not None and (place := streaming.begin(exchange, Direction.WRITE)):
            with place:
                return await stream_upload(exchange, streaming, self.changing, wanted)
        async with self.load.at_work(exchange.identity.address):
            placed = await self.changing.upload(wanted)
        replica = placed.replica
        exchange.placed(placed.ranking)
        exchange.endpoint = replica.endpoint
        self.redirected[replica.endpoint].add()
        headers = {"Server": answers.SERVER, "Location": replica.url}
        response = web.Response(status=307, headers=headers)
        if ends_connection(exchange.request, response.status):
            response.force_close()
        return response

    async def delete(self, exchange: Exchange) -> web.StreamResponse:
        """204 when no storage in service holds it any more."""
        refuse_fragment(exchange)
        path = name_to_change(exchange)
        permit, depth = conditions(exchange), parse_depth(exchange.request.headers.get("Depth"))

        def check(merged: Merged | None) -> None:
            permit(merged)
            kind = None if merged is None else merged.entry.kind
            if exchange.slash and kind is Kind.FILE:
                raise NotFound(f"{exchange.external}/: there is no such collection")
            if kind is Kind.COLLECTION and depth is not Depth.INFINITY:
                raise BadRequest("a collection is deleted with all in it (RFC 4918 section 9.6.1)")

        async with self.load.at_work(exchange.identity.address):
            await self.changing.delete(path, check)
        return web.Response(status=204, headers={"Server": answers.SERVER})

    async def make_collection(self, exchange: Exchange) -> web.StreamResponse:
        """201 when it exists; who has not made it is told in ``Proxy-Status`` and in the body."""
        refuse_fragment(exchange)
        if has_body(exchange.request):
            raise UnsupportedContent("MKCOL takes no content here")
        path = name_to_change(exchange)
        async with self.load.at_work(exchange.identity.address):
            missing = await self.changing.make_collection(path)
        headers: CIMultiDict[str] = CIMultiDict({"Server": answers.SERVER, "Content-Type": TEXT})
        answers.note_missing(exchange, headers, missing)
        note = answers.missing_note(exchange, missing)
        return web.Response(status=201, headers=headers, text=f"{note}\n" if note else "")


def name_to_change(exchange: Exchange) -> str:
    """The federated path. Raises ``Forbidden`` for what only prefixes make, and for the root."""
    if exchange.path is None or exchange.path == "/":
        raise Forbidden(f"{exchange.external} itself cannot be changed")
    return exchange.path
