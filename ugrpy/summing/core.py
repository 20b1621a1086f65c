"""The facade: the checksums that a client wants of a file, by whatever way they are come by.

Clients who want the same wait for the same work. It goes on when they leave: a client that was too impatient finds the checksum when it comes back.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from ugrpy import telemetry
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.meter import Meter, NullMeter
from ugrpy.federation import Federation, KnownName
from ugrpy.namespace.changes import Fingerprint
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.model import Digest, EndpointId
from ugrpy.summing.comparing import Comparing
from ugrpy.summing.copies import Copy, chosen, copies_of
from ugrpy.summing.settings import SumSettings
from ugrpy.summing.sources import Source, Sources, reason, told

# What is wanted beyond these is not looked for: each may cost the reading of a file.
MOST_WANTED = 4
MOST_UNDER_WAY = 1000


@dataclass(frozen=True, slots=True)
class Answered:
    """The checksums, the most wanted first, and where they come from; without any, ``why``."""

    digests: tuple[Digest, ...]
    source: Source
    why: str = ""


_Key = tuple[str, tuple[str, ...], Fingerprint]


class Summing:
    """One process's knowledge of checksums. All methods belong to the federation's loop."""

    def __init__(
        self, federation: Federation, settings: SumSettings, meter: Meter | None = None
    ) -> None:
        self._federation = federation
        self._settings = settings
        meter = meter or NullMeter()
        self._answers = {
            source: meter.instrument(telemetry.CHECKSUMS.name, source=source) for source in Source
        }
        federation.asking.learnt.most = settings.keep
        self._sources = Sources(federation.members, settings)
        self.comparing = Comparing(federation, self._sources, settings)
        self._under_way: dict[_Key, asyncio.Task[Answered]] = {}

    def __repr__(self) -> str:
        return f"<Summing {self._federation.asking.learnt!r}, {len(self._under_way)} under way>"

    async def ask(
        self, known: KnownName, wanted: Sequence[str], order: Sequence[EndpointId]
    ) -> Answered:
        """The checksums of a file that is known, with its replicas in the order in which they may be asked."""
        wanted = tuple(wanted[:MOST_WANTED])
        merged = known.merged
        assert merged is not None, "only of files"
        answered = Answered(chosen(merged.entry.digests, wanted), Source.KNOWN)
        if not answered.digests:
            key = known.path, wanted, Fingerprint.of(merged.entry)
            answered = await self._shared(key, known, order)
        self._answers[answered.source].add()
        if answered.digests and self._settings.compare:
            self.comparing.want(known.path, answered.digests[0].algorithm)
        return answered

    async def close(self) -> None:
        """Leave off."""
        await cancel_and_wait(*self._under_way.values())

    async def _shared(self, key: _Key, known: KnownName, order: Sequence[EndpointId]) -> Answered:
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= MOST_UNDER_WAY:
                return Answered((), Source.NONE, "too many checksums are being waited for")
            task = spawn(self._obtain(known, order, key[1]), name=f"checksum of {key[0]}")
            self._under_way[key] = task
            task.add_done_callback(lambda _done: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    async def _obtain(
        self, known: KnownName, order: Sequence[EndpointId], wanted: tuple[str, ...]
    ) -> Answered:
        why = ""
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                async with aclosing(self._in_order(known, order)) as those:
                    async for source, copy in those:
                        said = await self._sources.ask(source, copy, wanted)
                        if digests := self._learn(copy, told(said), wanted):
                            return Answered(digests, source)
                        why = why or reason(said)
        except TimeoutError:
            why = f"it takes longer than {self._settings.timeout_s:g} s"
        return Answered((), Source.NONE, why or "no storage element tells one of them")

    async def _in_order(
        self, known: KnownName, order: Sequence[EndpointId]
    ) -> AsyncGenerator[tuple[Source, Copy], None]:
        """Whom to ask. Storages that had not spoken when the client could be answered are waited for when the others tell nothing."""
        members = self._federation.members
        first, *further = self._sources.offered
        copies = copies_of(known, order, members)
        for copy in copies:
            yield first, copy
        if known.silent:
            known = await self._federation.locate(known.path, Want.ALL)
            late = [name for name in _holders(known) if name not in order]
            more = copies_of(known, late, members)
            for copy in more:
                yield first, copy
            copies += more
        for source in further:
            for copy in copies:
                yield source, copy

    def _learn(
        self, copy: Copy, digests: tuple[Digest, ...], wanted: tuple[str, ...]
    ) -> tuple[Digest, ...]:
        if digests:
            self._federation.learn(copy.learnt(digests, self._federation.clock.wall()))
        return chosen(digests, wanted)


def _holders(known: KnownName) -> tuple[EndpointId, ...]:
    return () if known.merged is None else known.merged.holders
