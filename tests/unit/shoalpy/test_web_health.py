"""The server is well unless something it was told to use is gone."""

import json
from collections.abc import Callable

from aiohttp.test_utils import make_mocked_request

from shoalpy import telemetry
from shoalpy.model import Health
from shoalpy.registry import Registry
from shoalpy.web.health import Check, Wellness
from tests.unit.shoalpy.tracked import NOW, add, beat
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.testing.clock import FakeClock


def make(
    checks: dict[str, Callable[[], Check]] | None = None,
) -> tuple[Wellness, PrometheusMeter, FakeClock]:
    registry = Registry()
    add(registry, beat("a", port=1))
    add(registry, beat("b", port=2), health=Health.FAILED)
    meter, clock = PrometheusMeter(telemetry.METRICS), FakeClock(wall_s=NOW)
    return Wellness(registry, checks or {}, clock=clock, meter=meter), meter, clock


async def ask(wellness: Wellness) -> tuple[int, dict[str, object]]:
    answer = await wellness.healthz(make_mocked_request("GET", "/healthz"), None)
    return answer.status, json.loads(answer.text or "")  # type: ignore[attr-defined]


async def test_well_with_what_is_in_the_table():
    wellness, _, _ = make({"broker": lambda: Check(about={"since_s": 5})})

    assert await ask(wellness) == (
        200,
        {
            "healthy": True,
            "problems": {},
            "caches": {"pending": 0, "passed": 1, "failed": 1, "off": 0},
            "broker": {"since_s": 5},
        },
    )


async def test_unwell_for_as_long_as_something_is_gone():
    problem = ["refused"]
    wellness, _, _ = make({"broker": lambda: Check(problem[0]), "geo": Check})

    status, body = await ask(wellness)
    assert (status, body["healthy"], body["problems"]) == (503, False, {"broker": "refused"})

    problem[0] = ""
    assert (await ask(wellness))[0] == 200


def test_gauges_follow_the_table_and_those_added():
    wellness, meter, clock = make()
    ages: list[float | None] = [7.0]
    wellness.gauge(meter.instrument(telemetry.GEO_AGE.name), lambda: ages[0])

    def shown(name: str) -> list[str]:
        wellness.refresh()
        return [line for line in meter.render()[1].decode().splitlines() if line.startswith(name)]

    assert shown('shoalpy_caches{health="failed"}') == ['shoalpy_caches{health="failed"} 1.0']
    assert shown("shoalpy_geoip_age") == ["shoalpy_geoip_age_seconds 7.0"]
    clock.advance(1000)
    ages[0] = None
    assert shown('shoalpy_caches{health="failed"}') == ['shoalpy_caches{health="failed"} 0.0']
    assert shown("shoalpy_geoip_age") == ["shoalpy_geoip_age_seconds 7.0"]
