"""How does one worker take part in knowing which endpoints are well: who probes, who reads calendars, how it hears what operators say?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from ugrpy.announcing.desk import CHANNEL, Desk
from ugrpy.announcing.watching import Watching
from ugrpy.config import Configuration
from ugrpy.core.meter import Meter
from ugrpy.federation import Federation
from ugrpy.health.prober import run_prober
from ugrpy.namespace.model import EndpointId
from ugrpy.service.background import Background
from ugrpy.service.channels import Channels
from ugrpy.wiring.assembly import Assembled
from ugrpy.wiring.changes import state_folder
from ugrpy.wiring.leading import Leading, leading

LEAD_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Health:
    """One worker's part, and what goes on beside the requests for it."""

    desk: Desk
    background: tuple[Background, ...]


@asynccontextmanager
async def health(
    config: Configuration, assembled: Assembled, channels: Channels, meter: Meter
) -> AsyncIterator[Health]:
    """This worker's part, with all that was said before it began."""
    federation = assembled.federation
    desk = Desk(
        federation.board,
        federation.clock,
        state_folder(config),
        channels,
        federation.note_transition,
    )
    watching = Watching(config.downtimes, known_as(config), desk, federation.clock, meter)
    with leading() as lead, channels.hearing(CHANNEL, desk.hear):
        # after the others can be heard, so that nothing is missed in between
        await desk.load()
        yield Health(
            desk,
            (
                Background("prober", lambda: _probe(federation)),
                Background("notices", desk.run),
                Background("calendars", lambda: _read_calendars(lead, watching)),
            ),
        )


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


async def _probe(federation: Federation) -> None:
    await run_prober(
        federation.board,
        lambda name: federation.members[name].endpoint.probe(),
        federation.clock,
        draw=federation.draw,
        on_transition=federation.note_transition,
    )
