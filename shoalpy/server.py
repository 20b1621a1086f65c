"""``shoalpy server``: one process that takes heartbeats and answers who is nearest, until it is told to stop."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from random import Random

from aiohttp import web

from shoalpy import telemetry
from shoalpy.assembly import Assembled, Surroundings, assemble
from shoalpy.config import Tables
from ugrpy.core.clock import SystemClock
from ugrpy.core.errors import NotFound
from ugrpy.service.access import opened_log
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.service.observing import Observer
from ugrpy.service.runner import Door, options_for, serve
from ugrpy.service.state import ServiceState, Side

PROGRAM = "shoalpy"


async def run_server(
    settings: Tables,
    *,
    stop: asyncio.Event | None = None,
    own_process: bool = True,
    on_listening: Callable[[Sequence[str]], None] | None = None,
) -> None:
    """Serve until a signal comes or ``stop`` is set. Raises ``ConfigError`` when it cannot start.

    ``own_process`` and ``on_listening`` are those of ``ugrpy.service.runner``.
    """
    clock, meter = SystemClock(), PrometheusMeter(telemetry.METRICS)
    # chance for spreading load, not for secrets; seeded by the system, so that servers differ
    draw = Random().random  # noqa: S311
    async with AsyncExitStack() as closing:
        assembled = await assemble(settings, Surroundings(clock, meter, draw, closing))
        await _serve(
            settings,
            assembled,
            meter,
            stop=stop,
            own_process=own_process,
            on_listening=on_listening,
        )


async def _serve(
    settings: Tables,
    assembled: Assembled,
    meter: PrometheusMeter,
    *,
    stop: asyncio.Event | None,
    own_process: bool,
    on_listening: Callable[[Sequence[str]], None] | None,
) -> None:
    clock = SystemClock()
    wellness, server = assembled.wellness, settings.server
    state = ServiceState(meter, wellness.note, wellness.refresh, server.metrics_from)
    with opened_log(server.access_log, clock) as access_log:
        observer = Observer(
            PROGRAM,
            state,
            sides=_sides(state, assembled, open_metrics=False),
            access_log=access_log,
            trusted_proxies=server.trusted_proxies,
            clock=clock,
        )
        doors = [Door(assembled.app, server.listen, observer, before=assembled.front.before)]
        if server.admin is not None:
            admin = Observer(PROGRAM, state, sides=_sides(state, assembled, open_metrics=True))
            doors.append(Door(_nothing, (server.admin,), admin))
        await serve(
            doors,
            state=state,
            options=options_for(server, PROGRAM, own_process=own_process),
            background=assembled.background,
            stop=stop,
            on_listening=on_listening,
        )


def _sides(state: ServiceState, assembled: Assembled, *, open_metrics: bool) -> dict[str, Side]:
    return {
        **state.sides(open_metrics=open_metrics),
        "/healthz": assembled.wellness.healthz,
    }


async def _nothing(_request: web.BaseRequest) -> web.StreamResponse:
    raise NotFound("there are /healthz, /livez, /metrics and /readyz")
