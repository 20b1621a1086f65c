"""Which of their servers are near? The Geo-API over HTTP: ``shoalpy.geoapi`` asked with what the request says and the name service knows."""

from collections.abc import Callable, Mapping

from aiohttp import hdrs, web
from multidict import CIMultiDict

from shoalpy.geoapi import (
    CDN_HEADER,
    FORWARDED_HEADER,
    LOOKUPS,
    MAX_AGE_S,
    REFUSED_MAX_AGE_S,
    GeoAnswer,
    GeoApiPolicy,
    behind_cdn,
    ordered,
    origin,
    parse_geo_path,
    render_order,
    render_refusal,
    said_callers,
)
from shoalpy.geoapi_lookup import AddressBook
from shoalpy.model import Address
from shoalpy.web.callers import Asking
from shoalpy.web.front import Answer, check_reading
from shoalpy.web.replies import SERVER, plain
from ugrpy.core.errors import BadRequest
from ugrpy.locality import Position, parse_address
from ugrpy.security.forwarded import TrustedNetworks
from ugrpy.service.observing import client_of
from ugrpy.service.quick import QuickBody, head_before_length, quick_for

# The beginnings of all paths answered here.
STARTS = ("/cvmfs/", "/api/")


class GeoApi:
    """Answers questions. ``position_of`` says where an address is, by now."""

    def __init__(
        self,
        position_of: Callable[[Address], Position | None],
        book: AddressBook,
        policy: GeoApiPolicy,
    ) -> None:
        self._position_of = position_of
        self._book = book
        self._policy = policy
        self._trusted = TrustedNetworks(policy.trusted_proxies)

    async def answer(
        self,
        path: str,
        headers: Mapping[str, str],
        *,
        peer: Address | None,
        client: Address | None,
    ) -> GeoAnswer:
        """``peer`` is whose connection it is; ``client`` who is behind it as far as the rest of this service believes."""
        try:
            return await self._answer(path, headers if self._believed(peer) else {}, client)
        except BadRequest as refused:
            return render_refusal(str(refused))

    async def _answer(
        self, path: str, headers: Mapping[str, str], client: Address | None
    ) -> GeoAnswer:
        ask = parse_geo_path(path)
        book, most = self._book, self._policy.max_names
        if ask.caching == LOOKUPS:
            return GeoAnswer(200, f"{book.lookups}\n".encode(), 0)
        if len(ask.servers) + len(ask.proxies or ()) > most:
            raise BadRequest(f"more than {most} names")
        via_cdn = CDN_HEADER in headers
        names = ask.names(via_cdn=via_cdn)
        await book.learn(names)
        at = None if client is None else self._position_of(client)
        where = origin(ask, said_callers(headers), at, self._locate)
        numbers = ordered(ask, where, self._locate, behind=self._behind_cdn if via_cdn else None)
        # an answer made while a name could not be asked for may be another one soon
        return render_order(numbers, MAX_AGE_S if book.all_sure(names) else REFUSED_MAX_AGE_S)

    def _believed(self, peer: Address | None) -> bool:
        # without a peer it is a local socket, which is the operator's own
        return not self._trusted or peer is None or peer in self._trusted

    def _locate(self, name: str) -> Position | None:
        for address in self._book.addresses(name):
            if (position := self._position_of(address)) is not None:
                return position
        return None

    def _behind_cdn(self, name: str) -> Position | None:
        return self._locate(behind_cdn(name))


def geo_route(api: GeoApi) -> Answer:
    """The handler for all paths that begin with one of ``STARTS``."""

    async def route(request: web.BaseRequest, _asking: Asking) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        # repositories themselves are on other servers
        if path.startswith("/cvmfs/") and path.split("/", 4)[3:4] != ["api"]:
            return plain(404, "not found")
        check_reading(request)
        answer = await api.answer(
            path,
            _said(request),
            peer=parse_address(request.remote or ""),
            client=client_of(request),
        )
        return _response(request, answer)

    return route


def _said(request: web.BaseRequest) -> dict[str, str]:
    """What proxies say; a header given several times is one list (RFC 9110 section 5.3)."""
    headers = request.headers
    return {
        name: ", ".join(headers.getall(name))
        for name in (CDN_HEADER, FORWARDED_HEADER)
        if name in headers
    }


def _headers(max_age_s: int) -> dict[str, str]:
    return {
        "Server": SERVER,
        "Content-Type": "text/plain",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": f"max-age={max_age_s}",
    }


_QUICK_HEAD = head_before_length(200, CIMultiDict(_headers(MAX_AGE_S)))


def _response(request: web.BaseRequest, answer: GeoAnswer) -> web.StreamResponse:
    if answer.max_age_s == MAX_AGE_S and request.method == hdrs.METH_GET and quick_for(request):
        return QuickBody(answer.status, _QUICK_HEAD, answer.body)
    return web.Response(status=answer.status, body=answer.body, headers=_headers(answer.max_age_s))
