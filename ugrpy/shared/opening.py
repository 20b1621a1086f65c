"""From the settings to the stores, each with what this process needs to know about it."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ugrpy.core.clock import Clock
from ugrpy.core.meter import Meter
from ugrpy.shared.base import SharedStore
from ugrpy.shared.memcached import MemcachedStore
from ugrpy.shared.settings import SharedSettings, parse_server
from ugrpy.shared.shard import Shard
from ugrpy.shared.steady import SteadyStore
from ugrpy.shared.valkey import ValkeyStore
from ugrpy.telemetry import SHARED_FAILURES, SHARED_FORGOTTEN


@dataclass(frozen=True, slots=True)
class Self:
    """Who this process is. ``host`` is the same for all workers of a gateway and after a restart; ``member`` as well, and of this worker alone.

    ``run`` is of this process alone. Without a ``member`` it takes no changes.
    """

    host: str
    run: str
    member: str = ""


def open_stores(settings: SharedSettings) -> dict[str, SharedStore]:
    """The stores by the names that logs and metrics call them; none when nothing is shared. No connection is made yet."""
    space, timeout_s = settings.namespace, settings.timeout_s
    if settings.url:
        return {_place(settings.url): ValkeyStore(settings.url, space, timeout_s)}
    stores: dict[str, SharedStore] = {}
    for server in settings.memcached:
        host, port = parse_server(server)
        stores[f"{host}:{port}"] = MemcachedStore(host, port, space, timeout_s)
    return stores


def open_shards(
    settings: SharedSettings,
    stores: dict[str, SharedStore],
    myself: Self,
    *,
    clock: Clock,
    draw: Callable[[], float],
    meter: Meter,
) -> list[Shard]:
    """This process's part in each store."""
    return [
        Shard(
            name,
            SteadyStore(
                store,
                name,
                clock,
                meter.instrument(SHARED_FAILURES.name, store=name, how="failed"),
                meter.instrument(SHARED_FAILURES.name, store=name, how="skipped"),
            ),
            settings,
            clock,
            draw,
            member=myself.member,
            run=myself.run,
            forgotten=meter.instrument(SHARED_FORGOTTEN.name, store=name),
        )
        for name, store in stores.items()
    ]


def _place(url: str) -> str:
    """Where a store is, without what opens it."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or parts.path
