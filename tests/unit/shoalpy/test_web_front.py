"""Each path gets the answer it means, for the caller who asks, and trouble is told in short."""

import gzip
import json
import random
from ipaddress import ip_address
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from shoalpy import telemetry
from shoalpy.model import Address, Cache
from shoalpy.nearest import Caller, Nearest
from shoalpy.ranking import CostPolicy
from shoalpy.registry import Registry
from shoalpy.web.callers import Asking, Callers
from shoalpy.web.front import Front, FrontParts
from shoalpy.web.page import PageView
from shoalpy.web.replies import plain
from shoalpy.web.v1 import V1
from tests.unit.shoalpy.tracked import BATAVIA, GENEVA, NOW, VANCOUVER, add, beat, facts
from ugrpy.core.errors import BadRequest
from ugrpy.locality import Place
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.service.observing import Observer
from ugrpy.service.state import ServiceState
from ugrpy.testing.clock import FakeClock

PLACES = {"192.0.2.7": GENEVA, "198.51.100.9": BATAVIA, "2001:db8::7": BATAVIA}


def caller_of(address: Address) -> Caller:
    return Caller(Place(PLACES.get(str(address))))


class Service:
    """The front with a table of two caches, asked without sockets."""

    def __init__(self, *, takes_ip: bool = True, caches: int = 2) -> None:
        self.registry = Registry()
        for number in range(caches):
            where = facts(GENEVA) if number == 0 else facts(BATAVIA)
            add(self.registry, beat(f"c{number}", port=1 + number), where)
        policy = CostPolicy()

        def same(_caller: Caller, _cache: Cache) -> bool:
            return False

        near = Nearest(self.registry, policy, same_network=same, draw=random.Random(1).random)
        self.meter = PrometheusMeter(telemetry.METRICS)
        state = ServiceState(self.meter, dict, lambda: None)
        parts = FrontParts(
            V1(self.registry, near, policy),
            Callers(caller_of, takes_ip=takes_ip),
            self.view,
            answers={"/wpad.dat": ("wpad", self.wpad)},
            below={"/api/": ("geo", self.geo)},
            behind=("/v2/", "/docs"),
            fsad=lambda: {"site": "CERN"},
        )
        front = Front(parts, clock=FakeClock(wall_s=NOW), meter=self.meter)
        self.handler = Observer("shoalpy", state).around(front.before(self.behind))

    def view(self, _asking: Asking, now_s: float) -> PageView:
        caches = list(self.registry.live(now_s))
        return PageView(caches, now_s, 180.0, 10.0, "1.2", lambda _: True)

    async def wpad(self, _request: web.BaseRequest, asking: Asking) -> web.StreamResponse:
        return plain(200, f"pac for {asking.address}")

    async def geo(self, _request: web.BaseRequest, _asking: Asking) -> web.StreamResponse:
        raise BadRequest("no slash in geo path")

    async def behind(self, request: web.BaseRequest) -> web.StreamResponse:
        return plain(200, f"behind {request.path}")

    async def ask(
        self, target: str, *, client: str = "192.0.2.7", method: str = "GET", **headers: str
    ) -> web.Response:
        transport = Mock()
        transport.get_extra_info = lambda name, default=None: (
            (client, 5) if name == "peername" else None
        )
        request = make_mocked_request(method, target, headers=headers, transport=transport)
        response = await self.handler(request)
        assert isinstance(response, web.Response)
        return response

    async def hosts(self, target: str, **more: Any) -> list[str]:
        response = await self.ask(target, **more)
        assert response.status == 200, response.text
        return [one["hostname"].partition(".")[0] for one in (read(response) or {}).values()]


def read(response: web.Response) -> Any:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


async def test_who_asks_decides():
    service = Service()

    assert await service.hosts("/nearest") == ["c0", "c1"]
    assert await service.hosts("/nearest", client="198.51.100.9") == ["c1", "c0"]
    assert sorted(await service.hosts("/nearest", client="203.0.113.1")) == ["c0", "c1"]
    assert await service.hosts("/nearest/1?x=1") == ["c0"]


@pytest.mark.parametrize(
    "query",
    [
        "ip=198.51.100.9",
        "a=1&ip=198.51.100.9",
        "ip%3d198.51.100.9",
        "ip=2001:db8::7",
        "ip=2001%3Adb8%3A%3A7",
    ],
)
async def test_another_address_can_be_given(query):
    assert await Service().hosts(f"/nearest?{query}") == ["c1", "c0"]
    # a query is nothing where that is switched off
    assert await Service(takes_ip=False).hosts(f"/nearest?{query}") == ["c0", "c1"]


@pytest.mark.parametrize(
    "given", ["", "abc", "192.0.2", "192.0.2.7;ls", "1", "::g", "192.0.2.0/24"]
)
@pytest.mark.parametrize("path", ["/nearest", "/all", "/", "/fsad.conf", "/wpad.dat"])
async def test_a_bad_address_is_refused(path, given):
    response = await Service().ask(f"{path}?ip={given}")

    assert (response.status, response.text) == (400, "Bad Request: bad ip address given\n")
    assert (await Service(takes_ip=False).ask(f"{path}?ip={given}")).status == 200


