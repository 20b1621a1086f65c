"""What the headers of an answer say of how it came about."""

import pytest
from multidict import CIMultiDict

from tests.unit.frontend.world import World, a_request, a_world
from ugrpy.changing import ChangeSettings
from ugrpy.federation import Federation
from ugrpy.federation.contents import LOOSE
from ugrpy.frontend.exchange import Exchange
from ugrpy.frontend.telling import tell
from ugrpy.namespace.model import Cause, Unknown
from ugrpy.namespace.origin import Origin
from ugrpy.security.identity import Audience, Identity
from ugrpy.service.quick import QuickResponse
from ugrpy.streaming import StreamingSettings
from ugrpy.testing import LoopClock, Reply, run_virtual


def a_world_with_a_file(**options) -> World:
    world = a_world(**options)
    for endpoint in (world.one, world.two):
        endpoint.add_file("/d/f", 5)
    return world


def cache_of(answer) -> tuple[str | None, str | None]:
    """What the answer says of the cache, and its age."""
    return answer.headers.get("Cache-Status"), answer.headers.get("Age")


@pytest.mark.parametrize(
    ("method", "target", "headers", "kept_s"),
    [
        ("GET", "/d/f?metalink", {}, 300),
        ("HEAD", "/d/nothing", {}, 10),
        ("GET", "/d/", {}, 60),
        ("PROPFIND", "/d/", {"Depth": "1"}, 60),
    ],
)
async def test_first_asked_then_remembered(method, target, headers, kept_s):
    world = a_world_with_a_file()
    first = await world.ask(method, target, **headers)
    assert cache_of(first) == (f"ugrpy; fwd=miss; stored; ttl={kept_s}", None)
    world.clock.advance(4.5)
    again = await world.ask(method, target, **headers)
    assert cache_of(again) == (f"ugrpy; hit; ttl={kept_s - 5}", "4")
    assert again.headers["Server-Timing"] == 'cache;desc="hit", total;dur=0.0'


async def test_what_everybody_must_have_said_is_asked_for_again():
    world = a_world_with_a_file()
    await world.ask("HEAD", "/d/f")
    world.clock.advance(301)
    assert (await world.ask("HEAD", "/d/f")).headers["Cache-Status"].startswith("ugrpy; fwd=stale")


async def test_a_prepared_redirect_counts_down_and_ages():
    world = a_world_with_a_file()
    await world.ask("GET", "/d/f?metalink")
    await world.ask("GET", "/d/f")
    heads = []
    for _ in range(2):
        world.clock.advance(10)
        answer = await world.ask("GET", "/d/f")
        assert isinstance(answer.response, QuickResponse)
        heads.append(answer.response._head)
    assert b"Age: 10\r\nCache-Status: ugrpy; hit; ttl=290\r\n" in heads[0]
    assert b"Age: 20\r\nCache-Status: ugrpy; hit; ttl=280\r\n" in heads[1]


async def test_a_prepared_redirect_says_when_the_shared_store_is_away(monkeypatch):
    world = a_world_with_a_file()
    await world.ask("GET", "/d/f?metalink")
    await world.ask("GET", "/d/f")
    monkeypatch.setattr(Federation, "shared_down", True)
    answer = await world.ask("GET", "/d/f")
    assert isinstance(answer.response, QuickResponse)
    assert b"Cache-Status: ugrpy; hit; ttl=300; detail=lease\r\n" in answer.response._head


@pytest.mark.parametrize(
    ("origin", "recalled", "leased", "value"),
    [
        (Origin.SHARED, False, False, "ugrpy; hit; ttl=250; detail=shared"),
        (Origin.SHARED, True, False, "ugrpy; hit; ttl=250"),
        (Origin.SHARED, True, True, "ugrpy; hit; ttl=250; detail=lease"),
        (Origin.LAST_KNOWN, False, False, "ugrpy; hit; ttl=-1; detail=last-known"),
        (Origin.LAST_KNOWN, True, True, "ugrpy; hit; ttl=-1; detail=last-known"),
        (
            Origin.ENDPOINTS,
            False,
            True,
            "ugrpy; fwd=miss; stored; collapsed; ttl=250; detail=lease",
        ),
    ],
)
async def test_every_origin_is_told(origin, recalled, leased, value):
    world = a_world_with_a_file()
    known = await world.federation.locate("/d/f")
    object.__setattr__(known, "origin", origin)
    world.clock.advance(50)
    exchange, headers = an_exchange(world)
    exchange.leased = leased
    if recalled:
        exchange.recalled(known)
    else:
        await exchange.asking("miss", said(known))
    tell(exchange, 200, headers)
    assert headers["Cache-Status"] == value
    waited = "shared;dur" if origin is Origin.SHARED else "fanout;dur"
    assert (waited in headers["Server-Timing"]) is not recalled
    assert headers.get("Age") == (None if origin is Origin.ENDPOINTS else "50")


