"""Work beside the requests that must not stop for good: probes, intakes, sweeps.

A task that dies of a fault leaves a service that answers from what it last knew, for ever and without a word. So each piece
of work has a name, its failure is logged and counted under it, and it is begun again after a pause that doubles while it
keeps failing soon.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from ugrpy.core.aio import spawn
from ugrpy.core.clock import Clock, SystemClock
from ugrpy.core.meter import Instrument, Meter
from ugrpy.core.service_metrics import service_metrics

log = structlog.get_logger("ugrpy.service")

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Background:
    """A name for logs and metrics, and what begins the work. Work that returns is done; work that raises is begun again."""

    name: str
    work: Callable[[], Coroutine[Any, Any, None]]


def next_pause_s(pause_s: float, lasted_s: float) -> float:
    """The pause after a failure, given the one before and how long the work then went well."""
    if lasted_s >= LONGEST_PAUSE_S:
        return FIRST_PAUSE_S
    return min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * pause_s))


def start_background(
    one: Background, meter: Meter, program: str, clock: Clock | None = None
) -> asyncio.Task[None]:
    """Begin the work; cancel the task to end it. Failures count in ``{program}_background_failures_total``."""
    failures = meter.instrument(service_metrics(program).background_failures.name, task=one.name)
    return spawn(_keep_running(one, failures, clock or SystemClock()), name=one.name)


async def _keep_running(one: Background, failures: Instrument, clock: Clock) -> None:
    pause_s = 0.0
    while True:
        began_s = clock.monotonic()
        try:
            await one.work()
        except Exception:
            pause_s = next_pause_s(pause_s, clock.monotonic() - began_s)
            log.exception("background work failed", task=one.name, again_in_s=pause_s)
            failures.add()
        else:
            return
        await asyncio.sleep(pause_s)
