"""The seam where aiohttp's exceptions become ours."""

import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp.http_exceptions import ContentLengthError, TransferEncodingError

from ugrpy.core.errors import EndpointError, Malformed, TimedOut, Unreachable

# aiohttp says of a body only that it is incomplete, and appends what the lost connection said when it was not an
# orderly end.
_LOST = re.compile(r"\b(?:Connection\w*|BrokenPipe|Timeout|OS)Error\(")


@contextmanager
def endpoint_errors(endpoint: str, doing: str, total_timeout_s: float) -> Iterator[None]:
    """Turn what goes wrong inside into ``TimedOut``, ``Unreachable`` or ``Malformed``; let cancellation pass."""
    try:
        yield
    except EndpointError:
        raise
    except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
        kind, what = _explained(error, total_timeout_s)
        raise kind(f"{doing}: {what}", endpoint=endpoint) from error


def _explained(error: Exception, total_timeout_s: float) -> tuple[type[EndpointError], str]:
    """Which of our errors it is, and what happened, in words."""
    match error:
        case TimeoutError():
            return TimedOut, f"not finished within {total_timeout_s:g} s"
        case aiohttp.ClientConnectorDNSError():
            return Unreachable, f"cannot resolve {error.host}: {_os_words(error.os_error)}"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Unreachable, f"TLS failed: {_short(error)}"
        case aiohttp.ClientConnectorError():
            return Unreachable, _os_words(error.os_error)
        case aiohttp.ServerDisconnectedError():
            return Unreachable, "the connection was closed without an answer"
        case aiohttp.ClientPayloadError():
            return _broken_body(error)
        case aiohttp.ClientResponseError():
            return Malformed, f"the answer is not HTTP: {_first_line(error.message)}"
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return Malformed, f"not a URL for HTTP: {_short(error)}"
        case _:
            return Unreachable, f"the connection was lost: {_short(error)}"


def _broken_body(error: aiohttp.ClientPayloadError) -> tuple[type[EndpointError], str]:
    if _LOST.search(str(error)):
        return Unreachable, "the connection was lost in the middle of the answer"
    match error.__cause__:
        case ContentLengthError() | TransferEncodingError():
            return Malformed, "the answer ended before its announced end"
        case _:
            return Malformed, f"the answer cannot be read: {_short(error)}"


def _os_words(error: OSError) -> str:
    # where connections are tried side by side, the text is a helper's own, and only the number tells why
    words = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return (words or _short(error)).lower()


def _short(error: BaseException) -> str:
    """One line for people, without the library's nesting."""
    return _first_line(str(error) or type(error).__name__)


def _first_line(text: str) -> str:
    return text.splitlines()[0][:200].rstrip(": ") if text else "nothing"
