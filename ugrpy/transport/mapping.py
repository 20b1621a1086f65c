"""The seam where aiohttp's exceptions become ours.

What clients are told is made of our own words and the system's, never of a library's text: that may name hosts,
addresses, URLs, or quote what the endpoint sent. All of it is kept for operators in ``EndpointError.inside``.
"""

import errno
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp.http_exceptions import (
    ContentEncodingError,
    ContentLengthError,
    TransferEncodingError,
)

from ugrpy.core.errors import EndpointError, Malformed, OffLimits, TimedOut, Unreachable
from ugrpy.core.trouble import Trouble

# aiohttp says of a body only that it is incomplete, and appends what the lost connection said when it was not an
# orderly end.
_LOST = re.compile(r"\b(?:Connection\w*|BrokenPipe|Timeout|OS)Error\(")

# X509_V_ERR_... of OpenSSL's x509_vfy.h whose own words name the host, or are hard to understand
_CERTIFICATE = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is self-signed",
    19: "the certificate's authority is not trusted",
    20: "the certificate's authority is not trusted",
    21: "the certificate's authority is not trusted",
    62: "the certificate is for another host",
    64: "the certificate is for another host",
}

# How aiohttp and llhttp begin what is wrong with a head; what follows quotes it
_HEADS = {
    "Bad status line": "bad status line",
    "Got more than": "a line of its head is too long",
    "Too many headers": "its head has too many lines",
    "Invalid header": "bad header line",
    "Can not decode content-encoding": "it is in a coding that was not asked for",
}

Explained = tuple[type[EndpointError], str, Trouble]


@contextmanager
def endpoint_errors(endpoint: str, doing: str, total_timeout_s: float) -> Iterator[None]:
    """Turn what goes wrong inside into ``TimedOut``, ``Unreachable`` or ``Malformed``; let cancellation pass."""
    try:
        yield
    except EndpointError:
        raise
    except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
        kind, what, trouble = _explained(error, total_timeout_s)
        more = _short(error)
        inside = f"{doing}: {what}" if more in what else f"{doing}: {what} ({more})"
        raise kind(f"{doing}: {what}", endpoint=endpoint, inside=inside, trouble=trouble) from error


def _explained(error: Exception, total_timeout_s: float) -> Explained:
    """Which of our errors it is, what happened, in words that name no place, and the name it has among proxies."""
    match error:
        case TimeoutError():
            late = f"not finished within {total_timeout_s:g} s"
            return TimedOut, late, Trouble.HTTP_RESPONSE_TIMEOUT
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Unreachable, f"TLS failed: {_tls_words(error)}", _tls_trouble(error)
        case aiohttp.ClientConnectorError():
            return _no_connection(error)
        case aiohttp.ServerDisconnectedError():
            words = "the connection was closed without an answer"
            return Unreachable, words, Trouble.CONNECTION_TERMINATED
        case aiohttp.ClientPayloadError():
            return _broken_body(error)
        case aiohttp.ClientResponseError():
            words = f"the answer is not HTTP{_broken_head(error)}"
            return Malformed, words, Trouble.HTTP_PROTOCOL_ERROR
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return Malformed, "not a URL for HTTP", Trouble.DESTINATION_UNAVAILABLE
        case _:
            words = _os_words(error) if isinstance(error, OSError) else ""
            lost = f"the connection was lost{words and ': '}{words}"
            return Unreachable, lost, Trouble.CONNECTION_TERMINATED


def _no_connection(error: aiohttp.ClientConnectorError) -> Explained:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Unreachable, "its host name cannot be resolved", Trouble.DNS_ERROR
    system = error.os_error
    words = _os_words(system)
    match system.errno:
        case errno.EACCES:
            return OffLimits, words, Trouble.DESTINATION_IP_PROHIBITED
        case errno.ECONNREFUSED:
            return Unreachable, words, Trouble.CONNECTION_REFUSED
        case errno.ETIMEDOUT:
            return Unreachable, words, Trouble.CONNECTION_TIMEOUT
        case _ if words or not isinstance(system, ConnectionResetError):
            words = words or "no connection can be made"
            return Unreachable, words, Trouble.DESTINATION_UNAVAILABLE
        case _:  # raised by the loop itself, and only while TLS is being agreed on
            closed = "TLS failed: the other side closed the connection"
            return Unreachable, closed, Trouble.TLS_PROTOCOL_ERROR


def _broken_body(error: aiohttp.ClientPayloadError) -> Explained:
    if _LOST.search(str(error)):
        words = "the connection was lost in the middle of the answer"
        return Unreachable, words, Trouble.CONNECTION_TERMINATED
    match error.__cause__:
        case ContentLengthError() | TransferEncodingError():
            words = "the answer ended before its announced end"
            return Malformed, words, Trouble.HTTP_RESPONSE_INCOMPLETE
        case ContentEncodingError():
            return Malformed, "the answer cannot be unpacked", Trouble.HTTP_PROTOCOL_ERROR
        case _:
            return Malformed, "the answer cannot be read", Trouble.HTTP_PROTOCOL_ERROR


def _broken_head(error: aiohttp.ClientResponseError) -> str:
    for start, words in _HEADS.items():
        if error.message.startswith(start):
            return f": {words}"
    return ""


def _tls_trouble(error: Exception) -> Trouble:
    certificate = aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError
    if isinstance(error, certificate):
        return Trouble.TLS_CERTIFICATE_ERROR
    return Trouble.TLS_PROTOCOL_ERROR


def _tls_words(error: Exception) -> str:
    """What OpenSSL says, by its own constants."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        error = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, ssl.SSLCertVerificationError):
        known = _CERTIFICATE.get(error.verify_code)
        return known or "the certificate is not accepted"
    reason = getattr(error, "reason", None)
    if isinstance(reason, str):
        return reason.replace("_", " ").lower()
    return (_os_words(error) if isinstance(error, OSError) else "") or "no agreement"


def _os_words(error: OSError) -> str:
    """The system's words for its number; the text of the exception may be anybody's."""
    # SSLError is an OSError, too, and counts in numbers of its own
    if isinstance(error, ssl.SSLError) or not error.errno or error.errno < 0:
        return ""
    return os.strerror(error.errno).lower()


def _short(error: BaseException) -> str:
    """One line for operators, without the library's nesting."""
    lines = str(error).splitlines()
    return lines[0][:400].rstrip(": ") if lines and lines[0] else type(error).__name__
