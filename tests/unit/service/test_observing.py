"""Around every handler: who asks, what is counted and logged, and what is said when something is wrong."""

import asyncio
import json
from ipaddress import ip_address, ip_network
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from ugrpy.core.errors import Forbidden, MethodNotAllowed, Unavailable
from ugrpy.core.service_metrics import service_metrics
from ugrpy.service.access import Access, AccessLog
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.service.observing import Observer, client_of
from ugrpy.service.state import ServiceState
from ugrpy.testing.clock import FakeClock


class Lines:
    """Stands for an access log."""

    def __init__(self) -> None:
        self.written: list[Access] = []

    def write(self, access: Access) -> None:
        self.written.append(access)


class World:
    """An observer and what it says."""

    def __init__(self, trusted: str = "") -> None:
        self.meter = PrometheusMeter(service_metrics("shoalpy").rows)
        self.state = ServiceState(self.meter, dict, lambda: None)
        self.clock = FakeClock()
        self.lines = Lines()
        self.observer = Observer(
            "shoalpy",
            self.state,
            sides=self.state.sides(open_metrics=True),
            access_log=cast("AccessLog", self.lines),
            trusted_proxies=[ip_network(trusted)] if trusted else [],
            clock=self.clock,
        )

    async def ask(self, handler, path: str = "/nearest", method: str = "GET", **headers: Any):
        request = asked(path, method, **headers)
        return await self.observer.around(handler)(request)

    def counted(self, method: str, status: int) -> float | None:
        self.meter.flush()
        labels = {"method": method, "status": str(status)}
        return self.meter.registry.get_sample_value("shoalpy_requests_total", labels)


class Wire:
    """A transport as far as a request looks at it."""

    def __init__(self, closing: bool = False) -> None:
        self.closing = closing

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("192.0.2.9", 999) if name == "peername" else default


def asked(path: str, method: str = "GET", *, wire: Wire | None = None, sent: int = 0, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = make_mocked_request(
        method, path, headers=named, transport=cast("asyncio.Transport", wire or Wire())
    )
    cast("Any", request.writer).output_size = sent
    return request


async def hello(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="hello")


async def test_a_request_is_counted_timed_and_logged():
    world = World()

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        world.clock.advance(0.25)
        assert world.observer.inflight == 1
        world.state.bring_up_to_date()
        return await hello(request)

    await world.ask(slow, "/nearest/2?x=1", User_Agent="shoal_client")
    assert world.observer.inflight == 0
    assert world.counted("GET", 200) == 1
    value = world.meter.registry.get_sample_value
    assert value("shoalpy_request_seconds_sum") == 0.25
    assert value("shoalpy_inflight_requests") == 1
    (line,) = world.lines.written
    assert (line.client, line.method, line.target) == ("192.0.2.9", "GET", "/nearest/2?x=1")
    assert (line.status, line.size_bytes, line.took_s) == (200, 5, 0.25)
    assert line.agent == "shoal_client"


async def test_each_request_has_an_id_of_its_own():
    world = World()
    await world.ask(hello)
    await world.ask(hello)
    assert len({line.id for line in world.lines.written}) == 2


@pytest.mark.parametrize(
    ("method", "label", "size_bytes"),
    [("HEAD", "HEAD", 0), ("POST", "POST", 5), ("BREW", "other", 5), ("PROPFIND", "other", 5)],
)
async def test_methods(method, label, size_bytes):
    world = World()
    await world.ask(hello, method=method)
    await world.ask(hello, method=method)
    assert world.counted(label, 200) == 2
    assert world.lines.written[0].method == method
    assert world.lines.written[0].size_bytes == size_bytes


@pytest.mark.parametrize(
    ("trusted", "headers", "client"),
    [
        ("", {"X_Forwarded_For": "198.51.100.1"}, "192.0.2.9"),
        ("192.0.2.0/24", {"X_Forwarded_For": "198.51.100.1"}, "198.51.100.1"),
        ("192.0.2.0/24", {"X_Forwarded_For": "2001:db8::1, 192.0.2.7"}, "2001:db8::1"),
        ("192.0.2.0/24", {"Forwarded": "for=198.51.100.2"}, "198.51.100.2"),
        ("192.0.2.0/24", {"X_Forwarded_For": "1, " * 300 + "198.51.100.3"}, "198.51.100.3"),
        ("192.0.2.0/24", {}, "192.0.2.9"),
    ],
)
async def test_who_asks(trusted, headers, client):
    seen = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(client_of(request))
        return web.Response()

    world = World(trusted)
    await world.ask(handler, **headers)
    await world.ask(handler, **headers)
    assert seen == [ip_address(client)] * 2
    assert world.lines.written[0].client == client


async def test_nobody_knows_the_client_of_a_request_that_nobody_observed():
    assert client_of(asked("/")) is None


async def test_sides_hide_what_is_there_and_are_not_counted():
    world = World()
    response = await world.ask(hello, "/livez")
    assert isinstance(response, web.Response)
    assert response.text == "alive\n"
    assert world.lines.written == []
    assert world.counted("GET", 200) is None


@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (Forbidden("not you"), 403, {}),
        (MethodNotAllowed("no", allowed=("GET", "HEAD")), 405, {"Allow": "GET, HEAD"}),
        (Unavailable("later", retry_after_s=0.2), 503, {"Retry-After": "1"}),
        (Unavailable("later", status=504), 504, {}),
    ],
)
async def test_errors_of_ours_are_problems(error, status, header):
    async def refuses(_request: web.BaseRequest) -> web.StreamResponse:
        raise error

    world = World()
    response = await world.ask(refuses)
    assert isinstance(response, web.Response)
    assert (response.status, response.content_type) == (status, "application/problem+json")
    assert json.loads(response.text or "") == {
        "title": error.title,
        "status": status,
        "detail": str(error),
    }
    for name in ("Allow", "Retry-After"):
        assert response.headers.get(name) == header.get(name)
    assert world.counted("GET", status) == 1


