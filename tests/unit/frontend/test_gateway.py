"""Every request enters here: what is offered, who may, how trouble is told, and what is noted of it."""

import asyncio
import json
from collections import Counter
from ipaddress import ip_address

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from tests.unit.frontend.world import CLIENT, Written, a_request, a_world
from ugrpy.core.errors import TimedOut
from ugrpy.core.meter import Instrument
from ugrpy.frontend.gateway import Gateway
from ugrpy.namespace.model import Cause, Denied, Entry, Found, Kind, Unknown
from ugrpy.namespace.paths import PrefixMap
from ugrpy.security.authz import Decision
from ugrpy.security.identity import Audience
from ugrpy.service.access import Access
from ugrpy.testing import HANG, Reply

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Log:
    """An access log that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[Access] = []

    def write(self, access: Access) -> None:
        self.lines.append(access)


class Tally:
    """A meter that counts by name and labels."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()

    def instrument(self, name: str, **labels: str) -> Instrument:
        tally, key = self, (name, *labels.values())

        class Series:
            def add(self, value: float = 1.0) -> None:
                tally.counts[key] += 1

        return Series()


def many_files(count: int) -> Reply:
    """A collection too long to be listed in one piece."""
    names = (f"{number:04}-{'x' * 100}" for number in range(count))
    children = tuple(Entry(name, Kind.FILE, 1) for name in names)
    return Reply(Found(Entry("", Kind.COLLECTION)), children)


class Nobody:
    """A policy that refuses everything."""

    def authorise(self, *_question: object) -> Decision:
        return Decision(False, "test", "not today")


# -- what is offered --------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/", "/f", "/nothing"])
async def test_options(target):
    answer = await a_world().ask("OPTIONS", target)
    assert answer.status == 200
    assert dict(answer.headers) == {
        "Server": "ugrpy",
        "Allow": "OPTIONS, GET, HEAD, PROPFIND",
        "DAV": "1",
        "MS-Author-Via": "DAV",
        "Accept-Ranges": "bytes",
        "Server-Timing": "total;dur=0.0",
    }


@pytest.mark.parametrize("method", ["PUT", "DELETE", "MKCOL", "MOVE", "COPY", "POST", "NONSENSE"])
async def test_other_methods(method):
    world = a_world()
    answer = await world.ask(method, "/f")
    assert answer.status == 405
    assert answer.headers["Allow"] == "OPTIONS, GET, HEAD, PROPFIND"
    assert world.one.calls == []
    problem = json.loads(answer.body)
    assert problem["detail"] == f"{method} is not offered here"
    assert problem["instance"] == "/f"


async def test_a_side_is_served_beside_the_federation():
    world = a_world()
    seen: list[object] = []

    async def side(_request, client):
        seen.append(client)
        return web.Response(text="side")

    world.gateway.sides["/livez"] = side
    assert (await world.ask("GET", "/livez")).body == b"side"
    assert seen == [ip_address(CLIENT)]
    assert (await world.ask("GET", "/livez/x")).status == 404
    assert (await world.ask("GET", "/livez?x")).status == 404


# -- who may ------------------------------------------------------------------------------------------------


async def test_the_policy_decides_before_anybody_is_asked():
    world = a_world(policy=Nobody())
    answer = await world.ask("GET", "/f")
    assert answer.status == 403
    assert json.loads(answer.body)["detail"] == "/f: not today (rule test)"
    assert world.one.calls == []


# -- prefixes -----------------------------------------------------------------------------------------------


async def test_prefixes():
    world = a_world(prefixes=PrefixMap(["/fed/data"], "/store"))
    world.one.add_file("/store/f", 5)
    answer = await world.ask("GET", "/fed/data/f")
    assert (answer.status, answer.headers["Location"]) == (302, "https://one.example/store/f")
    above = await world.ask("GET", "/fed")
    assert above.status == 200
    assert b"data/" in above.body
    assert (await world.ask("HEAD", "/fed")).status == 200
    outside = await world.ask("GET", "/store/f")
    assert outside.status == 404
    assert json.loads(outside.body)["detail"] == "/store/f: nothing is federated there"


# -- trouble ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/a/../b", "/a%00b", "/a%0Ab", "h:443", "ftp://h/a"])
async def test_names_that_cannot_be(target):
    world = a_world()
    answer = await world.ask("GET", target)
    assert answer.status == 400
    assert world.one.calls == []


async def test_programs_get_problem_details_and_browsers_a_page():
    world = a_world()
    answer = await world.ask("GET", "/a/nothing")
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Vary"] == "Accept"
    assert json.loads(answer.body) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "/a/nothing: no storage element holds it",
        "instance": "/a/nothing",
    }
    answer = await world.ask("GET", "/a/nothing", Accept=BROWSER)
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_silence_is_told_with_who_and_when_to_come_back():
    world = a_world()
    world.one.on("/f", Reply(Unknown(Cause.BUSY, "too many", 7.2)))
    answer = await world.ask("GET", "/f")
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "7"
    assert 'next-hop="one"' in answer.headers["Proxy-Status"]
    assert list(json.loads(answer.body)["missing"]) == ["one"]


