"""PAC scripts over HTTP: ``shoalpy.wpad`` asked with what is known of the caller."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from shoalpy.model import Address, Upstream
from shoalpy.nearest import Caller, Nearest
from shoalpy.pac import CONTENT_TYPE
from shoalpy.proxylist import Proxy
from shoalpy.ranking import Ranked, Wish
from shoalpy.web.callers import Asking
from shoalpy.web.front import check_reading
from shoalpy.web.replies import SERVER
from shoalpy.wpad.rules import Rules
from shoalpy.wpad.service import CACHE_CONTROL, PacAnswer, WpadRequest, WpadService
from ugrpy.core.clock import Clock
from ugrpy.locality import Position, great_circle_km

# Where clients look (reference section 10.1).
PATH = "/wpad.dat"


class Book(Protocol):
    """Addresses by name: ``shoalpy.geoapi_lookup.AddressBook``."""

    async def learn(self, names: Sequence[str]) -> None:
        """Ask for those that are not known."""

    def addresses(self, name: str) -> Sequence[Address]:
        """What is known by now."""


@dataclass(frozen=True, slots=True)
class WpadParts:
    """What a script is made from. Without a ``book`` proxies stay in the order they are configured in."""

    service: WpadService
    nearest: Nearest
    count: int
    clock: Clock
    organisation_of: Callable[[Address], str | None]
    position_of: Callable[[Address], Position | None]
    book: Book | None = None


class WpadRoute:
    """The handler for ``PATH``."""

    def __init__(self, parts: WpadParts) -> None:
        self._parts = parts
        self._rules: Rules | None = None
        self._hosts: list[str] = []

    async def __call__(self, request: web.BaseRequest, asking: Asking) -> web.StreamResponse:
        """Answer one request."""
        check_reading(request)
        parts = self._parts
        if parts.book is not None and (hosts := self._named()):
            await parts.book.learn(hosts)
        now_s = parts.clock.wall()
        answer = parts.service.answer(self._asked(request, asking, now_s), now_s)
        is_pac = isinstance(answer, PacAnswer)
        return web.Response(
            status=200 if is_pac else 400,
            body=answer.text.encode("ascii", "backslashreplace"),
            headers={
                "Server": SERVER,
                "Content-Type": CONTENT_TYPE if is_pac else "text/plain",
                "Cache-Control": CACHE_CONTROL,
                "X-Content-Type-Options": "nosniff",
            },
        )

    def _named(self) -> list[str]:
        """The hosts of proxies that the rules of now name."""
        rules = self._parts.service.rules
        if rules is not self._rules:
            self._rules, self._hosts = rules, sorted({one.host for one in rules.named_proxies})
        return self._hosts

    def _asked(self, request: web.BaseRequest, asking: Asking, now_s: float) -> WpadRequest:
        parts, address = self._parts, asking.address
        name = None if address is None else parts.organisation_of(address)

        def nearest(upstream: Upstream | None) -> Sequence[Ranked]:
            wish = Wish(upstream=upstream, count=parts.count)
            return parts.nearest(asking.caller, wish, now_s)

        return WpadRequest(
            host_of(request.host),
            address,
            (name,) if name else (),
            nearest,
            lambda proxies: self._by_distance(asking.caller, proxies),
        )

    def _by_distance(self, caller: Caller, proxies: Sequence[Proxy]) -> Sequence[Proxy]:
        """Nearest first; those of unknown place stay behind the others, in their order."""
        here = caller.place.position
        if here is None:
            return proxies

        def away_km(proxy: Proxy) -> float:
            there = self._position(proxy)
            return float("inf") if there is None else great_circle_km(here, there)

        return sorted(proxies, key=away_km)

    def _position(self, proxy: Proxy) -> Position | None:
        parts = self._parts
        if parts.book is None:
            return None
        for address in parts.book.addresses(proxy.host):
            if (position := parts.position_of(address)) is not None:
                return position
        return None


def host_of(authority: str) -> str:
    """The host in ``Host``, without port and brackets."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]
