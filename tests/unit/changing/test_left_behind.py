"""What was begun and not brought to its end: by a process that died, or by one that had no room to write its end down."""

from dataclasses import replace

import pytest

from tests.unit.changing.world import Scene, storage
from tests.unit.federation.world import CERN, UVIC, virtual
from ugrpy.changing import Wanted
from ugrpy.changing.moving import Relocation
from ugrpy.changing.owners import numbered
from ugrpy.core.errors import Clash, NotFound, PartlyDone, Unavailable
from ugrpy.journal.base import Recorded
from ugrpy.journal.memory import MemoryJournal
from ugrpy.namespace.changes import Fingerprint, Operation, OperationKind, Why
from ugrpy.namespace.model import EndpointId, Kind
from ugrpy.testing import DONE_UNTOLD, FAILS, HANG

DEAD = "1.0-0.x"
KNOWN = Fingerprint(10, 100)


def operation(verb: OperationKind, path: str, target: str = "", *names: EndpointId) -> Operation:
    steps = tuple((name, KNOWN) for name in names)
    return Operation(DEAD, verb, path, target, Kind.FILE, steps, 0.0, 2e9)


def wish(path: str, target: str, verb: OperationKind = OperationKind.MOVE) -> Relocation:
    return Relocation(verb, path, target)


def permit(_merged: object) -> None:
    """Anything."""


class Full(MemoryJournal):
    """A journal on a disk that may be full."""

    full = False

    async def write(self, puts=(), drops=()):
        if self.full:
            raise Unavailable("no room")
        await super().write(puts, drops)


@virtual
async def test_what_a_dead_process_left_is_completed_before_its_name_is_written_anew():
    """Later it would put the old content over the new."""
    uvic = storage("uvic", None, "/a", "/b")
    scene = Scene(uvic)
    await scene.ground.journal.begin(operation(OperationKind.MOVE, "/a", "/b", UVIC))
    await scene.changing.upload(Wanted("/b", scene.world.zone("10.1.0.1"), 20))
    assert uvic.done == [("move", "/a", "/b")]
    assert await scene.ground.journal.operations() == ()


@virtual
async def test_what_cannot_be_completed_before_its_name_is_changed_anew_never_is():
    uvic, cern = storage("uvic"), storage("cern", None, "/a")
    scene = Scene(uvic, cern)
    scene.world.disable(CERN)
    await scene.ground.journal.begin(operation(OperationKind.MOVE, "/a", "/b", CERN))
    await scene.changing.upload(Wanted("/b", scene.world.zone("10.1.0.1"), 20))
    scene.world.enable(CERN)
    await scene.changing.recovering.recover()
    assert cern.done == []
    assert "/a" in cern.script.files


@virtual
async def test_a_deletion_that_was_cut_off_goes_on_as_one_that_some_could_not_be_told_of():
    uvic, cern = storage("uvic", None, "/f"), storage("cern", None, "/f")
    scene = Scene(uvic, cern)
    scene.world.disable(CERN)
    await scene.ground.journal.begin(operation(OperationKind.DELETE, "/f", "", UVIC, CERN))
    await scene.changing.recovering.recover()
    assert "/f" not in uvic.script.files
    (removal,) = (await scene.ground.journal.load()).removals
    assert (removal.endpoint, removal.known, removal.why) == (CERN, KNOWN, Why.DELETED)
    scene.world.enable(CERN)
    known, _ = await scene.world.locate("/f")
    assert known.merged is None


@virtual
async def test_what_is_completed_after_a_crash_is_remembered_for_those_who_were_away_when_it_began():
    uvic, cern = storage("uvic", None, "/f"), storage("cern", None, "/f")
    scene = Scene(uvic, cern)
    scene.world.disable(CERN)
    begun = replace(operation(OperationKind.DELETE, "/f", "", UVIC), away=((CERN, KNOWN),))
    await scene.ground.journal.begin(begun)
    await scene.changing.recovering.recover()
    written = await scene.ground.journal.load()
    assert [(one.endpoint, one.known) for one in written.removals] == [(CERN, KNOWN)]
    assert written.operations == ()


