"""Version 2: the table as typed JSON, for programs written today.

Ports are numbers, flags are true or false, a distance is in kilometres, and what version 1 calls distance is called cost. The operations and
their shapes are described by the service itself (``/openapi.json``, ``/docs``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from aiohttp import web
from pydantic import Field

from shoalpy.model import Cache, CacheType, Health, Upstream
from shoalpy.nearest import Caller, Nearest
from shoalpy.ranking import CostPolicy, Ranked, Wish, capacity_kbps
from shoalpy.registry import Registry
from shoalpy.web.callers import Callers
from shoalpy.web.words import message_of
from ugrpy import __version__
from ugrpy.core.clock import Clock
from ugrpy.core.errors import NotFound
from ugrpy.service.api import (
    Api,
    ApiModel,
    Call,
    Identify,
    Nothing,
    Operation,
    Page,
    Paging,
    page_of,
)
from ugrpy.service.observing import client_of

OPERATOR = "operator"
BEHIND = ("/v2/", "/openapi.json", "/docs")
"""How the paths begin that are served here."""

_MOST = 1000

Ip = IPv4Address | IPv6Address


class PlaceOut(ApiModel):
    """What databases and the operator say of its address."""

    latitude_deg: float | None
    longitude_deg: float | None
    city: str | None
    region: str | None
    country: str | None = Field(description="ISO 3166-1, two letters")
    continent: str | None
    asn: int | None
    organisation: str | None


class VerificationOut(ApiModel):
    """What was found when it was last tried."""

    health: Health
    message: str
    checked_at_s: float | None = Field(description="seconds since the epoch")
    failures: int = Field(description="in a row")
    rtt_s: float | None


class CacheOut(ApiModel):
    """One cache."""

    key: str = Field(description="the identity that its agent gave itself")
    hostname: str
    port: int
    cache_type: CacheType
    upstream: Upstream
    public_ip: Ip | None = Field(description="where the world reaches it")
    private_ip: Ip | None = Field(description="hidden from other networks where so configured")
    created_s: float = Field(description="first heard of, in seconds since the epoch")
    last_active_s: float = Field(description="last heard of, in seconds since the epoch")
    drift_s: float = Field(description="how far its clock is ahead")
    load_kbps: float = Field(description="what it sends, in units of 1024 bytes a second")
    max_load_kbps: float = Field(description="what it can send")
    signed: bool = Field(description="its heartbeats are signed")
    global_access: bool = Field(description="everybody may use it, not only its own network")
    local: bool = Field(description="it stands in the caller's network")
    place: PlaceOut
    verification: VerificationOut


class NearestOut(ApiModel):
    """One cache as the caller should think of it."""

    cost: float
    distance_km: float | None
    cache: CacheOut


class StatsOut(ApiModel):
    """The table in numbers."""

    caches: int
    by_health: dict[Health, int]
    by_type: dict[CacheType, int]
    load_kbps: float = Field(description="what all of them send")
    max_load_kbps: float = Field(description="what all of them could send")


class KeyPath(ApiModel):
    """``/v2/caches/{key}``."""

    key: str


class CachesQuery(Paging):
    """Which of the caches."""

    health: Health | None = None
    cache_type: CacheType | None = None


class NearestQuery(ApiModel):
    """For whom, and what."""

    count: int = Field(5, ge=0, le=_MOST)
    cache_type: list[CacheType] = Field([], description="any of these; all kinds without it")
    upstream: Upstream | None = Field(None, description="what it must serve")
    ip: Ip | None = Field(None, description="for another address than the one that asks")


@dataclass(frozen=True, slots=True)
class V2Parts:
    """What the answers are made of. ``hide_private`` as in version 1; ``removed`` is told which cache was dropped by whom."""

    registry: Registry
    nearest: Nearest
    policy: CostPolicy
    callers: Callers
    clock: Clock
    hide_private: bool = False
    takes_ip: bool = True
    removed: Callable[[str, str], None] = lambda _key, _who: None


class V2:
    """The handlers."""

    def __init__(self, parts: V2Parts) -> None:
        self._parts = parts

    def api(self, identify: Identify, more: tuple[Operation, ...] = ()) -> Api:
        """All operations; ``more`` are those of other parts."""
        operations = (
            Operation("GET", "/v2/caches", self.caches, summary="The caches", tag="caches"),
            Operation(
                "GET",
                "/v2/caches/{key}",
                self.cache,
                summary="One cache",
                tag="caches",
                errors=(NotFound,),
            ),
            Operation(
                "DELETE",
                "/v2/caches/{key}",
                self.remove,
                summary="Drop a cache until it is heard of again",
                role=OPERATOR,
                tag="caches",
                errors=(NotFound,),
            ),
            Operation(
                "GET",
                "/v2/nearest",
                self.nearest,
                summary="The best caches for the caller",
                tag="answers",
                cache_control="private, no-cache",
            ),
            Operation("GET", "/v2/stats", self.stats, summary="The table in numbers", tag="caches"),
            *more,
        )
        return Api("shoalpy", __version__, operations, identify=identify)

    async def caches(self, call: Call[Nothing, CachesQuery, None]) -> Page[CacheOut]:
        """In the order of their keys."""
        asked = call.query
        found = [
            cache
            for cache in self._parts.registry.live(self._parts.clock.wall())
            if asked.health in (None, cache.verification.health)
            and asked.cache_type in (None, cache.beat.cache_type)
        ]
        found.sort(key=_key)
        page = page_of(found, asked, lambda cache: (cache.key,))
        caller = self._caller(call.request)
        return Page([self._shown(cache, caller) for cache in page.items], page.next_cursor)

    async def cache(self, call: Call[KeyPath, Nothing, None]) -> CacheOut:
        """By its key."""
        cache = self._parts.registry.get(call.path.key, self._parts.clock.wall())
        if cache is None:
            raise NotFound(f"there is no cache {call.path.key!r}")
        return self._shown(cache, self._caller(call.request))

    async def remove(self, call: Call[KeyPath, Nothing, None]) -> None:
        """It comes back with its next heartbeat."""
        if not self._parts.registry.remove(call.path.key):
            raise NotFound(f"there is no cache {call.path.key!r}")
        self._parts.removed(call.path.key, call.identity.name)

    async def nearest(self, call: Call[Nothing, NearestQuery, None]) -> list[NearestOut]:
        """Best first."""
        asked, parts = call.query, self._parts
        address = asked.ip if asked.ip is not None and parts.takes_ip else client_of(call.request)
        caller = parts.callers.asking(address).caller
        kinds = frozenset(asked.cache_type or CacheType)
        ranked = parts.nearest(caller, Wish(kinds, asked.upstream, asked.count), parts.clock.wall())
        return [self._ranked(one, caller) for one in ranked]

    async def stats(self, call: Call[Nothing, Nothing, None]) -> StatsOut:
        """How many there are, of which kind and how well."""
        parts = self._parts
        now_s = parts.clock.wall()
        caches = list(parts.registry.live(now_s))
        types = dict.fromkeys(CacheType, 0)
        for cache in caches:
            types[cache.beat.cache_type] += 1
        return StatsOut(
            caches=len(caches),
            by_health=dict(parts.registry.counts(now_s)),
            by_type=types,
            load_kbps=sum(cache.beat.load_kbps for cache in caches),
            max_load_kbps=sum(capacity_kbps(cache, parts.policy) for cache in caches),
        )

    def _caller(self, request: web.BaseRequest) -> Caller:
        return self._parts.callers.asking(client_of(request)).caller

    def _ranked(self, one: Ranked, caller: Caller) -> NearestOut:
        return NearestOut(
            cost=one.cost, distance_km=one.distance_km, cache=self._shown(one.cache, caller)
        )

    def _shown(self, cache: Cache, caller: Caller) -> CacheOut:
        beat, verdict, parts = cache.beat, cache.verification, self._parts
        local = parts.nearest.in_network_of(caller)(cache)
        return CacheOut(
            key=cache.key,
            hostname=beat.hostname,
            port=beat.port,
            cache_type=beat.cache_type,
            upstream=beat.upstream,
            public_ip=beat.reachable_ip,
            private_ip=beat.private_ip if local or not parts.hide_private else None,
            created_s=cache.created_s,
            last_active_s=cache.last_active_s,
            drift_s=cache.drift_s,
            load_kbps=beat.load_kbps,
            max_load_kbps=capacity_kbps(cache, parts.policy),
            signed=bool(beat.signer),
            global_access=cache.is_global,
            local=local,
            place=_place(cache),
            verification=VerificationOut(
                health=verdict.health,
                message=message_of(cache),
                checked_at_s=verdict.checked_at_s,
                failures=verdict.failures,
                rtt_s=verdict.rtt_s,
            ),
        )


def _key(cache: Cache) -> str:
    return cache.key


def _place(cache: Cache) -> PlaceOut:
    facts, position = cache.facts, cache.facts.place.position
    return PlaceOut(
        latitude_deg=None if position is None else position.latitude_deg,
        longitude_deg=None if position is None else position.longitude_deg,
        city=facts.city,
        region=facts.region_name,
        country=facts.place.country,
        continent=facts.continent,
        asn=facts.place.asn,
        organisation=facts.organisation,
    )
