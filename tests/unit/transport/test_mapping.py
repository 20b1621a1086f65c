"""Which of our errors a foreign one becomes, and what it tells people."""

import asyncio
import errno
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.http_exceptions import ContentEncodingError, ContentLengthError, TransferEncodingError
from yarl import URL

from ugrpy.core.errors import Busy, EndpointError, Malformed, TimedOut, UgrError, Unreachable
from ugrpy.core.trouble import Trouble
from ugrpy.namespace.model import unknown_from
from ugrpy.transport.mapping import endpoint_errors

KEY = ConnectionKey("se.example", 443, True, True, None, None, None)
INFO = aiohttp.RequestInfo(URL("http://se.example/"), "GET", None, URL("http://se.example/"))  # type: ignore[arg-type]


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def certificate_error(verify_code: int) -> aiohttp.ClientConnectorCertificateError:
    error = ssl.SSLCertVerificationError(1, "certificate is not valid for 'se.example'")
    error.verify_code = verify_code
    return aiohttp.ClientConnectorCertificateError(KEY, error)


def tls_error(reason: str | None) -> aiohttp.ClientConnectorSSLError:
    error = ssl.SSLError(1, f"[SSL] {reason} at se.example (_ssl.c:1006)")
    error.reason = reason  # type: ignore[assignment]
    return aiohttp.ClientConnectorSSLError(KEY, error)


def not_http(message: str) -> aiohttp.ClientResponseError:
    return aiohttp.ClientResponseError(INFO, (), status=400, message=message)


CASES: list[tuple[Exception, type[UgrError], str]] = [
    (TimeoutError(), TimedOut, "not finished within 60 s"),
    (aiohttp.ServerTimeoutError("se.example"), TimedOut, "not finished within 60 s"),
    (
        aiohttp.ClientConnectorDNSError(KEY, OSError(None, "se.example not found")),
        Unreachable,
        "its host name cannot be resolved",
    ),
    (
        aiohttp.ClientConnectorError(
            KEY, ConnectionRefusedError(111, "Connect call failed ('192.0.2.1', 443)")
        ),
        Unreachable,
        "connection refused",
    ),
    (
        aiohttp.ClientConnectorError(KEY, OSError("Multiple exceptions: 192.0.2.1, 192.0.2.2")),
        Unreachable,
        "no connection can be made",
    ),
    (certificate_error(9), Unreachable, "TLS failed: the certificate is not valid yet"),
    (certificate_error(10), Unreachable, "TLS failed: the certificate has expired"),
    (certificate_error(18), Unreachable, "TLS failed: the certificate is self-signed"),
    (certificate_error(19), Unreachable, "TLS failed: the certificate's authority is not trusted"),
    (certificate_error(20), Unreachable, "TLS failed: the certificate's authority is not trusted"),
    (certificate_error(62), Unreachable, "TLS failed: the certificate is for another host"),
    (certificate_error(64), Unreachable, "TLS failed: the certificate is for another host"),
    (certificate_error(1), Unreachable, "TLS failed: the certificate is not accepted"),
    (tls_error("WRONG_VERSION_NUMBER"), Unreachable, "TLS failed: wrong version number"),
    (tls_error(None), Unreachable, "TLS failed: no agreement"),
    (
        aiohttp.ClientConnectorSSLError(KEY, ConnectionResetError(104, "by se.example")),
        Unreachable,
        "TLS failed: connection reset by peer",
    ),
    (ssl.SSLError(1, "se.example"), Unreachable, "TLS failed: no agreement"),
    (
        aiohttp.ServerDisconnectedError("se.example"),
        Unreachable,
        "the connection was closed without an answer",
    ),
    (
        aiohttp.ClientOSError(104, "reset by se.example"),
        Unreachable,
        "the connection was lost: connection reset by peer",
    ),
    (BrokenPipeError(), Unreachable, "the connection was lost"),
    (aiohttp.ClientConnectionError("se.example"), Unreachable, "the connection was lost"),
    (
        caused(
            aiohttp.ClientPayloadError("se.example: X. ConnectionResetError(104, 'reset')"),
            ContentLengthError("short"),
        ),
        Unreachable,
        "the connection was lost in the middle of the answer",
    ),
    (
        caused(aiohttp.ClientPayloadError("se.example"), ContentLengthError("short")),
        Malformed,
        "the answer ended before its announced end",
    ),
    (
        caused(aiohttp.ClientPayloadError("se.example"), TransferEncodingError("short")),
        Malformed,
        "the answer ended before its announced end",
    ),
    (
        caused(aiohttp.ClientPayloadError("400, se.example"), ContentEncodingError("bad")),
        Malformed,
        "the answer cannot be unpacked",
    ),
    (aiohttp.ClientPayloadError("se.example"), Malformed, "the answer cannot be read"),
    (
        not_http("Bad status line:\n\n  b'se.example'"),
        Malformed,
        "the answer is not HTTP: bad status line",
    ),
    (
        not_http("Got more than 8190 bytes when reading: b'se.example'"),
        Malformed,
        "the answer is not HTTP: a line of its head is too long",
    ),
    (
        not_http("Too many headers received"),
        Malformed,
        "the answer is not HTTP: its head has too many lines",
    ),
    (
        not_http("Invalid header token:\n  b'se.example'"),
        Malformed,
        "the answer is not HTTP: bad header line",
    ),
    (not_http("se.example"), Malformed, "the answer is not HTTP"),
    (aiohttp.InvalidURL("ftp://se.example/dav"), Malformed, "not a URL for HTTP"),
]


