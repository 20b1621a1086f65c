"""GET and HEAD: redirects, metadata, conditions, metalinks, pages."""

import pytest
from lxml import etree

from tests.unit.frontend.world import World, a_world
from ugrpy.core.errors import TimedOut
from ugrpy.namespace.model import Cause, Digest, Entry, Kind, Unknown
from ugrpy.security.identity import Audience
from ugrpy.testing import HANG, Reply
from ugrpy.webdav.validators import weak_etag

MTIME_S = 1_700_000_000
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
ETAG = weak_etag(Entry("f", Kind.FILE, 5, MTIME_S))
META4 = "application/metalink4+xml"


def a_world_of_files(**options) -> World:
    world = a_world(**options)
    for endpoint in (world.one, world.two):
        endpoint.add_file("/d/f", 5, MTIME_S)
    world.one.add_file("/d/unsized", None)
    return world


# -- collections and their slash ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("target", "location"), [("/d", "/d/"), ("/d?sort=size", "/d/?sort=size"), ("/%64", "/d/")]
)
async def test_a_collection_without_its_slash(method, target, location):
    answer = await a_world_of_files().ask(method, target)
    assert (answer.status, answer.headers["Location"], answer.body) == (302, location, b"")


async def test_a_collection_with_its_slash_is_a_page():
    world = a_world_of_files()
    answer = await world.ask("GET", "/d/")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    page = etree.HTML(answer.body)
    assert {"/d/f", "/d/unsized"} <= {one.get("href") for one in page.iter("a")}
    head = await world.ask("HEAD", "/d/")
    assert head.status == 200
    assert head.headers["Content-Type"] == answer.headers["Content-Type"]
    assert "Content-Length" not in head.headers


async def test_a_page_says_what_is_missing():
    world = a_world_of_files()
    world.two.everything(Reply(error=TimedOut("silent", endpoint="two")))
    answer = await world.ask("GET", "/d/")
    assert answer.status == 200
    assert 'next-hop="two"' in answer.headers["Proxy-Status"]
    assert b"two" in answer.body
    quiet = a_world_of_files(show_endpoints=Audience.ADMIN)
    quiet.two.everything(Reply(error=TimedOut("silent", endpoint="two")))
    answer = await quiet.ask("GET", "/d/")
    assert "next-hop" not in answer.headers["Proxy-Status"]
    assert b"two.example" not in answer.body


async def test_a_file_with_a_slash_is_that_file():
    answer = await a_world_of_files().ask("GET", "/d/f/")
    assert (answer.status, answer.headers["Location"]) == (302, "https://one.example/d/f")
    answer = await a_world_of_files().ask("HEAD", "/d/f/")
    assert (answer.status, answer.headers["Content-Length"]) == (200, "5")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_nothing_with_a_slash(method):
    assert (await a_world_of_files().ask(method, "/nothing/")).status == 404


# -- HEAD -----------------------------------------------------------------------------------------------------


async def test_head_is_answered_by_us():
    world = a_world_of_files()
    first = await world.ask("HEAD", "/d/f")
    assert first.status == 200
    assert first.headers["Cache-Status"].startswith("ugrpy; fwd=miss")
    await world.ask("GET", "/d/f?metalink")  # now everybody has spoken
    answer = await world.ask("HEAD", "/d/f")
    assert answer.status == 200
    assert dict(answer.headers) == {
        "Server": "ugrpy",
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "bytes",
        "Content-Length": "5",
        "Last-Modified": DATE,
        "ETag": ETAG,
        "Cache-Status": "ugrpy; hit; ttl=300",
        "Age": "0",
        "Server-Timing": 'cache;desc="hit", total;dur=0.0',
    }


async def test_head_of_a_file_without_a_size_is_the_storages():
    answer = await a_world_of_files().ask("HEAD", "/d/unsized")
    assert (answer.status, answer.headers["Location"]) == (302, "https://one.example/d/unsized")


async def test_no_etag_while_a_late_answer_could_change_it():
    world = a_world_of_files()
    world.two.on("/d/f", HANG)
    answer = await world.ask("HEAD", "/d/f")
    assert answer.status == 200
    assert "ETag" not in answer.headers
    await world.federation.close()


