"""Whom does the transport believe?"""

import ssl
import warnings

import pytest
import trustme

from tests.faults.certificates import issued, self_signed
from tests.faults.raw_server import RawServer, always, http
from ugrpy.core.errors import Unreachable

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def server_of(authority: trustme.CA, name: str = "127.0.0.1") -> RawServer:
    return RawServer(always(http(200, b"safe")), issued(authority, name))


async def status(transport, url: str) -> int:
    async with transport.exchange("GET", url) as reply:
        return int(reply.status)


async def test_an_unknown_authority_is_not_believed(make_transport, authority):
    async with server_of(authority) as server:
        with pytest.raises(Unreachable) as caught:
            await status(make_transport(), server.url)
        assert server.requests == []
    assert str(caught.value) == "GET: TLS failed: the certificate's authority is not trusted"
    assert "certificate verify failed" in caught.value.inside


async def test_a_configured_authority_is(make_transport, authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    async with server_of(authority) as server:
        assert await status(make_transport(ca_file=path), server.url) == 200


async def test_a_certificate_for_another_name_is_not(make_transport, authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    async with server_of(authority, "other.example") as server:
        with pytest.raises(Unreachable) as caught:
            await status(make_transport(ca_file=path), server.url)
        assert server.requests == []
    assert str(caught.value) == "GET: TLS failed: the certificate is for another host"


@pytest.mark.parametrize(
    ("valid_days", "words"),
    [((-9, -1), "the certificate has expired"), ((1, 9), "the certificate is not valid yet")],
)
async def test_a_certificate_out_of_its_time_is_not(
    make_transport, authority, tmp_path, valid_days, words
):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    context = issued(authority, valid_days=valid_days)
    async with RawServer(always(http(200, b"late")), context) as server:
        with pytest.raises(Unreachable) as caught:
            await status(make_transport(ca_file=path), server.url)
        assert server.requests == []
    assert str(caught.value) == f"GET: TLS failed: {words}"


async def test_a_self_signed_certificate_is_not(make_transport, tmp_path):
    async with RawServer(always(http(200, b"safe")), self_signed(tmp_path)) as server:
        with pytest.raises(Unreachable) as caught:
            await status(make_transport(), server.url)
        assert server.requests == []
        assert await status(make_transport(ca_file=tmp_path / "cert.pem"), server.url) == 200
    assert str(caught.value) == "GET: TLS failed: the certificate is self-signed"


async def test_a_server_that_offers_only_old_tls_is_not(make_transport, authority, tmp_path):
    context = issued(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1
    async with RawServer(always(http(200, b"old")), context) as server:
        with pytest.raises(Unreachable) as caught:
            await status(make_transport(verify_tls=False), server.url)
        assert server.requests == []
    assert str(caught.value) == "GET: TLS failed: the other side closed the connection"


async def test_unless_nothing_is_to_be_checked(make_transport, authority):
    async with server_of(authority, "other.example") as server:
        assert await status(make_transport(verify_tls=False), server.url) == 200


async def test_tls_towards_a_plain_port(make_transport):
    async with RawServer(lambda wire: wire.send(http(400))) as server:
        with pytest.raises(Unreachable, match="GET: TLS failed"):
            await status(make_transport(), server.url.replace("http:", "https:"))
