"""What is asked for the bytes and the checksums of a file, and what becomes of odd answers."""

import asyncio
import gzip
from functools import partial
from pathlib import Path

import pytest

from tests.conformance.relay import settled
from tests.faults.raw_server import RawServer, Script, Wire, always, http, once, then_silence
from ugrpy.core.errors import EndpointError, Failed, Malformed, TimedOut
from ugrpy.endpoints.base import Endpoint
from ugrpy.endpoints.registry import make_endpoint
from ugrpy.namespace.model import Absent, Cause, Denied, Digest, EndpointId, Unknown
from ugrpy.namespace.outcomes import Told
from ugrpy.transport.options import TransportOptions

pytestmark = pytest.mark.functional

ADLER = Digest("adler32", "03da0195")
MD5 = Digest("md5", "900150983cd24fb0d6963f7d28e17f72")
MD5_BASE64 = "kAFQmDzST7DWlj99KOF/cg=="


@pytest.fixture(params=["dav", "http"])
async def over(request):
    """An endpoint of either kind over a server that runs this script; the server goes with it."""
    open_now: list[tuple[RawServer, Endpoint]] = []

    async def make(script: Script, **options):
        server = await RawServer(script).__aenter__()
        endpoint = make_endpoint(
            request.param, EndpointId("uvic"), server.url + "/base", TransportOptions(**options)
        )
        open_now.append((server, endpoint))
        return server, endpoint

    yield make
    for server, endpoint in open_now:
        await endpoint.close()
        assert await settled(partial(_is_left, server))
        await server.__aexit__()


def _is_left(server: RawServer) -> bool:
    return server.open == 0


async def read(endpoint: Endpoint, path: str = "/f", **headers: str) -> tuple[int, bytes]:
    async with endpoint.open(path, headers, idle_s=20) as opened:
        return opened.status, b"".join([piece async for piece in opened.pieces])


# -- bytes -----------------------------------------------------------------------------------------


async def test_what_is_asked_for(over):
    server, endpoint = await over(always(http(206, b"lo", "Content-Range: bytes 3-4/5")))
    headers = {"Range": "bytes=3-", "If-Match": '"x"', "accept-encoding": "gzip"}
    async with endpoint.open("/a b", headers, idle_s=20) as opened:
        assert opened.status == 206
        assert opened.headers["content-range"] == "bytes 3-4/5"
        assert b"".join([piece async for piece in opened.pieces]) == b"lo"
    (asked,) = server.requests
    assert (asked.method, asked.target) == ("GET", "/base/a%20b")
    assert asked.headers["range"] == "bytes=3-"
    assert asked.headers["if-match"] == '"x"'
    assert asked.headers["accept-encoding"] == "identity"


async def test_bytes_that_are_stored_packed_stay_packed(over):
    packed = gzip.compress(b"x" * 1000)
    _, endpoint = await over(always(http(200, packed, "Content-Encoding: gzip")))
    assert await read(endpoint) == (200, packed)


@pytest.mark.parametrize(
    ("status", "told"),
    [(304, 304), (401, 403), (403, 403), (404, 404), (410, 404), (412, 412), (416, 416)],
)
async def test_statuses_that_are_the_callers(over, status, told):
    _, endpoint = await over(always(http(status)))
    assert (await read(endpoint))[0] == told


@pytest.mark.parametrize(
    ("status", "error"), [(500, Failed), (503, EndpointError), (400, Malformed), (501, Malformed)]
)
async def test_other_statuses_are_errors(over, status, error):
    _, endpoint = await over(always(http(status)))
    with pytest.raises(error):
        await read(endpoint)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (then_silence(http(200, b"part", length=9)), TimedOut),
        (once(http(200, b"part", length=9)), Malformed),
    ],
)
async def test_bytes_that_do_not_go_on(over, script, error):
    """The reader has what came before, and the error inside the block, to go on elsewhere."""
    _, endpoint = await over(script)
    read: list[bytes] = []
    async with endpoint.open("/f", {}, idle_s=0.05) as opened:
        pieces = aiter(opened.pieces)
        read.append(await anext(pieces))
        with pytest.raises(error):
            await anext(pieces)
    assert read == [b"part"]


async def test_a_reader_that_leaves(over):
    _, endpoint = await over(then_silence(http(200, b"part", length=9)))
    async with endpoint.open("/f", {}, idle_s=20) as opened:
        assert await anext(aiter(opened.pieces)) == b"part"


