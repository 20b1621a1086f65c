"""MOVE and COPY inside the namespace (RFC 4918 sections 9.8 and 9.9): carried out here on every holder, never passed on."""

import re
from dataclasses import dataclass

from aiohttp import web

from ugrpy.changing import Changing
from ugrpy.changing.moving import Relocation
from ugrpy.core.errors import BadGateway, Forbidden
from ugrpy.core.urls import encode_path
from ugrpy.frontend import answers
from ugrpy.frontend.announced import conditions, refuse_fragment
from ugrpy.frontend.exchange import Exchange
from ugrpy.frontend.rights import Demand
from ugrpy.frontend.writing import name_to_change
from ugrpy.load.admission import Admission
from ugrpy.namespace.changes import OperationKind
from ugrpy.namespace.paths import Inside, PrefixMap
from ugrpy.security.authz import Operation
from ugrpy.webdav.copying import CopyRequest, Place, parse_move
from ugrpy.webdav.request import Depth

# RFC 9110 section 7.2; the port may be empty (RFC 3986 section 3.2.3)
_AUTHORITY = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::(?P<port>[0-9]{0,5}))?", re.ASCII
)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Relocating:
    """Answers MOVE, and COPY within the namespace."""

    changing: Changing
    prefixes: PrefixMap
    demand: Demand
    load: Admission

    async def move(self, exchange: Exchange) -> web.StreamResponse:
        """201 for a new name, 204 for one that was replaced."""
        refuse_fragment(exchange)
        asked = parse_move(exchange.request.headers)
        if asked.place.host and not is_here(exchange, asked.place):
            raise BadGateway(f"{exchange.external} can be moved inside this namespace only")
        target = self._target(exchange, asked.place)
        wish = Relocation(OperationKind.MOVE, name_to_change(exchange), target, asked.overwrite)
        return await self._relocate(exchange, wish, asked.place)

    async def copy(self, exchange: Exchange, asked: CopyRequest) -> web.StreamResponse:
        """201 for a new name, 204 for one that was replaced."""
        refuse_fragment(exchange)
        target = self._target(exchange, asked.place)
        wish = Relocation(
            OperationKind.COPY,
            name_to_change(exchange),
            target,
            asked.overwrite,
            shallow=asked.depth is Depth.ZERO,
        )
        return await self._relocate(exchange, wish, asked.place)

    async def _relocate(
        self, exchange: Exchange, wish: Relocation, place: Place
    ) -> web.StreamResponse:
        permit = conditions(exchange)
        async with self.load.at_work(exchange.identity.address):
            created = await self.changing.relocate(wish, permit)
        headers = {"Server": answers.SERVER}
        if created:
            headers["Location"] = encode_path(place.path)
        return web.Response(status=201 if created else 204, headers=headers)

    def _target(self, exchange: Exchange, place: Place) -> str:
        """The federated path of a destination on this server; the client must have the right to write there."""
        match self.prefixes.translate(place.path):
            case Inside(path) if path != "/":
                self.demand(exchange, Operation.WRITE, path)
                return path
            case _:
                raise Forbidden(f"{place.path}: nothing can be put there")


def is_here(exchange: Exchange, place: Place) -> bool:
    """Whether a place with a host is on this server: the client calls it by the name it calls us by."""
    found = _AUTHORITY.fullmatch(exchange.request.headers.get("Host", "").strip())
    if found is None:
        return False
    host, port = found["host"], found["port"]
    own_port = int(port) if port else _PORTS[place.scheme]
    return host.strip("[]").lower() == place.host and own_port == place.port
