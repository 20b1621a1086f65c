"""Which of their servers are near? The Geo-API over HTTP: ``shoalpy.geoapi`` asked with what the request says and the name service knows."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

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
    GeoAsk,
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
# Answers kept, a few hundred bytes each.
_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer that was made, and how long nothing can have changed: by the clock, and by the book's version."""

    answer: GeoAnswer
    version: int
    until_s: float


class GeoApi:
    """Answers questions. ``position_of`` says where an address is, by now; ``forget`` when it may say something else.

    Most clients name the same few servers, so orders are kept by who is ordered and as seen from where.
    """

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
        self._kept: dict[Hashable, _Kept] = {}

    def forget(self) -> None:
        """Places may be known otherwise now."""
        self._kept.clear()

    def believes(self, peer: str | None) -> bool:
        """Whether headers count that come over a connection of this address."""
        if not self._trusted or not peer:
            # a local socket, which has no address, is the operator's own
            return True
        address = parse_address(peer)
        return address is not None and address in self._trusted

    async def answer(
        self, path: str, headers: Mapping[str, str], *, client: Address | None
    ) -> GeoAnswer:
        """``headers`` as far as they are believed; ``client`` is who asks as far as the rest of this service believes."""
        try:
            ask = parse_geo_path(path)
            if ask.caching == LOOKUPS:
                return GeoAnswer(200, f"{self._book.lookups}\n".encode(), 0)
            return await self._answer(ask, headers, client)
        except BadRequest as refused:
            return render_refusal(str(refused))

    async def _answer(
        self, ask: GeoAsk, headers: Mapping[str, str], client: Address | None
    ) -> GeoAnswer:
        most = self._policy.max_names
        if len(ask.servers) + len(ask.proxies or ()) > most:
            raise BadRequest(f"more than {most} names")
        book, via_cdn = self._book, CDN_HEADER in headers
        names = ask.names(via_cdn=via_cdn)
        if book.is_fresh(ask.caching):
            key = (ask.servers, ask.proxies, self._origin(ask, headers, client), via_cdn)
            kept = self._kept.get(key)
            if kept is not None and kept.version == book.version and book.now_s() < kept.until_s:
                return kept.answer
        await book.learn(names)
        where = self._origin(ask, headers, client)
        numbers = ordered(ask, where, self._locate, behind=self._behind_cdn if via_cdn else None)
        if not book.all_sure(names):
            # a name could not be asked for: soon this may be another answer
            return render_order(numbers, REFUSED_MAX_AGE_S)
        answer = render_order(numbers)
        if len(self._kept) >= _KEPT:  # rare, and ordering anew is cheap: simpler than ageing
            self._kept.clear()
        key = (ask.servers, ask.proxies, where, via_cdn)
        self._kept[key] = _Kept(answer, book.version, book.fresh_until_s(names))
        return answer

    def _origin(self, ask: GeoAsk, headers: Mapping[str, str], client: Address | None) -> Position:
        at = None if client is None else self._position_of(client)
        return origin(ask, said_callers(headers), at, self._locate)

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
        said = _said(request)
        if said and not api.believes(request.remote):
            said = {}
        return _response(request, await api.answer(path, said, client=client_of(request)))

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
