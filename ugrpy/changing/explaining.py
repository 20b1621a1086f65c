"""What would happen if a client asked for this change now? Everything is looked at and decided as for the change itself, and nothing is done.

The decisions are those of ``uploads``, ``weighing``, ``deleting``, ``making`` and ``moving``; here they are only told.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace

from ugrpy.changing.deleting import Deleting
from ugrpy.changing.explained import ChangeExplanation, Part
from ugrpy.changing.ground import Ground
from ugrpy.changing.looking import Look, look
from ugrpy.changing.making import Making
from ugrpy.changing.moving import Moving, Relocation, Scene
from ugrpy.changing.placing import Placing
from ugrpy.changing.uploads import Uploads, Wanted
from ugrpy.changing.verdicts import verdict
from ugrpy.changing.weighing import Site, Weighed, Wish
from ugrpy.core.durations import phrase_duration
from ugrpy.core.errors import RequestError
from ugrpy.endpoints.base import Verb
from ugrpy.federation.explain import all_said
from ugrpy.namespace.changes import OperationKind, Removal, Upload
from ugrpy.namespace.model import EndpointId, Kind
from ugrpy.namespace.outcomes import Done, Outcome
from ugrpy.namespace.paths import is_within

LATER = "DELETE later"
"""What goes when something else is complete, or when an endpoint is back."""
_NEXT = "PUT, if those before it cannot take it"


class Explaining:
    """Tells what changes would come to."""

    def __init__(
        self, ground: Ground, placing: Placing, uploads: Uploads, making: Making, moving: Moving
    ) -> None:
        self._ground = ground
        self._placing = placing
        self._uploads = uploads
        self._making = making
        self._moving = moving

    @property
    def _deleting(self) -> Deleting:
        return self._moving.deleting

    async def upload(self, wanted: Wanted) -> ChangeExplanation:
        """Of a PUT: where it would go, who comes after that one, and why the others do not."""
        seen = await look(self._ground, wanted.path)
        told = await self._begun("PUT", seen)
        try:
            self._uploads.check(seen, wanted)
            await self._placing.check_parent(seen.path)
        except RequestError as error:
            return _refused(told, error)
        wish = Wish(wanted.zone, wanted.size_bytes, wanted.preferred)
        weighed = await self._placing.weighing.weigh(seen, wish)
        told = replace(told, rejected=_rejected(weighed.rejected))
        if weighed.refusal is not None:
            return _refused(told, weighed.refusal)
        parts = self._places(weighed)
        older = self._uploads.others(seen).keys() - {parts[0].endpoint}
        replaced = [
            Part(name, LATER, "a copy there is older than what is being written")
            for name in sorted(older)
        ]
        status, location = 307, parts[0].url
        return replace(told, parts=(*parts, *replaced), status=status, location=location)

    async def delete(self, path: str) -> ChangeExplanation:
        """Of a DELETE: who would remove what, at once or later."""
        seen = await look(self._ground, path)
        told = await self._begun("DELETE", seen)
        try:
            self._deleting.check(seen)
        except RequestError as error:
            return _refused(told, error)
        where = self._deleting.where(seen)
        parts = [self._part(name, "DELETE", remote, seen) for name, remote in where.items()]
        parts += [Part(name, LATER, seen.out[name].reason) for name, _ in self._deleting.away(seen)]
        outcomes: dict[EndpointId, Outcome] = {**dict.fromkeys(where, Done()), **seen.silent}
        late = self._deleting.late(seen)
        told = replace(told, parts=tuple(parts), rejected=_rejected(late | _words(seen)))
        half_done = verdict(path, "deleted", outcomes, late)
        return replace(told, status=204) if half_done is None else _refused(told, half_done)

    async def make_collection(self, path: str) -> ChangeExplanation:
        """Of a MKCOL: who would make it."""
        seen = await look(self._ground, path)
        told = await self._begun("MKCOL", seen)
        serving = self._placing.weighing.serving(path, "collections")
        told = replace(told, rejected=_rejected(serving.rejected))
        try:
            await self._making.check(seen)
        except RequestError as error:
            return _refused(told, error)
        parts = [self._part(site.endpoint, "MKCOL", site.remote, seen) for site in serving.chosen]
        return replace(told, parts=tuple(parts), status=201)

    async def relocate(self, wish: Relocation) -> ChangeExplanation:
        """Of a MOVE or COPY: who would do it, and what would go from the new name."""
        method = wish.verb.value.upper()
        seen = await look(self._ground, wish.path)
        told = replace(await self._begun(method, seen, wish.target), target=wish.target)
        try:
            scene = await self._moving.scene(wish)
            await self._placing.check_parent(wish.target, strictly=True)
        except RequestError as error:
            return _refused(told, error)
        parts = tuple(self._relocated(method, scene))
        taking_no_part = {
            name: "takes no changes of both names"
            for name in scene.source.holders
            if name not in scene.parts
        }
        rejected = _rejected(taking_no_part | _words(scene.source))
        status = 201 if scene.target.merged is None else 204
        return replace(told, parts=parts, rejected=rejected, status=status)

    # -- who ----------------------------------------------------------------------------------------

    def _places(self, weighed: Weighed) -> tuple[Part, ...]:
        def place(number: int, site: Site) -> Part:
            url = self._url(site.endpoint, site.remote, Verb.PUT)
            would = "PUT" if number == 0 else _NEXT
            return Part(site.endpoint, would, weighed.reasons[site.endpoint], url)

        return tuple(place(number, site) for number, site in enumerate(weighed.chosen))

    def _relocated(self, method: str, scene: Scene) -> Iterable[Part]:
        replaced = scene.target.merged is not None
        if replaced and Kind.COLLECTION in (scene.kind, scene.target.kind):
            where = self._deleting.where(scene.target)
            for name, remote in where.items():
                yield self._part(name, "DELETE", remote, scene.target)
        for name, (here, there) in scene.parts.items():
            part = self._part(name, method, here, scene.source)
            yield replace(part, reason=f"{part.reason}, to {there}")
        if not replaced or scene.target.kind is Kind.FILE:
            for name in scene.elsewhere:
                yield Part(name, "DELETE", "holds another version of the new name")
        if scene.wish.verb is OperationKind.MOVE:
            for name, _known in self._moving.away(scene):
                yield Part(name, LATER, scene.source.out[name].reason)

    def _part(self, name: EndpointId, would: str, remote: str, seen: Look) -> Part:
        entry = seen.holders.get(name)
        holds = "" if entry is None else f"holds a {entry.kind}"
        return Part(name, would, holds, self._url(name, remote, Verb.GET))

    def _url(self, name: EndpointId, remote: str, verb: Verb) -> str:
        return self._ground.member(name).endpoint.url(remote, verb)

    # -- what stands against it ---------------------------------------------------------------------

    async def _begun(self, method: str, seen: Look, target: str = "") -> ChangeExplanation:
        names = (seen.path, target) if target else (seen.path,)
        entry = None if seen.merged is None else seen.merged.entry
        said = all_said(self._ground.federation, seen.known)
        against = [words async for words in self._against(names)]
        return ChangeExplanation(method, seen.path, entry=entry, said=said, against=tuple(against))

    async def _against(self, names: tuple[str, ...]) -> AsyncIterator[str]:
        overlay, now_s = self._ground.overlay, self._ground.clock.wall()
        for upload in overlay.uploads:
            if any(is_within(upload.path, name) for name in names):
                yield _under_way(upload, now_s)
        for name in names:
            for removal in overlay.removals(name):
                yield _to_go(removal, now_s)
        for operation in await self._ground.journal.operations():
            if operation.touches(*names):
                to = f" to {operation.target}" if operation.target else ""
                ago = phrase_duration(now_s - operation.since_s)
                yield f"a {operation.verb.value} of {operation.path}{to} began {ago} ago"


def _under_way(upload: Upload, now_s: float) -> str:
    ago = phrase_duration(now_s - upload.since_s)
    size = "of unknown size" if upload.size_bytes is None else f"of {upload.size_bytes} bytes"
    return f"an upload of {upload.path} {size} to {upload.target} began {ago} ago ({upload.passage.value})"


def _to_go(removal: Removal, now_s: float) -> str:
    ago = phrase_duration(now_s - removal.since_s)
    return f"the copy of {removal.path} at {removal.endpoint} is to go since {ago}: {removal.why.value}"


def _words(seen: Look) -> dict[str, str]:
    return {str(name): silence.reason for name, silence in seen.silent.items()}


def _rejected(reasons: Mapping[EndpointId, str] | Mapping[str, str]) -> tuple[Part, ...]:
    return tuple(Part(EndpointId(name), "", str(why)) for name, why in sorted(reasons.items()))


def _refused(told: ChangeExplanation, error: RequestError) -> ChangeExplanation:
    """With the endpoints that the refusal names."""
    missing: Mapping[str, str] = getattr(error, "missing", {})
    known = {part.endpoint for part in told.rejected}
    more = _rejected({name: why for name, why in missing.items() if name not in known})
    rejected = tuple(sorted((*told.rejected, *more), key=lambda part: part.endpoint))
    return replace(told, rejected=rejected, status=error.status, refusal=str(error))