async def test_what_nobody_foresaw_is_told_to_the_log_alone():
    async def broken(_request: web.BaseRequest) -> web.StreamResponse:
        raise KeyError("secret")

    world = World()
    with capture_logs() as told:
        response = await world.ask(broken, "/nearest?ip=1")
    assert isinstance(response, web.Response)
    assert response.status == 500
    (line,) = world.lines.written
    assert line.status == 500
    assert line.id in (response.text or "")
    assert "secret" not in (response.text or "")
    (event,) = told
    assert (event["event"], event["id"], event["path"]) == (
        "request failed",
        line.id,
        "/nearest?ip=1",
    )


async def test_aiohttps_own_answers_pass():
    async def elsewhere(_request: web.BaseRequest) -> web.StreamResponse:
        raise web.HTTPFound("/other")

    world = World()
    with pytest.raises(web.HTTPFound):
        await world.ask(elsewhere)
    assert world.counted("GET", 302) == 1
    assert world.lines.written[0].status == 302


async def test_a_client_that_leaves_is_not_a_fault_of_ours():
    async def late(_request: web.BaseRequest) -> web.StreamResponse:
        raise ConnectionResetError

    async def cancelled(_request: web.BaseRequest) -> web.StreamResponse:
        raise asyncio.CancelledError

    world = World()
    with capture_logs() as told:
        with pytest.raises(ConnectionResetError):
            await world.observer.around(late)(asked("/", wire=Wire(closing=True)))
        with pytest.raises(asyncio.CancelledError):
            await world.ask(cancelled)
    assert told == []
    assert [line.status for line in world.lines.written] == [499, 499]
    assert world.observer.inflight == 0


async def test_an_answer_that_breaks_off_is_cut_and_not_begun_anew():
    async def breaks(_request: web.BaseRequest) -> web.StreamResponse:
        raise KeyError("x")

    world = World()
    with capture_logs() as told, pytest.raises(KeyError):
        await world.observer.around(breaks)(asked("/", sent=100))
    assert [event["event"] for event in told] == ["answer broke off"]
    assert world.counted("GET", 500) == 1
