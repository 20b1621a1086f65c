"""What a process does besides when it is one of several on a port."""

import asyncio
import os

import structlog

from ugrpy.service.background import Background
from ugrpy.service.state import ServiceState

log = structlog.get_logger("ugrpy.service")

SHARE_METRICS_S = 1.0
WATCH_S = 1.0


def among_workers(state: ServiceState, stop: asyncio.Event) -> tuple[Background, ...]:
    """The background work of one worker of several; call it in the worker itself, whose parent is the supervisor."""
    supervisor = os.getppid()
    return (
        Background("metrics", lambda: share_metrics(state)),
        Background("supervisor watch", lambda: watch_supervisor(supervisor, stop)),
    )


async def share_metrics(state: ServiceState) -> None:
    """Whichever worker is asked for metrics adds up what all of them have written down."""
    while True:
        await asyncio.sleep(SHARE_METRICS_S)
        state.bring_up_to_date()
        state.meter.flush()


async def watch_supervisor(supervisor: int, stop: asyncio.Event) -> None:
    """Without its supervisor a worker would hold the port for ever, and nobody would replace it."""
    while os.getppid() == supervisor:  # noqa: ASYNC110 - the kernel sends no event for this
        await asyncio.sleep(WATCH_S)
    log.error("the supervisor is gone, stopping", supervisor=supervisor)
    stop.set()
