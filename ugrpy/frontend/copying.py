"""COPY: two protocols by one name. Which of them a request speaks is in its headers (``webdav.copying``)."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from aiohttp import web
from multidict import CIMultiDict

from ugrpy.copying import Copier, Job, Redirected, Relayed
from ugrpy.copying.relaying import told
from ugrpy.core.errors import BadGateway, Forbidden
from ugrpy.core.meter import Instrument
from ugrpy.frontend import answers
from ugrpy.frontend.announced import conditions, refuse_fragment
from ugrpy.frontend.exchange import Exchange
from ugrpy.frontend.relocating import Relocating, is_here
from ugrpy.frontend.writing import name_to_change
from ugrpy.namespace.model import EndpointId
from ugrpy.namespace.paths import Inside
from ugrpy.security.authz import Operation
from ugrpy.webdav.copying import CopyMode, CopyRequest, parse_copy, transfer_headers
from ugrpy.webdav.markers import CONTENT_TYPE


@dataclass(frozen=True, slots=True)
class Copying:
    """Answers COPY. ``redirected`` counts clients sent to each endpoint."""

    relocating: Relocating
    copier: Copier | None
    redirected: Mapping[EndpointId, Instrument]

    async def __call__(self, exchange: Exchange) -> web.StreamResponse:
        """As RFC 4918 has it, or with another server."""
        asked = parse_copy(exchange.request.headers, lambda place: is_here(exchange, place))
        if asked.mode is CopyMode.WITHIN:
            return await self.relocating.copy(exchange, asked)
        if self.copier is None:
            raise BadGateway(f"{exchange.external} can be copied inside this namespace only")
        job = self._job(exchange, asked)
        async with self.relocating.load.at_work(exchange.identity.address):
            answer = await self.copier.copy(job)
        match answer:
            case Redirected(replica):
                exchange.endpoint = replica.endpoint
                self.redirected[replica.endpoint].add()
                headers = {"Server": answers.SERVER, "Location": replica.url}
                return web.Response(status=307, headers=headers)
            case Relayed(transfer, endpoint):
                exchange.endpoint = endpoint or ""
                async with aclosing(told(transfer)) as pieces:
                    return await _relay(exchange, pieces)

    def _job(self, exchange: Exchange, asked: CopyRequest) -> Job:
        """The copy, when the client has the right to it. Raises ``Forbidden``."""
        refuse_fragment(exchange)
        path = name_to_change(exchange)
        pull = asked.mode is CopyMode.PULL
        for operation in (Operation.WRITE if pull else Operation.READ, Operation.COPY):
            self.relocating.demand(exchange, operation, path)
        headers = exchange.request.headers
        return Job(
            path,
            exchange.external,
            exchange.zone,
            asked,
            conditions(exchange),
            self._other(exchange, asked),
            transfer_headers(headers),
            headers,
        )

    def _other(self, exchange: Exchange, asked: CopyRequest) -> str | None:
        """The federated path of the other end, when it is on this server; the client must have the right to that, too."""
        if not is_here(exchange, asked.place):
            return None
        match self.relocating.prefixes.translate(asked.place.path):
            case Inside(path) if path != "/":
                pull = asked.mode is CopyMode.PULL
                self.relocating.demand(exchange, Operation.READ if pull else Operation.WRITE, path)
                return path
            case _:
                raise Forbidden(f"{asked.place.path}: nothing can be copied from or to there")


async def _relay(exchange: Exchange, pieces: AsyncGenerator[bytes, None]) -> web.StreamResponse:
    """202, and then what the copy tells of itself. An error before that is raised."""
    first = await anext(pieces)
    headers: CIMultiDict[str] = CIMultiDict(
        {"Server": answers.SERVER, "Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
    )
    return await answers.send_as_it_comes(exchange, 202, headers, first, pieces)
