"""How is a file read through the gateway, when any of its storages may fail at any byte?

From the best replica, as fast as whoever asks takes the pieces; when it dies, stalls or turns out to be another version, from the byte that
is wanted next at the next one. A storage that has failed is not asked again in the same transfer. When none is left, the error that it
amounts to is raised: before the first byte it can still be told to the client, after it the connection has to break.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass, replace

import structlog

from ugrpy.changing.verdicts import none_did, reason_of
from ugrpy.core.errors import EndpointError, RequestError, TimedOut
from ugrpy.endpoints.base import Opened
from ugrpy.federation import Federation, KnownName
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.model import Absent, Cause, EndpointId, Found, Unknown, unknown_from
from ugrpy.namespace.outcomes import Outcome
from ugrpy.streaming.agreeing import Changed, Usable, Version, agreement, disagree
from ugrpy.webdav.ranges import Span

log = structlog.get_logger("ugrpy.streaming")

Moved = Callable[[EndpointId, int], None]
"""Is told of each piece: from where, how many bytes."""


class Stale(Exception):
    """What was known of the name was not so any more, before the first byte: whoever asks looks again."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read: who may be asked, best first, for whom, the limit of silence, who counts, and whether dates must agree."""

    order: Sequence[EndpointId]
    zone: Zone
    idle_s: float
    moved: Moved
    dates_agree: bool = True


class Source:
    """One file on its way to one client."""

    def __init__(self, federation: Federation, known: KnownName, reading: Reading) -> None:
        self._federation = federation
        self._known = known
        self._reading = reading
        self._left = list(reading.order)
        self._failed: dict[EndpointId, Outcome] = {}
        self._etags: dict[EndpointId, str] = {}
        self._begun = False
        self._changed = False
        self._asked_all = False
        merged = federation.expect(known)
        self.size_bytes = merged.entry.size_bytes
        self.failovers = 0

    def __repr__(self) -> str:
        return f"<Source {self._known.path}, {len(self._left)} replicas left>"

    @property
    def endpoint(self) -> EndpointId:
        """Who is being read from, or was last."""
        return self._left[0] if self._left else self._reading.order[-1]

    async def pieces(self, wanted: Span | None) -> AsyncGenerator[bytes, None]:
        """The bytes of a part, or of the whole of a file whose size nobody knows.

        Raises ``Stale`` when nothing was read yet and what is known has to be looked up again, else the ``RequestError`` that the
        failures amount to.
        """
        at = 0 if wanted is None else wanted.first
        end = None if wanted is None else wanted.end
        while end is None or at < end:
            name = await self._next()
            part = None if end is None else Span(at, end)
            try:
                async with AsyncExitStack() as stack:
                    opened = await self._opened(stack, name, part)
                    usable = self._judged(name, opened, part)
                    if usable is None:
                        continue
                    end = usable.end
                    if self.size_bytes is None:
                        self.size_bytes = end
                    async with aclosing(_within(opened.pieces, usable.skip_bytes, at, end)) as body:
                        async for piece in body:
                            at += len(piece)
                            self._begun = True
                            self._reading.moved(name, len(piece))
                            yield piece
            except EndpointError as error:
                self._give_up(name, unknown_from(error))
                if end is None and at:
                    raise self._error() from error  # the rest cannot be asked for
                continue
            if end is None:
                return
            if at < end:
                self._give_up(name, Unknown(Cause.MALFORMED, "the body ended too early"))

    async def _next(self) -> EndpointId:
        if not self._left and not self._asked_all:
            self._asked_all = True
            await self._ask_all()
        if self._left:
            return self._left[0]
        if self._changed and not self._begun:
            raise Stale(self._known.path)
        raise self._error()

    async def _ask_all(self) -> None:
        """The transfer may have begun before every storage had said whether it holds the file."""
        zone, before = self._reading.zone, self._federation.expect(self._known).entry
        try:
            known = await self._federation.locate(self._known.path, Want.MOST, zone)
            entry = self._federation.expect(known).entry
            order = self._federation.order(known, zone)
        except RequestError:
            return
        same_size = self.size_bytes in (None, entry.size_bytes)
        if same_size and not disagree(before.digests, entry.digests):
            self._known = known
            self._left = [name for name in order if name not in self._failed]
            self.failovers += bool(self._left)

    async def _opened(self, stack: AsyncExitStack, name: EndpointId, part: Span | None) -> Opened:
        """The answer's head: there are others to ask, so it is not waited for longer than for anything else."""
        limit = asyncio.timeout(self._reading.idle_s)
        try:
            async with limit:
                return await stack.enter_async_context(self._open(name, part))
        except TimeoutError as error:
            if not limit.expired():
                raise
            words = f"GET: no answer within {self._reading.idle_s:g} s"
            raise TimedOut(words, endpoint=name) from error

    def _open(self, name: EndpointId, part: Span | None) -> AbstractAsyncContextManager[Opened]:
        member = self._federation.members[name]
        remote = member.mounts.translate(self._known.path)
        assert remote is not None, "a holder is always mounted over the path"
        whole = part is None or part == Span(0, self.size_bytes or 0)
        headers: Mapping[str, str] = {} if whole or part is None else {"Range": part.as_range()}
        return member.endpoint.open(remote, headers, idle_s=self._reading.idle_s)

    def _judged(self, name: EndpointId, opened: Opened, part: Span | None) -> Usable | None:
        """The answer, if it can be used; otherwise its storage is given up."""
        said = agreement(opened.status, opened.headers, part, self._version(name))
        if isinstance(said, Usable):
            if said.etag is not None:
                self._etags[name] = said.etag
            return said
        if isinstance(said, Changed):
            self._changed = True
            self._give_up(name, Unknown(Cause.MALFORMED, said.why), its_fault=False)
            return None
        self._changed |= isinstance(said, Absent)
        self._give_up(name, said)
        return None

    def _version(self, name: EndpointId) -> Version:
        sighting = self._known.knowledge.get(name)
        mtime_s = None
        if sighting is not None and isinstance(sighting.observation, Found):
            mtime_s = sighting.observation.entry.mtime_s
        version = Version(self.size_bytes, mtime_s, self._etags.get(name))
        return version if self._reading.dates_agree else replace(version, mtime_s=None)

    def _give_up(self, name: EndpointId, why: Outcome, *, its_fault: bool = True) -> None:
        self._left.remove(name)
        self._failed[name] = why
        self.failovers += bool(self._left)
        log.warning(
            "replica given up",
            path=self._known.path,
            endpoint=name,
            reason=reason_of(why),
            left=len(self._left),
        )
        if its_fault and isinstance(why, Unknown):
            self._federation.asking.note_health(name, why, None)

    def _error(self) -> RequestError:
        reasons = {str(name): reason_of(why) for name, why in self._failed.items()}
        return none_did(self._known.path, "read", self._failed, reasons)


async def _within(
    pieces: AsyncIterator[bytes], skip_bytes: int, at: int, end: int | None
) -> AsyncGenerator[bytes, None]:
    """The pieces without what was not asked for, before and behind."""
    async for given in pieces:
        if skip_bytes >= len(given):
            skip_bytes -= len(given)
            continue
        piece = given[skip_bytes:] if skip_bytes else given
        skip_bytes = 0
        if end is not None and at + len(piece) >= end:
            if end > at:
                yield piece[: end - at]
            return
        at += len(piece)
        yield piece
