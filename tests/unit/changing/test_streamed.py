"""What is left of an upload through the gateway, by how its storage behaves? In virtual time, over scripted storages."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from tests.unit.federation.world import CERN, UVIC, VICTORIA_CLIENT, World, virtual, world
from ugrpy.changing import ChangeSettings, Changing, Ground, Wanted
from ugrpy.changing.steward import PART_PAUSE_S
from ugrpy.core.errors import BadRequest, Forbidden, RequestError, Unavailable
from ugrpy.federation import Member
from ugrpy.journal.memory import MemoryJournal
from ugrpy.namespace.changes import Passage, Progress, Sent
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.model import Denied, EndpointId, Entry, Found, Kind
from ugrpy.testing import Reply, ScriptedEndpoint
from ugrpy.testing.scripted import DONE_UNTOLD, FAILS, Act

IDLE_S = 10.0
NEW = b"new content"


@dataclass
class Content:
    """What a client sends; it leaves after ``leaves_after`` bytes."""

    data: bytes = NEW
    leaves_after: int | None = None
    size_bytes: int = 0
    ended: bool = False
    fault: RequestError | None = None
    begun: list[EndpointId] = field(default_factory=list)

    async def begin(self, endpoint: EndpointId) -> None:
        self.begun.append(endpoint)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(len(self.data)):
            if at == self.leaves_after:
                self.fault = BadRequest("the client left")
                raise self.fault
            self.size_bytes += 1
            yield self.data[at : at + 1]
        self.ended = True


class Story:
    """A world in which two storages take changes, the first near the client."""

    def __init__(self) -> None:
        self.uvic, self.cern = (ScriptedEndpoint(name, writable=True) for name in (UVIC, CERN))
        self.world: World = world(*(Member(one, writable=True) for one in (self.uvic, self.cern)))
        self.ground = Ground(self.world.federation, MemoryJournal(), ChangeSettings())
        self.changing = Changing(self.ground)

    async def write(self, content: Content, *, chunked: bool = False) -> bool:
        """Whether a new name came of it."""
        size_bytes = None if chunked else len(content.data)
        wanted = Wanted("/f", self.world.zone(VICTORIA_CLIENT), size_bytes, streamed=True)
        return (await self.changing.write(wanted, content, IDLE_S)).created

    async def readers_see(self) -> list[str]:
        """Where readers are sent for it."""
        known, _ = await self.world.locate("/f", Want.ALL)
        return [] if known.merged is None else list(known.merged.holders)


@pytest.mark.parametrize("chunked", [False, True])
@virtual
async def test_when_it_is_there_nothing_is_left_to_do(chunked):
    story, content = Story(), Content()
    assert await story.write(content, chunked=chunked)
    assert content.begun == [UVIC]
    assert story.uvic.script.content_at("/f") == NEW
    assert len(story.ground.overlay) == 0
    assert await story.readers_see() == [UVIC]


@virtual
async def test_the_copies_that_it_replaces_go():
    story = Story()
    for one in (story.uvic, story.cern):
        one.add_file("/f", 3, 1_700_000_000)
    assert not await story.write(Content())
    assert await story.readers_see() == [UVIC]
    assert ("delete", "/f") in story.cern.done
    assert len(story.ground.overlay) == 0


@pytest.mark.parametrize("chunked", [False, True])
@virtual
async def test_a_client_that_leaves_leaves_nothing(chunked):
    story = Story()
    with pytest.raises(BadRequest):
        await story.write(Content(leaves_after=4), chunked=chunked)
    assert "/f" not in story.uvic.script.files
    assert len(story.ground.overlay) == 0
    assert story.world.board.in_service(UVIC)


@virtual
async def test_a_storage_that_does_it_and_does_not_say_so_has_it():
    story = Story()
    story.uvic.acts("write", DONE_UNTOLD)
    with pytest.raises(Unavailable):
        await story.write(Content())
    assert await story.readers_see() == [UVIC]
    assert len(story.ground.overlay) == 0


@virtual
async def test_a_storage_that_fails_leaves_the_old_copies():
    story = Story()
    for one in (story.uvic, story.cern):
        one.add_file("/f", 3, 1_700_000_000)
    story.uvic.acts("write", FAILS)
    with pytest.raises(Unavailable):
        await story.write(Content())
    assert await story.readers_see() == [CERN, UVIC]
    assert len(story.ground.overlay) == 0


@virtual
async def test_a_part_that_a_failing_storage_keeps_is_taken_away():
    story = Story()
    story.uvic.acts("write", Act(takes_bytes=4))
    with pytest.raises(Unavailable):
        await story.write(Content())
    assert ("delete", "/f") in story.uvic.done
    assert await story.readers_see() == []
    assert len(story.ground.overlay) == 0


@virtual
async def test_a_defect_of_a_kind_is_told_and_ends_the_upload():
    story = Story()
    story.uvic.acts("write", Act(done=False, error=ZeroDivisionError()))
    with pytest.raises(Unavailable):
        await story.write(Content())
    assert await story.readers_see() == []
    assert len(story.ground.overlay) == 0


@virtual
async def test_a_refused_upload_calls_no_deletion_off():
    """A storage is out of service while a name is deleted; before it is back, somebody tries to write the name and may not."""
    story = Story()
    for one in (story.uvic, story.cern):
        one.add_file("/f", 3, 1_700_000_000)
    assert await story.readers_see() == [CERN, UVIC]
    story.world.disable(CERN)
    await story.changing.delete("/f", lambda _merged: None)
    (before,) = story.ground.overlay.removals("/f")
    assert before.endpoint == CERN
    story.uvic.acts("write", Act(done=False, told=Denied(403)))
    with pytest.raises(Forbidden):
        await story.write(Content())
    (after,) = story.ground.overlay.removals("/f")
    assert (after.endpoint, after.known) == (CERN, before.known)
    story.world.enable(CERN)
    assert await story.readers_see() == []


@virtual
async def test_an_upload_that_never_began_calls_no_deletion_off():
    story = Story()
    for one in (story.uvic, story.cern):
        one.add_file("/f", 3, 1_700_000_000)
    await story.readers_see()
    story.world.disable(CERN)
    await story.changing.delete("/f", lambda _merged: None)
    zone = story.world.zone(VICTORIA_CLIENT)
    placed = await story.changing.upload(Wanted("/f", zone, 5))
    assert placed.upload.passage is Passage.REDIRECTED
    await story.changing.never_begun(placed.upload)
    (after,) = story.ground.overlay.removals("/f")
    assert after.endpoint == CERN


@virtual
async def test_a_part_that_still_grows_is_waited_for():
    story = Story()
    placed = await story.changing.upload(Wanted("/f", story.world.zone(VICTORIA_CLIENT), 100))
    growing = [Reply(Found(Entry("f", Kind.FILE, size, 5))) for size in (1, 2, 3, 3)]
    story.uvic.on("/f", *growing)
    before_s = story.world.now_s
    assert await story.changing.steward.sent(placed.upload, Sent.PART) is Progress.BROKEN
    assert story.world.now_s - before_s == 3 * PART_PAUSE_S
    assert ("delete", "/f") in story.uvic.calls


@virtual
async def test_a_part_that_does_not_stand_still_is_left_to_the_steward_and_not_shown():
    story = Story()
    placed = await story.changing.upload(Wanted("/f", story.world.zone(VICTORIA_CLIENT), 100))
    growing = [Reply(Found(Entry("f", Kind.FILE, size, 5))) for size in range(1, 50)]
    story.uvic.on("/f", *growing)
    assert await story.changing.steward.sent(placed.upload, Sent.PART) is Progress.WAITING
    (left,) = story.ground.overlay.uploads
    assert left.passage is Passage.BROKEN_OFF
    assert await story.readers_see() == []
