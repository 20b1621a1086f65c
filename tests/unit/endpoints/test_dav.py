"""What does the WebDAV endpoint ask, and what does it make of answers that are odd but possible?"""

import pytest

from tests.faults.raw_server import RawServer, always, chunked, http
from ugrpy.endpoints.base import Quirk
from ugrpy.endpoints.dav import DavEndpoint
from ugrpy.namespace.model import (
    Absent,
    Cause,
    Denied,
    EndpointId,
    Entry,
    Found,
    Kind,
    Unknown,
)
from ugrpy.transport.options import TransportOptions

pytestmark = pytest.mark.functional

COLLECTION = "<D:resourcetype><D:collection/></D:resourcetype>"


def response(href: str, props: str = "", status: int | None = None) -> str:
    if status is not None:
        said = f"<D:status>HTTP/1.1 {status} As Said</D:status>"
    else:
        said = (
            f"<D:propstat><D:prop>{props}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
        )
    return f"<D:response><D:href>{href}</D:href>{said}</D:response>"


def multistatus(*responses: str) -> bytes:
    return f'<D:multistatus xmlns:D="DAV:">{"".join(responses)}</D:multistatus>'.encode()


@pytest.fixture
async def over():
    """An endpoint over a server that runs this script; the server goes with it."""
    open_now: list[tuple[RawServer, DavEndpoint]] = []

    async def make(script, base: str = ""):
        server = await RawServer(script).__aenter__()
        endpoint = DavEndpoint(EndpointId("uvic"), server.url + base, TransportOptions())
        open_now.append((server, endpoint))
        return server, endpoint

    yield make
    for server, endpoint in open_now:
        await endpoint.close()
        await server.__aexit__()


async def listing(endpoint, path: str):
    children: list[Entry] = []
    return await endpoint.list(path, children.extend), [child.name for child in children]


async def test_what_is_asked(over):
    server, endpoint = await over(always(http(404)), "/dav")
    await endpoint.stat("/a b")
    await endpoint.stat("/")
    await listing(endpoint, "/a")
    await listing(endpoint, "/")
    await endpoint.probe()
    assert [(one.method, one.target, one.headers["depth"]) for one in server.requests] == [
        ("PROPFIND", "/dav/a%20b", "0"),
        ("PROPFIND", "/dav/", "0"),
        ("PROPFIND", "/dav/a", "1"),
        ("PROPFIND", "/dav/", "1"),
        ("PROPFIND", "/dav/", "0"),
    ]
    for asked in server.requests:
        assert asked.headers["content-type"] == "application/xml; charset=utf-8"
        assert b"<D:propfind" in asked.body


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (multistatus(response("/f")), Found(Entry("f", Kind.FILE))),
        (multistatus(response("/f/")), Found(Entry("f", Kind.COLLECTION))),
        (multistatus(response("/elsewhere/f")), Found(Entry("f", Kind.FILE))),
        (
            multistatus(response("/elsewhere/g")),
            Unknown(Cause.MALFORMED, "PROPFIND: the answer is about another path"),
        ),
        (multistatus(response("/f", status=404)), Absent()),
        (multistatus(response("/f", status=410)), Absent()),
        (multistatus(response("/f", status=403)), Denied(403, "PROPFIND answered 403")),
        (
            multistatus(response("/f", status=507)),
            Unknown(Cause.FAILED, "PROPFIND: the endpoint answered 507"),
        ),
        (
            multistatus(response("/f", status=423)),
            Unknown(Cause.MALFORMED, "PROPFIND: the endpoint answered 423"),
        ),
        (multistatus(), Unknown(Cause.MALFORMED, "PROPFIND: the answer describes nothing")),
    ],
)
async def test_answers_to_stat(over, body, said):
    _, endpoint = await over(always(http(207, body)))
    assert await endpoint.stat("/f") == said


async def test_a_root_that_is_a_file_is_a_wrong_base_url(over):
    _, endpoint = await over(always(http(207, multistatus(response("/f")))), "/f")
    assert await endpoint.stat("/") == Unknown(Cause.MALFORMED, "PROPFIND: the base URL is a file")


async def test_success_that_is_no_multistatus(over):
    _, endpoint = await over(always(http(200, b"<html>welcome</html>")))
    expected = Unknown(Cause.MALFORMED, "PROPFIND: the endpoint answered 200, not 207")
    assert await endpoint.stat("/f") == expected
    assert await listing(endpoint, "/f") == (expected, [])


@pytest.mark.parametrize(
    ("responses", "said", "names"),
    [
        (
            [response("/a/", status=403)],
            Denied(403, "PROPFIND answered 403"),
            [],
        ),
        (
            [response("/a/", status=404)],
            Absent(),
            [],
        ),
        (
            [response("/a/x")],
            Unknown(
                Cause.MALFORMED, "PROPFIND: the listing does not describe the collection itself"
            ),
            ["x"],
        ),
        (
            [response("/own/a/x"), response("/own/a/", COLLECTION)],
            Unknown(Cause.MALFORMED, "PROPFIND: the answer is about another path"),
            [],
        ),
        (
            [response("/own/a/", COLLECTION), response("/other/x")],
            Unknown(Cause.MALFORMED, "PROPFIND: the listing mixes names of different places"),
            [],
        ),
        (
            [response("http://proxied/own/a/", COLLECTION), response("http://proxied/own/a/x")],
            Found(Entry("a", Kind.COLLECTION)),
            ["x"],
        ),
    ],
)
async def test_answers_to_list(over, responses, said, names):
    _, endpoint = await over(always(http(207, multistatus(*responses))))
    assert await listing(endpoint, "/a") == (said, names)


