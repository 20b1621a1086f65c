"""Where callers and caches are and whose their networks are: databases, site map and reverse zones behind one door, kept current together."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from shoalpy import telemetry
from shoalpy.geo import GeoPolicy, GeoSource, open_geo
from shoalpy.network import NetworkPolicy, Networks
from shoalpy.reverse_zone import ReverseZones, SoaResolver
from ugrpy.core.clock import Clock
from ugrpy.core.meter import Meter
from ugrpy.locality.geowatch import GeoWatcher
from ugrpy.service.background import Background


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """``watch`` is the work that looks for new databases."""

    geo: GeoSource
    networks: Networks
    watch: Background


async def open_whereabouts(
    geo_policy: GeoPolicy,
    network_policy: NetworkPolicy,
    *,
    clock: Clock,
    meter: Meter,
    forget: Callable[[], None],
    closing: AsyncExitStack,
) -> Whereabouts:
    """Open databases and resolver; what has to be closed is put on ``closing``. ``forget`` is called when what was said of addresses changes.

    Raises ``ConfigError`` for a database that cannot be used.
    """
    geo = await asyncio.to_thread(open_geo, geo_policy)
    closing.callback(geo.database.close)

    def learned() -> None:
        networks.forget()
        forget()

    zones: ReverseZones | None = None
    if network_policy.by_soa:
        resolver = SoaResolver()
        closing.push_async_callback(resolver.close)
        zones = ReverseZones(resolver.mailbox, clock=clock, learned=learned)
        closing.push_async_callback(zones.close)
    networks = Networks(
        network_policy,
        facts_of=geo.facts_of,
        site_of=geo.site_of,
        mailbox_of=zones.mailbox_of if zones is not None else lambda _address: None,
    )

    def databases_changed() -> None:
        geo.forget()
        learned()

    failures = meter.instrument(telemetry.GEO_FAILURES.name)
    watcher = GeoWatcher(
        geo.database, forget=databases_changed, failed=lambda _error: failures.add()
    )
    return Whereabouts(geo, networks, Background("geoip", lambda: watcher.run(geo_policy.check_s)))
