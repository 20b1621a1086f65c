"""How does a name get another one, or a second copy of it, inside the namespace?

Each storage moves or copies what it holds itself, under the same new name; nothing is passed on to it blindly. A move happens on
every holder or it is undone; where one holder could not take part, it is refused before it begins. What stood at the new name elsewhere
goes, since it would be another version of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ugrpy.changing.byhand import copy_by_hand
from ugrpy.changing.carrying import everywhere
from ugrpy.changing.deleting import Deleting
from ugrpy.changing.ground import Ground
from ugrpy.changing.looking import Look, look, refusal
from ugrpy.changing.owners import numbered
from ugrpy.changing.placing import Placing
from ugrpy.changing.uploads import Permit
from ugrpy.changing.verdicts import failures, none_did, verdict
from ugrpy.changing.way import under_way
from ugrpy.changing.weighing import Site
from ugrpy.core.errors import Clash, Forbidden, NotFound, PreconditionFailed, Unavailable
from ugrpy.core.trouble import Reason
from ugrpy.namespace.changes import Fingerprint, Operation, OperationKind, Record, Removal, Why
from ugrpy.namespace.model import EndpointId, Kind
from ugrpy.namespace.outcomes import Conflict, Done, Outcome
from ugrpy.namespace.paths import is_within
from ugrpy.namespace.verdict import missing_reasons

_APART = Reason("takes no changes of both names", None)


@dataclass(frozen=True, slots=True)
class Relocation:
    """What a client asked for. ``shallow``: of a collection only itself is copied (Depth 0)."""

    verb: OperationKind
    path: str
    target: str
    overwrite: bool = True
    shallow: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """Both names as they are, and each taking part with its own paths for them."""

    wish: Relocation
    source: Look
    target: Look
    parts: Mapping[EndpointId, tuple[str, str]]

    @property
    def kind(self) -> Kind:
        return self.source.kind or Kind.FILE

    @property
    def whole(self) -> bool:
        """Whether every holder must take part: of a collection each may hold something that the others do not."""
        wish = self.wish
        if wish.verb is OperationKind.MOVE:
            return True
        return self.kind is Kind.COLLECTION and not wish.shallow

    @property
    def elsewhere(self) -> list[EndpointId]:
        """Who holds the new name and takes no part."""
        return [name for name in self.target.holders if name not in self.parts]


class Moving:
    """Carries out MOVE and COPY inside the namespace."""

    def __init__(self, ground: Ground, placing: Placing, deleting: Deleting) -> None:
        self._ground = ground
        self._placing = placing
        self.deleting = deleting

    async def relocate(self, wish: Relocation, permit: Permit) -> bool:
        """Returns whether the new name is one that did not exist before.

        Raises ``PreconditionFailed`` when it exists and may not be overwritten, ``Clash``, ``Forbidden``, ``NotFound``, ``Unavailable``, ``PartlyDone``.
        """
        scene = await self.scene(wish)
        permit(scene.source.merged)
        created = scene.target.merged is None
        await self._placing.check_parent(wish.target, strictly=True)
        if not created and Kind.COLLECTION in (scene.kind, scene.target.kind):
            # what is below an old collection must not stay below the new one (RFC 4918 section 9.8.4)
            await self.deleting.delete(wish.target, lambda _merged: None)
            scene = await self.scene(wish)
        operation = self._operation(scene)
        async with under_way(self._ground, operation):
            outcomes = await self._everywhere(scene)
            await self._finish(scene, operation, outcomes)
        self._raise_for(scene, outcomes)
        return created

    async def _everywhere(self, scene: Scene) -> dict[EndpointId, Outcome]:
        outcomes = await self.carry_out(scene.wish, scene.kind, scene.parts)
        if failures(outcomes) and scene.wish.verb is OperationKind.MOVE:
            outcomes = await self._undone(scene, outcomes)
        if any(isinstance(outcome, Done) for outcome in outcomes.values()):
            outcomes = outcomes | await self.deleting.remove(
                self._elsewhere(scene, outcomes), scene.target
            )
        return outcomes

    async def carry_out(
        self, wish: Relocation, kind: Kind, parts: Mapping[EndpointId, tuple[str, str]]
    ) -> dict[EndpointId, Outcome]:
        """Move or copy at each of these endpoints, from its first path to its second."""

        async def act(name: EndpointId, remote: str) -> Outcome:
            endpoint, target = self._ground.member(name).endpoint, parts[name][1]
            above = await self._placing.make_parents(Site(name, target), wish.target)
            if not isinstance(above, Done):
                return above
            if wish.verb is OperationKind.MOVE:
                return await endpoint.move(remote, target, kind, overwrite=True)
            if wish.shallow and kind is Kind.COLLECTION:
                return await endpoint.make_collection(target)
            outcome = await endpoint.copy(remote, target, kind, overwrite=True)
            if isinstance(outcome, Conflict) and outcome.status in (405, 501):
                return await copy_by_hand(endpoint, remote, target, kind)
            return outcome

        return await everywhere(self._ground, {name: at[0] for name, at in parts.items()}, act)

    # -- before -------------------------------------------------------------------------------------

    async def scene(self, wish: Relocation) -> Scene:
        """Both names as they are, when nothing stands against it. Raises as ``relocate`` does."""
        self._check_names(wish)
        source, target = await look(self._ground, wish.path), await look(self._ground, wish.target)
        if source.made_by_mounts or target.made_by_mounts:
            raise Forbidden("where storage is mounted nothing can be moved, copied or replaced")
        if (error := refusal(self._ground, source)) is not None:
            raise error
        if target.merged is not None and not wish.overwrite:
            raise PreconditionFailed(f"{wish.target} exists, and the request says not to overwrite")
        if (error := refusal(self._ground, target)) is not None and not isinstance(error, NotFound):
            raise error
        self._check_uploads(wish)
        scene = Scene(wish, source, target, self._parts(wish, source))
        self._check_scene(scene)
        return scene

    def _check_names(self, wish: Relocation) -> None:
        if wish.path == wish.target:
            raise Forbidden(
                f"{wish.path}: source and destination are the same"
            )  # RFC 4918 section 9.8.5
        if is_within(wish.target, wish.path) or is_within(wish.path, wish.target):
            raise Clash(f"one of {wish.path} and {wish.target} lies in the other")

    def _check_uploads(self, wish: Relocation) -> None:
        for path in (wish.path, wish.target):
            if self._ground.overlay.uploads_below(path):
                raise Clash(f"{path} is being written at this moment")

    def _parts(self, wish: Relocation, source: Look) -> dict[EndpointId, tuple[str, str]]:
        there = self._ground.writable(wish.target)
        here = self._ground.writable(wish.path)
        return {
            name: (here[name], there[name])
            for name in source.holders
            if name in here and name in there
        }

    def _check_scene(self, scene: Scene) -> None:
        """What could not be whole is not begun; the copy of a file needs one who can."""
        wish, source = scene.wish, scene.source
        writable = self._ground.writable(wish.target)
        if fixed := [name for name in scene.elsewhere if name not in writable]:
            why = Reason("holds the destination and takes no changes", None)
            missing = {str(name): why for name in fixed}
            raise Forbidden(f"{wish.target} cannot be replaced", missing=missing)
        if not scene.parts:
            missing = dict.fromkeys(map(str, source.holders), _APART)
            raise Forbidden(
                f"{wish.path}: no storage element that holds it can do that", missing=missing
            )
        if not scene.whole:
            return
        done = "moved" if wish.verb is OperationKind.MOVE else "copied"
        if apart := [name for name in source.holders if name not in scene.parts]:
            missing = dict.fromkeys(map(str, apart), _APART)
            raise Forbidden(
                f"{wish.path}: it cannot be {done} on every storage element", missing=missing
            )
        # what a storage that is away holds of a collection is not known
        every = scene.kind is Kind.COLLECTION
        out = {n: state for n, state in source.out.items() if every or state.known or state.strict}
        if source.silent or out:
            raise Unavailable(
                f"{wish.path}: a storage element that may hold it gives no answer, so nothing was {done}",
                missing=missing_reasons(source.silent, out),
                retry_after_s=min((state.retry_after_s for state in out.values()), default=None),
            )

    def _operation(self, scene: Scene) -> Operation:
        now_s = self._ground.clock.wall()
        return Operation(
            number=numbered(),
            verb=scene.wish.verb,
            path=scene.wish.path,
            target=scene.wish.target,
            kind=scene.kind,
            steps=tuple((name, scene.source.fingerprint(name)) for name in scene.parts),
            since_s=now_s,
            until_s=self._ground.settings.removal_until_s(now_s),
            away=self.away(scene),
        )

    def away(self, scene: Scene) -> tuple[tuple[EndpointId, Fingerprint], ...]:
        """Where the old name may be, on a storage that was never seen to hold it: it is not shown again without a word."""
        if scene.wish.verb is not OperationKind.MOVE or scene.kind is Kind.COLLECTION:
            return ()
        writable, source = self._ground.writable(scene.wish.path), scene.source
        return tuple((name, source.fingerprint(name)) for name in source.out if name in writable)

    # -- after --------------------------------------------------------------------------------------

    async def _undone(
        self, scene: Scene, outcomes: dict[EndpointId, Outcome]
    ) -> dict[EndpointId, Outcome]:
        """A move that did not succeed everywhere is taken back where it did, unless something was overwritten."""
        done = {name for name, outcome in outcomes.items() if isinstance(outcome, Done)}
        if not done or done & scene.target.holders.keys():
            return outcomes

        async def back(name: EndpointId, remote: str) -> Outcome:
            endpoint = self._ground.member(name).endpoint
            return await endpoint.move(remote, scene.parts[name][0], scene.kind, overwrite=False)

        taken_back = await everywhere(
            self._ground, {name: scene.parts[name][1] for name in done}, back
        )
        undone = {name for name, outcome in taken_back.items() if isinstance(outcome, Done)}
        return {
            name: Conflict(409, "moved back, since others could not move it")
            if name in undone
            else outcome
            for name, outcome in outcomes.items()
        }

    def _elsewhere(
        self, scene: Scene, outcomes: Mapping[EndpointId, Outcome]
    ) -> dict[EndpointId, str]:
        """Where another version of the new name is left."""
        writable = self._ground.writable(scene.wish.target)
        left = [
            name
            for name in scene.target.holders
            if name not in scene.parts or not isinstance(outcomes[name], Done)
        ]
        return {name: writable[name] for name in left if name in writable}

    async def _finish(
        self, scene: Scene, operation: Operation, outcomes: Mapping[EndpointId, Outcome]
    ) -> None:
        wish, ground = scene.wish, self._ground
        now_s = ground.clock.wall()
        until_s = ground.settings.removal_until_s(now_s)
        puts: list[Record] = []
        drops: list[Record] = [operation]
        if any(isinstance(outcome, Done) for outcome in outcomes.values()):
            drops += ground.overlay.removals(wish.target)
            puts += [
                Removal(wish.target, name, known, Why.REPLACED, now_s, until_s)
                for name, state in scene.target.out.items()
                if state.known and (known := scene.target.fingerprint(name)).certain
            ]
            puts += operation.removals(())
        await ground.record(puts, drops)
        await ground.published(wish.path, wish.target)
        if scene.kind is Kind.COLLECTION or scene.target.kind is Kind.COLLECTION:
            self._placing.forget()
            await ground.forgotten(wish.path, wish.target, below=True)

    def _raise_for(self, scene: Scene, outcomes: Mapping[EndpointId, Outcome]) -> None:
        wish = scene.wish
        if scene.whole:
            done = "moved" if wish.verb is OperationKind.MOVE else "copied"
            if (error := verdict(wish.path, done, outcomes, {})) is not None:
                raise error
            return
        # a second copy anywhere is a copy; what others could not copy is no more than a replica less
        copied = any(isinstance(outcomes[name], Done) for name in scene.parts)
        left = {n: o for n, o in outcomes.items() if n in scene.elsewhere}
        if copied and (error := verdict(wish.target, "replaced", left, {})) is not None:
            raise error
        if not copied:
            raise none_did(wish.path, "copied", outcomes, failures(outcomes))
