"""A third-party copy, from the request to whoever carries it out."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ugrpy import telemetry
from ugrpy.changing import Changing, Placed, Wanted
from ugrpy.changing.uploads import Permit
from ugrpy.copying.deciding import How, carrier, script_for
from ugrpy.copying.ends import Elsewhere, PlacedHere, Replicas, Source
from ugrpy.copying.job import Answer, Job, Redirected, Relayed
from ugrpy.copying.partners import Partners
from ugrpy.copying.reaching import Described, Reaching, Remote
from ugrpy.copying.relaying import Moved, Transfer
from ugrpy.copying.scripts import Script, script_arguments
from ugrpy.copying.settings import CopySettings
from ugrpy.copying.streaming import Streaming
from ugrpy.core.errors import (
    Clash,
    Forbidden,
    NotFound,
    PreconditionFailed,
    RequestError,
    Unavailable,
)
from ugrpy.endpoints.base import Verb
from ugrpy.federation import KnownName, Replica
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId, Kind
from ugrpy.webdav.copying import CopyMode

BUSY_RETRY_S = 10.0
# A source that does not say so soon how long it is may still be read.
LOOK_S = 5.0
_STANDS = "the destination exists, and is not to be replaced"

Work = Callable[[Moved], Coroutine[Any, Any, None]]


class Copier:
    """Finds out who carries a copy out. One for each process; make it inside the running loop."""

    def __init__(self, changing: Changing, settings: CopySettings) -> None:
        self._changing = changing
        self._federation = changing.ground.federation
        self._settings = settings
        members = self._federation.members
        self._partners = Partners(settings, [member.endpoint.base_url for member in members])
        self._reaching = Reaching(settings, self._partners)
        self._able = frozenset(member.id for member in members if member.copies_to_others)
        self._running = 0

    def __repr__(self) -> str:
        return f"<Copier {self._running} running, {self._partners!r}>"

    async def copy(self, job: Job) -> Answer:
        """Who carries it out. Raises ``RequestError``."""
        try:
            if job.other is None and not self._partners.admits(job.asked.place.url):
                raise Forbidden("copies are exchanged with the servers the operator has named only")
            if job.other == job.path:
                raise Forbidden(f"{job.external} cannot be copied onto itself")
            return await (self._push(job) if job.asked.mode is CopyMode.PUSH else self._pull(job))
        except RequestError:
            self._count(job, None, "refused")
            raise

    async def close(self) -> None:
        """Close all connections."""
        await self._reaching.close()

    # -- push ---------------------------------------------------------------------------------------

    async def _push(self, job: Job) -> Answer:
        known, merged = await self._file(job.path, job)
        job.permit(merged)
        if job.other is not None and not job.asked.overwrite:
            await self._expect_nothing_here(job, job.other)
        order = self._federation.order(known, job.zone)
        if (name := carrier(order, self._able)) is not None:
            return self._redirected(job, name, self._remote(name, job.path))
        self._admit()
        if (program := script_for(CopyMode.PUSH, self._settings)) is not None:
            source = self._federation.replicas(known, order[:1])[0].url
            arguments = self._arguments(job, source, job.asked.place.url)
            return self._relayed(job, How.SCRIPT, Script(str(program), arguments), order[0])
        here = self._replicas(job.path, order)
        if job.other is None:
            there = Elsewhere(self._reaching, self._partner(job, "destination"))
            if not job.asked.overwrite:
                await self._expect_nothing_at(there)
            work = Streaming(here, there, job.asked.verify_checksum)
            return self._relayed(job, How.STREAMED, work, order[0])
        seen = Described(merged.entry.size_bytes, merged.entry.digests)
        wanted = self._wanted(job, job.other, seen, _without_overwriting(job))
        return self._into(job, here, await self._changing.upload(wanted))

    async def _expect_nothing_here(self, job: Job, path: str) -> None:
        """Raises ``PreconditionFailed`` when there is something of that name, and ``Unavailable`` when it is not known."""
        known = await self._federation.locate(path, Want.ALL, job.zone)
        try:
            self._federation.expect(known)
        except NotFound:
            return
        raise PreconditionFailed(_STANDS)

    async def _expect_nothing_at(self, there: Elsewhere) -> None:
        """Raises ``PreconditionFailed`` when the other server has something of that name, and as ``Reaching.look`` when it will not say."""
        try:
            await self._reaching.look(there.remote)
        except NotFound:
            return
        raise PreconditionFailed(_STANDS)

    # -- pull ---------------------------------------------------------------------------------------

    async def _pull(self, job: Job) -> Answer:
        source, seen = await self._source(job)
        allowed = _without_overwriting(job)

        def permit(merged: Merged | None) -> None:
            job.permit(merged)
            allowed(merged)

        wanted = self._wanted(job, job.path, seen, permit)
        placed = await self._changing.upload(replace(wanted, preferred=self._able))
        if placed.replica.endpoint in self._able:
            return self._redirected(job, placed.replica.endpoint, placed.remote)
        try:
            return await self._pull_here(job, source, placed)
        except RequestError:
            await self._changing.never_begun(placed.upload)
            raise

    async def _pull_here(self, job: Job, source: Source, placed: Placed) -> Relayed:
        """A pull that no storage element carries out."""
        self._admit()
        program = script_for(CopyMode.PULL, self._settings)
        if program is not None and not self._settings.use_replica_url:
            # it uploads by itself, as any client does
            await self._changing.never_begun(placed.upload)
            arguments = self._arguments(job, job.asked.place.url, job.external)
            return self._relayed(job, How.SCRIPT, Script(str(program), arguments), None)
        if program is not None:
            arguments = self._arguments(job, job.asked.place.url, placed.replica.url)
            script = Script(str(program), arguments)
            work = self._following(script, placed)
            return self._relayed(job, How.SCRIPT, work, placed.replica.endpoint)
        return self._into(job, source, placed)

    async def _source(self, job: Job) -> tuple[Source, Described]:
        """The other end of a pull. Raises ``NotFound`` when it says that there is nothing."""
        if job.other is not None:
            known, merged = await self._file(job.other, job)
            order = self._federation.order(known, job.zone)
            seen = Described(merged.entry.size_bytes, merged.entry.digests)
            return self._replicas(job.other, order), seen
        remote = self._partner(job, "source")
        source, seen = Elsewhere(self._reaching, remote), Described()
        # whoever cannot be asked by us, or not in this way, may well be readable for the storage element
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                try:
                    seen = await self._reaching.look(remote)
                except NotFound:
                    raise
                except RequestError:
                    pass
        return source, seen

    def _following(self, script: Script, placed: Placed) -> Work:
        """What writes to the endpoint itself is followed up when it fails."""

        async def work(moved: Moved) -> None:
            try:
                await script(moved)
            except BaseException:
                self._changing.broke_off(placed.upload)
                raise

        return work

    # -- answers ------------------------------------------------------------------------------------

    def _redirected(self, job: Job, name: EndpointId, remote: str) -> Redirected:
        member = self._federation.members[name]
        self._count(job, How.REDIRECTED, "sent on")
        return Redirected(Replica(name, member.endpoint.url(remote, Verb.COPY), member.country))

    def _into(self, job: Job, source: Source, placed: Placed) -> Relayed:
        """Streamed to where an upload was begun."""
        here = PlacedHere(self._changing, placed, self._settings.idle_timeout_s)
        work = Streaming(source, here, job.asked.verify_checksum)
        return self._relayed(job, How.STREAMED, work, placed.replica.endpoint)

    def _relayed(self, job: Job, how: How, work: Work, endpoint: EndpointId | None) -> Relayed:
        async def counted(moved: Moved) -> None:
            self._running += 1
            try:
                await work(moved)
            finally:
                self._running -= 1

        def ended(outcome: str, transferred_bytes: int) -> None:
            self._count(job, how, outcome)
            direction = job.asked.mode.value
            copied = telemetry.COPIED_BYTES.name
            meter = self._changing.ground.meter
            meter.instrument(copied, direction=direction).add(transferred_bytes)

        clock = self._changing.ground.clock
        return Relayed(Transfer(f"copy of {job.path}", counted, ended, clock), endpoint)

    def _admit(self) -> None:
        """Raises ``Unavailable`` when as many copies as may pass through here do so already."""
        if self._running >= self._settings.max_connections:
            raise Unavailable(
                "too many copies pass through this gateway at the moment",
                retry_after_s=BUSY_RETRY_S,
            )

    # -- parts --------------------------------------------------------------------------------------

    async def _file(self, path: str, job: Job) -> tuple[KnownName, Merged]:
        """A file that is here. Raises by the absence rule, and ``Clash`` for a collection."""
        known = await self._federation.locate(path, Want.ALL, job.zone)
        merged = self._federation.expect(known)
        if merged.entry.kind is Kind.COLLECTION:
            raise Clash(f"{path} is a collection; files are copied to and from other servers only")
        return known, merged

    def _replicas(self, path: str, order: tuple[EndpointId, ...]) -> Replicas:
        return Replicas(self._federation, path, order, self._settings.idle_timeout_s)

    def _remote(self, name: EndpointId, path: str) -> str:
        remote = self._federation.members[name].mounts.translate(path)
        assert remote is not None, "a holder is always mounted over the path"
        return remote

    def _partner(self, job: Job, whose: str) -> Remote:
        return Remote(job.asked.place.url, job.passed, whose)

    def _wanted(self, job: Job, path: str, seen: Described, permit: Permit) -> Wanted:
        return Wanted(path, job.zone, seen.size_bytes, seen.digests, permit)

    def _arguments(self, job: Job, source: str, destination: str) -> tuple[str, ...]:
        return script_arguments(job, source, destination, self._settings.header_parameters)

    def _count(self, job: Job, how: How | None, outcome: str) -> None:
        meter = self._changing.ground.meter
        direction = job.asked.mode.value
        name = telemetry.COPIES.name
        carried = "nobody" if how is None else how.value
        meter.instrument(name, direction=direction, by=carried, outcome=outcome).add()


def _without_overwriting(job: Job) -> Permit:
    """What raises ``PreconditionFailed`` when something is there that the client does not want replaced (RFC 4918 section 10.6)."""

    def permit(merged: Merged | None) -> None:
        if merged is not None and not job.asked.overwrite:
            raise PreconditionFailed(_STANDS)

    return permit
