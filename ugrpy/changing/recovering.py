"""What if a process died in the middle of an operation? What it had begun is completed, forwards.

Nobody was told that it was done, so either end would be honest; but half of it must not stay. A storage that is not in service is
tried again later. A copy that is another one than was written down is left alone and reported.
"""

from collections.abc import Mapping

import structlog

from ugrpy.changing.carrying import is_gone
from ugrpy.changing.deleting import Deleting
from ugrpy.changing.ground import Ground
from ugrpy.changing.looking import ask
from ugrpy.changing.moving import Moving, Relocation
from ugrpy.changing.owners import is_orphan
from ugrpy.namespace.changes import Fingerprint, Operation, OperationKind
from ugrpy.namespace.model import Absent, EndpointId, Found, Kind
from ugrpy.namespace.outcomes import Done, Outcome

log = structlog.get_logger("ugrpy.changes")


class Recovering:
    """Completes what others left."""

    def __init__(self, ground: Ground, deleting: Deleting, moving: Moving) -> None:
        self._ground = ground
        self._deleting = deleting
        self._moving = moving
        self._reported: set[str] = set()

    async def recover(self) -> None:
        """Look for operations whose process is gone, and complete each as far as its storages are in service."""
        written = await self._ground.journal.load()
        for operation in written.operations:
            if is_orphan(operation.number):
                await self.complete(operation)

    async def complete(self, operation: Operation) -> None:
        """Carry out what is left of it; it stays written down until nothing is."""
        left = [
            name for name, known in operation.steps if not await self._step(operation, name, known)
        ]
        await self._forget(operation)
        if not left:
            await self._ground.journal.write(drops=[operation])
            log.info(
                "operation completed after a crash", verb=operation.verb.value, path=operation.path
            )
        elif self._ground.clock.wall() >= operation.until_s:
            await self._ground.journal.write(drops=[operation])
            log.error(
                "operation given up",
                verb=operation.verb.value,
                path=operation.path,
                left=left,
            )
        elif operation.number not in self._reported:
            self._reported.add(operation.number)
            log.warning(
                "operation not complete",
                verb=operation.verb.value,
                path=operation.path,
                left=left,
            )

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
