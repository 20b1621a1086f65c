"""How does a client get to write? It is told where, and what it writes there is followed up by the steward.

The name is looked at afresh, a place is found for it, and the upload is written down before the client hears of it; so that every
reader of this host treats the name as one that is being written, whatever happens to the client, the storage or us.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ugrpy.changing.ground import Ground, new_number
from ugrpy.changing.looking import Look, look
from ugrpy.changing.owners import numbered
from ugrpy.changing.placing import Placing
from ugrpy.changing.way import busy
from ugrpy.changing.weighing import PlaceRanking, Site
from ugrpy.core.errors import Clash, MethodNotAllowed, Unavailable
from ugrpy.endpoints.base import Verb
from ugrpy.federation import Replica
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.changes import (
    Fingerprint,
    Operation,
    Passage,
    Upload,
    following,
    has_come,
)
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import Digest, EndpointId, Entry, Kind
from ugrpy.namespace.verdict import missing_reasons

Permit = Callable[[Merged | None], None]
"""Is told what is there, and raises when the client's conditions do not allow it to be changed."""

TRIES = 5
# So many clients who were sent to one place for one name are told from what is half there.
MOST_SIZES = 20
# Of a storage that is away for long, so many names are remembered that were written without it and that it was never known to hold.
MOST_UNSEEN = 20_000
# A second, and a little more, since kernels date files by a clock of ticks.
DATES_STEP_S = 1.1
# A storage whose clock is fast would make clients wait for longer.
LONGEST_WAIT_S = 1.5
# What may be done to a name that is a collection.
ON_COLLECTIONS = ("OPTIONS", "GET", "HEAD", "PROPFIND", "DELETE", "MOVE", "COPY")


def _no_conditions(_merged: Merged | None) -> None:
    """For clients that make none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client wants to write: ``size_bytes`` and ``digests`` as it announces them; ``streamed``: through this process.

    ``preferred`` are endpoints that serve it better than others, wherever they are.
    """

    path: str
    zone: Zone
    size_bytes: int | None = None
    digests: tuple[Digest, ...] = ()
    permit: Permit = _no_conditions
    streamed: bool = False
    preferred: frozenset[EndpointId] = frozenset()


@dataclass(frozen=True, slots=True)
class Placed:
    """Where it goes. ``remote`` is the endpoint's own path, ``created``: nothing of that name was there before. ``ranking``: how the place was found."""

    replica: Replica
    remote: str
    upload: Upload
    created: bool
    ranking: PlaceRanking | None = field(default=None, compare=False, repr=False)


