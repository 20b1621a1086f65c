"""What does the WebDAV endpoint send when something is to be changed, and what does it make of the answers?"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.faults.raw_server import RawServer, Script, Wire, http, then_reset, then_silence
from ugrpy.core.errors import UgrError
from ugrpy.endpoints.base import Quirk
from ugrpy.endpoints.dav import DavEndpoint, clearing
from ugrpy.namespace.model import Absent, Cause, Denied, EndpointId, Kind, Unknown
from ugrpy.namespace.outcomes import Conflict, Done, Full, Outcome, Space
from ugrpy.transport.options import TransportOptions

DATA = Path(__file__).parents[2] / "data"
pytestmark = pytest.mark.functional

FILE, COLLECTION = Kind.FILE, Kind.COLLECTION
PLAIN = http(200, b"", "Server: somebody", "Allow: COPY, MOVE")
VERBS = ("MKCOL", "DELETE", "MOVE", "COPY", "PUT")


def response(href: str, *, collection: bool = False, status: int = 200) -> str:
    kind = "<D:collection/>" if collection else ""
    if status != 200:
        return (
            f"<D:response><D:href>{href}</D:href>"
            f"<D:status>HTTP/1.1 {status} As Said</D:status></D:response>"
        )
    return (
        f"<D:response><D:href>{href}</D:href><D:propstat><D:prop>"
        f"<D:resourcetype>{kind}</D:resourcetype></D:prop>"
        "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
    )


def multistatus(*responses: str) -> bytes:
    return http(207, f'<D:multistatus xmlns:D="DAV:">{"".join(responses)}</D:multistatus>'.encode())


def file(path: str) -> bytes:
    return multistatus(response(path))


def collection(path: str, *children: str) -> bytes:
    """Its children: those with a slash at the end are collections."""
    inside = (response(child, collection=child.endswith("/")) for child in children)
    return multistatus(response(path + "/", collection=True), *inside)


def answering(replies: Mapping[str, bytes | list[bytes]]) -> Script:
    """By ``METHOD target``; a list is given in its order, the last of it for ever. All else is 404, OPTIONS the plain one."""
    left = {key: [said] if isinstance(said, bytes) else said for key, said in replies.items()}

    async def script(wire: Wire) -> None:
        while (asked := await wire.asked()) is not None:
            said = left.get(f"{asked.method} {asked.target}")
            if said:
                await wire.send(said.pop(0) if len(said) > 1 else said[0])
            else:
                await wire.send(PLAIN if asked.method == "OPTIONS" else http(404))

    return script


@pytest.fixture
async def over():
    """An endpoint over a server that runs this script; the server goes with it."""
    open_now: list[tuple[RawServer, DavEndpoint]] = []

    async def make(script: Script, base: str = "", **options: Any):
        server = await RawServer(script).__aenter__()
        endpoint = DavEndpoint(EndpointId("uvic"), server.url + base, TransportOptions(**options))
        open_now.append((server, endpoint))
        return server, endpoint

    yield make
    for server, endpoint in open_now:
        await endpoint.close()
        await server.__aexit__()


async def body_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def do(endpoint: DavEndpoint, method: str, path: str = "/f", kind: Kind = FILE) -> Outcome:
    """The verb that sends this method."""
    match method:
        case "MKCOL":
            return await endpoint.make_collection(path)
        case "DELETE":
            return await endpoint.delete(path, kind)
        case "MOVE":
            return await endpoint.move(path, "/g", kind, overwrite=True)
        case "COPY":
            return await endpoint.copy(path, "/g", kind, overwrite=True)
        case _:
            return await endpoint.write(path, body_of(b"x"), size_bytes=1, idle_s=20)


def slashed(method: str) -> str:
    return "/f/" if method == "MKCOL" else "/f"


# -- what is asked ---------------------------------------------------------------------------------


async def test_what_is_asked(over):
    done = {f"{method} /dav/a%20b{slash}": http(201) for method in VERBS for slash in ("", "/")}
    there = {"PROPFIND /dav/c%20d": file("/dav/c%20d")}
    server, endpoint = await over(answering(done | there), "/dav")
    await endpoint.make_collection("/a b")
    await endpoint.delete("/a b", FILE)
    await endpoint.delete("/a b", COLLECTION)
    await endpoint.move("/a b", "/c d", FILE, overwrite=False)
    await endpoint.copy("/a b", "/cd", COLLECTION, overwrite=True)
    base = server.url + "/dav"
    assert [
        (
            one.method,
            one.target,
            one.headers.get("destination"),
            one.headers.get("overwrite"),
            one.headers.get("depth"),
        )
        for one in server.requests
        if one.method != "PROPFIND"
    ] == [
        ("OPTIONS", "/dav/", None, None, None),
        ("MKCOL", "/dav/a%20b/", None, None, None),
        ("DELETE", "/dav/a%20b", None, None, None),
        ("DELETE", "/dav/a%20b/", None, None, None),
        ("MOVE", "/dav/a%20b", f"{base}/c%20d", "F", None),
        ("COPY", "/dav/a%20b/", f"{base}/cd/", "T", "infinity"),
    ]


async def test_how_a_body_is_sent(over):
    server, endpoint = await over(answering({"PUT /f": http(201)}))
    said = await endpoint.write(
        "/f",
        body_of(b"one", b"two"),
        size_bytes=6,
        idle_s=20,
        headers={
            "If-None-Match": "*",
            "Content-Type": "text/plain",
            "content-length": "99",
            "Transfer-Encoding": "chunked",
            "expect": "100-continue",
        },
    )
    assert said == Done(created=True)
    (asked,) = server.requests
    assert asked.body == b"onetwo"
    assert asked.headers["content-length"] == "6"
    assert "transfer-encoding" not in asked.headers
    assert "expect" not in asked.headers
    assert asked.headers["if-none-match"] == "*"
    assert asked.headers["content-type"] == "text/plain"


@pytest.mark.parametrize("method", ["MKCOL", "MOVE", "COPY"])
async def test_nothing_is_sent_to_a_server_that_does_not_say_who_it_is(over, method):
    server, endpoint = await over(answering({"OPTIONS /": http(503)}))
    assert isinstance(await do(endpoint, method), Unknown)
    assert {one.method for one in server.requests} == {"OPTIONS"}


async def test_the_root_is_left_alone(over):
    server, endpoint = await over(answering({}))
    for said in (
        await endpoint.make_collection("/"),
        await endpoint.delete("/", COLLECTION),
        await endpoint.move("/", "/a", COLLECTION, overwrite=True),
        await endpoint.copy("/a", "/", COLLECTION, overwrite=True),
    ):
        assert isinstance(said, Conflict)
    assert server.requests == []


# -- what is said ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", VERBS)
@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (201, Done(created=True)),
        (204, Done()),
        (403, Denied(403, "{method} answered 403")),
        (405, Conflict(405, "{method} answered 405")),
        (412, Conflict(412, "{method} answered 412")),
        (423, Conflict(423, "{method} answered 423")),
        (501, Conflict(501, "{method} answered 501")),
        (507, Full("{method} answered 507")),
        (202, Unknown(Cause.MALFORMED, "{method} answered 202")),
        (500, Unknown(Cause.FAILED, "{method}: the endpoint answered 500")),
        (503, Unknown(Cause.BUSY, "{method}: the endpoint answered 503")),
        (429, Unknown(Cause.BUSY, "{method}: the endpoint answered 429")),
    ],
)
async def test_statuses(over, method, status, outcome):
    script = answering({f"{method} {slashed(method)}": http(status)})
    _, endpoint = await over(script)
    said = await do(endpoint, method)
    if hasattr(outcome, "detail"):
        expected = type(outcome)(
            *(getattr(outcome, name) for name in outcome.__slots__ if name in ("status", "cause")),
            outcome.detail.format(method=method),
        )
        assert said == expected
    else:
        assert said == outcome


@pytest.mark.parametrize("method", ["MKCOL", "PUT"])
async def test_a_missing_parent_may_be_said_by_404(over, method):
    _, endpoint = await over(answering({}))
    said = await do(endpoint, method)
    assert said == Conflict(409, "there is no collection to put it into")


@pytest.mark.parametrize("method", ["DELETE", "MOVE", "COPY"])
async def test_what_is_not_there(over, method):
    _, endpoint = await over(answering({}))
    assert await do(endpoint, method) == Absent()


@pytest.mark.parametrize("method", VERBS)
@pytest.mark.parametrize("ends", [then_reset(b""), then_silence(b"")])
async def test_an_answer_that_does_not_come_is_unknown(over, method, ends):
    async def script(wire: Wire) -> None:
        if method in ("MKCOL", "MOVE", "COPY") and not server.requests:
            await wire.asked()
            await wire.send(PLAIN)
            return
        await ends(wire)

    server, endpoint = await over(
        script, connect_timeout_s=20, first_byte_timeout_s=20, total_timeout_s=0.2
    )
    said = await do(endpoint, method)
    assert isinstance(said, Unknown)
    assert said.cause in (Cause.UNREACHABLE, Cause.TIMEOUT)
    assert endpoint.trouble or isinstance(said, Unknown)
    # nothing that changes something is ever sent twice
    assert [one.method for one in server.requests].count(method) == 1


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ((423,), Conflict(423, "DELETE answered 423")),
        ((424, 403), Denied(403, "DELETE answered 403")),
        ((404, 423, 424), Conflict(423, "DELETE answered 423")),
        ((423, 500), Unknown(Cause.FAILED, "DELETE answered 500")),
        ((404,), Done()),
        ((424,), Conflict(424, "DELETE answered 424")),
        ((), Unknown(Cause.MALFORMED, "DELETE: the answer does not say of what it speaks")),
    ],
)
async def test_a_collection_deleted_in_part(over, statuses, outcome):
    parts = [response(f"/f/{number}", status=status) for number, status in enumerate(statuses)]
    _, endpoint = await over(answering({"DELETE /f/": multistatus(*parts)}))
    assert await do(endpoint, "DELETE", kind=COLLECTION) == outcome


async def test_a_multistatus_that_is_none(over):
    _, endpoint = await over(answering({"DELETE /f/": http(207, b"<html>all is well</html>")}))
    said = await do(endpoint, "DELETE", kind=COLLECTION)
    assert isinstance(said, Unknown)
    assert said.cause is Cause.MALFORMED


# -- redirects -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["DELETE", "MOVE", "COPY"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_the_slash_is_followed(over, method, status):
    replies = {
        f"{method} /f": http(status, b"", "Location: /f/"),
        f"{method} /f/": http(204),
    }
    server, endpoint = await over(answering(replies))
    assert await do(endpoint, method) == Done()
    if method != "DELETE":
        assert server.requests[-1].headers["destination"].endswith("/g/")


@pytest.mark.parametrize("status", [302, 307, 308])
async def test_a_redirect_to_another_place_of_the_same_host_is_followed(over, status):
    replies = {
        "MKCOL /f/": http(status, b"", "Location: /other/f/"),
        "MKCOL /other/f/": http(201),
        "DELETE /f": http(status, b"", "Location: /other/f"),
        "DELETE /other/f": http(204),
    }
    _, endpoint = await over(answering(replies))
    assert await do(endpoint, "MKCOL") == Done(created=True)
    assert await do(endpoint, "DELETE") == Done()


@pytest.mark.parametrize(
    ("method", "status", "location"),
    [
        ("MKCOL", 302, "http://192.0.2.1/f/"),
        ("DELETE", 307, "http://192.0.2.1/f"),
        ("DELETE", 303, "/other/f"),
        ("DELETE", 301, "/other/f"),
        ("DELETE", 302, "/f"),  # round in a circle
        ("MOVE", 307, "/other/f"),
        ("COPY", 307, "/other/f"),
        ("PUT", 307, "/other/f"),
        ("PUT", 307, "/f/"),
        ("PUT", 302, ""),
    ],
)
async def test_redirects_that_are_not_followed(over, method, status, location):
    headers = (f"Location: {location}",) if location else ()
    replies = {
        f"{method} {slashed(method)}": http(status, b"", *headers),
        f"{method} /other/f": http(204),
        f"{method} /f/": http(status, b"", *headers),
    }
    server, endpoint = await over(answering(replies))
    said = await do(endpoint, method)
    assert isinstance(said, Unknown)
    assert "192.0.2.1" not in said.detail
    assert "/other/f" not in [one.target for one in server.requests]


# -- refusals that are owed to the name ------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize(
    ("method", "outcome"),
    [
        ("MKCOL", Conflict(409, "there is no collection to put it into")),
        ("PUT", Conflict(409, "there is no collection to put it into")),
        ("DELETE", Absent()),
        ("MOVE", Absent()),
        ("COPY", Absent()),
    ],
)
async def test_below_a_file(over, method, outcome, status):
    replies = {
        "PROPFIND /a": file("/a"),
        f"{method} /a/f": http(status),
        f"{method} /a/f/": http(status),
    }
    _, endpoint = await over(answering(replies))
    assert await do(endpoint, method, "/a/f") == outcome


@pytest.mark.parametrize("status", [403, 500])
@pytest.mark.parametrize(
    ("method", "outcome"),
    [
        ("MKCOL", Conflict(414, "the name is longer than the storage takes")),
        ("PUT", Conflict(414, "the name is longer than the storage takes")),
        ("DELETE", Absent()),
        ("MOVE", Absent()),
    ],
)
async def test_a_name_that_no_file_system_takes(over, method, outcome, status):
    name = "/" + "n" * 256
    replies = {f"{method} {name}{slash}": http(status) for slash in ("", "/")}
    _, endpoint = await over(answering(replies | {"PROPFIND /": collection("")}))
    assert await do(endpoint, method, name) == outcome


@pytest.mark.parametrize("source_is_there", [True, False])
async def test_a_target_that_cannot_be(over, source_is_there):
    """Apache: 500. Only while the source is where it was is it sure that nothing has happened."""
    replies = {"MOVE /f": http(500)} | ({"PROPFIND /f": file("/f")} if source_is_there else {})
    _, endpoint = await over(answering(replies))
    said = await endpoint.move("/f", "/absent/g", FILE, overwrite=True)
    if source_is_there:
        assert said == Conflict(409, "there is no collection to put it into")
    else:
        assert said == Unknown(Cause.FAILED, "MOVE: the endpoint answered 500")


async def test_a_target_that_was_misread(over):
    _, endpoint = await over(answering({"MOVE /f": http(201)}))
    said = await endpoint.move("/f", "/a#b", FILE, overwrite=True)
    assert said == Unknown(Cause.MALFORMED, "done, by its answer, and nothing is there")


@pytest.mark.parametrize("method", ["MKCOL", "DELETE", "MOVE", "PUT"])
async def test_a_name_that_would_be_cut_is_not_sent_to_xrootd(over, method):
    replies = {
        "OPTIONS /": http(200, b"", "Server: XrootD/v5.5.3"),
        "PROPFIND /a%3Fb": file("/a"),
        **{f"{verb} /a%3Fb": http(200) for verb in VERBS},
    }
    server, endpoint = await over(answering(replies))
    said = await do(endpoint, method, "/a?b")
    assert said == Absent() or isinstance(said, Conflict)
    assert method not in [one.method for one in server.requests]


# -- in the way ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize("method", ["MOVE", "COPY"])
async def test_a_target_of_another_kind_goes_first(over, method, status):
    replies: dict[str, bytes | list[bytes]] = {
        f"{method} /f": [http(status), http(201)],
        "PROPFIND /f": file("/f"),
        "PROPFIND /g": collection("/g"),
        "DELETE /g/": http(204),
    }
    server, endpoint = await over(answering(replies))
    assert await do(endpoint, method) == Done()
    changes = [one.method for one in server.requests if one.method in VERBS]
    assert changes == [method, "DELETE", method]


async def test_nothing_is_deleted_for_a_source_that_is_not_there(over):
    replies = {"MOVE /f": http(409), "PROPFIND /g": collection("/g"), "DELETE /g/": http(204)}
    server, endpoint = await over(answering(replies))
    assert await do(endpoint, "MOVE") == Absent()
    assert "DELETE" not in [one.method for one in server.requests]


async def test_what_is_in_the_way_and_cannot_be_deleted(over):
    replies = {
        "MOVE /f": http(409),
        "PROPFIND /f": file("/f"),
        "PROPFIND /g": collection("/g"),
        "DELETE /g/": http(403),
    }
    _, endpoint = await over(answering(replies))
    assert await do(endpoint, "MOVE") == Denied(403, "DELETE answered 403")


# -- clearing --------------------------------------------------------------------------------------

FULL_TREE = {
    "PROPFIND /c": collection("/c", "/c/f", "/c/g", "/c/d/"),
    "PROPFIND /c/d": collection("/c/d", "/c/d/h"),
    "DELETE /c/f": http(204),
    "DELETE /c/g": http(204),
    "DELETE /c/d/h": http(204),
}


@pytest.mark.parametrize("full", [500, 409])
async def test_the_deepest_go_first(over, full):
    tree: dict[str, bytes | list[bytes]] = {
        **FULL_TREE,
        "DELETE /c/": [http(full), http(204)],
        "DELETE /c/d/": [http(full), http(204)],
    }
    server, endpoint = await over(answering(tree))
    assert await endpoint.delete("/c", COLLECTION) == Done()
    deleted = [one.target for one in server.requests if one.method == "DELETE"]
    assert deleted[0] == "/c/"
    assert sorted(deleted[1:3]) == ["/c/f", "/c/g"]
    assert deleted[3:] == ["/c/d/", "/c/d/h", "/c/d/", "/c/"]
    assert Quirk.ONLY_EMPTY_DELETED in endpoint.features.quirks


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"DELETE /c/g": http(403), "DELETE /c/d/": http(204)}, Denied(403, "DELETE answered 403")),
        ({"DELETE /c/d/h": http(423)}, Conflict(423, "DELETE answered 423")),
        (
            {"DELETE /c/d/h": http(500), "DELETE /c/g": http(423)},
            Unknown(Cause.FAILED, "DELETE: the endpoint answered 500"),
        ),
        ({"DELETE /c/d/": http(403)}, Denied(403, "DELETE answered 403")),
        (
            {"PROPFIND /c/d": http(500)},
            Unknown(Cause.FAILED, "PROPFIND: the endpoint answered 500"),
        ),
    ],
)
async def test_what_cannot_be_deleted_stays_and_so_does_what_is_above(over, changed, outcome):
    tree = {**FULL_TREE, "DELETE /c/": http(500), "DELETE /c/d/": http(500), **changed}
    server, endpoint = await over(answering(tree))
    assert await endpoint.delete("/c", COLLECTION) == outcome
    deleted = [one.target for one in server.requests if one.method == "DELETE"]
    assert deleted.count("/c/") == 1
    assert "/c/f" in deleted


async def test_what_somebody_else_deletes_meanwhile_is_gone_all_the_same(over):
    tree: dict[str, bytes | list[bytes]] = {
        **FULL_TREE,
        "DELETE /c/f": http(404),
        "DELETE /c/d/": http(404),
        "DELETE /c/": [http(500), http(204)],
    }
    _, endpoint = await over(answering(tree))
    assert await endpoint.delete("/c", COLLECTION) == Done()


@pytest.mark.parametrize(
    ("children", "listing"),
    [
        ((), collection("/c")),
        ((), http(403)),
        ((), http(404)),
    ],
)
async def test_a_failure_that_is_owed_to_something_else(over, children, listing):
    server, endpoint = await over(answering({"PROPFIND /c": listing, "DELETE /c/": http(500)}))
    said = await endpoint.delete("/c", COLLECTION)
    assert said == Unknown(Cause.FAILED, "DELETE: the endpoint answered 500")
    assert [one.method for one in server.requests].count("DELETE") == 1


async def test_clearing_ends(over, monkeypatch):
    tree = {**FULL_TREE, "DELETE /c/": http(500), "DELETE /c/d/": http(500)}
    monkeypatch.setattr(clearing, "MOST_NAMES", 3)
    _, endpoint = await over(answering(tree))
    said = await endpoint.delete("/c", COLLECTION)
    assert said == Unknown(Cause.FAILED, "DELETE: more than 3 names, of which some have gone")
    monkeypatch.setattr(clearing, "MOST_NAMES", 1000)
    monkeypatch.setattr(clearing, "DEEPEST", 1)
    said = await endpoint.delete("/c", COLLECTION)
    assert said == Unknown(Cause.FAILED, "DELETE: more than 1 collections in each other")


# -- writing and space -----------------------------------------------------------------------------


async def test_a_body_that_breaks_off_is_unknown(over):
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise UgrError("the client left")

    async def script(wire: Wire) -> None:
        await wire.gone()

    _, endpoint = await over(script)
    said = await endpoint.write("/f", broken(), size_bytes=None, idle_s=20)
    assert said == Unknown(Cause.FAILED, "PUT: the body broke off")


async def test_done_before_all_was_sent_is_not_believed(over):
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000

    async def script(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(http(201))
        await wire.gone()

    _, endpoint = await over(script)
    said = await endpoint.write("/f", endless(), size_bytes=None, idle_s=20)
    assert said == Unknown(Cause.MALFORMED, "PUT: answered before all had been sent")


QUOTA = (
    '<D:multistatus xmlns:D="DAV:"><D:response><D:href>/dav/</D:href><D:propstat><D:prop>{}'
    "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"
)
FREE = "<D:quota-available-bytes>7</D:quota-available-bytes>"
USED = "<D:quota-used-bytes>5</D:quota-used-bytes>"


@pytest.mark.parametrize(
    ("reply", "space"),
    [
        (http(207, QUOTA.format(FREE + USED).encode()), Space(7, 5)),
        (http(207, QUOTA.format(USED).encode()), Space(None, 5)),
        (http(207, QUOTA.format("").encode()), None),
        (http(403), None),
        (http(500), None),
        (http(207, b"no XML"), None),
    ],
)
async def test_space(over, reply, space):
    """Asked once for the root, and not told by most."""
    server, endpoint = await over(answering({"PROPFIND /dav/": reply}), "/dav")
    assert await endpoint.space() == space
    (asked,) = server.requests
    assert (asked.target, asked.headers["depth"]) == ("/dav/", "0")
    assert b"<D:quota-available-bytes/>" in asked.body


@pytest.mark.parametrize(
    ("server", "space"), [("wsgidav", Space(79_980_228_608, 28_964_065_280)), ("apache", None)]
)
async def test_space_by_captured_replies(over, server, space):
    reply = (DATA / server / "propfind-space.http").read_bytes()
    _, endpoint = await over(answering({"PROPFIND /": reply}))
    assert await endpoint.space() == space


@pytest.mark.parametrize("server", ["apache", "nginx"])
async def test_servers_without_habits_that_matter(over, server):
    options = (DATA / server / "options.http").read_bytes()
    replies = {"OPTIONS /": options, "COPY /f": http(201)}
    asked, endpoint = await over(answering(replies))
    assert await do(endpoint, "COPY") == Done(created=True)
    assert await do(endpoint, "COPY") == Done(created=True)
    assert [one.method for one in asked.requests] == ["OPTIONS", "COPY", "COPY"]
    assert endpoint.features.quirks == frozenset()
