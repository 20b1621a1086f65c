"""Uploads of one name that follow each other: what counts of each, whoever breaks off, comes late or never."""

import asyncio

import pytest

from tests.unit.changing.world import Scene, storage
from tests.unit.federation.world import CERN, TRIUMF, UVIC, VICTORIA_CLIENT, virtual
from ugrpy.changing import Placed, Wanted
from ugrpy.core.errors import NotFound, Unavailable
from ugrpy.namespace.changes import Fingerprint, Removal, Why
from ugrpy.namespace.model import EndpointId
from ugrpy.testing import FAILS, HANG, ScriptedEndpoint

GRACE_S = 60.0


async def sent(scene: Scene, path: str, size_bytes: int | None, to: EndpointId) -> Placed:
    """A client is sent to write there."""
    placed = await scene.changing.upload(
        Wanted(path, scene.world.zone(VICTORIA_CLIENT), size_bytes)
    )
    assert placed.replica.endpoint == to
    return placed


def writes(where: ScriptedEndpoint, path: str, size_bytes: int) -> None:
    now_s = int(1_700_000_000 + asyncio.get_running_loop().time())
    where.script.write(path, b"x" * size_bytes, now_s)


async def followed_up(scene: Scene, seconds: float) -> None:
    """The steward works for so long."""
    steward = asyncio.create_task(scene.changing.steward.run())
    await asyncio.sleep(seconds)
    steward.cancel()
    await asyncio.gather(steward, return_exceptions=True)


async def read(scene: Scene, path: str) -> list[str]:
    scene.world.federation.forget(path)
    return await scene.world.holders(path)


@virtual
async def test_a_part_that_was_left_is_not_the_old_copy_of_the_next_upload():
    uvic = storage("uvic", None, "/f")
    scene = Scene(uvic, upload_grace_s=GRACE_S)
    await sent(scene, "/f", 30, UVIC)
    writes(uvic, "/f", 20)
    await sent(scene, "/f", 30, UVIC)
    with pytest.raises(Unavailable):
        await read(scene, "/f")
    await followed_up(scene, 3 * GRACE_S)
    assert "/f" not in uvic.script.files


@virtual
async def test_a_part_that_was_left_is_not_the_next_upload_whose_length_nobody_knows():
    uvic, cern = storage("uvic", None, "/f"), storage("cern", None, "/f")
    scene = Scene(uvic, cern, upload_grace_s=GRACE_S)
    await sent(scene, "/f", 30, UVIC)
    writes(uvic, "/f", 20)
    await sent(scene, "/f", None, UVIC)
    await followed_up(scene, 3 * GRACE_S)
    assert "/f" not in uvic.script.files
    assert await read(scene, "/f") == ["cern"]


@virtual
async def test_what_a_complete_upload_replaced_goes_although_another_follows_that_never_comes():
    uvic, cern = storage("uvic", None, "/f"), storage("cern", None, "/f")
    scene = Scene(uvic, cern, upload_grace_s=GRACE_S)
    await sent(scene, "/f", 30, UVIC)
    writes(uvic, "/f", 30)
    await sent(scene, "/f", 40, UVIC)
    assert await read(scene, "/f") == ["uvic"]
    await followed_up(scene, 3 * GRACE_S)
    assert await read(scene, "/f") == ["uvic"]
    assert "/f" not in cern.script.files


@virtual
async def test_what_an_earlier_client_wrote_is_no_part_of_a_later_upload_that_never_comes():
    uvic = storage("uvic")
    scene = Scene(uvic, upload_grace_s=GRACE_S)
    await sent(scene, "/f", 30, UVIC)
    await sent(scene, "/f", 40, UVIC)
    writes(uvic, "/f", 30)
    assert await read(scene, "/f") == ["uvic"]
    await followed_up(scene, 3 * GRACE_S)
    assert await read(scene, "/f") == ["uvic"]


@virtual
async def test_where_a_deletion_fails_a_part_is_not_taken_for_the_whole():
    uvic = storage("uvic")
    scene = Scene(uvic, upload_grace_s=GRACE_S)
    await sent(scene, "/f", 30, UVIC)
    writes(uvic, "/f", 20)
    uvic.acts("delete", FAILS)
    with pytest.raises(Unavailable):
        await scene.changing.delete("/f", lambda _merged: None)
    with pytest.raises(NotFound):
        await read(scene, "/f")


@virtual
async def test_nothing_is_decided_while_the_target_is_silent():
    uvic, cern = storage("uvic", None, "/f"), storage("cern", None, "/f")
    scene = Scene(uvic, cern, upload_grace_s=GRACE_S)
    await sent(scene, "/f", 30, UVIC)
    writes(uvic, "/f", 30)
    uvic.everything(HANG)
    await followed_up(scene, 3 * GRACE_S)
    with pytest.raises(Unavailable):
        await read(scene, "/f")
    uvic.everything(None)
    await followed_up(scene, GRACE_S)
    assert "/f" not in cern.script.files
    assert uvic.script.files["/f"].size_bytes == 30


