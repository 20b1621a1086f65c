"""Each fault of a storage element, and exactly what the endpoints say of it: the cause, in words a person understands.

``None`` for an answer means the true one; a fault that cannot be noticed must not be imagined.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from tests.conformance.relay import settled
from tests.faults.raw_server import (
    RawServer,
    Script,
    always,
    full_queue,
    http,
    then_reset,
    then_silence,
)
from ugrpy.endpoints.base import Endpoint
from ugrpy.endpoints.dav import DavEndpoint
from ugrpy.endpoints.plainhttp import PlainHttpEndpoint
from ugrpy.namespace.model import (
    Cause,
    Denied,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
)
from ugrpy.testing import Faults, StorageElement, Tree
from ugrpy.testing.tree import MTIME_S
from ugrpy.transport.options import TransportOptions

pytestmark = [pytest.mark.fault, pytest.mark.functional]

# Short only where silence is expected: a busy machine must not look like a fault.
PATIENT = TransportOptions(connect_timeout_s=20, first_byte_timeout_s=20, total_timeout_s=40)
NO_ANSWER = replace(PATIENT, first_byte_timeout_s=0.2)
NO_END = replace(PATIENT, total_timeout_s=0.3)
NO_CONNECTION = replace(PATIENT, connect_timeout_s=0.05)
TREE = Tree({"/c/f": b"0123456789", **{f"/c/g{n:03}": b"" for n in range(399)}})

FILE = Found(Entry("f", Kind.FILE, 10, MTIME_S))
COLLECTION = Found(Entry("c", Kind.COLLECTION, None, MTIME_S))


@dataclass(frozen=True, slots=True)
class Said:
    """What one endpoint said of the file and of the collection, with how many children."""

    stat: Observation
    listing: Observation
    children: int


async def hear(endpoint: Endpoint) -> Said:
    """Ask both questions."""
    children: list[Entry] = []
    stat = await endpoint.stat("/c/f")
    listing = await endpoint.list("/c", children.extend)
    return Said(stat, listing, len(children))


@pytest.fixture
async def element() -> AsyncIterator[StorageElement]:
    async with StorageElement(TREE) as element:
        yield element


@pytest.fixture
async def dav(element: StorageElement) -> AsyncIterator[DavEndpoint]:
    endpoint = DavEndpoint(EndpointId("uvic"), element.base_url, PATIENT)
    yield endpoint
    await endpoint.close()


def both(said: Observation) -> Said:
    return Said(said, said, 0)


def unknown(cause: Cause, detail: str) -> Unknown:
    return Unknown(cause, f"PROPFIND: {detail}")


SILENT = unknown(Cause.TIMEOUT, "no answer within 0.2 s")
MIDDLE = unknown(Cause.UNREACHABLE, "the connection was lost in the middle of the answer")
SHORT = unknown(Cause.MALFORMED, "the answer ended before its announced end")


def status(code: int, cause: Cause) -> Unknown:
    return unknown(cause, f"the endpoint answered {code}")


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        pytest.param(Faults(), Said(FILE, COLLECTION, 400), id="none"),
        pytest.param(Faults(delay_s=0.05), Said(FILE, COLLECTION, 400), id="slow"),
        pytest.param(Faults(absolute_hrefs=True), Said(FILE, COLLECTION, 400), id="hrefs"),
        pytest.param(
            Faults(status=401),
            both(Denied(401, "PROPFIND answered 401")),
            id="401",
        ),
        pytest.param(
            Faults(status=403),
            both(Denied(403, "PROPFIND answered 403")),
            id="403",
        ),
        *(
            pytest.param(Faults(status=code), both(status(code, cause)), id=str(code))
            for code, cause in [
                (400, Cause.MALFORMED),
                (405, Cause.MALFORMED),
                (429, Cause.BUSY),
                (500, Cause.FAILED),
                (502, Cause.FAILED),
                (503, Cause.BUSY),
                (504, Cause.FAILED),
                (507, Cause.FAILED),
            ]
        ),
        pytest.param(
            Faults(status=200),
            both(unknown(Cause.MALFORMED, "the endpoint answered 200, not 207")),
            id="200",
        ),
        pytest.param(Faults(no_dav=True), both(status(405, Cause.MALFORMED)), id="no WebDAV"),
        pytest.param(Faults(reset_after_bytes=0), Said(MIDDLE, MIDDLE, 0), id="reset"),
        pytest.param(Faults(content_length_off=9), Said(SHORT, SHORT, 400), id="length"),
    ],
)
async def test_what_webdav_makes_of(element, dav, faults, said):
    element.faults = faults
    assert await hear(dav) == said
    assert (await hear(dav)).stat == said.stat  # the first time has not spoilt the second


@pytest.mark.parametrize("faults", [Faults(delay_s=9), Faults(hang=True)])
async def test_silence(element, faults):
    element.faults = faults
    dav = DavEndpoint(EndpointId("uvic"), element.base_url, NO_ANSWER)
    plain = PlainHttpEndpoint(EndpointId("uvic"), element.base_url, NO_ANSWER)
    assert await hear(dav) == both(SILENT)
    assert await plain.stat("/c/f") == Unknown(Cause.TIMEOUT, "HEAD: no answer within 0.2 s")
    for endpoint, method in ((dav, "PROPFIND"), (plain, "HEAD")):
        probe = await endpoint.probe()
        assert (probe.alive, probe.detail) == (False, f"{method}: no answer within 0.2 s")
        await endpoint.close()


async def test_a_reset_before_the_head(element, dav):
    element.faults = Faults(reset_after_bytes=-1)
    said = await hear(dav)
    assert isinstance(said.stat, Unknown)
    assert isinstance(said.listing, Unknown)
    assert said.stat.cause is said.listing.cause is Cause.UNREACHABLE
    assert said.stat.detail.startswith("PROPFIND: the connection was ")


async def test_garbage(element, dav):
    element.faults = Faults(garbage=True)
    said = await hear(dav)
    for one in (said.stat, said.listing):
        assert isinstance(one, Unknown)
        assert one.cause is Cause.MALFORMED
        assert one.detail.startswith("PROPFIND: multistatus is not well-formed XML: ")
    assert said.children == 0


@pytest.mark.parametrize(
    ("faults", "cause"),
    [
        (Faults(truncate_xml=True), Cause.MALFORMED),
        (Faults(reset_after_bytes=60_000), Cause.UNREACHABLE),
    ],
)
async def test_a_listing_that_breaks_off_keeps_what_was_true(element, dav, faults, cause):
    element.faults = faults
    children: list[Entry] = []
    said = await dav.list("/c", children.extend)
    assert isinstance(said, Unknown)
    assert said.cause is cause
    assert 100 < len(children) < 400
    names = [child.name for child in children]
    assert len(set(names)) == len(names)
    assert set(names) < {path.rpartition("/")[2] for path in TREE.files}


@pytest.mark.parametrize("seconds", [0, 7])
async def test_the_wish_of_a_busy_storage_is_kept(element, dav, seconds):
    element.faults = Faults(status=503, retry_after_s=seconds)
    said = await dav.stat("/c/f")
    assert isinstance(said, Unknown)
    assert said.retry_after_s == seconds


async def test_a_lie_about_the_size_is_passed_on_as_it_was_told(element, dav):
    element.faults = Faults(size_off=1)
    assert await dav.stat("/c/f") == Found(Entry("f", Kind.FILE, 11, MTIME_S))


async def test_a_storage_that_goes_and_comes_back(element, dav):
    assert await dav.stat("/c/f") == FILE
    await element.refuse()
    said = await dav.stat("/c/f")
    assert said == unknown(Cause.UNREACHABLE, "connection refused")
    probe = await dav.probe()
    assert (probe.alive, probe.status) == (False, None)
    assert probe.detail == "PROPFIND: connection refused"
    await element.accept()
    assert await dav.stat("/c/f") == FILE
    assert (await dav.probe()).alive


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (Faults(), FILE),
        (Faults(status=403), Denied(403, "HEAD answered 403")),
        (Faults(status=503), Unknown(Cause.BUSY, "HEAD: the endpoint answered 503")),
        (Faults(status=500), Unknown(Cause.FAILED, "HEAD: the endpoint answered 500")),
        (Faults(status=416), Unknown(Cause.MALFORMED, "HEAD: the endpoint answered 416")),
    ],
)
async def test_what_plain_http_makes_of(element, faults, said):
    element.faults = faults
    endpoint = PlainHttpEndpoint(EndpointId("uvic"), element.base_url, PATIENT)
    assert await endpoint.stat("/c/f") == said
    await endpoint.close()


@pytest.mark.parametrize(
    ("faults", "alive", "words"),
    [
        (Faults(status=500), False, "PROPFIND: the endpoint answered 500"),
        (Faults(status=503, retry_after_s=7), False, "PROPFIND: the endpoint answered 503"),
        (Faults(status=401), True, "PROPFIND answered 401"),
        (Faults(garbage=True), True, "PROPFIND answered 207"),
    ],
)
async def test_what_a_probe_tells(element, dav, faults, alive, words):
    element.faults = faults
    probe = await dav.probe()
    assert (probe.alive, probe.detail) == (alive, words)
    assert probe.refusing is (faults.status == 401)


# -- what the storage element cannot imitate -------------------------------------------------------


async def test_nobody_takes_the_connection():
    with full_queue() as url:
        endpoint = DavEndpoint(EndpointId("uvic"), url, NO_CONNECTION)
        late = unknown(Cause.TIMEOUT, "no connection within 0.05 s")
        assert await hear(endpoint) == Said(late, late, 0)
        assert (await endpoint.probe()).detail == "PROPFIND: no connection within 0.05 s"
        await endpoint.close()


async def test_an_answer_that_stops_in_the_middle():
    async with RawServer(then_silence(http(207, XML, length=5000))) as server:
        endpoint = DavEndpoint(EndpointId("uvic"), server.url, NO_END)
        late = unknown(Cause.TIMEOUT, "not finished within 0.3 s")
        assert await hear(endpoint) == both(late)
        assert await settled(lambda: server.open == 0)
        await endpoint.close()


XML = b'<D:multistatus xmlns:D="DAV:"><D:response><D:href>/c/</D:href></D:response>'


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param(then_reset(http(207, XML, length=5000)), MIDDLE, id="reset in the middle"),
        pytest.param(
            then_silence(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
            unknown(Cause.MALFORMED, "the answer is not HTTP: bad status line"),
            id="not a web server",
        ),
        pytest.param(
            always(http(207, b'<!DOCTYPE x [<!ENTITY a "b">]>' + XML)),
            unknown(Cause.MALFORMED, "multistatus: a document type declaration; none is allowed"),
            id="entities",
        ),
        pytest.param(
            always(http(207, b"<html/>")),
            unknown(
                Cause.MALFORMED,
                "multistatus, line 1: the root element is html, not {DAV:}multistatus",
            ),
            id="another document",
        ),
        pytest.param(
            always(http(302, b"", "Location: https://login.example/?next=/c/f")),
            unknown(Cause.MALFORMED, "redirected elsewhere"),
            id="a page to log in",
        ),
    ],
)
async def test_what_webdav_makes_of_these_bytes(script: Script, said: Unknown):
    async with RawServer(script) as server:
        endpoint = DavEndpoint(EndpointId("uvic"), server.url, PATIENT)
        assert await hear(endpoint) == both(said)
        await endpoint.close()
        assert await settled(lambda: server.open == 0)
