"""Who finishes what outlasts a request? One process of the host, whichever holds the lock; when it dies the kernel gives the lock to another.

It looks at the targets of uploads until they are complete, takes away what must go as soon as its storage is back, and completes
what a process that died had begun. Everything it knows stands in the journal, so that it does not matter who it is.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from ugrpy import telemetry
from ugrpy.changing.ground import Ground
from ugrpy.changing.looking import ask
from ugrpy.changing.owners import is_orphan
from ugrpy.changing.recovering import Recovering
from ugrpy.changing.room import Rooms
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.errors import RequestError
from ugrpy.namespace.changes import (
    Next,
    Passage,
    Progress,
    Removal,
    Sent,
    Upload,
    broken,
    removal_next,
    replaced,
    sent_progress,
    still_deleted,
    upload_progress,
)
from ugrpy.namespace.model import Absent, EndpointId, Found, Kind, Observation
from ugrpy.namespace.outcomes import Done, Told

log = structlog.get_logger("ugrpy.changes")

TURN_S = 0.2
# An upload is looked at soon, and then less and less often.
FIRST_LOOK_S = 0.3
LOOK_FACTOR = 1.6
LONGEST_LOOK_S = 15.0
# A copy that must go is asked about as often while its storage answers and nothing can be done.
REMOVAL_LOOK_S = 30.0
RECOVER_EVERY_S = 5.0
# What is left of an upload that broke off is looked at until it does not change any more; what goes on changing is followed up.
PART_PAUSE_S = 0.25
LOOKS_AT_A_PART = 12
AT_ONCE = 16

Key = tuple[str, str]


@dataclass(slots=True)
class _Watch:
    """When something is looked at next, and since when it looks as it does."""

    due_s: float
    pause_s: float
    seen: Observation | None = None
    since_s: float = 0.0
    task: asyncio.Task[None] | None = None
    reported: bool = False


Start = Callable[[_Watch], None]


class Steward:
    """Follows uploads and removals up. ``run`` it in one process of a host only."""

    def __init__(self, ground: Ground, rooms: Rooms, recovering: Recovering) -> None:
        self._ground = ground
        self._rooms = rooms
        self._recovering = recovering
        self._watches: dict[Key, _Watch] = {}
        self._recover_s = 0.0

    def __repr__(self) -> str:
        return f"<Steward {len(self._watches)} watched>"

    async def run(self) -> None:
        """Work until cancelled."""
        await self._ground.load()
        try:
            while True:
                await self.turn()
                await asyncio.sleep(TURN_S)
        finally:
            await cancel_and_wait(*(w.task for w in self._watches.values() if w.task is not None))

    async def turn(self) -> None:
        """Begin what is due now."""
        now = self._ground.clock.monotonic()
        if now >= self._recover_s:
            self._recover_s = now + RECOVER_EVERY_S
            await self._recovering.recover()
        overlay = self._ground.overlay
        wanted: dict[Key, Start] = {}
        for upload in overlay.uploads:
            if self._is_followed_elsewhere(upload):
                continue
            wanted[upload.path, upload.number] = self._upload_look(upload)
        for removal in overlay.all_removals():
            if self._ground.federation.board.in_service(removal.endpoint) or self._is_over(removal):
                wanted[removal.path, removal.endpoint] = self._removal_look(removal)
        self._forget_others(wanted)
        self._begin(wanted, now)

    def _is_followed_elsewhere(self, upload: Upload) -> bool:
        """Whether it goes through a process that is at work, and knows more of it."""
        return upload.passage is Passage.STREAMED and not is_orphan(upload.number)

    def _is_over(self, removal: Removal) -> bool:
        return self._ground.clock.wall() >= removal.until_s

    def _forget_others(self, wanted: Iterable[Key]) -> None:
        kept = set(wanted)
        for key in [one for one in self._watches if one not in kept]:
            if self._watches[key].task is None:
                del self._watches[key]

    def _begin(self, wanted: dict[Key, Start], now: float) -> None:
        running = sum(watch.task is not None for watch in self._watches.values())
        for key, start in wanted.items():
            watch = self._watches.get(key)
            if watch is None:
                watch = self._watches[key] = _Watch(now + FIRST_LOOK_S, FIRST_LOOK_S)
            if watch.task is None and watch.due_s <= now and running < AT_ONCE:
                running += 1
                start(watch)

    def _upload_look(self, upload: Upload) -> Start:
        return lambda watch: self._spawn(watch, self._look_at_upload(upload, watch), upload.path)

    def _removal_look(self, removal: Removal) -> Start:
        return lambda watch: self._spawn(watch, self._look_at_removal(removal, watch), removal.path)

    def _spawn(self, watch: _Watch, look: Coroutine[Any, Any, None], path: str) -> None:
        async def work() -> None:
            try:
                await look
            except (
                RequestError
            ) as error:  # the journal's disk is full, or gone: there will be another look
                log.warning("could not follow up", path=path, reason=str(error))
            finally:
                watch.task = None
                watch.due_s = self._ground.clock.monotonic() + watch.pause_s

        watch.task = spawn(work(), name=f"follow up {path}")

    # -- uploads ------------------------------------------------------------------------------------

    async def _look_at_upload(self, upload: Upload, watch: _Watch) -> None:
        said = await self._ask(upload.target, upload.path)
        now = self._ground.clock.monotonic()
        still = said == watch.seen
        if not still:
            watch.seen, watch.since_s = said, now
        watch.pause_s = min(LONGEST_LOOK_S, watch.pause_s * LOOK_FACTOR)
        wall_s = self._ground.clock.wall()
        if upload.passage is Passage.REDIRECTED:
            silent_until_s = self._ground.settings.removal_until_s(upload.until_s)
            progress = upload_progress(upload, said, now - watch.since_s, wall_s, silent_until_s)
        elif still:
            progress = sent_progress(upload, said, Sent.PART)
        else:
            progress = Progress.WAITING
        await self._end_upload(upload, progress, said, wall_s)

    async def sent(self, upload: Upload, how: Sent) -> Progress:
        """What became of an upload that went through this process; settled at once, as far as its target answers."""
        said = await self._settled(upload, how)
        progress = Progress.WAITING if said is None else sent_progress(upload, said, how)
        standing = self._ground.overlay.upload(upload.path)
        if standing is not None and standing.number != upload.number:
            return progress  # another one has followed it, and whoever ends that one ends this one
        if said is None or progress is Progress.WAITING:
            await self._ground.record([_left_over(upload, how)])
            return progress
        return await self._end_upload(upload, progress, said, self._ground.clock.wall())

    async def _settled(self, upload: Upload, how: Sent) -> Observation | None:
        """What the target says. A part may still be on its way to the disk: its last look is the one that says what the look before said."""
        said = await self._ask(upload.target, upload.path)
        if how is not Sent.PART:
            return said
        for _ in range(LOOKS_AT_A_PART):
            before = said
            await asyncio.sleep(PART_PAUSE_S)
            said = await self._ask(upload.target, upload.path)
            if said == before:
                return said
        return None

    async def refused(self, upload: Upload) -> None:
        """Nothing was written, which its target has said."""
        await self._give_up(upload, Progress.NOTHING_CAME, Absent(), self._ground.clock.wall())

    async def _end_upload(
        self, upload: Upload, progress: Progress, said: Observation, wall_s: float
    ) -> Progress:
        if progress is Progress.COMPLETE and not await self._digests_fit(upload):
            progress = Progress.BROKEN
        match progress:
            case Progress.WAITING:
                return progress
            case Progress.COMPLETE:
                await self._complete(upload, said, wall_s)
            case Progress.BROKEN | Progress.NOTHING_CAME:
                await self._give_up(upload, progress, said, wall_s)
        self._ground.meter.instrument(telemetry.UPLOADS.name, outcome=progress.value).add()
        return progress

    async def _complete(self, upload: Upload, said: Observation, wall_s: float) -> None:
        until_s = self._ground.settings.removal_until_s(wall_s)
        await self._ground.record(replaced(upload, wall_s, until_s), [upload])
        if isinstance(said, Found):
            self._rooms.written(upload.target, said.entry.size_bytes or 0)
        log.info("upload complete", path=upload.path, endpoint=upload.target)
        await self._remove_now(upload.path)

    async def _remove_now(self, path: str) -> None:
        for removal in self._ground.overlay.removals(path):
            if self._ground.federation.board.in_service(removal.endpoint):
                await self._look_at_removal(removal, _Watch(0.0, REMOVAL_LOOK_S))

    async def _give_up(
        self, upload: Upload, progress: Progress, said: Observation, wall_s: float
    ) -> None:
        until_s = self._ground.settings.removal_until_s(wall_s)
        puts = still_deleted(upload, wall_s, until_s)
        if progress is Progress.BROKEN and isinstance(said, Found):
            puts = [one for one in puts if one.endpoint != upload.target]
            puts += broken(upload, said.entry, wall_s, until_s)
        await self._ground.record(puts, [upload])
        log.warning("upload given up", path=upload.path, endpoint=upload.target, why=progress.value)
        if progress is Progress.BROKEN:
            await self._remove_now(upload.path)

    async def _digests_fit(self, upload: Upload) -> bool:
        """Whether the storage, if it tells checksums at all, tells those that the client announced."""
        if not upload.digests:
            return True
        remote = self._ground.writable(upload.path).get(upload.target)
        if remote is None:
            return True
        endpoint = self._ground.member(upload.target).endpoint
        told = await endpoint.digest(remote, [digest.algorithm for digest in upload.digests])
        if not isinstance(told, Told):
            return True
        values = {digest.algorithm: digest.value for digest in told.digests}
        wrong = [d for d in upload.digests if values.get(d.algorithm, d.value) != d.value]
        if wrong:
            log.warning(
                "upload is corrupt",
                path=upload.path,
                endpoint=upload.target,
                announced=[f"{d.algorithm}={d.value}" for d in wrong],
                there=[f"{d.algorithm}={values[d.algorithm]}" for d in wrong],
            )
        return not wrong

    # -- removals -----------------------------------------------------------------------------------

    async def _look_at_removal(self, removal: Removal, watch: _Watch) -> None:
        watch.pause_s = REMOVAL_LOOK_S
        said = await self._ask(removal.endpoint, removal.path)
        match removal_next(removal, said, self._ground.clock.wall()):
            case Next.WAIT:
                pass
            case Next.UNKNOWN:
                what = "a copy that nothing was known of is left alone and not shown"
                self._report(removal, watch, what)
            case Next.DELETE:
                await self._delete(removal, watch)
            case Next.GONE:
                await self._end(removal, "gone")
            case Next.CHANGED:
                self._report(removal, watch, "a copy has changed since, and is left alone")
                await self._end(removal, "changed")
            case Next.EXPIRED:
                what = "a copy could not be removed in time, and is shown again"
                self._report(removal, watch, what)
                await self._end(removal, "expired")

    async def _delete(self, removal: Removal, watch: _Watch) -> None:
        remote = self._ground.writable(removal.path).get(removal.endpoint)
        if remote is None:
            self._report(removal, watch, "a copy must go from a storage that takes no changes")
            return
        outcome = await self._ground.member(removal.endpoint).endpoint.delete(remote, Kind.FILE)
        if isinstance(outcome, Done | Absent):
            await self._end(removal, "deleted")
        else:
            self._report(removal, watch, f"a copy that must go was not removed: {outcome}")

    async def _end(self, removal: Removal, outcome: str) -> None:
        await self._ground.record(drops=[removal])
        self._ground.meter.instrument(telemetry.REMOVALS.name, outcome=outcome).add()
        log.info(
            "removal ended",
            path=removal.path,
            endpoint=removal.endpoint,
            why=removal.why.value,
            outcome=outcome,
        )

    def _report(self, removal: Removal, watch: _Watch, what: str) -> None:
        if not watch.reported:
            watch.reported = True
            log.warning(what, path=removal.path, endpoint=removal.endpoint, why=removal.why.value)

    async def _ask(self, name: EndpointId, path: str) -> Observation:
        """What the storage itself says."""
        remote = self._ground.member(name).mounts.translate(path)
        if remote is None:  # it is not mounted there any more
            return Absent()
        return await ask(self._ground, name, path, remote)


def _left_over(upload: Upload, how: Sent) -> Upload:
    """What is written down of an upload that has ended, when its target does not say what it has of it.

    When all of it was sent it is like one of a redirected client, and of a known length.
    """
    return replace(upload, passage=Passage.BROKEN_OFF if how is Sent.PART else Passage.REDIRECTED)
