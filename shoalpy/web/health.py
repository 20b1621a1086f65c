"""Is the server well? ``/healthz`` for monitors, and the gauges of ``/metrics``.

It is not well when something it was told to use is gone, such as the broker: it still answers from its table, so ``/readyz`` stays good and
callers keep being sent here, while a monitor calls somebody (row S75).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from shoalpy import telemetry
from shoalpy.model import Address, Health
from shoalpy.registry import Registry
from ugrpy.core.clock import Clock
from ugrpy.core.meter import Instrument, Meter


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be amiss; ``problem`` is empty when it is not."""

    problem: str = ""
    about: Mapping[str, object] = field(default_factory=dict)


Checks = Mapping[str, Callable[[], Check]]


class Wellness:
    """Knows the table and what else to look at."""

    def __init__(self, registry: Registry, checks: Checks, *, clock: Clock, meter: Meter) -> None:
        self._registry = registry
        self._checks = checks
        self._gauges: list[tuple[Instrument, Callable[[], float | None]]] = []
        self._clock = clock
        self._caches = {
            health: meter.instrument(telemetry.CACHES.name, health=health) for health in Health
        }

    async def healthz(
        self, _request: web.BaseRequest, _client: Address | None
    ) -> web.StreamResponse:
        """200, or 503 and what is amiss."""
        found = {name: check() for name, check in self._checks.items()}
        problems = {name: one.problem for name, one in found.items() if one.problem}
        body = {
            "healthy": not problems,
            "problems": problems,
            "caches": self.note(),
            **{name: one.about for name, one in found.items() if one.about},
        }
        return web.json_response(
            body,
            status=503 if problems else 200,
            headers={"Cache-Control": "no-store"},
            dumps=lambda value: json.dumps(value, default=str) + "\n",
        )

    def note(self) -> dict[str, object]:
        """How many caches there are, by what verification found."""
        counts = self._registry.counts(self._clock.wall())
        return {health.value: number for health, number in counts.items()}

    def gauge(self, instrument: Instrument, read: Callable[[], float | None]) -> None:
        """Show this number too, whenever there is one."""
        self._gauges.append((instrument, read))

    def refresh(self) -> None:
        """Bring the gauges up to date."""
        for instrument, read in self._gauges:
            value = read()
            if value is not None:
                instrument.add(value)
        for health, number in self._registry.counts(self._clock.wall()).items():
            self._caches[health].add(number)
