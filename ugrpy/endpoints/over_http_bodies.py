"""How does a file of a storage that speaks HTTP come through the gateway, and what are its checksums?

Redirects are followed a few steps, to the endpoint's own host and to ``redirect_hosts`` (see ``HttpEndpoint.allowed``): large
storages send whoever reads on to the machine that has the file.

Checksums are asked for in the two ways there are, RFC 3230 (``Want-Digest``) and RFC 9530 (``Want-Repr-Digest``). An ``ETag`` of 32
digits is left alone: it is an MD5 at some object stores, and at others, or for encrypted objects, it only looks like one.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from ugrpy.core.errors import EndpointError, Failed, Malformed
from ugrpy.endpoints.base import Opened, Quirk
from ugrpy.endpoints.over_http import (
    MAX_HOPS,
    NOT_IMPLEMENTED,
    REDIRECTS,
    HttpEndpoint,
    adds_slash,
    end_to_end,
    redirect_target,
)
from ugrpy.namespace.model import Absent, Denied, Digest, Found, Observation, Unknown, unknown_from
from ugrpy.namespace.outcomes import DigestAnswer, Told
from ugrpy.transport.client import Reply
from ugrpy.webdav.checksums import parse_checksums
from ugrpy.webdav.digests import parse_repr_digest

_IDENTITY = "identity"
_READABLE = frozenset({200, 206, 304, 403, 404, 412, 416})
# The names of RFC 3230's and RFC 9530's registries, where they are not our own
_WANTED = {"sha-1": "sha"}
_WANTED_REPR = {"adler32": "adler", "sha-1": "sha"}
# "bytes 2--1/6" for all from the third byte on, "bytes 5-20/6" (XRootD): no such part can be
_CONTENT_RANGE = re.compile(
    r"bytes (?P<first>[0-9]{1,18})-(?P<last>-?[0-9]{1,18})/(?P<total>[0-9]{1,18})", re.ASCII
)


class BodiesOverHttp(HttpEndpoint):
    """Adds ``open`` and ``digest``."""

    async def digest(self, path: str, algorithms: Sequence[str]) -> DigestAnswer:
        """HEAD that asks for them; a storage may compute them first, so it has all the time of an exchange."""
        try:
            if (other := await self.other_than_found(path)) is not None:
                return Told() if isinstance(other, Found) else other
            async with self._following("HEAD", path, _wanted(algorithms)) as reply:
                return _told(reply)
        except EndpointError as error:
            self.trouble = f"{self.url(path)}: {error.inside}"
            return unknown_from(error)

    def open(
        self, path: str, headers: Mapping[str, str], *, idle_s: float
    ) -> AbstractAsyncContextManager[Opened]:
        """GET, the bytes as they are stored."""
        return self._opened(path, headers, idle_s)

    async def other_than_found(self, path: str) -> Observation | None:
        """What is to be said of a name that the server would take for another one; ``None`` when it can be asked for."""
        return None

    @asynccontextmanager
    async def _opened(
        self, path: str, headers: Mapping[str, str], idle_s: float
    ) -> AsyncIterator[Opened]:
        match await self.other_than_found(path):
            case None | Found():
                pass
            case Absent():
                yield Opened(404, {}, _nothing())
                return
            case Denied():
                yield Opened(403, {}, _nothing())
                return
            case Unknown(detail=detail, inside=inside):
                raise Failed(detail, endpoint=self.id, inside=inside)
        asked = {**end_to_end(headers), "Accept-Encoding": _IDENTITY}
        async with self._following("GET", path, asked, idle_s) as reply:
            possible = clipped(reply.status, reply.headers)
            if possible is None:
                yield self._readable(reply)
                return
        self.learn({Quirk.RANGES_AS_ASKED})
        first, total_bytes = possible
        if first >= total_bytes:
            yield Opened(416, {"Content-Range": f"bytes */{total_bytes}"}, _nothing())
            return
        again = {name: value for name, value in asked.items() if name.lower() != "range"}
        again["Range"] = f"bytes={first}-{total_bytes - 1}"
        async with self._following("GET", path, again, idle_s) as reply:
            if clipped(reply.status, reply.headers) is not None:
                raise Malformed(
                    "GET: the endpoint sends another range than it has", endpoint=self.id
                )
            yield self._readable(reply)

    def _readable(self, reply: Reply) -> Opened:
        status = {401: 403, 410: 404}.get(reply.status, reply.status)
        if status not in _READABLE:
            raise Malformed(f"GET: the endpoint answered {status}", endpoint=self.id)
        return Opened(status, reply.headers, reply.pieces())

    @asynccontextmanager
    async def _following(
        self, method: str, path: str, headers: Mapping[str, str], idle_s: float | None = None
    ) -> AsyncIterator[Reply]:
        """The answer at the end of the redirects. A redirect to the slash form is handed on: it is a collection's."""
        url = self.url(path)
        # whoever asks for bytes in pieces waits for no sum over all of them
        head_s = self.options.total_timeout_s if idle_s is None else None
        for _ in range(MAX_HOPS):
            async with self.transport.exchange(
                method,
                url,
                headers=headers,
                answers=(NOT_IMPLEMENTED,),
                idle_s=idle_s,
                head_s=head_s,
            ) as reply:
                target = redirect_target(url, reply.headers) if reply.status in REDIRECTS else ""
                if not target or adds_slash(url, target):
                    yield reply
                    return
            url = self.allowed(method, url, target)
        raise Malformed(f"{method}: more than {MAX_HOPS} redirects", endpoint=self.id)


def clipped(status: int, headers: Mapping[str, str]) -> tuple[int, int] | None:
    """(first byte, length of the file) of a part that cannot be; ``None`` for every other answer."""
    said = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "")) if status == 206 else None
    if said is None:
        return None
    first, last, total_bytes = (int(said[name]) for name in ("first", "last", "total"))
    return (first, total_bytes) if not first <= last < total_bytes else None


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece


def _wanted(algorithms: Sequence[str]) -> dict[str, str]:
    """The headers that ask for these, the first one most."""
    lower = [name.lower() for name in algorithms]
    best = min(len(lower), 9)  # RFC 9530 section 4: a preference is a digit
    repr_wanted = [
        f"{_WANTED_REPR.get(name, name)}={max(best - place, 1)}" for place, name in enumerate(lower)
    ]
    return {
        "Accept-Encoding": _IDENTITY,
        "Want-Digest": ",".join(_WANTED.get(name, name) for name in lower),
        "Want-Repr-Digest": ", ".join(repr_wanted),
    }


def _told(reply: Reply) -> DigestAnswer:
    """What the head of the answer to HEAD says; a refusal that is neither *absent* nor *denied* tells nothing."""
    match reply.status:
        case 404 | 410 | 414:
            return Absent()
        case 401 | 403:
            return Denied(reply.status, f"HEAD answered {reply.status}")
        case status if 200 <= status < 300:
            return Told(_digests(reply.headers))
        case _:
            return Told()


def _digests(headers: Mapping[str, str]) -> tuple[Digest, ...]:
    found: dict[str, Digest] = {}
    content_md5 = headers.get("Content-MD5", "")
    for digest in (
        *parse_checksums(headers.get("Digest", "")),
        *parse_repr_digest(headers.get("Repr-Digest", "")),
        *parse_checksums(f"md5={content_md5.strip()}" if content_md5 else ""),
    ):
        found.setdefault(digest.algorithm, digest)
    return tuple(found[name] for name in sorted(found))
