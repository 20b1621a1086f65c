"""What all kinds that speak HTTP share: where the endpoint is, what its statuses mean, and the probe."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote, urljoin, urlsplit

from ugrpy.core.errors import EndpointError, Malformed
from ugrpy.core.urls import decode_path, encode_path, join_url
from ugrpy.endpoints.base import Features, Probe, Verb
from ugrpy.namespace.model import Absent, Denied, EndpointId, Observation
from ugrpy.transport.client import Transport
from ugrpy.transport.options import TransportOptions

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_HOPS = 3
# All that may stand in a URL (RFC 3986 section 2): a Location is taken as it is, but for what has no place in one.
_SAFE_IN_LOCATION = ":/?#[]@!$&'()*+,;=-._~%"


class HttpEndpoint:
    """The common part; kinds add ``stat`` and ``list``, and say what is asked in a probe."""

    features = Features()
    probe_method = "HEAD"
    probe_headers: Mapping[str, str] = MappingProxyType({})
    probe_body: bytes | None = None

    def __init__(self, name: EndpointId, base_url: str, options: TransportOptions) -> None:
        self.id = name
        self.base_url = base_url.rstrip("/")
        self.transport = Transport(name, options)
        # the path part of the base URL, decoded, "" when it is the server's root
        self.base_path = decode_path(urlsplit(self.base_url).path).rstrip("/")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id}, {self.base_url})"

    def url(self, path: str, verb: Verb = Verb.GET) -> str:
        """The storage's own URL of the path; the same for every verb."""
        return join_url(self.base_url, path)

    async def probe(self) -> Probe:
        """``probe_method`` on the base URL: every answer below 500 is a sign of life (row D120)."""
        started = asyncio.get_running_loop().time()
        method, headers, body = self.probe_method, self.probe_headers, self.probe_body
        url = self.base_url + "/"
        try:
            async with self.transport.exchange(method, url, headers=headers, body=body) as reply:
                latency_s = asyncio.get_running_loop().time() - started
                refusing = reply.status in (401, 403)
                detail = f"{method} answered {reply.status}"
                return Probe(True, latency_s, refusing, reply.status, detail)
        except EndpointError as error:
            return Probe(False, asyncio.get_running_loop().time() - started, detail=str(error))

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.close()


def plain_verdict(method: str, status: int) -> Observation | None:
    """What a status means when it settles the question by itself, or ``None``.

    Raises ``Malformed`` for statuses that are neither success, redirect nor a refusal we understand.
    """
    if status in (404, 410):
        return Absent()
    if status in (401, 403):
        return Denied(status, f"{method} answered {status}")
    if status < 400:
        return None
    raise Malformed(f"{method}: the endpoint answered {status}")


def redirect_target(url: str, headers: Mapping[str, str]) -> str:
    """The absolute URL of a redirect, in ASCII. Raises ``Malformed`` without a Location that leads to HTTP."""
    location = headers.get("Location", "")
    if not location:
        raise Malformed(f"redirect without Location from {url}")
    refusal = f"redirect to {location[:200]!r}, which is not a URL for HTTP"
    try:
        target = urljoin(url, quote(location, safe=_SAFE_IN_LOCATION, errors="surrogateescape"))
        parts = urlsplit(target)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that make no sense
        raise Malformed(refusal) from None
    if not usable:
        raise Malformed(refusal)
    return target


def adds_slash(url: str, target: str) -> bool:
    """Whether a redirect only tells that the URL is a collection's: the same path with a slash at its end.

    The host is not compared: servers behind a proxy often name themselves wrongly.
    """
    asked, told = urlsplit(url).path, urlsplit(target).path
    return encode_path(decode_path(told)) == encode_path(decode_path(asked)) + "/"
