"""What is a client told whose bytes are no request we take, or who takes too long over them?

These answers are given by the connection, before or instead of any handler, so that no handler sees a request that is
broken, and the connection always ends with them: what follows on it cannot be trusted to be where a request begins.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from http import HTTPStatus

from aiohttp import HttpVersion10, HttpVersion11, hdrs
from aiohttp.http_exceptions import BadHttpMessage, BadHttpMethod, HttpProcessingError, LineTooLong
from aiohttp.http_parser import RawRequestMessage

SERVER = "ugrpy"
PROBLEM_JSON = "application/problem+json"

# Longest request target, as a path of 4 kB with every octet escaped needs 12 kB; nginx takes 8 kB in all, Apache 8190 bytes.
MAX_TARGET_BYTES = 16 * 1024
# Longest header line, name included; Apache's bound. It must differ from the one above: see ``refusal_of``.
MAX_HEADER_BYTES = 8190
MAX_HEADERS = 128
# All of a head. Only one that comes in several segments is measured, and a segment is at most 256 kB.
MAX_HEAD_BYTES = 64 * 1024
RETRY_AFTER_S = 5

# RFC 9112 section 3.2 with RFC 3986 section 3.2.2: a name, IPv4 or [IPv6], and a port; empty is allowed.
_HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
# Longer ones are looked at each time, or strangers could fill the memory with them.
_LONGEST_HOST = 255
_ASKS_BY_NAME = re.compile(r"b['\"][A-Za-z]")


class Fault(StrEnum):
    """Why a connection was ended by us; the label of ``…_client_faults_total``."""

    MALFORMED = "malformed"
    TOO_LONG = "too_long"
    UNSUPPORTED = "unsupported"
    SLOW_HEAD = "slow_head"
    SILENT = "silent"
    STALLED = "stalled"
    CROWDED = "crowded"
    NETWORK_CROWDED = "network_crowded"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of ours: ``detail`` is told to the client, and never repeats what it sent."""

    status: int
    detail: str
    fault: Fault

    @property
    def body(self) -> bytes:
        """Problem details (RFC 9457)."""
        problem = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return json.dumps(problem).encode()

    @property
    def headers(self) -> dict[str, str]:
        """What goes with the body."""
        headers = {"Server": SERVER, "Content-Type": PROBLEM_JSON, "Connection": "close"}
        if self.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            headers["Retry-After"] = str(RETRY_AFTER_S)
        return headers


class Refused(BadHttpMessage):
    """Raised for, or put in the place of, a request that the parser took and we do not."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


SLOW_HEAD = Refusal(408, "the request's head did not arrive in time", Fault.SLOW_HEAD)
CROWDED = Refusal(503, "too many connections; try again in a moment", Fault.CROWDED)
NETWORK_CROWDED = Refusal(
    429, "too many connections from your network; try again in a moment", Fault.NETWORK_CROWDED
)
LONG_HEAD = Refusal(431, f"a request's head is at most {MAX_HEAD_BYTES} bytes", Fault.TOO_LONG)
_LONG_TARGET = Refusal(414, f"a request target is at most {MAX_TARGET_BYTES} bytes", Fault.TOO_LONG)
_LONG_HEADER = Refusal(431, f"a header line is at most {MAX_HEADER_BYTES} bytes", Fault.TOO_LONG)
_MANY_HEADERS = Refusal(431, f"a request has at most {MAX_HEADERS} headers", Fault.TOO_LONG)
_VERSION = Refusal(505, "this server speaks HTTP/1.0 and HTTP/1.1", Fault.UNSUPPORTED)
_METHOD = Refusal(501, "no such method is known here", Fault.UNSUPPORTED)
_TLS = Refusal(400, "this port speaks HTTP without TLS", Fault.MALFORMED)
_NO_HOST = Refusal(400, "a request of HTTP/1.1 has exactly one Host header", Fault.MALFORMED)
_HOST_FORM = Refusal(400, "the Host header is not a host with an optional port", Fault.MALFORMED)
_MALFORMED = Refusal(400, "the request breaks the rules of HTTP/1.1", Fault.MALFORMED)


def refusal_of(error: HttpProcessingError) -> Refusal:
    """What a parser's error means to the client (RFC 9110 section 15.5 and 15.6).

    aiohttp tells its errors apart in words only; which of them we go by is held by a test.
    """
    match error:
        case Refused():
            return error.refusal
        case LineTooLong(args=(_, limit, *_)):
            return _LONG_TARGET if limit == MAX_TARGET_BYTES else _LONG_HEADER
        case BadHttpMethod(message=message):
            if "HTTPS" in message:
                return _TLS
            return _METHOD if _ASKS_BY_NAME.search(message) else _MALFORMED
        case HttpProcessingError(message="Too many headers received"):
            return _MANY_HEADERS
        case HttpProcessingError(message=message):
            return _NO_HOST if "'Host' header" in message else _MALFORMED


def refusal_of_request(request: RawRequestMessage) -> Refusal | None:
    """Whether the parser took a request that we do not: of another version of HTTP, or with a ``Host`` that is none."""
    version = request.version
    if version is not HttpVersion11 and version is not HttpVersion10:
        return _VERSION if version.major else _MALFORMED  # a line without a version is read as 0.9
    host = request.headers.get(hdrs.HOST)
    if host is None:  # which the parser allows in HTTP/1.0
        return None
    known = _is_host_known if len(host) <= _LONGEST_HOST else _is_host
    return None if known(host) else _HOST_FORM


def _is_host(host: str) -> bool:
    return _HOST.fullmatch(host) is not None


_is_host_known = lru_cache(maxsize=256)(_is_host)


def is_framed(request: RawRequestMessage) -> bool:
    """Whether it is sure where the content of a request that has some ends, so that another may follow.

    HTTP/1.0 knows no chunks (RFC 9112 section 6.1). Where an upgrade that nobody knows is asked for with a request
    that has content, aiohttp drops what follows the content in the same piece.
    """
    return not request.upgrade and not (request.chunked and request.version is HttpVersion10)
