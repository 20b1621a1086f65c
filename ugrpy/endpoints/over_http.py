"""What all kinds that speak HTTP share: where the endpoint is, what its statuses mean, and the probe."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from urllib.parse import quote, urljoin, urlsplit

from ugrpy.core.errors import EndpointError, Failed, Malformed
from ugrpy.core.urls import decode_path, encode_path, join_url
from ugrpy.endpoints.ancestors import Ask, lies_below_a_file
from ugrpy.endpoints.base import Features, Probe, ProbePlan, Quirk, ReadingOnly, Verb
from ugrpy.namespace.model import Absent, Denied, EndpointId, Observation, unknown_from
from ugrpy.transport.client import Reply, Transport
from ugrpy.transport.options import TransportOptions

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_HOPS = 3
NOT_IMPLEMENTED = 501  # says of the method what 405 says, and like it that somebody is there
# What file systems take at most: NAME_MAX, and PATH_MAX less what the storage puts before a path.
_LONGEST_NAME_BYTES = 255
_LONGEST_PATH_BYTES = 4096 - 256
_PER_MESSAGE = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# All that may stand in a URL (RFC 3986 section 2): a Location is taken as it is, but for what has no place in one.
_SAFE_IN_LOCATION = ":/?#[]@!$&'()*+,;=-._~%"
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
# without a depth, PROPFIND would ask for everything (RFC 4918 section 9.1)
_PROBE_HEADERS = {"PROPFIND": MappingProxyType({"Depth": "0"})}


class HttpEndpoint(ReadingOnly):
    """The common part; kinds add ``stat`` and ``list``, and say what is asked in a probe."""

    features = Features()
    probe_method = "HEAD"
    probe_headers: Mapping[str, str] = MappingProxyType({})
    probe_body: bytes | None = None
    probe_plan = ProbePlan()

    def __init__(self, name: EndpointId, base_url: str, options: TransportOptions) -> None:
        self.id = name
        self.base_url = base_url.rstrip("/")
        self.options = options
        self.transport = Transport(name, options)
        own_host = urlsplit(self.base_url).hostname or ""
        self._hosts = (own_host, *(host.lower() for host in options.redirect_hosts))
        self.trouble = ""
        # the path part of the base URL, decoded, "" when it is the server's root
        self.base_path = decode_path(urlsplit(self.base_url).path).rstrip("/")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id}, {self.base_url})"

    def url(self, path: str, verb: Verb = Verb.GET) -> str:
        """The storage's own URL of the path; the same for every verb."""
        return join_url(self.base_url, path)

    @property
    def spare_connections(self) -> int | None:
        """What the pool has left."""
        return self.transport.spare

    def learn(self, quirks: Collection[Quirk]) -> None:
        """Keep in ``features`` what was met."""
        if not self.features.quirks.issuperset(quirks):
            self.features = replace(self.features, quirks=self.features.quirks.union(quirks))

    async def amounts_to(self, error: EndpointError, path: str, ask: Ask) -> Observation:
        """What a failure says of the path: some servers fail where a name cannot be.

        ``ask`` is a stat that raises ``EndpointError``, and says *file* only when it is sure (see ``ancestors``).
        """
        if isinstance(error, Failed | Malformed):
            if await self.refuses_for_length(path):
                return Absent()
            if await lies_below_a_file(path, ask):
                self.learn({Quirk.FAULT_BELOW_FILE})
                return Absent()
        self.trouble = f"{self.url(path)}: {error.inside}"
        return unknown_from(error)

    async def probe(self) -> Probe:
        """As its kind or the operator's plan says; every answer below 500 is a sign of life (row D120), and 501, unless the plan has others."""
        plan = self.probe_plan
        method = plan.method or self.probe_method
        own_way = method == self.probe_method
        headers = self.probe_headers if own_way else _PROBE_HEADERS.get(method, _NO_HEADERS)
        url = join_url(self.base_url, plan.path)
        started = asyncio.get_running_loop().time()
        try:
            async with self.transport.exchange(
                method,
                url,
                headers=headers,
                body=self.probe_body if own_way else None,
                answers=(NOT_IMPLEMENTED, *plan.statuses),
            ) as reply:
                latency_s = asyncio.get_running_loop().time() - started
                checked = method == "GET" and plan.size_bytes is not None and reply.status == 200
                size_bytes = await _size_of(reply, plan.size_bytes or 0) if checked else None
                fault = plan.fault(method, reply.status, size_bytes)
                detail = fault or f"{method} answered {reply.status}"
                refusing = reply.status in (401, 403)
                return Probe(not fault, latency_s, refusing and not fault, reply.status, detail)
        except EndpointError as error:
            self.trouble = f"{url}: {error.inside}"
            return Probe(False, asyncio.get_running_loop().time() - started, detail=str(error))

    async def unless_overlong(self, path: str, said: Observation) -> Observation:
        """What was said of the path, but for a refusal that is owed to its length."""
        if isinstance(said, Denied) and await self.refuses_for_length(path):
            return Absent()
        return said

    async def refuses_for_length(self, path: str) -> bool:
        """Whether a refusal or a failure is owed to a name longer than file systems take, the server being well.

        XRootD answers 500 then and Apache 403; the answer is *absent*. Taken for a fault, three requests by anybody would
        put the storage out of service for everybody.
        """
        if not is_overlong(path):
            return False
        probe = await self.probe()
        if not probe.alive or probe.refusing:
            return False
        self.learn({Quirk.LONG_NAMES_REFUSED})
        return True

    def allowed(self, method: str, url: str, target: str) -> str:
        """The target of a redirect, when it may be asked. Raises ``Malformed`` otherwise.

        Not every one may: whoever can write a Location at the storage could make this gateway ask any server inside its own
        network, and an answer that travelled in the clear would be believed like one that was protected.
        """
        inside = f"{method}: redirected from {url} to {target}"
        if url.startswith("https:") and not target.startswith("https:"):
            raise Malformed(f"{method}: redirected from https to http", inside=inside)
        host = urlsplit(target).hostname or ""
        if not any(host == own or (own[:1] == "." and host.endswith(own)) for own in self._hosts):
            raise Malformed(
                f"{method}: redirected to another host",
                inside=inside,
                hint="name the host in redirect_hosts if its answers are to be believed",
            )
        return target

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.close()