@pytest.mark.parametrize(("foreign", "ours", "words"), CASES)
def test_foreign_errors(foreign, ours, words):
    with pytest.raises(EndpointError) as caught, endpoint_errors("uvic", "HEAD", 60.0):
        raise foreign
    assert type(caught.value) is ours
    assert str(caught.value) == f"HEAD: {words}"
    assert caught.value.inside.startswith(str(caught.value))
    assert caught.value.endpoint == "uvic"
    assert caught.value.__cause__ is foreign


def test_the_library_s_own_words_are_kept_for_operators():
    for foreign, _, _ in CASES:
        with pytest.raises(EndpointError) as caught, endpoint_errors("uvic", "HEAD", 60.0):
            raise foreign
        inside = caught.value.inside
        assert (str(foreign).splitlines() or [""])[0][:100] in inside or "\n" in str(foreign)
        assert "\n" not in inside


def test_no_client_reads_a_host_an_address_or_a_path():
    """Every foreign error above has the host, its address or a path in its own text."""
    for foreign, _, _ in CASES:
        with pytest.raises(EndpointError) as caught, endpoint_errors("uvic", "HEAD", 60.0):
            raise foreign
        for secret in ("se.example", "192.0.2.", "443", "/dav"):
            assert secret not in unknown_from(caught.value).detail


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), KeyError("a bug"), Busy("busy", retry_after_s=3.0)]
)
def test_what_passes_through(error):
    with pytest.raises(type(error)) as caught, endpoint_errors("uvic", "HEAD", 60.0):
        raise error
    assert caught.value is error


def test_nothing_wrong():
    with endpoint_errors("uvic", "HEAD", 60.0):
        pass


@pytest.mark.parametrize(
    ("foreign", "trouble"),
    [
        (TimeoutError(), Trouble.HTTP_RESPONSE_TIMEOUT),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(None, "x")), Trouble.DNS_ERROR),
        (
            aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(errno.ECONNREFUSED, "x")),
            Trouble.CONNECTION_REFUSED,
        ),
        (
            aiohttp.ClientConnectorError(KEY, TimeoutError(errno.ETIMEDOUT, "x")),
            Trouble.CONNECTION_TIMEOUT,
        ),
        (
            aiohttp.ClientConnectorError(KEY, PermissionError(errno.EACCES, "x")),
            Trouble.DESTINATION_IP_PROHIBITED,
        ),
        (
            aiohttp.ClientConnectorError(KEY, OSError(errno.ENETUNREACH, "x")),
            Trouble.DESTINATION_UNAVAILABLE,
        ),
        (aiohttp.ClientConnectorError(KEY, ConnectionResetError()), Trouble.TLS_PROTOCOL_ERROR),
        (certificate_error(10), Trouble.TLS_CERTIFICATE_ERROR),
        (tls_error("WRONG_VERSION_NUMBER"), Trouble.TLS_PROTOCOL_ERROR),
        (aiohttp.ServerDisconnectedError(), Trouble.CONNECTION_TERMINATED),
        (OSError(errno.ECONNRESET, "x"), Trouble.CONNECTION_TERMINATED),
        (aiohttp.ClientPayloadError("ConnectionResetError(104)"), Trouble.CONNECTION_TERMINATED),
        (
            caused(aiohttp.ClientPayloadError("x"), ContentLengthError("x")),
            Trouble.HTTP_RESPONSE_INCOMPLETE,
        ),
        (
            caused(aiohttp.ClientPayloadError("x"), ContentEncodingError("x")),
            Trouble.HTTP_PROTOCOL_ERROR,
        ),
        (aiohttp.ClientPayloadError("x"), Trouble.HTTP_PROTOCOL_ERROR),
        (not_http("x"), Trouble.HTTP_PROTOCOL_ERROR),
        (aiohttp.InvalidURL("ftp://se.example/dav"), Trouble.DESTINATION_UNAVAILABLE),
    ],
)
def test_by_what_name_proxies_call_it(foreign, trouble):
    with pytest.raises(EndpointError) as caught, endpoint_errors("uvic", "HEAD", 60.0):
        raise foreign
    assert caught.value.trouble is trouble
    assert unknown_from(caught.value).reason.trouble is trouble