async def test_names_that_cannot_be_asked_for_are_counted(over):
    odd = [response(href) for href in ("/a/x%2Fy", "/a/%00", "relative", "/a/../b", "")]
    body = multistatus(response("/a/", COLLECTION), *odd, response("/a/x"))
    _, endpoint = await over(always(http(207, body)))
    assert await listing(endpoint, "/a") == (Found(Entry("a", Kind.COLLECTION), 5), ["x"])


async def test_a_child_that_may_not_be_looked_at_is_listed_all_the_same(over):
    body = multistatus(
        response("/a/", COLLECTION),
        response("/a/shut/", status=403),
        response("/a/broken", status=500),
        response("/a/gone", status=404),
        response("/a/locked", status=423),
    )
    _, endpoint = await over(always(http(207, body)))
    children: list[Entry] = []
    assert await endpoint.list("/a", children.extend) == Found(Entry("a", Kind.COLLECTION))
    assert children == [
        Entry("shut", Kind.COLLECTION),
        Entry("broken", Kind.FILE),
        Entry("locked", Kind.FILE),
    ]
    assert endpoint.features.quirks == {Quirk.CHILD_REFUSED}


async def test_what_came_before_a_break_is_handed_over(over):
    whole = multistatus(response("/a/", COLLECTION), *(response(f"/a/{n}") for n in range(9)))
    _, endpoint = await over(always(http(207, whole[:-60])))
    said, names = await listing(endpoint, "/a")
    assert isinstance(said, Unknown)
    assert said.cause is Cause.MALFORMED
    assert names == [str(n) for n in range(8)]


async def test_chunks_may_be_cut_anywhere(over):
    whole = multistatus(response("/a/", COLLECTION), response("/a/%C3%BC"))
    pieces = [whole[start : start + 1] for start in range(len(whole))]
    _, endpoint = await over(always(chunked(207, *pieces)))
    assert await listing(endpoint, "/a") == (Found(Entry("a", Kind.COLLECTION)), ["ü"])


# -- redirects -------------------------------------------------------------------------------------


def redirecting_to_slash(files: set[str]):
    """A server like Apache: a collection is redirected to its slash, a file with a slash is absent."""

    async def script(wire):
        while asked := await wire.asked():
            path = asked.target
            plain = path.rstrip("/")
            if plain in files:
                body = multistatus(response(plain))
                await wire.send(http(404) if path.endswith("/") else http(207, body))
            elif not path.endswith("/"):
                await wire.send(http(301, b"moved", f"Location: http://proxied.example{path}/"))
            else:
                await wire.send(http(207, multistatus(response(path, COLLECTION))))

    return script


async def test_a_redirect_to_the_slash_is_followed_and_learnt_for_listings(over):
    server, endpoint = await over(redirecting_to_slash({"/f"}))
    assert await listing(endpoint, "/a") == (Found(Entry("a", Kind.COLLECTION)), [])
    assert await listing(endpoint, "/b") == (Found(Entry("b", Kind.COLLECTION)), [])
    assert [one.target for one in server.requests] == ["/a", "/a/", "/b/"]
    assert await listing(endpoint, "/f") == (Found(Entry("f", Kind.FILE)), [])
    assert await endpoint.stat("/f") == Found(Entry("f", Kind.FILE))
    assert await endpoint.stat("/c") == Found(Entry("c", Kind.COLLECTION))
    assert server.connections == 1


@pytest.mark.parametrize(
    ("location", "words", "inside"),
    [
        ("/login", "PROPFIND: redirected elsewhere", "PROPFIND: redirected to {url}/login"),
        ("/f", "PROPFIND: redirected elsewhere", "PROPFIND: redirected to {url}/f"),
        (
            "https://sso.example/?f/",
            "PROPFIND: redirected elsewhere",
            "PROPFIND: redirected to https://sso.example/?f/",
        ),
        (
            "ftp://x.example/f/",
            "redirect to what is not a URL for HTTP",
            "redirect to 'ftp://x.example/f/', which is not a URL for HTTP",
        ),
    ],
)
async def test_other_redirects_are_not_followed(over, location, words, inside):
    server, endpoint = await over(always(http(302, b"", f"Location: {location}")))
    said = await endpoint.stat("/f")
    assert said == Unknown(Cause.MALFORMED, words)
    assert said.inside == inside.format(url=server.url)
    assert endpoint.trouble == f"{server.url}/f: {said.inside}"
    assert await listing(endpoint, "/f") == (said, [])
    assert len(server.requests) == 2


async def test_a_slash_that_leads_to_another_slash_ends(over):
    async def script(wire):
        while asked := await wire.asked():
            await wire.send(http(301, b"", f"Location: {asked.target}/"))

    server, endpoint = await over(script)
    said = await endpoint.stat("/f")
    assert said == Unknown(Cause.MALFORMED, "PROPFIND: redirected elsewhere")
    assert said.inside == f"PROPFIND: redirected to {server.url}/f//"
    assert len(server.requests) == 2


# -- probes ----------------------------------------------------------------------------------------


@pytest.mark.row("D120")
@pytest.mark.parametrize(
    ("status", "alive", "refusing"),
    [
        (207, True, False),
        (301, True, False),
        (404, True, False),
        (405, True, False),
        (401, True, True),
        (403, True, True),
        (500, False, False),
        (503, False, False),
    ],
)
async def test_what_a_probe_makes_of_an_answer(over, status, alive, refusing):
    _, endpoint = await over(always(http(status)))
    probe = await endpoint.probe()
    assert (probe.alive, probe.refusing) == (alive, refusing)
    assert probe.status == (status if alive else None)
    assert str(status) in probe.detail
