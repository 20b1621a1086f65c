"""PROPFIND: depths, bodies, order, what is missing."""

import json

import pytest
from aiohttp import HttpVersion10
from lxml import etree

from tests.unit.frontend.world import a_world
from ugrpy.core.errors import TimedOut
from ugrpy.federation.contents import LOOSE
from ugrpy.frontend.propfind import MAX_BODY_BYTES
from ugrpy.namespace.paths import PrefixMap
from ugrpy.security.identity import Audience
from ugrpy.testing import Reply

DAV = "{DAV:}"


def hrefs(body: bytes) -> list[str]:
    return [one.text or "" for one in etree.fromstring(body).iterfind(f"{DAV}response/{DAV}href")]


def a_world_of_files(**options):
    world = a_world(**options)
    for endpoint in (world.one, world.two):
        endpoint.add_file("/d/f", 5, 1_700_000_000)
    world.one.add_file("/d/a b%", 1)
    world.two.add_collection("/d/sub")
    return world


async def test_the_collection_first_then_each_child_once():
    answer = await a_world_of_files().ask("PROPFIND", "/d/", Depth="1")
    assert answer.status == 207
    assert answer.headers["Content-Type"] == 'application/xml; charset="utf-8"'
    assert answer.headers["DAV"] == "1"
    first, *children = hrefs(answer.body)
    assert first == "/d/"
    assert sorted(children) == ["/d/a%20b%25", "/d/f", "/d/sub/"]


@pytest.mark.parametrize(("target", "href"), [("/d", "/d/"), ("/d/", "/d/"), ("/d/f", "/d/f")])
async def test_depth_0_is_the_thing_itself(target, href):
    world = a_world_of_files()
    answer = await world.ask("PROPFIND", target, Depth="0")
    assert (answer.status, hrefs(answer.body)) == (207, [href])


async def test_depth_1_of_a_file_is_that_file():
    answer = await a_world_of_files().ask("PROPFIND", "/d/f", Depth="1")
    assert (answer.status, hrefs(answer.body)) == (207, ["/d/f"])


@pytest.mark.parametrize("headers", [{}, {"Depth": "infinity"}, {"Depth": "Infinity"}])
async def test_depth_infinity_is_refused_as_the_standard_wants(headers):
    world = a_world_of_files()
    answer = await world.ask("PROPFIND", "/d/", **headers)
    assert answer.status == 403
    assert answer.headers["Content-Type"] == 'application/xml; charset="utf-8"'
    root = etree.fromstring(answer.body)
    assert root.tag == f"{DAV}error"
    assert [one.tag for one in root] == [f"{DAV}propfind-finite-depth"]
    assert world.one.calls == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Depth": "2"}, None),
        ({"Depth": "0"}, b"<not xml"),
        ({"Depth": "0"}, b'<wrong xmlns="DAV:"/>'),
    ],
)
async def test_what_cannot_be_understood(headers, body):
    world = a_world_of_files()
    answer = await world.ask("PROPFIND", "/d/f", body=body, **headers)
    assert answer.status == 400
    assert json.loads(answer.body)["detail"]
    assert answer.response.keep_alive is not False
    assert world.one.calls == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Depth": "0"}, b"x" * (MAX_BODY_BYTES + 1)),
        ({"Depth": "0", "Content_Length": str(MAX_BODY_BYTES + 1)}, b"x"),
    ],
)
async def test_what_is_too_large_ends_the_connection(headers, body):
    world = a_world_of_files()
    answer = await world.ask("PROPFIND", "/d/f", body=body, **headers)
    assert answer.status == 413
    assert str(MAX_BODY_BYTES) in json.loads(answer.body)["detail"]
    assert answer.response.keep_alive is False
    assert world.one.calls == []


@pytest.mark.parametrize("expect", ["100-continue", "100-Continue"])
async def test_a_body_that_waits_for_it_is_asked_for(expect):
    body = b'<propfind xmlns="DAV:"><allprop/></propfind>'
    answer = await a_world_of_files().ask("PROPFIND", "/d/f", body=body, Depth="0", Expect=expect)
    assert answer.written.pieces[0] == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.status == 207


@pytest.mark.parametrize(
    ("body", "length"), [(b"", 0), (b"x" * (MAX_BODY_BYTES + 1), MAX_BODY_BYTES + 1)]
)
async def test_a_body_we_do_not_want_is_not_asked_for(body, length):
    answer = await a_world_of_files().ask(
        "PROPFIND", "/d/f", body=body, Depth="0", Expect="100-continue", Content_Length=str(length)
    )
    assert not any(piece.startswith(b"HTTP/1.1 100") for piece in answer.written.pieces)