def end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    """A client's headers without those that are about its own connection or message (RFC 9110 sections 7.6.1 and 8.6)."""
    return {name: value for name, value in headers.items() if name.lower() not in _PER_MESSAGE}


def is_overlong(path: str) -> bool:
    """Whether no file system could hold a decoded path: a component over 255 bytes, or nearly 4 kB in all."""
    raw = path.encode("utf-8", "surrogateescape")
    if len(raw) <= _LONGEST_NAME_BYTES:
        return False
    return len(raw) > _LONGEST_PATH_BYTES or any(
        len(name) > _LONGEST_NAME_BYTES for name in raw.split(b"/")
    )


def plain_verdict(method: str, status: int) -> Observation | None:
    """What a status means when it settles the question by itself, or ``None``.

    414 is *absent*: what is longer than the server reads cannot be there.
    Raises ``Malformed`` for statuses that are neither success, redirect nor a refusal we understand.
    """
    if status in (404, 410, 414):
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
        raise Malformed("redirect without Location", inside=f"redirect without Location from {url}")
    refusal = Malformed(
        "redirect to what is not a URL for HTTP",
        inside=f"redirect to {location[:200]!r}, which is not a URL for HTTP",
    )
    try:
        target = urljoin(url, quote(location, safe=_SAFE_IN_LOCATION, errors="surrogateescape"))
        parts = urlsplit(target)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that make no sense
        raise refusal from None
    if not usable:
        raise refusal
    return target


def adds_slash(url: str, target: str) -> bool:
    """Whether a redirect only tells that the URL is a collection's: the same path with a slash at its end.

    The host is not compared: servers behind a proxy often name themselves wrongly.
    """
    asked, told = urlsplit(url).path, urlsplit(target).path
    return encode_path(decode_path(told)) == encode_path(decode_path(asked)) + "/"


async def _size_of(reply: Reply, enough_bytes: int) -> int:
    """How long the body is, as far as it matters."""
    size_bytes = 0
    async for piece in reply.content.iter_any():
        size_bytes += len(piece)
        if size_bytes > enough_bytes:
            break
    return size_bytes
