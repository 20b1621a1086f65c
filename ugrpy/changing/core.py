"""The changes a client may ask for, each carried out to its end whether the client waits for it or not."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from ugrpy import telemetry
from ugrpy.changing.deleting import Deleting
from ugrpy.changing.explaining import Explaining
from ugrpy.changing.ground import Ground, News
from ugrpy.changing.making import Making
from ugrpy.changing.moving import Moving, Relocation
from ugrpy.changing.placing import Placing
from ugrpy.changing.recovering import Recovering
from ugrpy.changing.room import Rooms
from ugrpy.changing.steward import Steward
from ugrpy.changing.streamed import Content, Streamed
from ugrpy.changing.uploads import Permit, Placed, Uploads, Wanted
from ugrpy.core.aio import spawn
from ugrpy.core.errors import PartlyDone, RequestError, Unavailable
from ugrpy.namespace.changes import Sent, Upload

T = TypeVar("T")

# Changes that have begun when the service stops have so long to end; what is left is completed at the next start.
FINISH_S = 10.0


class Changing:
    """One process's part in changing the namespace. All methods belong to the federation's loop."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.rooms = Rooms(ground)
        self.placing = Placing(ground, self.rooms)
        self._uploads = Uploads(ground, self.placing)
        self._deleting = Deleting(ground, self.placing)
        self._making = Making(ground, self.placing)
        self._moving = Moving(ground, self.placing, self._deleting)
        self.recovering = Recovering(ground, self._moving)
        self.steward = Steward(ground, self.rooms, self.recovering)
        self.explaining = Explaining(
            ground, self.placing, self._uploads, self._making, self._moving
        )
        self._streamed = Streamed(ground, self._uploads, self.steward)
        self._under_way: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"<Changing {self.ground!r}, {len(self._under_way)} under way>"

    async def upload(self, wanted: Wanted) -> Placed:
        """Where a client writes: see ``Uploads.begin``."""
        return await self._to_its_end("upload", self._uploads.begin(wanted), wanted.path)

    async def write(self, wanted: Wanted, content: Content, idle_s: float) -> Placed:
        """Write what a client sends through this process: see ``Streamed.write``."""
        return await self._to_its_end(
            "upload", self._streamed.write(wanted, content, idle_s), wanted.path
        )

    async def never_begun(self, upload: Upload) -> None:
        """Nothing of this upload was ever sent to its storage, for certain."""
        await self.steward.refused(upload)

    async def stored(self, upload: Upload) -> None:
        """What this process wrote itself is all there, its storage says: see ``Streamed.stored``."""
        await self._streamed.stored(upload)

    def broke_off(self, upload: Upload) -> None:
        """What this process wrote itself is not whole: see ``Steward.sent``. It is seen to while the caller goes on."""
        work = self.steward.sent(upload, Sent.PART)
        self._keep(spawn(work, name="upload that broke off", on_error=_heard_by_the_client))

    async def delete(self, path: str, permit: Permit) -> None:
        """Remove a name everywhere: see ``Deleting.delete``."""
        await self._to_its_end("delete", self._deleting.delete(path, permit), path)

    async def make_collection(self, path: str) -> Mapping[str, str]:
        """Make a collection: see ``Making.make``."""
        return await self._to_its_end("mkcol", self._making.make(path), path)

    async def relocate(self, wish: Relocation, permit: Permit) -> bool:
        """Move or copy inside the namespace: see ``Moving.relocate``."""
        work = self._moving.relocate(wish, permit)
        return await self._to_its_end(wish.verb.value, work, wish.path, wish.target)

    async def hear(self, news: News) -> None:
        """Another worker has changed something."""
        if news.below:
            self.placing.forget()
        await self.ground.hear(news)

    def show(self) -> None:
        """Bring the gauges up to date."""
        pending = telemetry.CHANGES_PENDING.name
        overlay, meter = self.ground.overlay, self.ground.meter
        meter.instrument(pending, what="upload").add(float(len(overlay.uploads)))
        meter.instrument(pending, what="removal").add(float(sum(1 for _ in overlay.all_removals())))
        self.rooms.show()

    async def finish(self) -> None:
        """Let what has begun end; others still hear of it."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=FINISH_S)

    async def close(self) -> None:
        """Close the journal: nothing is heard or changed any more."""
        await self.ground.journal.close()

    async def _to_its_end(self, change: str, work: Coroutine[Any, Any, T], *paths: str) -> T:
        """A client that leaves does not stop in the middle what it has begun."""
        task = spawn(
            self._counted(change, self._in_turn(work, paths)),
            name=change,
            on_error=_heard_by_the_client,
        )
        self._keep(task)
        return await asyncio.shield(task)

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _in_turn(self, work: Coroutine[Any, Any, T], paths: tuple[str, ...]) -> T:
        try:
            await self.recovering.clear_way(*paths)
        except BaseException:
            work.close()
            raise
        return await work

    async def _counted(self, change: str, work: Coroutine[Any, Any, T]) -> T:
        try:
            result = await work
        except RequestError as error:
            self.ground.counter(change, _outcome_of(error)).add()
            raise
        self.ground.counter(change, "done").add()
        return result


def _outcome_of(error: RequestError) -> str:
    match error:
        case PartlyDone():
            return "partly"
        case Unavailable():
            return "failed"
        case _:
            return "refused"


def _heard_by_the_client(_error: BaseException) -> None:
    """It is raised where the client waits; when it has left, it is in the counters."""
