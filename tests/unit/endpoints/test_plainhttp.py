"""What does the head of an answer tell of a file, and which heads tell nothing?"""

import pytest

from tests.faults.raw_server import RawServer, always, http
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


@pytest.mark.parametrize("status", [300, 304, 400, 405])
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
    assert said == Unknown(
        Cause.MALFORMED, f"redirect to {location!r}, which is not a URL for HTTP"
    )
