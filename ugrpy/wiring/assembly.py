"""From a configuration to a running federation: the one place where the areas are put together."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from random import Random
from urllib.parse import urlsplit

import structlog
from aiohttp.resolver import AsyncResolver

from ugrpy.config import Absence, Configuration, EndpointSettings
from ugrpy.core.clock import Clock, SystemClock
from ugrpy.core.errors import ConfigError
from ugrpy.core.meter import Meter, NullMeter
from ugrpy.endpoints.base import Endpoint
from ugrpy.endpoints.completing import CompletingEndpoint
from ugrpy.endpoints.over_http import HttpEndpoint
from ugrpy.endpoints.registry import make_endpoint
from ugrpy.federation import Federation, Member, Policies, Surroundings
from ugrpy.health.board import HealthBoard
from ugrpy.health.states import Transition
from ugrpy.locality import Candidate, Place, Ranker
from ugrpy.locality.geodb import GeoDatabase, Locator
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId
from ugrpy.namespace.paths import MountTable

log = structlog.get_logger("ugrpy.health")
log_names = structlog.get_logger("ugrpy.federation")

# How long the start waits for the name service to say where the endpoints are; unknown is better than late.
RESOLVE_TIMEOUT_S = 3.0
# Of a question's time so much may go into asking about the children of a listing; the rest is for handing them on.
COMPLETING_SHARE = 0.75
# Of one listing's clashes so many are named in the log; the metric counts all.
CLASHES_TOLD = 5


@dataclass(frozen=True, slots=True)
class Assembled:
    """A federation and what has to be closed with it."""

    federation: Federation
    locator: Locator
    database: GeoDatabase
    watchers: list[Callable[[Transition], None]]
    """They hear of every endpoint that leaves or enters service; to be added to."""

    async def close(self) -> None:
        """Let go of everything."""
        await self.federation.close()
        self.database.close()


async def assemble(
    config: Configuration,
    *,
    clock: Clock | None = None,
    meter: Meter | None = None,
    draw: Callable[[], float] | None = None,
) -> Assembled:
    """Make the federation that the configuration describes, in the running loop.

    Raises ``ConfigError`` for what can only be seen now, such as a GeoIP database that cannot be read.
    """
    # chance for spreading load, not for secrets; seeded by the system, so workers differ
    draw = draw or Random().random  # noqa: S311
    database = await asyncio.to_thread(GeoDatabase, config.locality.geoip)
    locator = Locator(database, config.locality.networks)
    settings = config.endpoints
    places = await places_of(settings, locator)
    ids = [EndpointId(one.name) for one in settings]
    board = HealthBoard(
        ids,
        config.health,
        policies={EndpointId(one.name): one.health for one in settings if one.health is not None},
        unprobed={EndpointId(one.name) for one in settings if one.probe_plan is None},
        times=config.downtimes,
        draw=draw,
    )
    ranker = Ranker(
        [
            Candidate(one.name, place, weight=one.weight)
            for one, place in zip(settings, places, strict=True)
        ],
        config.locality.rules,
        config.locality,
        locator.place,
    )
    members = await _members(settings, places, config.federation.deadline_s)
    endpoints = {member.id: member.endpoint for member in members}

    watchers: list[Callable[[Transition], None]] = []

    def changed(change: Transition) -> None:
        log_transition(change, endpoints[change.endpoint].trouble)
        for watcher in watchers:
            watcher(change)

    around = Surroundings(draw, clock or SystemClock(), meter or NullMeter(), changed, log_clash)
    policies = Policies(
        config.federation, config.cache, config.federation.max_list_items, config.load
    )
    federation = Federation(members, board, ranker, policies, around)
    return Assembled(federation, locator, database, watchers)


async def _members(
    settings: Sequence[EndpointSettings], places: Sequence[Place], deadline_s: float
) -> list[Member]:
    """All of them or none: when one cannot be made, those made before are closed."""
    members: list[Member] = []
    try:
        for one, place in zip(settings, places, strict=True):
            members.append(_member(one, place, deadline_s))
    except ConfigError:
        for member in members:
            await member.endpoint.close()
        raise
    return members


def _member(settings: EndpointSettings, place: Place, deadline_s: float) -> Member:
    endpoint: Endpoint = make_endpoint(
        settings.kind, EndpointId(settings.name), settings.url, settings.transport
    )
    if isinstance(endpoint, HttpEndpoint) and settings.probe_plan is not None:
        endpoint.probe_plan = settings.probe_plan
    if settings.stat_children:
        endpoint = CompletingEndpoint(
            endpoint,
            # half of the connections stay free for everybody else
            at_once=max(1, settings.max_connections // 2),
            within_s=COMPLETING_SHARE * deadline_s,
        )
    return Member(
        endpoint,
        MountTable(settings.mounts),
        readable=settings.readable,
        listable=settings.listable,
        strict=settings.absence is Absence.STRICT,
        country=place.country.lower() if place.country else None,
        writable=settings.writable,
        create_parents=settings.create_parents,
        copies_to_others=settings.third_party_copy,
        free_bytes=settings.free_bytes,
        tells_checksums=settings.checksums,
        connections=settings.max_connections,
    )


async def places_of(settings: Sequence[EndpointSettings], locator: Locator) -> list[Place]:
    """Where the endpoints are: as the operator says, else where their first address is."""
    resolver = AsyncResolver()
    try:
        return list(await asyncio.gather(*(_place(one, locator, resolver) for one in settings)))
    finally:
        await resolver.close()


async def _place(settings: EndpointSettings, locator: Locator, resolver: AsyncResolver) -> Place:
    host = urlsplit(settings.url).hostname or ""
    found = locator.place(await _address(host, resolver))
    if settings.location is None:
        return found
    return Place(settings.location, found.country, found.asn, "configuration")


async def _address(host: str, resolver: AsyncResolver) -> str | None:
    try:
        ip_address(host)
    except ValueError:
        pass
    else:
        return host
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            answers = await resolver.resolve(host)
    except (OSError, TimeoutError):
        return None
    return answers[0]["host"] if answers else None


def log_transition(change: Transition, trouble: str = "") -> None:
    """An endpoint has left or entered service; ``trouble`` is what last went wrong with it, as operators may read it."""
    log.warning(
        "endpoint changed",
        endpoint=change.endpoint,
        before=change.before.value,
        after=change.after.value,
        reason=change.reason,
        trouble=trouble,
    )


def log_clash(path: str, clashing: Sequence[Merged]) -> None:
    """Replicas of a name disagree, or those of names in one collection; a few of them are named."""
    log_names.warning(
        "replicas disagree",
        path=path,
        names=len(clashing),
        clashes=[
            f"{one.entry.name}: {clash.endpoint} has {clash.about} {clash.says}, others {clash.majority}"
            for one in clashing[:CLASHES_TOLD]
            for clash in one.conflicts
        ],
    )