async def test_storage_elements_are_not_named_where_they_are_not_shown():
    world = a_world(show_endpoints=Audience.ADMIN)
    world.one.on("/f", Reply(error=TimedOut("one is slow", endpoint="one")))
    answer = await world.ask("GET", "/f")
    assert answer.status >= 500
    assert answer.headers["Proxy-Status"] == (
        'ugrpy; error=http_response_incomplete; details="1 of 2 storage elements answered"'
    )
    assert "missing" not in json.loads(answer.body)


async def test_refused_everywhere():
    world = a_world()
    for endpoint in (world.one, world.two):
        endpoint.everything(Reply(Denied()))
    assert (await world.ask("GET", "/f")).status == 403


async def test_our_own_mistakes_are_told_and_logged(monkeypatch):
    log = Log()
    world = a_world(access_log=log)

    def fail(*_arguments):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(world.federation, "recall", fail)
    with capture_logs() as said:
        answer = await world.ask("GET", "/f")
    assert answer.status == 500
    problem = json.loads(answer.body)
    assert problem["detail"] == "this gateway made a mistake"
    assert problem["hint"] == f"the log has the details under id {log.lines[0].id}"
    assert b"secret detail" not in answer.body
    assert [(one["event"], one["id"], one["path"]) for one in said] == [
        ("request failed", log.lines[0].id, "/f")
    ]
    assert log.lines[0].status == 500


# -- what is noted --------------------------------------------------------------------------------------------


async def test_an_access_line_for_every_request():
    log = Log()
    world = a_world(access_log=log)
    world.one.add_file("/f", 5)
    await world.ask("GET", "/f?x", User_Agent="davix/0.8")
    await world.ask("GET", "/f")
    await world.ask("HEAD", "/f")
    missed = await world.ask("GET", "/nothing")
    listed = await world.ask("PROPFIND", "/", Depth="1")
    facts = [
        (one.method, one.target, one.status, one.size_bytes, one.cache, one.endpoint, one.agent)
        for one in log.lines
    ]
    assert facts == [
        ("GET", "/f?x", 302, 0, "miss", "one", "davix/0.8"),
        ("GET", "/f", 302, 0, "hit", "one", ""),
        ("HEAD", "/f", 200, 0, "hit", "", ""),
        ("GET", "/nothing", 404, len(missed.body), "miss", "", ""),
        ("PROPFIND", "/", 207, len(listed.body), "miss", "", ""),
    ]
    assert {one.client for one in log.lines} == {CLIENT}
    ids = [one.id for one in log.lines]
    assert [one.split("-")[1] for one in ids] == ["1", "2", "3", "4", "5"]
    assert len({one.split("-")[0] for one in ids}) == 1


async def test_a_body_in_pieces_is_counted_as_sent():
    log = Log()
    world = a_world(access_log=log)
    world.one.on("/", many_files(1500))
    answer = await world.ask("PROPFIND", "/", Depth="1")
    assert answer.written.chunked
    assert log.lines[0].size_bytes == len(answer.body) > 256 * 1024


async def test_a_client_that_left_is_noted():
    log, tally = Log(), Tally()
    world = a_world(access_log=log, meter=tally, deadline_s=5)
    world.one.everything(HANG)
    world.two.everything(HANG)
    request, _written = a_request("GET", "/f")
    asking = asyncio.ensure_future(world.gateway(request))
    await asyncio.sleep(0.01)
    assert world.gateway.inflight == 1
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert world.gateway.inflight == 0
    assert [one.status for one in log.lines] == [499]
    assert tally.counts["ugrpy_requests_total", "GET", "499"] == 1
    await world.federation.close()


async def test_a_client_that_left_in_the_middle_is_noted_alike(monkeypatch):
    log = Log()
    world = a_world(access_log=log)
    world.one.on("/", many_files(3000))

    async def leave(_self, _chunk):
        raise ConnectionResetError("Cannot write to closing transport")

    monkeypatch.setattr(Written, "write", leave)
    with capture_logs() as said, pytest.raises(asyncio.CancelledError):
        await world.ask("PROPFIND", "/", Depth="1")
    assert said == []
    assert [one.status for one in log.lines] == [499]
    assert world.gateway.inflight == 0


async def test_requests_are_counted_by_method_and_status():
    tally = Tally()
    world = a_world(meter=tally)
    world.one.add_file("/f", 5)
    for method, target in (
        ("GET", "/f"),
        ("GET", "/f"),
        ("HEAD", "/f"),
        ("GET", "/x"),
        ("LOCK", "/f"),
        ("UNLOCK", "/f"),
    ):
        await world.ask(method, target)
    requests = {key[1:]: n for key, n in tally.counts.items() if key[0] == "ugrpy_requests_total"}
    assert requests == {
        ("GET", "302"): 2,
        ("HEAD", "200"): 1,
        ("GET", "404"): 1,
        ("other", "405"): 2,
    }
    assert tally.counts[("ugrpy_request_seconds",)] == 6
    assert tally.counts["ugrpy_redirects_total", "one"] == 2


async def test_without_a_meter_or_a_log_all_is_well():
    world = a_world()
    bare = Gateway(world.federation, world.gateway._options)
    request, _written = a_request("OPTIONS", "/")
    assert (await bare(request)).status == 200
