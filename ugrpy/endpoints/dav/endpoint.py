"""A WebDAV server as an endpoint (RFC 4918)."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from types import MappingProxyType

from ugrpy.core.errors import DataError, EndpointError, Failed, Malformed
from ugrpy.endpoints.base import Children, Features, Quirk
from ugrpy.endpoints.dav.listing import ListingSorter, check_name, entry_of, expected_path
from ugrpy.endpoints.dav.moving import Moving
from ugrpy.endpoints.over_http import (
    REDIRECTS,
    adds_slash,
    plain_verdict,
    redirect_target,
)
from ugrpy.namespace.model import Absent, Found, Kind, Observation
from ugrpy.namespace.outcomes import Space
from ugrpy.namespace.paths import name_of
from ugrpy.transport.client import Reply
from ugrpy.webdav.multistatus import MultistatusReader
from ugrpy.webdav.response import Resource

# resourcetype is missing in XRootD's answers; its iscollection says the same
_BODY = (
    b'<?xml version="1.0" encoding="utf-8"?>\n'
    b'<D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/><D:getcontentlength/>'
    b"<D:getlastmodified/><D:iscollection/></D:prop></D:propfind>"
)
_SPACE = (
    b'<?xml version="1.0" encoding="utf-8"?>\n'
    b'<D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/><D:quota-available-bytes/>'
    b"<D:quota-used-bytes/></D:prop></D:propfind>"
)
# A server that takes no heed of Depth: 0 may describe the children, too; not for ever.
_MOST_FOR_ONE = 1000


def _headers(depth: str) -> dict[str, str]:
    return {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}


class DavEndpoint(Moving):
    """Knows names by PROPFIND Depth 0 and lists by Depth 1."""

    features = Features(writable=True, dialect="dav")
    # a HEAD of a collection is refused by servers that show no index, whatever they answer to the question that counts
    probe_method = "PROPFIND"
    probe_headers = MappingProxyType(_headers("0"))
    probe_body = _BODY

    async def stat(self, path: str) -> Observation:
        """PROPFIND Depth 0."""
        try:
            return await self.unless_overlong(path, await self._stat(path))
        except EndpointError as error:
            return await self.amounts_to(error, path, self._stat)

    async def list(self, path: str, children: Children) -> Observation:
        """PROPFIND Depth 1, children handed over as the body arrives."""
        try:
            return await self.unless_overlong(path, await self._list(path, children))
        except EndpointError as error:
            return await self.amounts_to(error, path, self._stat)

    async def space(self) -> Space | None:
        """The quota properties of the root (RFC 4331); most file servers have none."""
        seen: list[Resource] = []
        try:
            verdict = await self._propfind(
                "/", "0", MultistatusReader(), seen.append, slash=True, body=_SPACE
            )
        except EndpointError as error:
            self.trouble = f"{self.url('/')}: {error.inside}"
            return None
        if verdict is not None or not seen:
            return None
        said = Space(seen[0].free_bytes, seen[0].used_bytes)
        return None if said == Space() else said

    async def known(self, path: str) -> Observation:
        """As ``stat``, but raises ``EndpointError``."""
        return await self._stat(path)

    async def known_children(self, path: str, children: Children) -> Observation:
        """As ``list``, but raises ``EndpointError``."""
        return await self._list(path, children)

    async def other_than_found(self, path: str) -> Observation | None:
        """Names with a question mark may be taken for what stands before it: they have to be found first."""
        if "?" not in path or isinstance(said := await self.stat(path), Found):
            return None
        return said

    async def _stat(self, path: str) -> Observation:
        seen: list[Resource] = []

        def take(resource: Resource) -> None:
            if len(seen) == _MOST_FOR_ONE:
                raise Malformed("PROPFIND: far more is described than was asked for")
            seen.append(resource)

        verdict = await self._propfind(path, "0", MultistatusReader(), take, slash=path == "/")
        if verdict is not None:
            return verdict
        if not seen:
            raise Malformed("PROPFIND: the answer describes nothing")
        expected = expected_path(self.base_path, path)
        itself = next((one for one in seen if one.path == expected), seen[0])
        if "?" in path and self._is_cut(path, itself):
            self.learn({Quirk.QUESTION_MARK_ENDS})
            return Absent()
        if itself.path != expected:
            check_name(itself.path, name_of(path))
            self.learn({Quirk.FOREIGN_PREFIX})
        return _found(path, itself)

    def _is_cut(self, path: str, itself: Resource) -> bool:
        """Whether what is described is the part of ``path`` before its question mark.

        XRootD may echo the whole path all the same, so its answers to such questions are never about them.
        """
        cut = expected_path(self.base_path, path.partition("?")[0].rstrip("/") or "/")
        return itself.path == cut or Quirk.VERBATIM_HREFS in self.features.quirks

    async def _list(self, path: str, children: Children) -> Observation:
        if "?" in path and not isinstance(itself := await self._stat(path), Found):
            return itself  # or the listing might be that of the part before the question mark
        with_slash = path != "/" and Quirk.SLASH_REDIRECT in self.features.quirks
        try:
            said = await self._children(path, children, slash=with_slash or path == "/")
        except (Failed, Malformed):
            if with_slash and _is_file(itself := await self._stat(path)):
                return itself
            raise
        # a file asked for with a slash is 400 or 404 to such servers: only the plain form tells
        return await self._stat(path) if with_slash and isinstance(said, Absent) else said

    async def _children(self, path: str, children: Children, *, slash: bool) -> Observation:
        sorter = ListingSorter(expected_path(self.base_path, path), children, name_of(path))
        reader = MultistatusReader()
        try:
            verdict = await self._propfind(path, "1", reader, sorter.add, slash=slash)
        except EndpointError:
            sorter.flush()
            raise
        if verdict is not None:
            return verdict
        sorter.flush()
        self.learn(sorter.quirks)
        if sorter.itself is None:
            raise Malformed("PROPFIND: the listing does not describe the collection itself")
        if (verdict := _own_verdict(sorter.itself)) is not None:
            return verdict
        return Found(replace(entry_of(sorter.itself), name=name_of(path)), reader.skipped)

    async def _propfind(
        self,
        path: str,
        depth: str,
        reader: MultistatusReader,
        take: Callable[[Resource], None],
        *,
        slash: bool,
        body: bytes = _BODY,
    ) -> Observation | None:
        """Ask, and hand the resources to ``take``; an observation when the status alone decides."""
        url = self.url(path)
        if slash and not url.endswith("/"):
            url += "/"
        async with self.transport.exchange(
            "PROPFIND", url, headers=_headers(depth), body=body
        ) as reply:
            if reply.status not in REDIRECTS:
                return await self._read(reply, reader, take)
            target = redirect_target(url, reply.headers)
            if slash or not adds_slash(url, target):
                raise Malformed(
                    "PROPFIND: redirected elsewhere", inside=f"PROPFIND: redirected to {target}"
                )
        self.learn({Quirk.SLASH_REDIRECT})
        return await self._propfind(path, depth, reader, take, slash=True)

    async def _read(
        self, reply: Reply, reader: MultistatusReader, take: Callable[[Resource], None]
    ) -> Observation | None:
        if (verdict := plain_verdict("PROPFIND", reply.status)) is not None:
            return verdict
        if reply.status != 207:
            raise Malformed(f"PROPFIND: the endpoint answered {reply.status}, not 207")
        try:
            async for resource in _resources(reply, reader):
                take(resource)
        except DataError as error:
            seen = f" ({error.seen})" if error.seen else ""
            raise Malformed(f"PROPFIND: {error}", inside=f"PROPFIND: {error}{seen}") from error
        finally:
            self.learn(reader.quirks)
            reader.abandon()
        return None


async def _resources(reply: Reply, reader: MultistatusReader) -> AsyncIterator[Resource]:
    async for piece in reply.content.iter_any():
        for resource in reader.feed(piece):
            yield resource
    for resource in reader.close():
        yield resource


def _is_file(said: Observation) -> bool:
    return isinstance(said, Found) and said.entry.kind is Kind.FILE


def _own_verdict(resource: Resource) -> Observation | None:
    """What the status inside a response says by itself (RFC 4918 section 14.24), as it would say it outside."""
    if resource.status >= 500:
        raise Failed(f"PROPFIND: the endpoint answered {resource.status}")
    return plain_verdict("PROPFIND", resource.status)


def _found(path: str, itself: Resource) -> Observation:
    if (verdict := _own_verdict(itself)) is not None:
        return verdict
    entry = replace(entry_of(itself), name=name_of(path))
    if path == "/" and entry.kind is Kind.FILE:
        raise Malformed("PROPFIND: the base URL is a file")
    return Found(entry)
