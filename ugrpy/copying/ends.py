"""The two ends of a copy that passes through this process: a storage element here, or a server elsewhere.

A source opens once, at whichever replica gives the first byte. A destination takes a body and says how it went; whatever becomes of it,
the record of the upload is ended as truthfully as can be (``ugrpy.changing``).
"""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from ugrpy.changing import Changing, Placed
from ugrpy.changing.verdicts import none_did, reason_of
from ugrpy.copying.reaching import Content, Reaching, Remote
from ugrpy.core.errors import EndpointError, RequestError, Unavailable
from ugrpy.federation import Federation
from ugrpy.namespace.model import (
    Denied,
    Digest,
    EndpointId,
    Unknown,
    unknown_from,
)
from ugrpy.namespace.outcomes import Done, Told
from ugrpy.webdav.digests import parse_digest


class Source(Protocol):
    """Where the bytes come from."""

    def open(self) -> AbstractAsyncContextManager[Content]:
        """Raises ``RequestError``; while it is read, ``EndpointError``."""
        ...

    async def digests(self, algorithms: Sequence[str]) -> tuple[Digest, ...]:
        """The checksums it tells when asked; none when it cannot say."""
        ...


class Destination(Protocol):
    """Where the bytes go."""

    async def write(self, body: AsyncIterable[bytes], size_bytes: int | None) -> None:
        """Raises ``RequestError``, and ``BodyBroken`` when it was the body that broke."""
        ...

    async def digests(self, algorithms: Sequence[str]) -> tuple[Digest, ...]:
        """The checksums that it tells of what it has got."""
        ...

    async def arrived(self, size_bytes: int, digests: tuple[Digest, ...]) -> None:
        """All is there, and is what it should be."""
        ...

    async def broke_off(self, *, begun: bool) -> None:
        """It has failed, or nobody waits for it any more; ``begun``: bytes may have arrived."""
        ...


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A server elsewhere, as source or as destination."""

    reaching: Reaching
    remote: Remote

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Content]:
        """GET."""
        async with self.reaching.read(self.remote) as content:
            yield content

    async def write(self, body: AsyncIterable[bytes], size_bytes: int | None) -> None:
        """PUT."""
        await self.reaching.write(self.remote, body, size_bytes)

    async def digests(self, algorithms: Sequence[str]) -> tuple[Digest, ...]:
        """By HEAD with ``Want-Digest``."""
        try:
            return (await self.reaching.look(self.remote, algorithms)).digests
        except RequestError:
            return ()

    async def arrived(self, size_bytes: int, digests: tuple[Digest, ...]) -> None:
        """It is the other server's from now on."""

    async def broke_off(self, *, begun: bool) -> None:
        """What is there is the other server's to judge: it saw a broken request."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """A file here: its holders in service, best first."""

    federation: Federation
    path: str
    order: tuple[EndpointId, ...]
    idle_s: float

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Content]:
        """The first replica that gives its bytes."""
        trouble: dict[EndpointId, Denied | Unknown] = {}
        async with AsyncExitStack() as stack:
            for name in self.order:
                try:
                    content = await self._open(name, stack, trouble)
                except EndpointError as error:
                    trouble[name] = said = unknown_from(error)
                    self.federation.asking.note_health(name, said, None)
                    continue
                if content is not None:
                    yield content
                    return
        raise Unavailable(
            f"{self.path}: no storage element gives its content",
            status=502,
            missing={str(name): reason_of(said) for name, said in trouble.items()},
        )

    async def _open(
        self, name: EndpointId, stack: AsyncExitStack, trouble: dict[EndpointId, Denied | Unknown]
    ) -> Content | None:
        endpoint = self.federation.members[name].endpoint
        opened = await stack.enter_async_context(
            endpoint.open(self._remote(name), {}, idle_s=self.idle_s)
        )
        if opened.status != 200:
            trouble[name] = Denied(opened.status, f"answered {opened.status}")
            return None
        headers = {key.lower(): value for key, value in opened.headers.items()}
        said = headers.get("content-length", "")
        size_bytes = int(said) if said.isascii() and said.isdigit() else None
        # until the first bytes are here another replica may still be better
        pieces = _with(await anext(opened.pieces, b""), opened.pieces)
        return Content(pieces, size_bytes, parse_digest(headers.get("digest", "")))

    async def digests(self, algorithms: Sequence[str]) -> tuple[Digest, ...]:
        """What the first holder that tells any tells."""
        for name in self.order:
            said = await self.federation.members[name].endpoint.digest(
                self._remote(name), algorithms
            )
            if isinstance(said, Told) and said.digests:
                return said.digests
        return ()

    def _remote(self, name: EndpointId) -> str:
        remote = self.federation.members[name].mounts.translate(self.path)
        assert remote is not None, "a holder is always mounted over the path"
        return remote


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in rest:
        yield piece


@dataclass(frozen=True, slots=True)
class PlacedHere:
    """A name here that an upload has been begun for."""

    changing: Changing
    placed: Placed
    idle_s: float

    async def write(self, body: AsyncIterable[bytes], size_bytes: int | None) -> None:
        """PUT to the storage element that was chosen."""
        name, path = self.placed.replica.endpoint, self.placed.upload.path
        endpoint = self.changing.ground.member(name).endpoint
        outcome = await endpoint.write(
            self.placed.remote, body, size_bytes=size_bytes, idle_s=self.idle_s
        )
        if not isinstance(outcome, Done):
            reasons = {str(name): reason_of(outcome)}
            raise none_did(path, "written", {name: outcome}, reasons)

    async def digests(self, algorithms: Sequence[str]) -> tuple[Digest, ...]:
        """As the storage element tells them."""
        endpoint = self.changing.ground.member(self.placed.replica.endpoint).endpoint
        said = await endpoint.digest(self.placed.remote, algorithms)
        return said.digests if isinstance(said, Told) else ()

    async def arrived(self, size_bytes: int, digests: tuple[Digest, ...]) -> None:
        """The upload is what it is to be."""
        upload = self.placed.upload
        told = replace(upload, size_bytes=size_bytes, digests=digests or upload.digests)
        await self.changing.stored(told)

    async def broke_off(self, *, begun: bool) -> None:
        """Nothing of it stays."""
        if begun:
            self.changing.broke_off(self.placed.upload)
        else:
            await self.changing.never_begun(self.placed.upload)