async def said(known):
    """An answer that is there already."""
    return known


def an_exchange(world: World) -> tuple[Exchange, CIMultiDict[str]]:
    request, _written = a_request("GET", "/d/f")
    client = (Identity(), world.federation.ranker.zone_of(None), "-")
    return Exchange(request, client, world.clock.monotonic), CIMultiDict()


@pytest.mark.parametrize(
    ("shown", "slowest"), [(Audience.PUBLIC, ';desc="two"'), (Audience.ADMIN, "")]
)
def test_what_took_how_long(shown, slowest):
    async def story() -> str:
        world = a_world_with_a_file(show_endpoints=shown, clock=LoopClock(), deadline_s=5.0)
        world.one.latency_s, world.two.latency_s = 0.02, 0.34
        answer = await world.ask("GET", "/d/f?metalink")
        return answer.headers["Server-Timing"]

    assert run_virtual(story()) == (
        f'cache;desc="miss", fanout;dur=340.0, slowest;dur=340.0{slowest}, total;dur=340.0'
    )


async def test_an_error_tells_the_same():
    world = a_world()
    world.one.on("/f", Reply(Unknown(Cause.TIMEOUT, "silent")))
    answer = await world.ask("GET", "/f")
    assert answer.status == 504
    assert answer.headers["Cache-Status"] == "ugrpy; fwd=miss"
    assert answer.headers["Server-Timing"].startswith('cache;desc="miss", fanout;dur=')
    assert answer.headers["Proxy-Status"] == (
        'ugrpy; error=http_response_timeout; next-hop="one"; details="silent"'
    )


@pytest.mark.parametrize(
    ("method", "target", "headers", "status", "value"),
    [
        ("PUT", "/d/new", {"Content_Length": "0"}, 307, "ugrpy; fwd=method"),
        ("DELETE", "/d/f", {}, 204, "ugrpy; fwd=method"),
        ("DELETE", "/d/nothing", {}, 404, "ugrpy; fwd=method"),
        ("MKCOL", "/d/c", {}, 201, "ugrpy; fwd=method"),
        ("DELETE", "/", {}, 403, None),
        ("OPTIONS", "/", {}, 200, None),
        ("NONSENSE", "/", {}, 405, None),
    ],
)
async def test_changes_pass_the_cache_by_and_refusals_never_see_it(
    method, target, headers, status, value
):
    world = a_world_with_a_file(changes=ChangeSettings())
    answer = await world.ask(method, target, **headers)
    assert (answer.status, answer.headers.get("Cache-Status")) == (status, value)
    assert answer.headers["Server-Timing"].startswith("total;dur=")


async def test_what_this_gateway_itself_refuses_is_told_so():
    answer = await a_world_with_a_file(changes=ChangeSettings()).ask("DELETE", "/")
    assert answer.headers["Proxy-Status"] == (
        'ugrpy; error=http_request_denied; details="Forbidden"'
    )


async def test_a_long_listing_is_explained_in_its_head():
    world = a_world()
    for number in range(LOOSE + 1):
        world.one.add_file(f"/d/{number}", 5)
    answer = await world.ask("PROPFIND", "/d/", Depth="1")
    assert answer.written.headers["Cache-Status"] == "ugrpy; fwd=miss"
    assert "fanout;dur=" in answer.written.headers["Server-Timing"]


async def test_what_is_streamed_is_explained_before_its_bytes():
    world = a_world_with_a_file(streaming=StreamingSettings(paths=("/d",)))
    answer = await world.ask("GET", "/d/f")
    assert (answer.status, len(answer.body)) == (200, 5)
    assert answer.written.headers["Cache-Status"] == "ugrpy; fwd=miss; stored; ttl=300"
    assert "fanout;dur=" in answer.written.headers["Server-Timing"]


async def test_unchanged_is_explained_too():
    world = a_world_with_a_file()
    first = await world.ask("HEAD", "/d/f?metalink")
    await world.ask("GET", "/d/f?metalink")
    etag = (await world.ask("HEAD", "/d/f")).headers["ETag"]
    unchanged = await world.ask("GET", "/d/f", If_None_Match=etag)
    assert (first.status, unchanged.status) == (200, 304)
    assert unchanged.headers["Cache-Status"] == "ugrpy; hit; ttl=300"
