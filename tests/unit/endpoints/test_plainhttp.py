"""What does the head of an answer tell of a file, and which heads tell nothing?"""

import ssl

import pytest
import trustme

from tests.faults.raw_server import RawServer, always, http
from ugrpy.endpoints.base import Quirk
from ugrpy.endpoints.plainhttp import PlainHttpEndpoint
from ugrpy.endpoints.plainhttp.endpoint import entry_from_headers
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

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"


@pytest.mark.parametrize(
    ("length", "date", "size_bytes", "mtime_s"),
    [
        ("10", DATE, 10, 1_700_000_000),
        ("0", DATE, 0, 1_700_000_000),
        (None, None, None, None),
        ("9" * 15, "Tuesday, 14-Nov-23 22:13:20 GMT", 10**15 - 1, 1_700_000_000),
        ("-1", "yesterday", None, None),
        ("1e3", "", None, None),
        ("\u00b2", "Tue, 99 Nov 2023 22:13:20 GMT", None, None),
        ("", "2023-11-14T22:13:20Z", None, 1_700_000_000),
    ],
)
def test_entries(length, date, size_bytes, mtime_s):
    said = {"Content-Length": length, "Last-Modified": date}
    headers = {name: value for name, value in said.items() if value is not None}
    assert entry_from_headers("f", headers) == Entry("f", Kind.FILE, size_bytes, mtime_s)


@pytest.fixture
async def ask():
    """What the endpoint says of /f when the server always answers this."""

    async def answer(data: bytes, path: str = "/f"):
        options = TransportOptions(total_timeout_s=20)
        async with RawServer(always(data)) as server:
            endpoint = PlainHttpEndpoint(EndpointId("uvic"), server.url, options)
            said = await endpoint.stat(path)
            await endpoint.close()
            return said, server.requests

    return answer


pytestmark = pytest.mark.functional


async def test_it_asks_for_the_true_length(ask):
    said, (asked,) = await ask(http(200, b"", f"Last-Modified: {DATE}", length=1234))
    assert said == Found(Entry("f", Kind.FILE, 1234, 1_700_000_000))
    assert (asked.method, asked.headers["accept-encoding"]) == ("HEAD", "identity")


async def test_the_root_is_not_asked_about(ask):
    assert await ask(b"", "/") == (Found(Entry("", Kind.COLLECTION)), [])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (http(404), Absent()),
        (http(410), Absent()),
        (http(401), Denied(401, "HEAD answered 401")),
        (http(403), Denied(403, "HEAD answered 403")),
        (http(206, length=5), Found(Entry("f", Kind.FILE, 5))),
        (http(301, b"", "Location: /f/"), Found(Entry("f", Kind.COLLECTION))),
        (
            http(301, b"", "Location: https://other.example/f/"),
            Found(Entry("f", Kind.COLLECTION)),
        ),
    ],
)
async def test_heads_that_settle_it(ask, answer, said):
    assert (await ask(answer))[0] == said


@pytest.mark.parametrize("status", [300, 304, 400])
async def test_heads_that_say_nothing_of_the_name(ask, status):
    said, _ = await ask(http(status))
    assert said == Unknown(Cause.MALFORMED, f"HEAD: the endpoint answered {status}")


async def test_a_few_redirects_are_followed():
    async def script(wire):
        while asked := await wire.asked():
            hop = int(asked.target.removeprefix("/f"))
            if hop == 2:
                await wire.send(http(200, length=9))
            await wire.send(http(302, b"", f"Location: /f{hop + 1}"))

    async with RawServer(script) as server:
        endpoint = PlainHttpEndpoint(EndpointId("uvic"), server.url, TransportOptions())
        assert await endpoint.stat("/f0") == Found(Entry("f0", Kind.FILE, 9))
        assert [one.target for one in server.requests] == ["/f0", "/f1", "/f2"]
        assert [one.headers["accept-encoding"] for one in server.requests] == ["identity"] * 3
        await endpoint.close()


async def test_a_loop_of_redirects_is_not(ask):
    said, requests = await ask(http(302, b"", "Location: /f"))
    assert said == Unknown(Cause.MALFORMED, "HEAD: more than 3 redirects")
    assert len(requests) == 3


@pytest.mark.parametrize("location", ["ftp://a.example/f", "http://[::1/", "http://a:port/"])
async def test_a_redirect_to_nowhere(ask, location):
    said, _ = await ask(http(302, b"", f"Location: {location}"))
    assert said == Unknown(Cause.MALFORMED, "redirect to what is not a URL for HTTP")
    assert said.inside == f"redirect to {location!r}, which is not a URL for HTTP"


# -- where redirects may lead ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts", "location", "followed"),
    [
        ((), "http://127.0.0.1:{port}/there", True),
        ((), "http://localhost:{port}/there", False),
        (("LOCALHOST",), "http://localhost:{port}/there", True),
        ((".0.0.1",), "http://127.0.0.1:{port}/there", True),
        ((".example",), "http://localhost:{port}/there", False),
        (("ocalhost",), "http://localhost:{port}/there", False),
    ],
)
async def test_redirects_are_followed_to_known_hosts_only(hosts, location, followed):
    async def script(wire):
        while asked := await wire.asked():
            there = location.format(port=server.port)
            away = http(302, b"", f"Location: {there}")
            await wire.send(http(200, length=7) if asked.target == "/there" else away)

    async with RawServer(script) as server:
        options = TransportOptions(redirect_hosts=hosts)
        endpoint = PlainHttpEndpoint(EndpointId("uvic"), server.url, options)
        said = await endpoint.stat("/f")
        await endpoint.close()
        if followed:
            assert said == Found(Entry("f", Kind.FILE, 7))
        else:
            assert said == Unknown(Cause.MALFORMED, "HEAD: redirected to another host")
            target = location.format(port=server.port)
            assert said.inside == f"HEAD: redirected from {server.url}/f to {target}"
            assert [one.target for one in server.requests] == ["/f"]


