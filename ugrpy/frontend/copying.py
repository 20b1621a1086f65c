"""COPY: two protocols by one name. Which of them a request speaks is in its headers (``webdav.copying``)."""

from dataclasses import dataclass

from aiohttp import web

from ugrpy.core.errors import BadGateway
from ugrpy.frontend.exchange import Exchange
from ugrpy.frontend.relocating import Relocating, is_here
from ugrpy.webdav.copying import CopyMode, parse_copy


@dataclass(frozen=True, slots=True)
class Copying:
    """Answers COPY."""

    relocating: Relocating

    async def __call__(self, exchange: Exchange) -> web.StreamResponse:
        """As RFC 4918 has it."""
        asked = parse_copy(exchange.request.headers, lambda place: is_here(exchange, place))
        if asked.mode is not CopyMode.WITHIN:
            raise BadGateway(f"{exchange.external} can be copied inside this namespace only")
        return await self.relocating.copy(exchange, asked)
