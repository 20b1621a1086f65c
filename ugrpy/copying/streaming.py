"""How are the bytes of a copy passed on, and checked?

Piece by piece: the next one is read when the one before has been taken, so that memory does not grow with the file. The checksum is taken
on the way. The source is asked for its own meanwhile; if it has told it by the time the last piece is to go, and the two differ, the last
piece does not go, and what arrives is never whole. Afterwards the destination is asked for its.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from ugrpy.copying.ends import Destination, Source
from ugrpy.copying.reaching import Content
from ugrpy.copying.relaying import Moved
from ugrpy.copying.trouble import failed
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.errors import BodyBroken, EndpointError, RequestError, Unavailable
from ugrpy.namespace.model import Digest
from ugrpy.webdav.digests import Hasher

# What grid storages agree on. Others are computed when the source names them by itself: each costs time for every byte.
USUAL = ("adler32",)
# The last piece waits for the source's own checksum so long; then it is compared when everything has been sent.
HOLD_S = 20.0


class Corrupt(Unavailable):
    """The checksums do not agree, or cannot be compared although they must be."""


@dataclass(slots=True)
class Stream:
    """One copy's bytes on their way. ``broken`` is what went wrong at the source."""

    content: Content
    moved: Moved
    hasher: Hasher
    told: "asyncio.Task[tuple[Digest, ...]] | None"
    size_bytes: int = 0
    broken: RequestError | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body for the destination. Raises ``BodyBroken``."""
        try:
            async for piece in self.content.pieces:
                self.hasher.update(piece)
                self.size_bytes += len(piece)
                yield piece
                self.moved.add(len(piece))
            await self._check_before_the_end()
        except (EndpointError, RequestError) as error:
            self.broken = failed("source", error)
            raise BodyBroken("the source broke off") from error

    async def _check_before_the_end(self) -> None:
        expected = self.content.size_bytes
        if expected is not None and expected != self.size_bytes:
            raise Unavailable("the source sent less than it had announced", status=502)
        if self.told is not None:
            await asyncio.wait({self.told}, timeout=HOLD_S)
            if self.told.done():
                self.compare("source", (*self.content.digests, *self.told.result()))

    def compare(self, whose: str, told: tuple[Digest, ...]) -> bool:
        """Whether a checksum was compared. Raises ``Corrupt`` when one differs."""
        own = {digest.algorithm: digest.value for digest in self.hasher.digests()}
        common = [digest for digest in told if digest.algorithm in own]
        for digest in common:
            if digest.value != own[digest.algorithm]:
                raise Corrupt(
                    f"the {whose}'s {digest.algorithm} is {digest.value}, but {own[digest.algorithm]} passed by",
                    status=502,
                )
        return bool(common)


@dataclass(frozen=True, slots=True)
class Streaming:
    """A copy from ``source`` to ``destination``. ``verify``: see ``CopyRequest.verify_checksum``."""

    source: Source
    destination: Destination
    verify: bool | None

    async def __call__(self, moved: Moved) -> None:
        """Raises ``RequestError``. Nothing half done stays that could be taken for the whole."""
        begun = False
        try:
            async with self.source.open() as content:
                begun = True
                stream = await self._pass_on(content, moved)
            await self.destination.arrived(stream.size_bytes, stream.hasher.digests())
        except BaseException:
            await self.destination.broke_off(begun=begun)
            raise

    async def _pass_on(self, content: Content, moved: Moved) -> Stream:
        wanted = dict.fromkeys((*(one.algorithm for one in content.digests), *USUAL))
        hasher = Hasher(wanted if self.verify is not False else ())
        told = None
        if hasher.algorithms:
            told = spawn(
                self.source.digests(hasher.algorithms), name="source's checksum", on_error=_ignored
            )
        try:
            stream = Stream(content, moved, hasher, told)
            try:
                await self.destination.write(stream.pieces(), content.size_bytes)
            except (RequestError, BodyBroken) as error:
                raise stream.broken or failed("destination", error) from error
            if told is not None:
                await self._check(stream, await told)
        finally:
            if told is not None:
                await cancel_and_wait(told)
        return stream

    async def _check(self, stream: Stream, told: tuple[Digest, ...]) -> None:
        compared = stream.compare("source", (*stream.content.digests, *told))
        if self.verify and not compared:
            raise Corrupt("the source tells no checksum, and one is required", status=502)
        if compared:
            there = await self.destination.digests(stream.hasher.algorithms)
            stream.compare("destination", there)


def _ignored(_error: BaseException) -> None:
    """It is raised where it is awaited."""
