"""PUT, DELETE, MKCOL and PROPPATCH as a client sees them, with and without leave to change anything."""

import pytest

from tests.unit.frontend.world import a_world
from ugrpy.changing import ChangeSettings
from ugrpy.security.authz import AllowReading

READING = "OPTIONS, GET, HEAD, PROPFIND"
CHANGING = f"{READING}, PUT, DELETE, MKCOL, MOVE, COPY, PROPPATCH"
ON_COLLECTIONS = "OPTIONS, GET, HEAD, PROPFIND, DELETE, MOVE, COPY"
METHODS = ("PUT", "DELETE", "MKCOL", "MOVE", "COPY", "PROPPATCH")
PATCH = b"<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><a xmlns='urn:x'/></D:prop></D:set></D:propertyupdate>"


def changing(**settings):
    return a_world(changes=ChangeSettings(**settings))


async def test_what_is_offered_is_told():
    assert (await a_world().ask("OPTIONS", "/")).headers["Allow"] == READING
    assert (await changing().ask("OPTIONS", "/")).headers["Allow"] == CHANGING
    refused = await changing().ask("LOCK", "/f")
    assert (refused.status, refused.headers["Allow"]) == (405, CHANGING)


@pytest.mark.parametrize("method", METHODS)
async def test_a_gateway_that_takes_no_changes_offers_none(method):
    world = a_world()
    answer = await world.ask(method, "/f")
    assert (answer.status, answer.headers["Allow"]) == (405, READING)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "COPY"])
async def test_clients_of_other_networks_change_nothing(method):
    world = a_world(changes=ChangeSettings(), policy=AllowReading())
    world.one.add_file("/f", 3, 100)
    answer = await world.ask(method, "/f", Destination="/g", Content_Length="3")
    assert answer.status == 403
    assert world.one.done == []
    assert world.one.calls == []


async def test_an_upload_is_sent_to_its_place_at_once():
    world = changing()
    answer = await world.ask("PUT", "/d/f%20g?oss.asize=3", Content_Length="3")
    assert answer.status == 307
    assert answer.headers["Location"] == "https://one.example/d/f%20g"
    assert answer.body == b""
    assert ("make_collection", "/d") in world.one.done


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/f/", {}, 405),
        ("/d", {}, 405),
        ("/", {}, 403),
        ("/f#a", {}, 400),
        ("/f", {"Content_Range": "bytes 0-1/3"}, 400),
        ("/f", {"If_None_Match": "*"}, 412),
        ("/new", {"If_Match": "*"}, 412),
    ],
)
async def test_what_cannot_be_written_is_refused_before_anything_is_begun(target, headers, status):
    world = changing()
    world.one.add_file("/f", 3, 100)
    world.one.add_collection("/d")
    answer = await world.ask("PUT", target, Content_Length="3", **headers)
    assert answer.status == status
    if status == 405:
        assert answer.headers["Allow"] == ON_COLLECTIONS
    assert world.one.done == []
    assert len(world.federation.asking.overlay) == 0


async def test_files_may_be_kept_from_being_replaced():
    world = changing(allow_overwrite=False)
    world.one.add_file("/f", 3, 100)
    assert (await world.ask("PUT", "/f", Content_Length="3")).status == 409
    assert (await world.ask("PUT", "/g", Content_Length="3")).status == 307


async def test_a_file_is_deleted_everywhere():
    world = changing()
    for storage in (world.one, world.two):
        storage.add_file("/f", 3, 100)
    answer = await world.ask("DELETE", "/f")
    assert (answer.status, answer.body) == (204, b"")
    assert world.one.done == world.two.done == [("delete", "/f")]
    assert (await world.ask("DELETE", "/f")).status == 404


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/f/", {}, 404),
        ("/d", {"Depth": "0"}, 400),
        ("/", {}, 403),
        ("/f#a", {}, 400),
        ("/f", {"If_Match": '"other"'}, 412),
    ],
)
async def test_what_is_not_to_be_deleted_stays(target, headers, status):
    world = changing()
    world.one.add_file("/f", 3, 100)
    world.one.add_collection("/d")
    assert (await world.ask("DELETE", target, **headers)).status == status
    assert world.one.done == []


async def test_a_collection_is_deleted_with_all_in_it():
    world = changing()
    world.one.add_file("/d/f", 3, 100)
    assert (await world.ask("DELETE", "/d/")).status == 204
    assert world.one.script.collections == world.two.script.collections


@pytest.mark.parametrize("target", ["/d", "/d/"])
async def test_a_collection_is_made_everywhere(target):
    world = changing()
    answer = await world.ask("MKCOL", target)
    assert (answer.status, answer.body) == (201, b"")
    assert world.one.done == world.two.done == [("make_collection", "/d")]
    again = await world.ask("MKCOL", target)
    assert (again.status, again.headers["Allow"]) == (405, ON_COLLECTIONS)
    assert (await world.ask("MKCOL", "/x/y")).status == 409


async def test_a_collection_has_no_content():
    world = changing()
    answer = await world.ask("MKCOL", "/d", body=b"<x/>", Content_Length="4")
    assert answer.status == 415
    assert world.one.done == []


async def test_no_property_can_be_changed():
    world = changing()
    world.one.add_file("/f", 3, 100)
    length = str(len(PATCH))
    answer = await world.ask("PROPPATCH", "/f", body=PATCH, Content_Length=length)
    assert answer.status == 207
    assert answer.headers["DAV"] == "1"
    assert b"HTTP/1.1 403" in answer.body
    assert b"/f<" in answer.body
    root = await world.ask("PROPPATCH", "/", body=PATCH, Content_Length=length)
    assert root.status == 207
    assert (await world.ask("PROPPATCH", "/g", body=PATCH, Content_Length=length)).status == 404
    assert (await world.ask("PROPPATCH", "/f", body=b"<", Content_Length="1")).status == 400


@pytest.mark.parametrize(
    ("method", "destination", "status"),
    [
        ("MOVE", "/g", 201),
        ("COPY", "/g", 201),
        ("MOVE", "http://fed.example/g", 201),
        ("MOVE", "/taken", 204),
        ("MOVE", "/", 403),
        ("MOVE", "/f", 403),
        ("MOVE", "/none/g", 409),
        ("MOVE", "http://other.example/g", 502),
    ],
)
async def test_names_are_moved_and_copied_within(method, destination, status):
    world = changing()
    world.one.add_file("/f", 3, 100)
    world.one.add_file("/taken", 4, 100)
    answer = await world.ask(method, "/f", Destination=destination, Host="fed.example")
    assert answer.status == status
    assert bool(world.one.done) == (status < 300)
    assert answer.headers.get("Location") == ("/g" if status == 201 else None)


async def test_nothing_is_put_where_the_client_may_not_write():
    world = a_world(changes=ChangeSettings(), policy=AllowReading(["/closed"]))
    world.one.add_file("/f", 3, 100)
    for destination in ("/closed/f", "/g"):
        assert (await world.ask("COPY", "/f", Destination=destination)).status == 403
    assert world.one.done == []
