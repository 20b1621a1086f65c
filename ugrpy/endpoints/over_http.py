"""What all kinds that speak HTTP share: where the endpoint is, what its statuses mean, and the probe."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from ugrpy.core.errors import EndpointError, Malformed
from ugrpy.core.urls import decode_path, encode_path, join_url
from ugrpy.endpoints.base import Features, Probe, Verb
from ugrpy.namespace.model import Absent, Denied, EndpointId, Observation
from ugrpy.transport.client import Transport
from ugrpy.transport.options import TransportOptions

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_HOPS = 3


class HttpEndpoint:
    """The common part; kinds add ``stat`` and ``list``."""

    features = Features()

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
        """HEAD of the base URL: every answer below 500 is a sign of life (row D120)."""
        started = asyncio.get_running_loop().time()
        try:
            async with self.transport.exchange("HEAD", self.base_url + "/") as reply:
                latency_s = asyncio.get_running_loop().time() - started
                refusing = reply.status in (401, 403)
                return Probe(
                    True, latency_s, refusing, reply.status, f"HEAD answered {reply.status}"
                )
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
    """The absolute URL of a redirect. Raises ``Malformed`` without a usable Location."""
    location = headers.get("Location", "")
    if not location:
        raise Malformed(f"redirect without Location from {url}")
    return urljoin(url, location)


def adds_slash(url: str, target: str) -> bool:
    """Whether a redirect only tells that the URL is a collection's: the same path with a slash at its end.

    The host is not compared: servers behind a proxy often name themselves wrongly.
    """
    asked, told = urlsplit(url).path, urlsplit(target).path
    return encode_path(decode_path(told)) == encode_path(decode_path(asked)) + "/"