@pytest.mark.parametrize(
    "path", ["/nearest/-1", "/nearest/abc", "/externals", "/x", "/all/x", "/v2", "/5/5"]
)
async def test_unknown_paths(path):
    response = await Service().ask(path)

    assert (response.status, response.text) == (404, "not found")


@pytest.mark.parametrize("path", ["/nearest", "/all", "/", "/20", "/fsad.conf"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_only_reading_is_offered(path, method):
    response = await Service().ask(path, method=method)

    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_zero_is_null():
    response = await Service().ask("/nearest/0")

    assert (response.status, response.body) == (200, b"null")
    assert response.headers["Content-Type"] == "application/json"


async def test_the_echo():
    response = await Service().ask("/fsad.conf", client="2001:db8::7")

    assert response.text == "external_ip=2001:db8::7\nsite=CERN\n"
    assert response.headers["Content-Type"].startswith("text/plain")
    assert (
        await Service().ask("/fsad.conf?ip=192.0.2.7")
    ).text == "external_ip=192.0.2.7\nsite=CERN\n"


async def test_other_parts_have_their_paths_and_are_told_who_asks():
    service = Service()

    assert (await service.ask("/wpad.dat?ip=198.51.100.9")).text == "pac for 198.51.100.9"
    assert (await service.ask("/v2/caches")).text == "behind /v2/caches"
    refused = await service.ask("/api/v1.0/geo")
    assert (refused.status, refused.text) == (400, "Bad Request: no slash in geo path\n")


async def test_all_has_a_tag_that_changes_with_the_table():
    service = Service()
    first = await service.ask("/all")
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"

    again = await service.ask("/all", **{"If-None-Match": f'"other", {tag}'})
    assert (again.status, again.body, again.headers["ETag"]) == (304, None, tag)

    service.registry.apply(beat("c0", port=1, load=9.0, sent_at_s=NOW), facts(GENEVA), NOW)
    changed = await service.ask("/all", **{"If-None-Match": tag})
    assert changed.status == 200
    assert changed.headers["ETag"] != tag


@pytest.mark.parametrize("path", ["/all", "/nearest/20", "/"])
async def test_answers_above_a_kilobyte_are_compressed_for_those_who_want_it(path):
    service = Service(caches=10)
    plain_ = await service.ask(path)
    packed = await service.ask(path, **{"Accept-Encoding": "gzip"})
    refusing = await service.ask(path, **{"Accept-Encoding": "gzip;q=0"})

    assert isinstance(plain_.body, bytes)
    assert isinstance(packed.body, bytes)
    assert len(plain_.body) > 1024
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain_.body)
    if path != "/nearest/20":  # there equal ones are drawn
        assert gzip.decompress(packed.body) == plain_.body
    for one in (plain_, refusing):
        assert "Content-Encoding" not in one.headers
    for one in (plain_, packed):
        assert one.headers["Vary"] == "Accept-Encoding"


async def test_short_answers_are_never_compressed():
    response = await Service(caches=1).ask("/nearest", **{"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in response.headers


async def test_what_depends_on_who_asks_is_not_kept_for_others():
    for path in ("/nearest", "/", "/fsad.conf"):
        assert (await Service().ask(path)).headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    "path",
    ["/?page=abc", "/?page=-7", "/?page=1e9", "/?sort=%00&order=%ff", "/0?page=99", "/?page="],
)
async def test_no_query_breaks_the_page(path):
    response = await Service().ask(path)

    assert response.status == 200
    assert "c0.example.org" in (response.text or "")
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_a_query_of_countless_fields_is_refused():
    assert (await Service().ask("/?" + "a=1&" * 200)).status == 400
    assert (await Service().ask("/nearest?" + "ip=1&" * 200)).status == 400


async def test_a_long_page_is_put_together_without_holding_anybody_up():
    response = await Service(caches=600).ask("/0")

    assert (response.text or "").count("<tr") == 601


async def test_answers_are_counted_by_what_was_asked_for():
    service = Service()
    for path in (
        "/nearest",
        "/nearest",
        "/all",
        "/x",
        "/",
        "/fsad.conf",
        "/wpad.dat",
        "/api/",
        "/v2/x",
    ):
        await service.ask(path)

    _, page = service.meter.render()
    counted = {
        line for line in page.decode().splitlines() if line.startswith("shoalpy_answers_total{")
    }
    assert counted == {
        'shoalpy_answers_total{answer="v1",status="200"} 3.0',
        'shoalpy_answers_total{answer="other",status="404"} 1.0',
        'shoalpy_answers_total{answer="page",status="200"} 1.0',
        'shoalpy_answers_total{answer="echo",status="200"} 1.0',
        'shoalpy_answers_total{answer="wpad",status="200"} 1.0',
        'shoalpy_answers_total{answer="geo",status="400"} 1.0',
        'shoalpy_answers_total{answer="v2",status="200"} 1.0',
    }


async def test_callers_are_asked_about_once_until_databases_change():
    asked = []

    def caller_of(address: Address) -> Caller:
        asked.append(address)
        return Caller(Place(VANCOUVER))

    callers = Callers(caller_of)
    address = ip_address("192.0.2.7")
    for _ in range(3):
        assert callers.asking(address).caller.place.position == VANCOUVER
    assert asked == [address]

    callers.forget()
    callers.asking(address)
    assert asked == [address, address]
    assert callers.asking(None) == Asking(None)