async def test_a_redirect_from_https_to_http_is_not_followed(tmp_path):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with RawServer(always(http(200, length=7))) as plain:
        away = always(http(302, b"", f"Location: {plain.url}/f"))
        async with RawServer(away, context) as server:
            options = TransportOptions(ca_file=tmp_path / "ca.pem")
            endpoint = PlainHttpEndpoint(EndpointId("uvic"), server.url, options)
            said = await endpoint.stat("/f")
            await endpoint.close()
        assert said == Unknown(Cause.MALFORMED, "HEAD: redirected from https to http")
        assert plain.requests == []


# -- servers without HEAD --------------------------------------------------------------------------


def headless(answers: dict[str, bytes], refusal: int = 405):
    """A server that refuses HEAD and answers GET of a path as told."""

    async def script(wire):
        while asked := await wire.asked():
            refused = http(refusal, length=9)
            known = answers.get(asked.target, http(404))
            await wire.send(refused if asked.method == "HEAD" else known)

    return script


PART = http(206, b"x", "Content-Range: bytes 0-0/1234", f"Last-Modified: {DATE}")


@pytest.mark.parametrize("refusal", [405, 501])
async def test_a_server_without_head_is_asked_for_the_first_byte(refusal):
    answers = {
        "/f": PART,
        "/empty": http(416, b"", "Content-Range: bytes */0"),
        "/deaf": http(200, b"0123456789"),
        "/open": http(206, b"x", "Content-Range: bytes 0-0/*"),
        "/other": http(206, b"x", "Content-Range: bytes 5-5/10"),
        "/odd": http(416, b"", "Content-Range: bytes */10"),
        "/c": http(301, b"", "Location: /c/"),
        "/no": http(403),
    }
    async with RawServer(headless(answers, refusal)) as server:
        endpoint = PlainHttpEndpoint(EndpointId("uvic"), server.url, TransportOptions())
        said = {path: await endpoint.stat(path) for path in (*answers, "/absent")}
        probe = await endpoint.probe()
        await endpoint.close()
    assert said == {
        "/f": Found(Entry("f", Kind.FILE, 1234, 1_700_000_000)),
        "/empty": Found(Entry("empty", Kind.FILE, 0)),
        "/deaf": Found(Entry("deaf", Kind.FILE, 10)),
        "/open": Found(Entry("open", Kind.FILE)),
        "/other": Unknown(
            Cause.MALFORMED, "GET: the endpoint sent another part than was asked for"
        ),
        "/odd": Unknown(Cause.MALFORMED, "GET: the endpoint answered 416"),
        "/c": Found(Entry("c", Kind.COLLECTION)),
        "/no": Denied(403, "GET answered 403"),
        "/absent": Absent(),
    }
    asked = [one for one in server.requests if one.method == "GET"]
    assert {one.headers["range"] for one in asked} == {"bytes=0-0"}
    assert [one.method for one in server.requests[:3]] == ["HEAD", "GET", "GET"]
    assert endpoint.features.quirks == {Quirk.NO_HEAD, Quirk.NO_DATE}
    assert (probe.alive, probe.status) == (True, refusal)


async def test_a_server_that_refuses_both(ask):
    said, requests = await ask(http(405))
    assert said == Unknown(Cause.MALFORMED, "HEAD and GET: the endpoint refuses both")
    assert [one.method for one in requests] == ["HEAD", "GET"]


async def test_a_file_in_a_coding_has_another_length(ask):
    said, _ = await ask(http(200, b"", "Content-Encoding: gzip", length=99))
    assert said == Found(Entry("f", Kind.FILE))


# -- names below a file ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"/f": PART}, Absent()),
        ({"/f": http(404)}, Absent()),
        ({"/f": http(416, b"", "Content-Range: bytes */0")}, Absent()),
        ({"/f": http(200, b"a page")}, "failed"),
        ({"/f": http(405)}, "failed"),
        ({"/f": http(301, b"", "Location: /f/")}, "failed"),
        ({"/f": http(403)}, "failed"),
    ],
)
async def test_a_failure_below_what_surely_is_a_file_is_absence(answers, said):
    async def script(wire):
        while asked := await wire.asked():
            below = http(500, length=0)
            await wire.send(below if asked.target == "/f/x" else answers[asked.target])

    async with RawServer(script) as server:
        endpoint = PlainHttpEndpoint(EndpointId("uvic"), server.url, TransportOptions())
        answer = await endpoint.stat("/f/x")
        await endpoint.close()
    failed = Unknown(Cause.FAILED, "HEAD: the endpoint answered 500")
    assert answer == (failed if said == "failed" else said)
    assert (Quirk.FAULT_BELOW_FILE in endpoint.features.quirks) is (said != "failed")
