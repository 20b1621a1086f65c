"""One process of several: it shares its numbers, and stops when nobody is there to replace it."""

import asyncio
import os

from structlog.testing import capture_logs

from ugrpy.core.service_metrics import service_metrics
from ugrpy.service import workers
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.service.state import ServiceState
from ugrpy.testing.loop import run_virtual


def a_state(refreshed: list[float]) -> ServiceState:
    meter = PrometheusMeter(service_metrics("shoalpy").rows)
    return ServiceState(meter, dict, lambda: refreshed.append(asyncio.get_running_loop().time()))


def test_the_numbers_are_brought_up_to_date_every_second():
    refreshed: list[float] = []
    state = a_state(refreshed)
    counter = state.meter.instrument("shoalpy_client_faults_total", reason="silent")

    async def story() -> None:
        counter.add()
        try:
            async with asyncio.timeout(3.5):
                await workers.share_metrics(state)
        except TimeoutError:
            return

    run_virtual(story())
    assert refreshed == [1, 2, 3]
    value = state.meter.registry.get_sample_value
    assert value("shoalpy_client_faults_total", {"reason": "silent"}) == 1


def test_a_worker_without_its_supervisor_stops(monkeypatch):
    parents = iter([7, 7, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))

    async def story() -> float:
        stop = asyncio.Event()
        await workers.watch_supervisor(7, stop)
        assert stop.is_set()
        return asyncio.get_running_loop().time()

    with capture_logs() as told:
        assert run_virtual(story()) == 2 * workers.WATCH_S
    assert [(line["event"], line["supervisor"]) for line in told] == [
        ("the supervisor is gone, stopping", 7)
    ]


def test_what_one_of_several_does():
    names = [one.name for one in workers.among_workers(a_state([]), asyncio.Event())]
    assert names == ["metrics", "supervisor watch"]
