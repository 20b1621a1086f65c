"""How does one worker take part in knowing which endpoints are well: who probes, who reads calendars, how it hears what operators say?"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ugrpy.announcing.desk import CHANNEL as NOTICES
from ugrpy.announcing.desk import Desk
from ugrpy.announcing.watching import Watching
from ugrpy.config import Configuration
from ugrpy.core.aio import spawn
from ugrpy.core.meter import Meter
from ugrpy.federation import Federation
from ugrpy.health.prober import run_prober
from ugrpy.health.states import Transition
from ugrpy.namespace.model import EndpointId
from ugrpy.service.background import Background
from ugrpy.service.channels import Channels
from ugrpy.shared.base import SharedStore
from ugrpy.shared.coherence import Coherence
from ugrpy.shared.memcached import MemcachedStore
from ugrpy.shared.ring import Ring
from ugrpy.shared.settings import parse_server
from ugrpy.wiring.assembly import Assembled
from ugrpy.wiring.changes import state_folder
from ugrpy.wiring.company import CHANNEL as HEALTH
from ugrpy.wiring.company import Companions
from ugrpy.wiring.leading import Leading, leading
from ugrpy.wiring.monitor import MonitorRecords

LEAD_RETRY_S = 1.0
DOUBTS_S = 0.25
NO_HOME = Path("/nonexistent/ugrpy")


@dataclass(frozen=True, slots=True)
class Health:
    """One worker's part, and what goes on beside the requests for it."""

    desk: Desk
    background: tuple[Background, ...]


@asynccontextmanager
async def health(
    config: Configuration,
    assembled: Assembled,
    channels: Channels,
    meter: Meter,
    shared: Coherence | None,
) -> AsyncIterator[Health]:
    """This worker's part, with all that was said before it began. ``shared`` is what gateways share."""
    federation = assembled.federation
    board, clock, noted = federation.board, federation.clock, federation.note_transition
    desk = Desk(board, clock, _kept_in(config), channels, noted)
    watching = Watching(config.downtimes, known_as(config), desk, clock, meter)
    with leading() as lead:
        company = Companions(
            board,
            clock,
            channels,
            lead,
            stores=stores_of(shared, board),
            by=f"{socket.gethostname()}:{os.getpid()}",
            on_transition=noted,
        )
        assembled.watchers.append(partial(_tell, company))
        with channels.hearing(NOTICES, desk.hear), channels.hearing(HEALTH, company.hear):
            # after the others can be heard, so that nothing is missed in between
            await desk.load()
            yield Health(
                desk,
                (
                    Background("prober", lambda: _probe(federation, company)),
                    Background("doubts", lambda: _tell_doubts(lead, company)),
                    Background("notices", desk.run),
                    Background("calendars", lambda: _read_calendars(lead, watching)),
                    *_for_dashboard(config, assembled.federation, lead),
                ),
            )


def _kept_in(config: Configuration) -> Path:
    """The state folder, or one that cannot be written to and says so with the first order."""
    try:
        return state_folder(config)
    except RuntimeError:  # who has no home has to name one
        return NO_HOME


def _tell(company: Companions, change: Transition) -> None:
    if (telling := company.changed(change)) is not None:
        _task = spawn(telling, name=f"telling of {change.endpoint}")


async def _tell_doubts(lead: Leading, company: Companions) -> None:
    while not lead.leads():
        await company.doubts()
        await asyncio.sleep(DOUBTS_S)


async def _probe(federation: Federation, company: Companions) -> None:
    await run_prober(
        federation.board,
        lambda name: federation.members[name].endpoint.probe(),
        federation.clock,
        draw=federation.draw,
        on_transition=federation.note_transition,
        company=company,
        on_look=federation.asking.note_weights,
    )


def _for_dashboard(
    config: Configuration, federation: Federation, lead: Leading
) -> tuple[Background, ...]:
    shared = config.shared
    if not (shared.memcached and shared.dashboard_every_s):
        return ()

    def run() -> Coroutine[Any, Any, None]:
        store = MemcachedStore(*parse_server(shared.memcached[0]), "", shared.timeout_s)
        return MonitorRecords(
            store, federation.board, federation.clock, shared.dashboard_every_s
        ).run(lead)

    return (Background("dashboard", run),)


def stores_of(
    shared: Coherence | None, endpoints: Iterable[EndpointId]
) -> dict[EndpointId, SharedStore]:
    """In which store the record of each endpoint is: the same for all gateways that have the same stores."""
    if shared is None:
        return {}
    by_name = {shard.name: shard.store for shard in shared.shards}
    ring = Ring(list(by_name))
    return {name: by_name[ring.home(f"h:{name}")] for name in endpoints}


def known_as(config: Configuration) -> dict[EndpointId, frozenset[str]]:
    """By which names calendars may call each endpoint: its own, and those that are set or else its host."""
    return {
        EndpointId(one.name): frozenset(
            name.casefold()
            for name in (one.name, *(one.downtime_names or (urlsplit(one.url).hostname or "",)))
        )
        for one in config.endpoints
    }


async def _read_calendars(lead: Leading, watching: Watching) -> None:
    while not lead.leads():  # noqa: ASYNC110 - nobody sends an event when another process ends
        await asyncio.sleep(LEAD_RETRY_S)
    await watching.run()
