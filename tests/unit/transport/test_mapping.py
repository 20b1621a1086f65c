"""Which of our errors a foreign one becomes, and what it tells people."""

import asyncio
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.http_exceptions import ContentEncodingError, ContentLengthError, TransferEncodingError
from yarl import URL

from ugrpy.core.errors import Busy, Malformed, TimedOut, UgrError, Unreachable
from ugrpy.transport.mapping import endpoint_errors

KEY = ConnectionKey("se.example", 443, True, True, None, None, None)
INFO = aiohttp.RequestInfo(URL("http://se.example/"), "GET", None, URL("http://se.example/"))  # type: ignore[arg-type]


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("foreign", "ours", "words"),
    [
        (TimeoutError(), TimedOut, "not finished within 60 s"),
        (aiohttp.ServerTimeoutError("x"), TimedOut, "not finished within 60 s"),
        (
            aiohttp.ClientConnectorDNSError(KEY, OSError(None, "Domain name not found")),
            Unreachable,
            "cannot resolve se.example: domain name not found",
        ),
        (
            aiohttp.ClientConnectorError(
                KEY, ConnectionRefusedError(111, "Connect call failed ('192.0.2.1', 80)")
            ),
            Unreachable,
            "connection refused",
        ),
        (
            aiohttp.ClientConnectorError(KEY, OSError("Multiple exceptions: one, two")),
            Unreachable,
            "multiple exceptions: one, two",
        ),
        (
            aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLError("self-signed")),
            Unreachable,
            "TLS failed: Cannot connect to host se.example:443 ssl:True [SSLError: ('self-signed',)]",
        ),
        (ssl.SSLError(1, "wrong version"), Unreachable, "TLS failed: wrong version"),
        (
            aiohttp.ServerDisconnectedError(),
            Unreachable,
            "the connection was closed without an answer",
        ),
        (
            aiohttp.ClientOSError(104, "Connection reset by peer"),
            Unreachable,
            "the connection was lost: [Errno 104] Connection reset by peer",
        ),
        (BrokenPipeError(), Unreachable, "the connection was lost: BrokenPipeError"),
        (
            caused(
                aiohttp.ClientPayloadError("not completed: X. ConnectionResetError(104, 'reset')"),
                ContentLengthError("short"),
            ),
            Unreachable,
            "the connection was lost in the middle of the answer",
        ),
        (
            caused(aiohttp.ClientPayloadError("not completed"), ContentLengthError("short")),
            Malformed,
            "the answer ended before its announced end",
        ),
        (
            caused(aiohttp.ClientPayloadError("not completed"), TransferEncodingError("short")),
            Malformed,
            "the answer ended before its announced end",
        ),
        (
            caused(aiohttp.ClientPayloadError("400, not gzip"), ContentEncodingError("bad")),
            Malformed,
            "the answer cannot be read: 400, not gzip",
        ),
        (
            aiohttp.ClientResponseError(INFO, (), status=400, message="Bad status line\n\n  b'x'"),
            Malformed,
            "the answer is not HTTP: Bad status line",
        ),
        (
            aiohttp.ClientResponseError(INFO, (), status=400),
            Malformed,
            "the answer is not HTTP: nothing",
        ),
        (aiohttp.InvalidURL("ftp:x"), Malformed, "not a URL for HTTP: ftp:x"),
    ],
)
def test_foreign_errors(foreign, ours, words):
    with pytest.raises(UgrError) as caught, endpoint_errors("uvic", "HEAD", 60.0):
        raise foreign
    assert type(caught.value) is ours
    assert str(caught.value) == f"HEAD: {words}"
    assert caught.value.endpoint == "uvic"  # type: ignore[attr-defined]
    assert caught.value.__cause__ is foreign


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
