"""Whom does the transport believe?"""

import ssl
import warnings
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate of its own making, left in ``cert.pem``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


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
    ("from_days", "to_days", "words"),
    [(-9, -1, "the certificate has expired"), (1, 9, "the certificate is not valid yet")],
)
async def test_a_certificate_out_of_its_time_is_not(
    make_transport, authority, tmp_path, from_days, to_days, words
):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    now = datetime.now(UTC)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(
        "127.0.0.1",
        not_before=now + timedelta(days=from_days),
        not_after=now + timedelta(days=to_days),
    ).configure_cert(context)
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
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
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
