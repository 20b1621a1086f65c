"""The methods of WebDAV that a server of class 1 without dead properties answers by saying what it does not do."""

from dataclasses import dataclass

from aiohttp import web

from ugrpy.federation import Federation
from ugrpy.frontend import answers
from ugrpy.frontend.exchange import Exchange
from ugrpy.load.admission import Admission
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.model import Kind
from ugrpy.service.body import read_body
from ugrpy.webdav.proppatch import parse_proppatch, render_refused

CONTENT_TYPE = 'application/xml; charset="utf-8"'
MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Proppatch:
    """Answers PROPPATCH: of a name that exists, no property can be changed (RFC 4918 section 9.2)."""

    federation: Federation
    load: Admission
    body_timeout_s: float = 30.0

    async def __call__(self, exchange: Exchange) -> web.StreamResponse:
        """207 with 403 for each property."""
        body = await read_body(
            exchange.request, max_bytes=MAX_BODY_BYTES, timeout_s=self.body_timeout_s
        )
        names = parse_proppatch(body)
        kind = Kind.COLLECTION
        if exchange.path is not None:
            async with self.load.at_work(exchange.identity.address):
                known = await self.federation.locate(exchange.path, Want.ANY)
            kind = self.federation.expect(known).entry.kind
        headers = {"Server": answers.SERVER, "Content-Type": CONTENT_TYPE, "DAV": "1"}
        answer = render_refused(exchange.external, names, collection=kind is Kind.COLLECTION)
        return web.Response(status=207, headers=headers, body=answer)
