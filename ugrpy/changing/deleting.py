"""How is a name removed, everywhere?

From every storage that holds it, or from none: a copy that may not be removed stops it before it begins. What is written down first is
completed after a crash. A storage that is out of service is told later (``Removal``); what it holds of a collection is not known, so the
client hears that something may be left.
"""

from collections.abc import Mapping

from ugrpy.changing.carrying import everywhere, settled_gone
from ugrpy.changing.ground import Ground
from ugrpy.changing.looking import Look, look, refusal
from ugrpy.changing.owners import numbered
from ugrpy.changing.placing import Placing
from ugrpy.changing.uploads import Permit
from ugrpy.changing.verdicts import verdict
from ugrpy.changing.way import under_way
from ugrpy.core.errors import Forbidden, NotFound, RequestError
from ugrpy.core.trouble import Reason
from ugrpy.namespace.changes import Fingerprint, Operation, OperationKind, Record
from ugrpy.namespace.model import EndpointId, Kind
from ugrpy.namespace.outcomes import Done, Outcome


class Deleting:
    """Carries out deletions."""

    def __init__(self, ground: Ground, placing: Placing) -> None:
        self._ground = ground
        self._placing = placing

    async def delete(self, path: str, permit: Permit) -> None:
        """Returns when no storage in service holds the name any more.

        Raises ``NotFound``, ``Forbidden``, ``Unavailable`` when nothing was removed, ``PartlyDone`` when something is left.
        """
        seen = await look(self._ground, path)
        self.check(seen)
        permit(seen.merged)
        where = self.where(seen)
        operation = self._operation(seen, where)
        async with under_way(self._ground, operation):
            outcomes = await self.remove(where, seen) | dict(seen.silent)
            await self._finish(seen, operation, outcomes)
        late = self.late(seen)
        if (error := verdict(path, "deleted", outcomes, late)) is not None:
            raise error

    async def remove(self, where: dict[EndpointId, str], seen: Look) -> dict[EndpointId, Outcome]:
        """What becomes of the copies at these endpoints."""

        async def act(name: EndpointId, remote: str) -> Outcome:
            entry = seen.holders.get(name)
            kind = Kind.FILE if entry is None else entry.kind
            return await self._ground.member(name).endpoint.delete(remote, kind)

        outcomes = await everywhere(self._ground, where, act)
        return await settled_gone(self._ground, where, outcomes)

    def check(self, seen: Look) -> None:
        """Raises for what cannot be removed."""
        if seen.made_by_mounts:
            raise Forbidden(f"{seen.path} is where storage is mounted; it cannot be removed")
        error = refusal(self._ground, seen)
        if error is not None and not self._lingers(seen, error):
            raise error
        writable = self._ground.writable(seen.path)
        if fixed := [name for name in seen.holders if name not in writable]:
            raise Forbidden(
                f"{seen.path}: a storage element that holds it takes no changes, so nothing was removed",
                missing=dict.fromkeys(map(str, fixed), Reason("takes no changes", None)),
            )

    def _lingers(self, seen: Look, error: RequestError) -> bool:
        """Whether readers are shown nothing although there is something to remove: a part of an upload."""
        upload = self._ground.overlay.upload(seen.path)
        return isinstance(error, NotFound) and upload is not None and bool(seen.holders)

    def where(self, seen: Look) -> dict[EndpointId, str]:
        """Who holds it. Who would not say is not waited for once more; the client hears that something may be left there."""
        writable = self._ground.writable(seen.path)
        return {name: remote for name, remote in writable.items() if name in seen.holders}

    def _operation(self, seen: Look, where: dict[EndpointId, str]) -> Operation:
        now_s = self._ground.clock.wall()
        return Operation(
            number=numbered(),
            verb=OperationKind.DELETE,
            path=seen.path,
            target="",
            kind=seen.kind or Kind.FILE,
            steps=tuple((name, seen.fingerprint(name)) for name in where),
            since_s=now_s,
            until_s=self._ground.settings.removal_until_s(now_s),
            away=self.away(seen),
        )

    async def _finish(
        self, seen: Look, operation: Operation, outcomes: Mapping[EndpointId, Outcome]
    ) -> None:
        """Remember who must be told later, and forget what was known."""
        ground = self._ground
        upload = ground.overlay.upload(seen.path)
        drops: list[Record] = [operation]
        # where a copy that is half there could not be removed, it must not be taken for a whole one
        if upload is not None and isinstance(outcomes.get(upload.target, Done()), Done):
            drops.append(upload)
        await ground.record(operation.removals(()), drops)
        if upload is not None:  # who was written to holds it no more
            await ground.forgotten(seen.path)
        if seen.kind is Kind.COLLECTION:
            self._placing.forget()
            await ground.forgotten(seen.path, below=True)

    def away(self, seen: Look) -> tuple[tuple[EndpointId, Fingerprint], ...]:
        """The copies on storages that cannot be asked; of a collection nobody knows what they hold."""
        if seen.kind is Kind.COLLECTION:
            return ()
        writable = self._ground.writable(seen.path)
        return tuple((name, self._last_known(seen, name)) for name in seen.out if name in writable)

    def _last_known(self, seen: Look, name: EndpointId) -> Fingerprint:
        """As it was last seen; or as an earlier deletion or upload knew it. Where it is being written, nobody knows what it is by now."""
        overlay = self._ground.overlay
        upload = overlay.upload(seen.path)
        if upload is not None and upload.target == name:
            return Fingerprint()
        known = seen.fingerprint(name)
        if known.certain:
            return known
        earlier = {one.endpoint: one.known for one in overlay.removals(seen.path)}
        if upload is not None:
            earlier |= dict(upload.others)
        return earlier.get(name, known)

    def late(self, seen: Look) -> dict[str, str]:
        """Storages out of service that hold something that cannot be removed later by itself, or may hold some of a collection."""
        writable = self._ground.writable(seen.path)
        return {
            str(name): state.reason
            for name, state in seen.out.items()
            if seen.kind is Kind.COLLECTION
            or ((state.known or state.strict) and name not in writable)
        }