@virtual
async def test_a_change_waits_for_another_of_the_same_names_and_not_for_ever():
    scene = Scene(storage("uvic", None, "/d/f"))
    await scene.ground.journal.begin(
        Operation(numbered(), OperationKind.DELETE, "/d", "", Kind.COLLECTION, (), 0.0, 2e9)
    )
    with pytest.raises(Unavailable, match="being changed by somebody else"):
        await scene.changing.delete("/d/f", permit)


@virtual
async def test_a_deletion_whose_end_cannot_be_written_down_is_finished_when_there_is_room():
    uvic = storage("uvic", None, "/f")
    scene = Scene(uvic)
    journal = scene.ground.journal = Full()
    assert await scene.world.holders("/f") == ["uvic"]
    journal.full = True
    with pytest.raises(Unavailable):
        await scene.changing.delete("/f", permit)
    assert "/f" not in uvic.script.files
    with pytest.raises(NotFound):  # which is seen at once, although it is not written down
        scene.world.federation.expect((await scene.world.locate("/f"))[0])
    await scene.changing.recovering.recover()
    assert len(await journal.operations()) == 1
    journal.full = False
    await scene.changing.recovering.recover()
    assert await journal.load() == Recorded()
    assert scene.ground.left == set()


@virtual
async def test_a_collection_is_not_removed_without_a_word_where_a_storage_cannot_be_asked():
    scene = Scene(storage("uvic", None, "/d/f"), storage("cern", None, "/d/g"))
    scene.world.disable(CERN)
    with pytest.raises(PartlyDone) as caught:
        await scene.changing.delete("/d", permit)
    assert set(caught.value.missing) == {"cern"}


@virtual
async def test_a_collection_is_not_copied_in_part():
    uvic, cern = storage("uvic", None, "/d/f"), storage("cern", None, "/d/g")
    scene = Scene(uvic, cern)
    cern.everything(HANG)
    with pytest.raises(Unavailable):
        await scene.changing.relocate(wish("/d", "/new", OperationKind.COPY), permit)
    cern.everything(None)
    cern.acts("copy", FAILS)
    with pytest.raises(PartlyDone):
        await scene.changing.relocate(wish("/d", "/new", OperationKind.COPY), permit)


@virtual
async def test_the_old_name_of_a_moved_file_does_not_come_back_with_a_storage_that_was_away():
    uvic, cern = storage("uvic", None, "/f"), storage("cern", None, "/f")
    scene = Scene(uvic, cern)
    scene.world.disable(CERN)
    assert await scene.changing.relocate(wish("/f", "/g"), permit)
    scene.world.enable(CERN)
    known, _ = await scene.world.locate("/f")
    assert known.merged is None
    (removal,) = (await scene.ground.journal.load()).removals
    assert (removal.endpoint, removal.known, removal.why) == (CERN, Fingerprint(), Why.MOVED)


@virtual
async def test_a_collection_is_not_moved_from_under_an_upload():
    scene = Scene(storage("uvic", None, "/d/f"))
    await scene.changing.upload(Wanted("/d/new", scene.world.zone("10.1.0.1"), 20))
    with pytest.raises(Clash, match="being written"):
        await scene.changing.relocate(wish("/d", "/e"), permit)


@virtual
async def test_a_collection_that_was_made_although_it_was_not_said_is_seen():
    uvic = storage("uvic")
    scene = Scene(uvic)
    assert (await scene.world.locate("/d"))[0].merged is None
    uvic.acts("make_collection", DONE_UNTOLD)
    with pytest.raises(Unavailable):
        await scene.changing.upload(Wanted("/d/f", scene.world.zone("10.1.0.1"), 20))
    assert (await scene.world.locate("/d"))[0].merged is not None
