"""What if a process died in the middle of an operation? What it had begun is completed, forwards.

Nobody was told that it was done, so either end would be honest; but half of it must not stay. The same for what a process that lives could not bring to
its end, for want of room on the journal's disk. A storage that is not in service is
tried again later. A copy that is another one than was written down is left alone and reported.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import structlog

from ugrpy.changing.carrying import is_gone
from ugrpy.changing.ground import Ground
from ugrpy.changing.looking import ask
from ugrpy.changing.moving import Moving, Relocation
from ugrpy.changing.owners import is_orphan, numbered
from ugrpy.changing.way import busy
from ugrpy.core.errors import RequestError
from ugrpy.namespace.changes import (
    Fingerprint,
    Operation,
    OperationKind,
    Record,
    Upload,
)
from ugrpy.namespace.model import Absent, EndpointId, Found, Kind
from ugrpy.namespace.outcomes import Done, Outcome

# Between two looks whether another change of the same names has come to its end.
WAIT_STEP_S = 0.1

log = structlog.get_logger("ugrpy.changes")


class Recovering:
    """Completes what others left."""

    def __init__(self, ground: Ground, moving: Moving) -> None:
        self._ground = ground
        self._moving = moving
        self._reported: set[str] = set()

    def is_left(self, operation: Operation) -> bool:
        """Whether nobody carries it out any more."""
        return operation.number in self._ground.left or is_orphan(operation.number)

    async def recover(self) -> None:
        """Look for operations that somebody left behind, and complete each as far as its storages are in service."""
        for operation in await self._ground.journal.operations():
            if self.is_left(operation):
                try:
                    await self.complete(operation)
                except (
                    RequestError
                ) as error:  # the journal's disk is full: there will be another look
                    log.warning("could not complete", path=operation.path, reason=str(error))

    async def clear_way(self, *paths: str) -> None:
        """Returns when no operation touches these names any more. Raises ``Unavailable`` when one is at work for too long."""
        ground = self._ground
        until_s = ground.clock.monotonic() + ground.asking.policy.deadline_s
        while standing := [one for one in await ground.journal.operations() if one.touches(*paths)]:
            left = [one for one in standing if self.is_left(one)]
            for operation in left:
                await self.complete(operation, last=True)
            if not left:
                if ground.clock.monotonic() >= until_s:
                    raise busy(paths[0])
                await asyncio.sleep(WAIT_STEP_S)

    async def complete(self, operation: Operation, *, last: bool = False) -> None:
        """Carry out what is left of it; it stays written down until nothing is. ``last``: now, or never, since its names are changed anew.

        Only one process does: whoever gives it his own number first. Raises ``Unavailable`` when the journal cannot be written.
        """
        ground, number = self._ground, numbered()
        if not await ground.journal.take(operation, number):
            return
        ground.left.discard(operation.number)
        own = replace(operation, number=number)
        try:
            left = [name for name, known in own.steps if not await self._step(own, name, known)]
            await self._conclude(own, left, operation.number, last=last)
        except BaseException:
            ground.left.add(number)
            raise
        await self._forget(own)

    async def _conclude(
        self, operation: Operation, left: list[EndpointId], number: str, *, last: bool
    ) -> None:
        """Write down what has become of it. ``number`` is the one it had, under which it is left for another time."""
        ground = self._ground
        what = {"verb": operation.verb.value, "path": operation.path}
        if not left:
            drops: list[Record] = [operation, *self._uploads(operation, left)]
            await ground.record(operation.removals(()), drops)
            log.info("operation completed after a crash", **what)
        elif operation.verb is OperationKind.DELETE and operation.kind is Kind.FILE:
            # as if it had been deleted while these were out of service
            drops = [operation, *self._uploads(operation, left)]
            await ground.record(operation.removals(left), drops)
            log.warning("operation completed after a crash, later at some", **what, later=left)
        elif last or ground.clock.wall() >= operation.until_s:
            await ground.journal.write(drops=[operation])
            log.error("operation given up", **what, target=operation.target, left=left)
        else:
            await ground.journal.take(operation, number)
            ground.left.add(number)
            if number not in self._reported:
                self._reported.add(number)
                log.warning("operation not complete", **what, target=operation.target, left=left)

    def _uploads(self, operation: Operation, left: list[EndpointId]) -> list[Upload]:
        """The upload that a deletion ends: begun before it, since none is while it is under way."""
        upload = self._ground.overlay.upload(operation.path)
        if operation.verb is not OperationKind.DELETE or upload is None or upload.target in left:
            return []
        return [upload]

    async def _step(self, operation: Operation, name: EndpointId, known: Fingerprint) -> bool:
        """Whether nothing is left to do at this endpoint."""
        remote = self._ground.writable(operation.path).get(name)
        if remote is None:
            return True  # it is not ours to change any more
        if not self._ground.federation.board.in_service(name):
            return False
        said = await ask(self._ground, name, operation.path, remote)
        if is_gone(said) and operation.verb is not OperationKind.COPY:
            return True
        if not isinstance(said, Found):
            return isinstance(said, Absent)
        if not self._is_same(operation, known, said):
            log.warning(
                "a copy has changed since, and is left alone", path=operation.path, endpoint=name
            )
            return True
        return await self._act(operation, name, remote)

    def _is_same(self, operation: Operation, known: Fingerprint, said: Found) -> bool:
        if operation.kind is Kind.COLLECTION:
            return said.entry.kind is Kind.COLLECTION
        return Fingerprint.of(said.entry) == known

    async def _act(self, operation: Operation, name: EndpointId, remote: str) -> bool:
        if operation.verb is OperationKind.DELETE:
            endpoint = self._ground.member(name).endpoint
            outcome: Outcome = await endpoint.delete(remote, operation.kind)
            return isinstance(outcome, Done | Absent)
        target = self._ground.writable(operation.target).get(name)
        if target is None:
            return True
        wish = Relocation(operation.verb, operation.path, operation.target)
        parts: Mapping[EndpointId, tuple[str, str]] = {name: (remote, target)}
        outcomes = await self._moving.carry_out(wish, operation.kind, parts)
        return isinstance(outcomes[name], Done)

    async def _forget(self, operation: Operation) -> None:
        names = [name for name in (operation.path, operation.target) if name]
        await self._ground.forgotten(*names, below=operation.kind is Kind.COLLECTION)
