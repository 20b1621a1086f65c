"""What clients are told of an endpoint's failures names no place; what operators are told does (row K29)."""

import zlib

import pytest

from tests.faults.raw_server import (
    RawServer,
    Script,
    always,
    chunked,
    full_queue,
    http,
    once,
    then_reset,
    then_silence,
)
from ugrpy.endpoints.registry import make_endpoint
from ugrpy.namespace.model import Cause, Denied, EndpointId, Unknown
from ugrpy.transport.options import TransportOptions

pytestmark = pytest.mark.functional

BASE = "/secret-base/of-the-store"
HASTY = TransportOptions(connect_timeout_s=0.5, first_byte_timeout_s=0.3, total_timeout_s=0.6)


def redirect(location: str) -> Script:
    """To this place; ``{host}`` is the one that was asked."""

    async def script(wire):
        while (asked := await wire.asked()) is not None:
            where = location.format(host=asked.headers["host"], target=asked.target)
            await wire.send(http(302, where.encode(), f"Location: {where}"))

    return script


def xml(body: str) -> Script:
    """A multistatus; ``{host}`` and ``{base}`` are told by the server."""

    async def script(wire):
        while (asked := await wire.asked()) is not None:
            text = body.replace("{host}", asked.headers["host"]).replace("{base}", BASE)
            await wire.send(http(207, text.encode()))

    return script


SCRIPTS: dict[str, Script] = {
    "silence": then_silence(b""),
    "silence in the middle": then_silence(http(207, b"<x>", length=99)),
    "reset": then_reset(b""),
    "reset in the middle": then_reset(http(207, b"<x>", length=99)),
    "closed": once(b""),
    "cut short": once(http(207, b"<x>", length=99)),
    "no HTTP": always(f"secret-host {BASE}\r\n\r\n".encode()),
    "bad header": always(f"HTTP/1.1 207 Ok\r\n{BASE}\x00secret-host\r\n\r\n".encode()),
    "long header": always(f"HTTP/1.1 207 Ok\r\nX: {BASE * 1000}\r\n\r\n".encode()),
    "not packed": always(http(207, BASE.encode(), "Content-Encoding: gzip")),
    "bad chunks": always(chunked(207, BASE.encode(), end=b"secret-host\r\n")),
    "redirected": redirect("https://secret-host/login?next=http://{host}{target}"),
    "redirected in a circle": redirect("http://{host}{target}"),
    "redirected to nowhere": redirect("ftp://{host}{target}"),
    "redirected without a place": always(http(302)),
    "no XML": xml("{host} {base}"),
    "another document": xml('<a xmlns="http://{host}{base}"/>'),
    "another root": xml("<secret-host/>"),
    "entities": xml('<!DOCTYPE a [<!ENTITY b SYSTEM "http://{host}{base}">]><a>&b;</a>'),
    "crossed tags": xml('<multistatus xmlns="DAV:"><secret-host></multistatus>'),
    "an endless value": xml(
        '<multistatus xmlns="DAV:"><response><href>{base}/' + "x" * 66_000 + "</href></response>"
    ),
    "two places": xml(
        '<multistatus xmlns="DAV:"><response><href>{base}/other/f</href></response>'
        "<response><href>/elsewhere/f</href></response></multistatus>"
    ),
    "nothing": xml('<multistatus xmlns="DAV:"/>'),
    **{
        str(code): always(http(code, f"{BASE} on secret-host".encode()))
        for code in (400, 401, 405, 500, 503)
    },
}


@pytest.mark.parametrize("kind", ["dav", "http"])
@pytest.mark.parametrize("script", SCRIPTS)
async def test_no_reason_names_a_host_a_port_or_a_path(script, kind):
    async with RawServer(SCRIPTS[script]) as server:
        endpoint = make_endpoint(kind, EndpointId("uvic"), server.url + BASE, HASTY)
        said = [await endpoint.stat("/d/f"), await endpoint.list("/d/f", lambda _: None)]
        probe = await endpoint.probe()
        await endpoint.close()
    reasons = [probe.detail]
    for one in said:
        if isinstance(one, Unknown | Denied):
            assert one.detail
            reasons.append(one.detail)
        if isinstance(one, Unknown):
            assert one.inside
            assert endpoint.trouble.startswith(f"{server.url}{BASE}")
    for reason in reasons:
        assert "\n" not in reason
        for secret in (str(server.port), "127.0.0.1", "secret", "of-the-store"):
            assert secret not in reason, reason


async def test_nor_when_nobody_is_there():
    async with RawServer(always(b"")) as server:
        gone = server.url
    with full_queue() as busy:
        for url in (gone, busy, "http://secret-host.invalid", f"https://{gone.partition('//')[2]}"):
            endpoint = make_endpoint("dav", EndpointId("uvic"), url + BASE, HASTY)
            said = await endpoint.stat("/f")
            await endpoint.close()
            assert isinstance(said, Unknown)
            assert said.cause in (Cause.UNREACHABLE, Cause.TIMEOUT)
            for secret in (url.rpartition(":")[2], "127.0.0.1", "secret", "of-the-store"):
                assert secret not in said.detail
            assert url in endpoint.trouble


# -- answers without end ---------------------------------------------------------------------------

START = b'<multistatus xmlns="DAV:">'


def packed(*parts: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join([*(packer.compress(part) for part in parts), packer.flush()])


@pytest.mark.parametrize(
    ("filler", "words"),
    [
        (b" " * 2**20, "multistatus: 1048576 bytes without a complete response"),
        (
            b"<response><href>/f</href></response>" * 4000,
            "far more is described than was asked for",
        ),
    ],
)
async def test_a_packed_answer_that_unpacks_without_end_is_given_up(filler, words):
    body = packed(START, *([filler] * 100))
    async with RawServer(always(http(207, body, "Content-Encoding: gzip"))) as server:
        endpoint = make_endpoint("dav", EndpointId("uvic"), server.url, TransportOptions())
        assert await endpoint.stat("/f") == Unknown(Cause.MALFORMED, f"PROPFIND: {words}")
        await endpoint.close()
