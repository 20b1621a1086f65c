"""Liveness, readiness, metrics: the small answers, and to whom metrics are shown."""

import json
from ipaddress import ip_address, ip_network

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from ugrpy.service.metrics import PrometheusMeter
from ugrpy.service.state import ServiceState
from ugrpy.telemetry import METRICS


def a_state(*networks: str, refreshed: list[int] | None = None) -> ServiceState:
    return ServiceState(
        PrometheusMeter(METRICS),
        note=lambda: {"endpoints": 3},
        refresh=lambda: (refreshed if refreshed is not None else []).append(1),
        metrics_from=tuple(map(ip_network, networks)),
    )


async def answer(state: ServiceState, path: str, client=None, *, open_metrics: bool = False):
    request = make_mocked_request("GET", path)
    response = await state.sides(open_metrics=open_metrics)[path](request, client)
    assert isinstance(response, web.Response)
    return response


async def test_alive():
    response = await answer(a_state(), "/livez")
    assert (response.status, response.text) == (200, "alive\n")


async def test_ready_until_it_stops():
    state = a_state()
    response = await answer(state, "/readyz")
    assert response.status == 200
    assert json.loads(response.text or "") == {"ready": True, "endpoints": 3}
    state.stopping = True
    response = await answer(state, "/readyz")
    assert response.status == 503
    assert json.loads(response.text or "") == {"ready": False, "endpoints": 3}
    assert (await answer(state, "/livez")).status == 200


async def test_not_ready_says_why():
    state = a_state()
    state.unready = lambda: "the broker is not connected"
    response = await answer(state, "/readyz")
    assert response.status == 503
    assert json.loads(response.text or "") == {
        "ready": False,
        "why": "the broker is not connected",
        "endpoints": 3,
    }
    state.unready = lambda: ""
    assert (await answer(state, "/readyz")).status == 200


def test_everybody_who_asked_is_refreshed():
    refreshed: list[int] = []
    state = a_state(refreshed=refreshed)
    state.also_refresh.append(lambda: refreshed.append(2))
    state.bring_up_to_date()
    assert refreshed == [1, 2]


@pytest.mark.parametrize(
    ("client", "status"),
    [
        (ip_address("192.0.2.7"), 200),
        (ip_address("2001:db8::1"), 200),
        (ip_address("192.0.3.7"), 403),
        (ip_address("2001:db9::1"), 403),
        (None, 403),
    ],
)
async def test_metrics_are_for_some(client, status):
    response = await answer(a_state("192.0.2.0/24", "2001:db8::/32"), "/metrics", client)
    assert response.status == status
    assert isinstance(response.body, bytes)
    assert (b"# TYPE ugrpy_requests_total counter" in response.body) is (status == 200)


async def test_metrics_are_for_all_on_the_admin_side():
    refreshed: list[int] = []
    response = await answer(a_state(refreshed=refreshed), "/metrics", open_metrics=True)
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert refreshed == [1]
