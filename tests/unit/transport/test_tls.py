"""Whom does the transport believe?"""

import ssl

import pytest
import trustme

from tests.faults.raw_server import RawServer, always, http
from ugrpy.core.errors import Unreachable

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def server_of(authority: trustme.CA, name: str = "127.0.0.1") -> RawServer:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return RawServer(always(http(200, b"safe")), context)


async def status(transport, url: str) -> int:
    async with transport.exchange("GET", url) as reply:
        return int(reply.status)


@pytest.mark.row("D144")
async def test_an_unknown_authority_is_not_believed(make_transport, authority):
    async with server_of(authority) as server:
        with pytest.raises(Unreachable, match=r"GET: TLS failed: .*certificate verify failed"):
            await status(make_transport(), server.url)
        assert server.requests == []


@pytest.mark.row("D144")
async def test_a_configured_authority_is(make_transport, authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    async with server_of(authority) as server:
        assert await status(make_transport(ca_file=path), server.url) == 200


async def test_a_certificate_for_another_name_is_not(make_transport, authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    async with server_of(authority, "other.example") as server:
        with pytest.raises(Unreachable, match="TLS failed"):
            await status(make_transport(ca_file=path), server.url)


@pytest.mark.row("D144")
async def test_unless_nothing_is_to_be_checked(make_transport, authority):
    async with server_of(authority, "other.example") as server:
        assert await status(make_transport(verify_tls=False), server.url) == 200


async def test_tls_towards_a_plain_port(make_transport):
    async with RawServer(lambda wire: wire.send(http(400))) as server:
        with pytest.raises(Unreachable, match="GET: TLS failed"):
            await status(make_transport(), server.url.replace("http:", "https:"))
