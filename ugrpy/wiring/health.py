"""How does one worker take part in knowing which endpoints are well: who probes, who reads calendars, how it hears what operators say?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ugrpy.announcing.desk import CHANNEL, Desk
from ugrpy.config import Configuration
from ugrpy.federation import Federation
from ugrpy.health.prober import run_prober
from ugrpy.service.background import Background
from ugrpy.service.channels import Channels
from ugrpy.wiring.assembly import Assembled
from ugrpy.wiring.changes import state_folder


@dataclass(frozen=True, slots=True)
class Health:
    """One worker's part, and what goes on beside the requests for it."""

    desk: Desk
    background: tuple[Background, ...]


@asynccontextmanager
async def health(
    config: Configuration, assembled: Assembled, channels: Channels
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
    with channels.hearing(CHANNEL, desk.hear):
        # after the others can be heard, so that nothing is missed in between
        await desk.load()
        yield Health(
            desk,
            (
                Background("prober", lambda: _probe(federation)),
                Background("notices", desk.run),
            ),
        )


async def _probe(federation: Federation) -> None:
    await run_prober(
        federation.board,
        lambda name: federation.members[name].endpoint.probe(),
        federation.clock,
        draw=federation.draw,
        on_transition=federation.note_transition,
    )
