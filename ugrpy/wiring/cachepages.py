"""``/v1/cache`` on the admin listener: what is remembered, and having it forgotten.

``GET`` says how much each worker remembers, ``GET ?path=/…`` what it remembers of one path. ``DELETE ?path=/…`` forgets one path, ``?prefix=/…`` it and all
below it, ``?all`` everything, on all workers of the host and in the store that gateways share, before it is answered. Paths are federated ones, decoded.
"""

from urllib.parse import parse_qsl

import structlog
from aiohttp import web

from ugrpy.core.errors import BadRequest, MethodNotAllowed
from ugrpy.namespace.paths import normalise
from ugrpy.service.state import ClientAddress
from ugrpy.wiring.flushing import Flushing
from ugrpy.wiring.orders import refuse_other_sites

log = structlog.get_logger("ugrpy.audit")

PATH = "/v1/cache"


class CachePages:
    """The page."""

    def __init__(self, flushing: Flushing) -> None:
        self._flushing = flushing

    async def __call__(
        self, request: web.BaseRequest, _client: ClientAddress
    ) -> web.StreamResponse:
        """Look, or flush."""
        query = dict(parse_qsl(request.query_string, keep_blank_values=True))
        match request.method:
            case "GET":
                return await self._look(query)
            case "DELETE":
                refuse_other_sites(request)
                return await self._flush(request, query)
            case _:
                raise MethodNotAllowed(f"{PATH} is read or flushed", allowed=("GET", "DELETE"))

    async def _look(self, query: dict[str, str]) -> web.Response:
        if query.keys() - {"path"}:
            raise BadRequest("give ?path=/…, or nothing for all")
        if "path" not in query:
            return web.json_response({"workers": await self._flushing.look(None)})
        path = normalise(query["path"])
        workers = await self._flushing.look(path)
        last_known = await self._flushing.last_known(path)
        return web.json_response({"path": path, "workers": workers, "last_known": last_known})

    async def _flush(self, request: web.BaseRequest, query: dict[str, str]) -> web.Response:
        match list(query.items()):
            case [("path", path)]:
                path, below = normalise(path), False
            case [("prefix", path)]:
                path, below = normalise(path), True
            case [("all", _)]:
                path, below = "/", True
            case _:
                raise BadRequest("give one of ?path=/…, ?prefix=/… and ?all")
        await self._flushing.flush(path, below=below)
        log.warning("cache flushed", path=path, below=below, peer=request.remote or "local socket")
        return web.json_response({"flushed": path, "below": below})