async def test_an_old_client_is_never_sent_a_100():
    body = b'<propfind xmlns="DAV:"><allprop/></propfind>'
    answer = await a_world_of_files().ask(
        "PROPFIND", "/d/f", body=body, version=HttpVersion10, Depth="0", Expect="100-continue"
    )
    assert answer.status == 207
    assert not any(piece.startswith(b"HTTP/1.1 100") for piece in answer.written.pieces)


async def test_only_what_is_asked_for():
    body = b'<propfind xmlns="DAV:"><prop><getcontentlength/><nonsense/></prop></propfind>'
    answer = await a_world_of_files().ask("PROPFIND", "/d/f", body=body, Depth="0")
    (response,) = etree.fromstring(answer.body)
    stats = {
        one.findtext(f"{DAV}status"): [prop.tag for prop in one.iterfind(f"{DAV}prop/*")]
        for one in response.iterfind(f"{DAV}propstat")
    }
    assert stats == {
        "HTTP/1.1 200 OK": [f"{DAV}getcontentlength"],
        "HTTP/1.1 404 Not Found": [f"{DAV}nonsense"],
    }


async def test_nothing_is_404():
    world = a_world_of_files()
    for depth in ("0", "1"):
        assert (await world.ask("PROPFIND", "/nothing", Depth=depth)).status == 404


async def test_who_is_missing_is_said():
    world = a_world_of_files()
    world.two.everything(Reply(error=TimedOut("silent", endpoint="two")))
    answer = await world.ask("PROPFIND", "/d/", Depth="1")
    assert answer.status == 207
    assert 'next-hop="two"' in answer.headers["Proxy-Status"]
    assert sorted(hrefs(answer.body)) == ["/d/", "/d/a%20b%25", "/d/f"]


OURS = b'<propfind xmlns="DAV:" xmlns:u="UGRPY:"><prop><u:holders/><u:parts/></prop></propfind>'
HOLDER = "{UGRPY:}holders/{UGRPY:}holder/{UGRPY:}endpoint"
MISSING = "{UGRPY:}parts/{UGRPY:}missing/{UGRPY:}endpoint"


def responses(body: bytes) -> dict[str, etree._Element]:
    """The properties that are there, by href."""
    found = {}
    for one in etree.fromstring(body).iterfind(f"{DAV}response"):
        prop = one.find(f"{DAV}propstat/{DAV}prop")
        assert prop is not None
        found[one.findtext(f"{DAV}href") or ""] = prop
    return found


@pytest.mark.parametrize("depth", ["0", "1"])
async def test_who_holds_it_and_who_is_missing_is_told_to_those_who_ask(depth):
    world = a_world_of_files()
    world.two.everything(Reply(error=TimedOut("silent", endpoint="two")))
    await world.ask("GET", "/d?metalink")  # waits for everybody
    answer = await world.ask("PROPFIND", "/d", body=OURS, Depth=depth)
    found = responses(answer.body)
    assert [one.text for one in found["/d/"].iterfind(HOLDER)] == ["one"]
    assert [one.text for one in found["/d/"].iterfind(MISSING)] == ["two"]
    if depth == "1":
        assert [one.text for one in found["/d/f"].iterfind(HOLDER)] == ["one"]
        assert found["/d/f"].find("{UGRPY:}parts") is None


@pytest.mark.parametrize("shown", [Audience.PUBLIC, Audience.ADMIN])
async def test_a_long_listing_is_waited_for_when_it_has_to_begin_with_whose_it_is(shown):
    world = a_world(show_endpoints=shown)
    for number in range(LOOSE + 1):
        world.one.add_file(f"/d/{number}", 5)
    answer = await world.ask("PROPFIND", "/d/", body=OURS, Depth="1")
    found = responses(answer.body)
    assert len(found) == LOOSE + 2
    named = ["one"] if shown is Audience.PUBLIC else []
    assert [one.text for one in found["/d/"].iterfind(HOLDER)] == named
    assert found["/d/"].findtext("{UGRPY:}parts/{UGRPY:}answered") == "2"


async def test_above_the_prefixes():
    world = a_world_of_files(prefixes=PrefixMap(["/fed/x", "/fed/y"], "/d"))
    answer = await world.ask("PROPFIND", "/fed", Depth="1")
    assert hrefs(answer.body) == ["/fed/", "/fed/x/", "/fed/y/"]
    answer = await world.ask("PROPFIND", "/fed", Depth="0")
    assert hrefs(answer.body) == ["/fed/"]
    answer = await world.ask("PROPFIND", "/fed/x/f", Depth="0")
    assert hrefs(answer.body) == ["/fed/x/f"]
    assert world.one.calls == [("stat", "/d/f")]


async def test_the_second_time_nobody_is_asked():
    world = a_world_of_files()
    first = await world.ask("PROPFIND", "/d/", Depth="1")
    asked = len(world.one.calls)
    second = await world.ask("PROPFIND", "/d/", Depth="1")
    assert second.body == first.body
    assert len(world.one.calls) == asked
