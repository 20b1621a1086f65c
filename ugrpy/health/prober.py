"""When is each endpoint probed, and what if a probe gets stuck?

The loop that gives the board its sense of time. Every probe is a task of its own under its own time limit, so a
stuck one delays nobody; no endpoint has two probes at once; starts are spread by chance, so that many endpoints,
and many gateways, do not probe in step. Where several processes watch the same endpoints, ``company`` says whose turn it is and
what others have found.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.clock import Clock
from ugrpy.health.board import HealthBoard
from ugrpy.health.counts import Draw
from ugrpy.health.states import NoAnswer, ProbeReport, Transition
from ugrpy.namespace.model import EndpointId

ProbeOne = Callable[[EndpointId], Awaitable[ProbeReport]]

# Between two looks at the board: a tenth of the interval keeps the rhythm, a second suffices for people.
_LOOKS_PER_INTERVAL = 10
_LONGEST_PAUSE_S = 1.0


class Company(Protocol):
    """Others who watch the same endpoints."""

    def probes(self, endpoint: EndpointId) -> bool:
        """Whether it is for this process to probe an endpoint that is due."""
        ...

    async def probed_elsewhere(self, endpoint: EndpointId) -> bool:
        """Whether somebody else has seen to it, or is about to; what he found is on the board then."""
        ...

    async def tell(self, endpoint: EndpointId, report: ProbeReport) -> None:
        """This process has probed, and the board knows."""
        ...


class Alone:
    """No company."""

    def probes(self, endpoint: EndpointId) -> bool:
        """It is always for this process."""
        return True

    async def probed_elsewhere(self, endpoint: EndpointId) -> bool:
        """Nobody else has."""
        return False

    async def tell(self, endpoint: EndpointId, report: ProbeReport) -> None:
        """There is nobody."""


ALONE = Alone()


async def run_prober(
    board: HealthBoard,
    probe: ProbeOne,
    clock: Clock,
    draw: Draw,
    on_transition: Callable[[Transition], None],
    *,
    company: Company = ALONE,
    on_look: Callable[[], None] = lambda: None,
) -> None:
    """Probe whoever is due, for ever; cancel it to end it, running probes included.

    ``on_transition`` is called for every visible change found here, ``on_look`` once for every look at the board. An exception
    from ``probe`` counts as a failed probe of that endpoint.
    """
    longest_s = _LONGEST_PAUSE_S * _LOOKS_PER_INTERVAL
    pause_s = min(longest_s, board.shortest_interval_s(longest_s)) / _LOOKS_PER_INTERVAL
    running: dict[EndpointId, asyncio.Task[None]] = {}

    async def probe_one(endpoint: EndpointId) -> None:
        await asyncio.sleep(draw() * pause_s)
        if await company.probed_elsewhere(endpoint):
            return
        report = await _report(probe, endpoint, clock, board[endpoint].policy.max_latency_s)
        change = board.probed(endpoint, report, clock.monotonic())
        if change is not None:
            on_transition(change)
        await company.tell(endpoint, report)

    try:
        while True:
            now = clock.monotonic()
            for change in board.tick(now):
                on_transition(change)
            on_look()
            for endpoint in board.probes_due(now):
                task = running.get(endpoint)
                if (task is None or task.done()) and company.probes(endpoint):
                    running[endpoint] = spawn(probe_one(endpoint), name=f"probe {endpoint}")
            await asyncio.sleep(pause_s)
    finally:
        await cancel_and_wait(*running.values())


async def _report(
    probe: ProbeOne, endpoint: EndpointId, clock: Clock, limit_s: float
) -> ProbeReport:
    started = clock.monotonic()
    try:
        async with asyncio.timeout(limit_s):
            return await probe(endpoint)
    except TimeoutError as error:
        return NoAnswer(clock.monotonic() - started, str(error) or f"no answer in {limit_s:g} s")
    # The contract says that a probe does not raise. When one does all the same, the others go on, and the reason
    # is seen wherever health is shown.
    except Exception as error:  # noqa: BLE001
        return NoAnswer(clock.monotonic() - started, f"{type(error).__name__}: {error}")
