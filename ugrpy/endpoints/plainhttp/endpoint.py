"""A plain HTTP server as an endpoint."""

from collections.abc import Mapping

from ugrpy.core.errors import EndpointError, Malformed
from ugrpy.endpoints.base import Children, Features
from ugrpy.endpoints.over_http import (
    MAX_HOPS,
    REDIRECTS,
    HttpEndpoint,
    adds_slash,
    plain_verdict,
    redirect_target,
)
from ugrpy.namespace.model import Entry, Found, Kind, Observation, unknown_from
from ugrpy.namespace.paths import name_of
from ugrpy.webdav.dates import parse_date

_HEADERS = {"Accept-Encoding": "identity"}


class PlainHttpEndpoint(HttpEndpoint):
    """Knows names by HEAD and cannot list."""

    features = Features(listable=False, dialect="http")

    async def stat(self, path: str) -> Observation:
        """HEAD; the root is taken to be there."""
        if path == "/":
            return Found(Entry("", Kind.COLLECTION))
        try:
            return await self._head(path, self.url(path))
        except EndpointError as error:
            return unknown_from(error)

    async def _head(self, path: str, url: str) -> Observation:
        for _ in range(MAX_HOPS):
            async with self.transport.exchange("HEAD", url, headers=_HEADERS) as reply:
                if (verdict := plain_verdict("HEAD", reply.status)) is not None:
                    return verdict
                if 200 <= reply.status < 300:
                    return Found(entry_from_headers(name_of(path), reply.headers))
                if reply.status not in REDIRECTS:
                    raise Malformed(f"HEAD: the endpoint answered {reply.status}")
                target = redirect_target(url, reply.headers)
                if adds_slash(url, target):
                    return Found(Entry(name_of(path), Kind.COLLECTION))
                url = target
        raise Malformed(f"HEAD: more than {MAX_HOPS} redirects")

    async def list(self, path: str, children: Children) -> Observation:
        """Hands over no children: a plain server has no listings (``features.listable`` says so)."""
        return await self.stat(path)


def entry_from_headers(name: str, headers: Mapping[str, str]) -> Entry:
    """A file as the response head describes it."""
    length = headers.get("Content-Length", "")
    return Entry(
        name,
        Kind.FILE,
        size_bytes=int(length) if length.isascii() and length.isdigit() else None,
        mtime_s=parse_date(headers.get("Last-Modified", "")),
    )