@virtual
async def test_a_copy_that_had_to_go_is_not_shown_again_as_what_a_new_upload_replaces():
    uvic, cern = storage("uvic", None, "/f"), storage("cern", None, "/f")
    scene = Scene(uvic, cern, upload_grace_s=GRACE_S)
    cern.acts("delete", FAILS)
    await sent(scene, "/f", 30, UVIC)
    writes(uvic, "/f", 30)
    await followed_up(scene, 5.0)
    assert await read(scene, "/f") == ["uvic"]
    scene.world.disable(UVIC)
    await sent(scene, "/f", 40, CERN)
    with pytest.raises(Unavailable):
        await read(scene, "/f")


@virtual
async def test_a_name_that_was_deleted_is_not_listed_by_its_old_copy_while_it_is_written_anew():
    uvic, cern = storage("uvic", None, "/d/g"), storage("cern", None, "/d/f")
    scene = Scene(uvic, cern, upload_grace_s=GRACE_S)
    assert await read(scene, "/d/f") == ["cern"]
    scene.world.disable(CERN)
    uvic.add_file("/d/f", 10, 100)
    scene.world.federation.forget("/d/f")
    await scene.changing.delete("/d/f", lambda _merged: None)
    await sent(scene, "/d/f", 30, UVIC)
    scene.world.enable(CERN)
    listing = await scene.world.federation.list("/d")
    assert [child.entry.name for child in listing.children] == ["g"]


@virtual
async def test_a_name_that_was_written_is_not_absent_when_its_storage_leaves_before_anybody_looks():
    uvic, triumf = storage("uvic"), storage("triumf")
    scene = Scene(uvic, triumf, upload_grace_s=GRACE_S)
    await sent(scene, "/f", 30, UVIC)
    scene.world.disable(UVIC)
    with pytest.raises(Unavailable):
        await read(scene, "/f")
    writes(uvic, "/f", 30)
    await followed_up(scene, 5.0)
    assert scene.ground.overlay.upload("/f") is None
    with pytest.raises(Unavailable):
        await read(scene, "/f")


@virtual
async def test_who_is_away_is_still_known_to_hold_what_others_changed():
    uvic, triumf = storage("uvic", None, "/d/f"), storage("triumf", None, "/d/g")
    scene = Scene(uvic, triumf)
    assert await scene.world.holders("/d/f") == ["uvic"]
    scene.world.disable(UVIC)
    scene.world.federation.forget_below("/d")
    with pytest.raises(Unavailable):
        await scene.world.holders("/d/f")
    assert TRIUMF not in scene.world.federation.memory.holders("/d/g")


@virtual
async def test_who_asked_while_a_copy_had_to_go_is_not_told_of_it_when_it_has_just_gone():
    uvic = storage("uvic", None, "/f")
    scene = Scene(uvic)
    scene.world.disable(UVIC)
    await scene.ground.record([going("/f")])
    scene.world.enable(UVIC)
    uvic.latency_s = 1.0  # between what it looks at and its answer
    asked = asyncio.create_task(scene.world.locate("/f"))
    await asyncio.sleep(0.5)
    uvic.script.drop("/f")
    await scene.ground.record(drops=[going("/f")])
    known, _ = await asked
    assert known.merged is None


def going(path: str) -> Removal:
    return Removal(path, UVIC, Fingerprint(10, 100), Why.DELETED, 0.0, 2e9)


@virtual
@pytest.mark.parametrize("deleted_before", [False, True])
async def test_an_older_copy_that_nobody_knew_of_does_not_come_back_beside_a_new_one(
    deleted_before,
):
    uvic, cern = storage("uvic", None, "/g"), storage("cern", None, "/f")
    scene = Scene(uvic, cern, upload_grace_s=GRACE_S)
    if deleted_before:
        writes(uvic, "/f", 20)
    scene.world.disable(CERN)
    if deleted_before:
        await scene.changing.delete("/f", lambda _merged: None)
    await sent(scene, "/f", 30, UVIC)
    with pytest.raises(NotFound):
        await read(scene, "/f")
    writes(uvic, "/f", 30)
    await followed_up(scene, 5.0)
    scene.world.enable(CERN)
    assert await read(scene, "/f") == ["uvic"]
    assert not scene.world.federation.asking.disagreements
    await followed_up(scene, 5.0)
    assert "/f" in cern.script.files, "what nothing was known of is left alone, and reported"
    (removal,) = (await scene.ground.journal.load()).removals
    assert (removal.endpoint, removal.known) == (CERN, Fingerprint())


@virtual
async def test_a_name_whose_older_copy_comes_back_while_it_is_written_is_not_absent():
    uvic, cern = storage("uvic"), storage("cern", None, "/f")
    scene = Scene(uvic, cern, upload_grace_s=GRACE_S)
    scene.world.disable(CERN)
    await sent(scene, "/f", 30, UVIC)
    scene.world.enable(CERN)
    with pytest.raises(Unavailable, match="being replaced"):
        await read(scene, "/f")
    writes(uvic, "/f", 30)
    assert await read(scene, "/f") == ["uvic"]


@virtual
async def test_an_upload_that_never_comes_hides_nothing_of_a_storage_that_was_away():
    uvic, cern = storage("uvic"), storage("cern", None, "/f")
    scene = Scene(uvic, cern, upload_grace_s=GRACE_S)
    scene.world.disable(CERN)
    await sent(scene, "/f", 30, UVIC)
    scene.world.enable(CERN)
    await followed_up(scene, 3 * GRACE_S)
    assert await read(scene, "/f") == ["cern"]