class Uploads:
    """Begins uploads."""

    def __init__(self, ground: Ground, placing: Placing) -> None:
        self._ground = ground
        self._placing = placing

    async def begin(self, wanted: Wanted) -> Placed:
        """Find a place and write the upload down.

        Raises ``MethodNotAllowed`` for a collection, ``Clash`` for what may not be replaced, and as ``Placing.find`` does.
        """
        for _ in range(TRIES):
            seen = await look(self._ground, wanted.path)
            self.check(seen, wanted)
            site = await self._placing.find(seen, wanted.zone, wanted.size_bytes, wanted.preferred)
            try:
                upload = await self._claimed(wanted, seen, site)
            finally:
                self._placing.let_go(site, wanted.size_bytes)
            if upload is not None:
                return self._placed(seen, site, upload)
        raise Unavailable(
            f"{wanted.path}: too many clients write this name at the same time", retry_after_s=1.0
        )

    async def _claimed(self, wanted: Wanted, seen: Look, site: Site) -> Upload | None:
        """The upload, written down and seen by all; ``None`` when another one of that name was quicker."""
        earlier = self._ground.overlay.upload(wanted.path)
        upload = self._upload(wanted, seen, site, earlier)
        await self._until_dates_tell(upload)
        after = "" if earlier is None else earlier.number
        standing = await self._ground.journal.claim(upload, after)
        await self._ground.published(wanted.path)
        if isinstance(standing, Operation):
            raise busy(wanted.path)
        return upload if standing is None else None

    async def _until_dates_tell(self, upload: Upload) -> None:
        """Storages date files in whole seconds. A copy written in this very second could not be told from one that replaces it, should
        both be of one length; and other copies are taken away by that. So the second is let pass.
        """
        if upload.others and upload.before is not None and upload.before.mtime_s is not None:
            wait_s = upload.before.mtime_s + DATES_STEP_S - self._ground.clock.wall()
            await asyncio.sleep(min(LONGEST_WAIT_S, wait_s) if wait_s > 0 else 0)

    def check(self, seen: Look, wanted: Wanted) -> None:
        """Raises as ``begin`` does for what may not be written."""
        if seen.made_by_mounts or seen.kind is Kind.COLLECTION:
            raise MethodNotAllowed(
                f"{wanted.path} is a collection; nothing can be written in its place",
                allowed=ON_COLLECTIONS,
            )
        wanted.permit(seen.merged)
        if self._ground.settings.allow_overwrite:
            return
        if seen.merged is not None:
            raise Clash(f"{wanted.path} exists, and files may not be replaced here")
        if seen.silent:
            raise Unavailable(
                f"{wanted.path}: whether it exists is not known, and files may not be replaced here",
                missing=missing_reasons(seen.silent, seen.out),
                retry_after_s=1.0,
            )

    def _upload(self, wanted: Wanted, seen: Look, site: Site, earlier: Upload | None) -> Upload:
        now_s = self._ground.clock.wall()
        going = {one.endpoint: one.known for one in self._ground.overlay.removals(wanted.path)}
        # what stands at the target is replaced; was nothing known of it, then it may be anything by now, and nobody takes it away
        deleted = {n: known for n, known in going.items() if known.certain or n != site.endpoint}
        others = self.others(seen) | deleted
        if earlier is not None:
            others = dict(following(earlier, others, site.endpoint))
            # what an upload that is complete was to replace goes whatever becomes of this one
            over = has_come(earlier, seen.holders.get(earlier.target))
            deleted |= {n: known for n, known in earlier.others if over or n in earlier.deleted}
        others.pop(site.endpoint, None)
        superseded = {} if earlier is None else dict(earlier.others)
        standing = seen.holders.get(site.endpoint)
        known = None if standing is None else Fingerprint.of(standing)
        part = known if self._is_part(standing, site, earlier) else None
        return Upload(
            path=wanted.path,
            number=numbered() if wanted.streamed else new_number(),
            target=site.endpoint,
            since_s=now_s,
            until_s=self._ground.settings.upload_until_s(now_s, wanted.size_bytes),
            size_bytes=wanted.size_bytes,
            # a part that an earlier upload has left is nothing that ever counted
            before=known if part is None or earlier is None else earlier.before,
            others=tuple(sorted(others.items(), key=lambda one: one[0])),
            deleted=tuple(sorted(deleted)),
            digests=wanted.digests,
            earlier_sizes=self._earlier_sizes(site, earlier, wanted),
            part=part,
            outdated=site.endpoint in deleted or site.endpoint in superseded,
            passage=Passage.STREAMED if wanted.streamed else Passage.REDIRECTED,
        )

    def _earlier_sizes(
        self, site: Site, earlier: Upload | None, wanted: Wanted
    ) -> tuple[int | None, ...]:
        """Those of clients who may still write there, as this one may."""
        if earlier is None or earlier.target != site.endpoint:
            return ()
        sizes = dict.fromkeys((*earlier.earlier_sizes, earlier.size_bytes))
        return tuple(size for size in sizes if size != wanted.size_bytes)[-MOST_SIZES:]

    @staticmethod
    def _is_part(standing: Entry | None, site: Site, earlier: Upload | None) -> bool:
        """Whether what stands there is a part that an earlier upload has left, and cannot be all of one of unknown length."""
        if standing is None or earlier is None or earlier.target != site.endpoint:
            return False
        if earlier.is_left_part(standing):
            return True
        return earlier.is_partial(standing) and None not in earlier.earlier_sizes

    def others(self, seen: Look) -> dict[EndpointId, Fingerprint]:
        """The copies elsewhere: seen, last seen where nobody can look now, or possible where nobody would say."""
        held = [name for name, entry in seen.holders.items() if entry.kind is Kind.FILE]
        unsaid = list(seen.silent) if seen.merged is not None else []
        return {name: seen.fingerprint(name) for name in (*held, *self._unseen(seen), *unsaid)}

    def _unseen(self, seen: Look) -> list[EndpointId]:
        """Who is out of service and may hold a copy. It would be an older one: it must not come back beside what is written now."""
        writable, overlay = self._ground.writable(seen.path), self._ground.overlay
        return [
            name
            for name, state in seen.out.items()
            if state.known or (name in writable and overlay.going(name) < MOST_UNSEEN)
        ]

    def _placed(self, seen: Look, site: Site, upload: Upload) -> Placed:
        member = self._ground.member(site.endpoint)
        replica = Replica(site.endpoint, member.endpoint.url(site.remote, Verb.PUT), member.country)
        return Placed(replica, site.remote, upload, seen.merged is None, site.ranking)
