"""Names that a storage cannot hold are absent, and no fault of the storage, whatever it answers."""

import pytest

from tests.faults.raw_server import RawServer, Wire, http
from ugrpy.endpoints.dav import DavEndpoint
from ugrpy.endpoints.over_http import HttpEndpoint, is_overlong
from ugrpy.endpoints.plainhttp import PlainHttpEndpoint
from ugrpy.namespace.model import Absent, Cause, Denied, EndpointId, Entry, Found, Kind, Unknown
from ugrpy.transport.options import TransportOptions

pytestmark = pytest.mark.functional

LONG = "/d/" + "n" * 256
LONG_BYTES = "/d/" + "é" * 128
DEEP = "/" + "/".join(["component"] * 400)


def described(href: str, kind: str = "") -> bytes:
    return (
        f'<D:multistatus xmlns:D="DAV:"><D:response><D:href>{href}</D:href><D:propstat><D:prop>'
        f"<D:resourcetype>{kind}</D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status>"
        "</D:propstat></D:response></D:multistatus>"
    ).encode()


ROOT = http(207, described("/", "<D:collection/>"))


def answering(by_target: dict[str, bytes], otherwise: bytes):
    """A script: the answer of each target."""

    async def script(wire: Wire) -> None:
        while (asked := await wire.asked()) is not None:
            await wire.send(by_target.get(asked.target, otherwise))

    return script


async def stat(kind: type[HttpEndpoint], script, path: str):
    async with RawServer(script) as server:
        endpoint = kind(EndpointId("uvic"), server.url, TransportOptions())
        try:
            assert isinstance(endpoint, DavEndpoint | PlainHttpEndpoint)
            return await endpoint.stat(path), await endpoint.list(path, lambda _: None)
        finally:
            await endpoint.close()


@pytest.mark.parametrize(
    ("path", "overlong"),
    [
        ("/", False),
        ("/" + "n" * 255, False),
        ("/" + "n" * 255 + "/x", False),
        ("/" + "n" * 256, True),
        ("/x/" + "é" * 127, False),
        ("/x/" + "é" * 128 + "/y", True),
        ("/" + "\udcff" * 255, False),
        ("/" + "/".join(["n" * 200] * 19), False),
        ("/" + "/".join(["n" * 200] * 20), True),
    ],
)
def test_lengths_count_in_bytes(path, overlong):
    assert is_overlong(path) is overlong


@pytest.mark.parametrize("path", [LONG, LONG_BYTES, DEEP])
@pytest.mark.parametrize("status", [400, 403, 405, 414, 500])
async def test_an_overlong_name_is_absent_when_the_server_is_well(path, status):
    script = answering({"/": ROOT}, http(status))
    assert await stat(DavEndpoint, script, path) == (Absent(), Absent())
    if status != 403:
        script = answering({"/": http(404)}, http(status))
        assert await stat(PlainHttpEndpoint, script, path) == (Absent(), Absent())


@pytest.mark.parametrize("path", [LONG, DEEP])
async def test_a_server_in_trouble_is_not_excused_by_a_long_name(path):
    failed = Unknown(Cause.FAILED, "PROPFIND: the endpoint answered 500")
    said = await stat(DavEndpoint, answering({}, http(500)), path)
    assert [one.cause for one in said if isinstance(one, Unknown)] == [failed.cause] * 2
    said = await stat(PlainHttpEndpoint, answering({}, http(500)), path)
    assert [one.cause for one in said if isinstance(one, Unknown)] == [failed.cause] * 2


async def test_a_server_that_refuses_us_altogether_still_refuses_a_long_name():
    said = await stat(DavEndpoint, answering({}, http(403)), LONG)
    assert said == (Denied(403, "PROPFIND answered 403"),) * 2


async def test_a_failure_of_an_ordinary_name_stays_one():
    said = await stat(DavEndpoint, answering({"/": ROOT}, http(500)), "/x")
    assert [one.cause for one in said if isinstance(one, Unknown)] == [Cause.FAILED] * 2


@pytest.mark.parametrize(
    ("path", "taken_for"), [("/d/a?b", "/d/a"), ("/d/?", "/d/"), ("/?x=1", "/"), ("/d?/e", "/d")]
)
async def test_a_question_mark_does_not_lead_to_what_stands_before_it(path, taken_for):
    """XRootD decodes the path before it looks for the query, and answers about ``/d/a`` when asked for ``/d/a%3Fb``."""
    script = answering({}, http(207, described(taken_for, "<D:collection/>")))
    assert await stat(DavEndpoint, script, path) == (Absent(), Absent())


async def test_a_name_with_a_question_mark_is_found_where_servers_can_hold_it():
    script = answering({}, http(207, described("/d/a%3Fb")))
    found = Found(Entry("a?b", Kind.FILE))
    assert await stat(DavEndpoint, script, "/d/a?b") == (found, found)