async def test_head_says_who_is_missing():
    world = a_world_of_files()
    world.two.on("/d/f", Reply(Unknown(Cause.FAILED, "500")))
    await world.ask("GET", "/d/f?metalink")  # which waits for everybody
    answer = await world.ask("HEAD", "/d/f")
    assert answer.status == 200
    assert (
        answer.headers["Proxy-Status"]
        == 'ugrpy; error=http_response_incomplete; next-hop="two"; details="500"'
    )
    assert "ETag" not in answer.headers


# -- conditions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"If_None_Match": ETAG}, 304),
        ("HEAD", {"If_None_Match": ETAG}, 304),
        ("GET", {"If_None_Match": '"other"'}, 302),
        ("HEAD", {"If_None_Match": '"other"'}, 200),
        ("GET", {"If_Modified_Since": DATE}, 304),
        ("HEAD", {"If_Modified_Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, 200),
        # these are for the storage to judge, by its own validators
        ("GET", {"If_Match": '"other"'}, 302),
        ("HEAD", {"If_Match": '"other"'}, 412),
        ("GET", {"If_Unmodified_Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, 302),
        ("HEAD", {"If_Unmodified_Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, 412),
    ],
)
async def test_conditions(method, headers, status):
    world = a_world_of_files()
    await world.ask("HEAD", "/d/f")
    await world.ask("GET", "/d/f?metalink")
    answer = await world.ask(method, "/d/f", **headers)
    assert answer.status == status
    if status == 304:
        assert answer.headers["ETag"] == ETAG
        assert "Content-Length" not in answer.headers
        assert answer.body == b""


async def test_nothing_is_unchanged_while_somebody_is_silent():
    world = a_world_of_files()
    world.two.on("/d/f", HANG)
    answer = await world.ask("HEAD", "/d/f", If_None_Match=ETAG)
    assert answer.status == 200
    await world.federation.close()


# -- metalinks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "headers", "content_type", "file"),
    [
        ("/d/f?metalink", {}, "application/metalink+xml", "f.metalink"),
        ("/d/f?metalink=4", {}, META4, "f.meta4"),
        ("/d/f", {"Accept": META4}, META4, "f.meta4"),
    ],
)
async def test_metalinks(target, headers, content_type, file):
    world = a_world_of_files()
    answer = await world.ask("GET", target, **headers)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{file}"'
    assert answer.headers["Cache-Status"] == "ugrpy; fwd=miss; stored; ttl=300"
    urls = [one.text for one in etree.fromstring(answer.body).iterfind(".//{*}url")]
    assert urls == ["https://one.example/d/f", "https://two.example/d/f"]
    head = await world.ask("HEAD", target, **headers)
    assert (head.status, head.headers["Content-Type"]) == (200, content_type)
    assert head.headers["Cache-Status"] == "ugrpy; hit; ttl=300"


async def test_a_metalink_names_digests_and_at_most_so_many_replicas():
    world = a_world(max_replicas=1)
    for endpoint in (world.one, world.two):
        endpoint.add_file("/f", 5, MTIME_S, (Digest("adler32", "062c0215"),))
    answer = await world.ask("GET", "/f?metalink=4")
    document = etree.fromstring(answer.body)
    assert [one.text for one in document.iterfind(".//{*}url")] == ["https://one.example/f"]
    assert [one.text for one in document.iterfind(".//{*}hash")] == ["062c0215"]


async def test_a_collection_has_no_metalink():
    answer = await a_world_of_files().ask("GET", "/d?metalink")
    assert answer.status == 404
    assert b"is a collection; metalinks describe files" in answer.body


async def test_only_who_names_a_metalink_type_is_told_where_it_is():
    accept = f"*/*, {META4};q=0.5"
    described = f'</d/f?metalink=4>; rel=describedby; type="{META4}"'
    world = a_world_of_files()
    for method, status in (("HEAD", 200), ("GET", 302)):
        told = await world.ask(method, "/d/f", Accept=accept)
        assert told.status == status
        assert described in told.headers.getall("Link")
        for other in ("*/*", "text/html"):
            answer = await world.ask(method, "/d/f", Accept=other)
            assert answer.status == status
            assert "describedby" not in str(getattr(answer.response, "_headers", ""))
    metalink = await world.ask("GET", "/d/f?metalink=4", Accept=accept)
    assert described in metalink.headers.getall("Link")