def redirecting(location: str, status: int = 302) -> Script:
    async def script(wire: Wire) -> None:
        while (asked := await wire.asked()) is not None:
            if asked.target == "/base/f":
                await wire.send(http(status, b"", f"Location: {location}"))
            else:
                body = b"" if asked.method == "HEAD" else b"there"
                await wire.send(http(200, body, "Digest: adler32=03da0195", length=5))

    return script


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_the_same_host_is_followed(over, status):
    server, endpoint = await over(redirecting("/pool/f?token=1", status))
    assert await read(endpoint, Range="bytes=0-4") == (200, b"there")
    assert server.requests[-1].target == "/pool/f?token=1"
    assert server.requests[-1].headers["range"] == "bytes=0-4"
    assert await endpoint.digest("/f", ("adler32",)) == Told((ADLER,))


@pytest.mark.parametrize("location", ["http://192.0.2.1/f", "/base/f", "ftp://127.0.0.1/f"])
async def test_redirects_that_are_not_followed(over, location):
    _, endpoint = await over(redirecting(location))
    with pytest.raises(Malformed) as caught:
        await read(endpoint)
    assert "192.0.2.1" not in str(caught.value)
    said = await endpoint.digest("/f", ("adler32",))
    assert isinstance(said, Unknown)
    assert said.cause is Cause.MALFORMED


async def test_a_collection_is_not_read(over):
    _, endpoint = await over(redirecting("/base/f/", 301))
    with pytest.raises(Malformed):
        await read(endpoint)
    assert await endpoint.digest("/f", ("adler32",)) == Told()


async def test_a_part_that_is_never_right(over):
    _, endpoint = await over(always(http(206, b"", "Content-Range: bytes 2--1/6")))
    with pytest.raises(Malformed, match="another range"):
        await read(endpoint, Range="bytes=2-")


async def test_a_part_beyond_the_end(over):
    _, endpoint = await over(always(http(206, b"", "Content-Range: bytes 6--1/6")))
    async with endpoint.open("/f", {"Range": "bytes=6-"}, idle_s=20) as opened:
        assert opened.status == 416
        assert opened.headers["Content-Range"] == "bytes */6"


# -- checksums -------------------------------------------------------------------------------------


async def test_how_checksums_are_asked_for(over):
    server, endpoint = await over(always(http(200)))
    assert await endpoint.digest("/a b", ("adler32", "md5", "sha-1", "SHA-256")) == Told()
    (asked,) = server.requests
    assert (asked.method, asked.target) == ("HEAD", "/base/a%20b")
    assert asked.headers["want-digest"] == "adler32,md5,sha,sha-256"
    assert asked.headers["want-repr-digest"] == "adler=4, md5=3, sha=2, sha-256=1"


@pytest.mark.parametrize(
    ("headers", "digests"),
    [
        (("Digest: adler32=03da0195",), (ADLER,)),
        (("Digest: ADLER32=3da0195,MD5=" + MD5_BASE64,), (ADLER, MD5)),
        ((f"Repr-Digest: md5=:{MD5_BASE64}:, adler=:A9oBlQ==:",), (ADLER, MD5)),
        (("Content-MD5: " + MD5_BASE64,), (MD5,)),
        (("Digest: adler32=03da0195", "Content-MD5: " + MD5_BASE64), (ADLER, MD5)),
        (("Digest: md5=" + MD5_BASE64, "Repr-Digest: md5=:AAAAAAAAAAAAAAAAAAAAAA==:"), (MD5,)),
        (('ETag: "900150983cd24fb0d6963f7d28e17f72"',), ()),
        (("Digest: adler32=what",), ()),
        ((), ()),
    ],
)
async def test_checksums_that_are_told(over, headers, digests):
    _, endpoint = await over(always(http(200, b"", *headers)))
    assert await endpoint.digest("/f", ("adler32", "md5")) == Told(digests)


async def test_xrootd_tells_the_first_that_was_asked_for(over):
    reply = (Path(__file__).parents[2] / "data/xrootd/head-digest.http").read_bytes()
    _, endpoint = await over(always(reply))
    said = await endpoint.digest("/data/a.txt", ("adler32", "md5"))
    assert said == Told((Digest("adler32", "02f80100"),))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, Absent()),
        (410, Absent()),
        (403, Denied(403, "HEAD answered 403")),
        (409, Told()),
        (405, Told()),
        (501, Told()),
        (500, Unknown(Cause.FAILED, "HEAD: the endpoint answered 500")),
    ],
)
async def test_no_checksums(over, status, said):
    _, endpoint = await over(always(http(status)))
    assert await endpoint.digest("/f", ("adler32",)) == said


async def test_a_checksum_that_is_computed_first_has_its_time(over):
    async def script(wire: Wire) -> None:
        while await wire.asked() is not None:
            await asyncio.sleep(0.1)
            await wire.send(http(200, b"", "Digest: adler32=03da0195"))

    _, endpoint = await over(script, first_byte_timeout_s=0.05)
    assert await endpoint.digest("/f", ("adler32",)) == Told((ADLER,))
    with pytest.raises(TimedOut):
        await read(endpoint)
