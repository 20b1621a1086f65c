"""A plain HTTP server as an endpoint."""

from collections.abc import Mapping

from ugrpy.core.errors import EndpointError, Malformed
from ugrpy.endpoints.base import Children, Features, Quirk
from ugrpy.endpoints.over_http import (
    MAX_HOPS,
    NOT_IMPLEMENTED,
    REDIRECTS,
    adds_slash,
    plain_verdict,
    redirect_target,
)
from ugrpy.endpoints.over_http_bodies import BodiesOverHttp
from ugrpy.endpoints.plainhttp.heads import is_first_byte, size_of
from ugrpy.namespace.model import Entry, Found, Kind, Observation
from ugrpy.namespace.paths import name_of
from ugrpy.transport.client import Reply
from ugrpy.webdav.dates import parse_date

_IDENTITY = {"Accept-Encoding": "identity"}
_FIRST_BYTE = {**_IDENTITY, "Range": "bytes=0-0"}
_REFUSED = (405, NOT_IMPLEMENTED)


class PlainHttpEndpoint(BodiesOverHttp):
    """Knows names by HEAD and cannot list."""

    features = Features(listable=False, dialect="http")

    async def stat(self, path: str) -> Observation:
        """HEAD; the root is taken to be there."""
        if path == "/":
            return Found(Entry("", Kind.COLLECTION))
        try:
            return await self.unless_overlong(path, await self._stat(path))
        except EndpointError as error:
            return await self.amounts_to(error, path, self._surely)

    async def list(self, path: str, children: Children) -> Observation:
        """Hands over no children: a plain server has no listings (``features.listable`` says so)."""
        return await self.stat(path)

    async def _stat(self, path: str) -> Observation:
        if Quirk.NO_HEAD not in self.features.quirks:
            said = await self._ask("HEAD", path)
            if said is not None:
                return said
        said = await self._ask("GET", path)
        if said is None:
            raise Malformed("HEAD and GET: the endpoint refuses both")
        self.learn({Quirk.NO_HEAD})
        return said

    async def _surely(self, path: str) -> Observation:
        """As ``_stat``, but *file* is said only of what has a first byte to send: a page for a collection has none."""
        said = await self._ask("GET", path, needs_byte=True)
        return said or Found(Entry(name_of(path), Kind.COLLECTION))

    async def _ask(self, method: str, path: str, *, needs_byte: bool = False) -> Observation | None:
        """What the head of the answer says; ``None`` when the method is refused, or the byte was needed and is not sent."""
        url = self.url(path)
        headers = _IDENTITY if method == "HEAD" else _FIRST_BYTE
        for _ in range(MAX_HOPS):
            async with self.transport.exchange(
                method, url, headers=headers, answers=(NOT_IMPLEMENTED,)
            ) as reply:
                if reply.status in _REFUSED:
                    return None
                if reply.status in REDIRECTS:
                    target = redirect_target(url, reply.headers)
                    if adds_slash(url, target):
                        return Found(Entry(name_of(path), Kind.COLLECTION))
                    url = self.allowed(method, url, target)
                    continue
                if needs_byte and not is_first_byte(reply.status, reply.headers):
                    return plain_verdict(method, reply.status)
                return self._verdict(method, path, reply)
        raise Malformed(f"{method}: more than {MAX_HOPS} redirects")

    def _verdict(self, method: str, path: str, reply: Reply) -> Observation:
        first_byte = is_first_byte(reply.status, reply.headers)
        if method == "GET" and reply.status == 206 and not first_byte:
            raise Malformed("GET: the endpoint sent another part than was asked for")
        if first_byte or 200 <= reply.status < 300:
            entry = entry_from_headers(name_of(path), reply.headers)
            if entry.mtime_s is None:
                self.learn({Quirk.NO_DATE})
            return Found(entry)
        if (verdict := plain_verdict(method, reply.status)) is not None:
            return verdict
        raise Malformed(f"{method}: the endpoint answered {reply.status}")


def entry_from_headers(name: str, headers: Mapping[str, str]) -> Entry:
    """A file as the head of an answer to HEAD, or to GET of its first byte, describes it."""
    return Entry(
        name,
        Kind.FILE,
        size_bytes=size_of(headers),
        mtime_s=parse_date(headers.get("Last-Modified", "")),
    )
