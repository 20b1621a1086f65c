"""The admin listener's pages: loopback or a Unix socket only, never the clients' port.

Liveness, readiness and metrics without restriction, the endpoints' health, the changes under way, ``explain`` for any path and client, which replicas
disagree, what was decided before, and who uses what of this process.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from urllib.parse import parse_qs

from aiohttp import web

from ugrpy.announcing.desk import Desk
from ugrpy.changing.report import MOST, render_report
from ugrpy.core.errors import BadRequest, NotFound, RequestError
from ugrpy.journal.base import Recorded
from ugrpy.namespace.model import EndpointId
from ugrpy.namespace.paths import normalise
from ugrpy.service.observing import problem_of
from ugrpy.service.state import ClientAddress, ServiceState, Side
from ugrpy.summing import Store
from ugrpy.summing.store import facts_of
from ugrpy.wiring.assembly import Assembled
from ugrpy.wiring.cachepages import PATH as CACHE
from ugrpy.wiring.cachepages import CachePages
from ugrpy.wiring.explaining import Explainer, Request
from ugrpy.wiring.flights import FlightPages
from ugrpy.wiring.flushing import Flushing
from ugrpy.wiring.load import MOST_SHOWN
from ugrpy.wiring.orders import PREFIX as ORDERS
from ugrpy.wiring.orders import OrderPages
from ugrpy.wiring.showing import facts_of_health


class AdminPages:
    """The handler for the admin listener. ``explainer`` says why, and has the process's part in changes.

    ``load`` says who uses what, of so many networks at most.
    """

    def __init__(
        self,
        assembled: Assembled,
        store: Store,
        state: ServiceState,
        explainer: Explainer,
        desk: Desk,
        flushing: Flushing,
        load: Callable[[int], Mapping[str, object]],
        flights: FlightPages | None = None,
    ) -> None:
        clock = assembled.federation.clock
        self._orders = OrderPages(desk, assembled.federation.board, clock)
        self._load = load
        self._federation = assembled.federation
        self._store = store
        self._part = explainer.part
        self._explainer = explainer
        self._pages: dict[str, Side] = {
            **state.sides(open_metrics=True),
            CACHE: CachePages(flushing),
            "/v1/changes": self._changes,
            "/v1/endpoints": self._endpoints,
            "/v1/explain": self._explain,
            "/v1/disagreements": self._disagreements,
            "/v1/load": self._who_uses_what,
        }
        if flights is not None:
            self._pages["/v1/flights"] = self._recorded(flights.found)
            self._pages["/v1/flights/replay"] = self._recorded(flights.replayed)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of an operator."""
        page = self._pages.get(request.path)
        try:
            if request.path.startswith(ORDERS):
                return await self._orders(request)
            if page is None:
                raise NotFound(f"no such page; there are {', '.join(sorted(self._pages))}")
            return await page(request, None)
        except RequestError as error:
            return problem_of(error)

    async def _endpoints(
        self, request: web.BaseRequest, _client: ClientAddress
    ) -> web.StreamResponse:
        clock = self._federation.clock
        now, wall = clock.monotonic(), clock.wall()
        snapshots = self._federation.board.snapshots(now)
        return web.json_response(
            [{**self._known(s.endpoint), **facts_of_health(s, now, wall)} for s in snapshots]
        )

    async def _disagreements(
        self, _request: web.BaseRequest, _client: ClientAddress
    ) -> web.StreamResponse:
        return web.json_response([facts_of(one) for one in await self._store.disagreements()])

    async def _who_uses_what(
        self, request: web.BaseRequest, _client: ClientAddress
    ) -> web.StreamResponse:
        """Of this worker alone; ``/metrics`` has the sums of all."""
        return web.json_response(self._load(_number(request, "most", MOST_SHOWN)))

    def _known(self, name: EndpointId) -> dict[str, object]:
        """What an endpoint tells of itself. ``trouble`` is its last failure, with the hosts and paths clients never see."""
        endpoint, asking = self._federation.members[name].endpoint, self._federation.asking
        return {
            "url": endpoint.base_url,
            "dialect": endpoint.features.dialect,
            "quirks": sorted(endpoint.features.quirks),
            "trouble": endpoint.trouble,
            "usual_s": asking.expecting.shown(name),
            "doubted": name in asking.credit.doubted,
        }

    async def _changes(
        self, request: web.BaseRequest, _client: ClientAddress
    ) -> web.StreamResponse:
        """From the journal, which all workers share."""
        most = _number(request, "most", MOST)
        written = Recorded() if self._part is None else await self._part.ground.journal.load()
        return web.json_response(render_report(written, most))

    async def _explain(
        self, request: web.BaseRequest, _client: ClientAddress
    ) -> web.StreamResponse:
        query = _query(request)
        if "path" not in query:
            raise BadRequest(
                "give ?path=/…, client=ADDRESS for another client than nobody, and method=PUT, size=BYTES, to=/… for other requests"
            )
        size = query.get("size", "")
        if size and not (size.isascii() and size.isdigit() and len(size) < 19):
            raise BadRequest("size is a number of bytes")
        asked = Request(
            normalise(query["path"]),
            query.get("method", "GET").upper(),
            query.get("client"),
            normalise(query["to"]) if "to" in query else "",
            int(size) if size else None,
            overwrite=query.get("overwrite", "T") != "F",
        )
        return web.json_response(asdict(await self._explainer(asked)))

    def _recorded(self, ask: Callable[[Mapping[str, str]], Awaitable[dict[str, object]]]) -> Side:
        async def page(request: web.BaseRequest, _client: ClientAddress) -> web.StreamResponse:
            return web.json_response(await ask(_query(request)))

        return page


def _number(request: web.BaseRequest, name: str, most: int) -> int:
    """A number in the query, ``most`` when it is not there."""
    text = _query(request).get(name, str(most))
    if not (text.isascii() and text.isdigit() and int(text) <= most):
        raise BadRequest(f"{name} is a number up to {most}")
    return int(text)


def _query(request: web.BaseRequest) -> dict[str, str]:
    return {key: values[-1] for key, values in parse_qs(request.query_string).items()}
