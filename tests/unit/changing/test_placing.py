"""Where an upload goes: near, with room, beside what is there, and never where it would not fit."""

import asyncio
from collections import Counter

import pytest

from tests.unit.changing.world import Scene, storage
from tests.unit.federation.world import GENEVA_CLIENT, TRIUMF, UVIC, VICTORIA_CLIENT, virtual
from ugrpy.changing import Placed, Wanted
from ugrpy.changing.placing import COLLECTION_TTL_S, outcome_is_there
from ugrpy.core.errors import Clash, Forbidden, NoRoom, Unavailable
from ugrpy.federation import Member
from ugrpy.namespace.model import Absent, Cause, Denied, Entry, Found, Kind
from ugrpy.namespace.model import Unknown as Silent
from ugrpy.namespace.outcomes import Conflict, Done, Full
from ugrpy.testing import ScriptedEndpoint
from ugrpy.testing.acting import Act
from ugrpy.testing.scripted import HANG, Reply

COLLECTION = Found(Entry("f", Kind.COLLECTION))


def made(endpoint: ScriptedEndpoint) -> list[str]:
    return [path for verb, path in endpoint.calls if verb == "make_collection"]


# -- who ------------------------------------------------------------------------------------------------


@virtual
async def test_the_nearest_is_written_to():
    scene = Scene(storage("uvic"), storage("cern"))
    assert (await scene.place("/f")).endpoint == "uvic"
    assert (await scene.place("/f", client=GENEVA_CLIENT)).endpoint == "cern"


@virtual
async def test_who_holds_it_comes_before_who_is_near():
    scene = Scene(storage("uvic"), storage("cern", None, "/f"))
    assert (await scene.place("/f")).endpoint == "cern"
    assert (await scene.place("/g")).endpoint == "uvic"


@virtual
async def test_who_is_being_written_to_comes_before_who_holds_it():
    scene = Scene(storage("uvic"), storage("cern", None, "/f"), storage("triumf"))
    scene.under_way("/f", "triumf", 10)
    assert (await scene.place("/f")).endpoint == "triumf"


@virtual
async def test_only_endpoints_that_take_changes_are_written_to():
    scene = Scene(Member(storage("uvic")), storage("cern"))
    assert (await scene.place("/f")).endpoint == "cern"
    with pytest.raises(Forbidden, match="takes uploads here"):
        await Scene(Member(storage("uvic"))).place("/f")


@virtual
async def test_who_is_out_of_service_is_not_written_to():
    scene = Scene(storage("uvic"), storage("cern"))
    scene.world.disable(UVIC)
    assert (await scene.place("/f")).endpoint == "cern"
    alone = Scene(storage("uvic"))
    alone.world.disable(UVIC)
    with pytest.raises(Unavailable, match="out of service") as caught:
        await alone.place("/f")
    assert list(caught.value.missing) == ["uvic"]


@virtual
async def test_who_gives_no_usable_answer_is_passed_over_and_not_called_full():
    uvic, cern = storage("uvic", 0), storage("cern")
    scene = Scene(uvic, cern)
    uvic.on("/f", Reply(Silent(Cause.FAILED)))
    assert (await scene.place("/f")).endpoint == "cern"
    cern.on("/f", Reply(Denied()))
    with pytest.raises(Unavailable, match="usable answer") as caught:
        await scene.place("/f")
    assert set(caught.value.missing) == {"uvic", "cern"}


@virtual
async def test_who_has_a_collection_of_that_name_is_passed_over():
    uvic = storage("uvic")
    uvic.on("/f", Reply(COLLECTION))
    assert (await Scene(uvic, storage("cern")).place("/f")).endpoint == "cern"


# -- room -----------------------------------------------------------------------------------------------


@virtual
async def test_a_full_endpoint_is_never_chosen():
    scene = Scene(storage("uvic", 0), storage("cern", 100))
    for size_bytes in (None, 0, 1, 100):
        assert (await scene.place("/f", size_bytes)).endpoint == "cern"
    with pytest.raises(NoRoom) as caught:
        await scene.place("/f", 101)
    assert caught.value.missing == {"uvic": "0 bytes left", "cern": "100 bytes left"}


@virtual
async def test_a_full_endpoint_is_not_chosen_though_it_holds_the_name():
    scene = Scene(storage("uvic", 5, "/f"), storage("cern", 100))
    assert (await scene.place("/f", 6)).endpoint == "cern"


@virtual
async def test_what_is_under_way_counts_as_written():
    scene = Scene(storage("uvic", 100), storage("cern", 100))
    assert (await scene.place("/g", 60)).endpoint == "uvic"
    scene.under_way("/f", "uvic", 60)
    assert (await scene.place("/g", 60)).endpoint == "cern"
    assert (await scene.place("/g", 40)).endpoint == "uvic"
    scene.under_way("/h", "cern", 60)
    with pytest.raises(NoRoom):
        await scene.place("/g", 60)
    scene.ground.overlay.put("/f", None, ())
    assert (await scene.place("/g", 60)).endpoint == "uvic"


@virtual
async def test_uploads_that_begin_together_share_the_room_there_is():
    scene = Scene(storage("uvic", 100), storage("cern", 100))
    zone = scene.world.zone(GENEVA_CLIENT)
    uploads = [scene.changing.upload(Wanted(f"/d/{n}", zone, 60)) for n in range(3)]
    placed = await asyncio.gather(*uploads, return_exceptions=True)
    begun = {one.upload.target: one.upload for one in placed if isinstance(one, Placed)}
    assert sorted(begun) == ["cern", "uvic"]
    (refused,) = [one for one in placed if not isinstance(one, Placed)]
    assert isinstance(refused, NoRoom)
    # those that have begun are counted once
    assert scene.changing.rooms.left_bytes(UVIC) == 40
    await scene.changing.never_begun(begun[UVIC])
    assert scene.changing.rooms.left_bytes(UVIC) == 100


@virtual
async def test_who_writes_a_name_again_does_not_stand_in_his_own_way():
    scene = Scene(storage("uvic", 100))
    for _ in range(3):
        placed = await scene.changing.upload(Wanted("/f", scene.world.zone(VICTORIA_CLIENT), 60))
        assert placed.upload.target == "uvic"
    assert scene.changing.rooms.left_bytes(UVIC) == 40


@virtual
async def test_room_is_let_go_when_an_upload_does_not_begin():
    uvic = storage("uvic", 100)
    uvic.acts("make_collection", Act(done=False, told=Denied()))
    scene = Scene(uvic)
    with pytest.raises(Forbidden):
        await scene.place("/d/f", 60)
    assert scene.changing.rooms.left_bytes(UVIC) == 100


@virtual
async def test_what_was_written_counts_until_the_storage_is_asked_again():
    uvic = storage("uvic", 100)
    scene = Scene(uvic)
    rooms = scene.changing.rooms
    await rooms.once()
    rooms.written(UVIC, 70)
    rooms.written(TRIUMF, 70)  # which is none of ours
    assert rooms.left_bytes(UVIC) == 30
    uvic.script.capacity_bytes = 80
    await rooms.refresh()
    assert rooms.left_bytes(UVIC) == 80
    assert repr(rooms).startswith("<Rooms ")


@virtual
async def test_room_may_be_as_large_as_storages_are():
    scene = Scene(storage("uvic", 5 * 10**15), storage("cern", 10**18))
    assert (await scene.place("/f", 10**12)).endpoint == "uvic"


@virtual
async def test_some_room_is_left_for_others():
    scene = Scene(storage("uvic", 100), keep_free_bytes=30)
    assert (await scene.place("/f", 70)).endpoint == "uvic"
    with pytest.raises(NoRoom):
        await scene.place("/f", 71)


@virtual
async def test_the_operators_figure_counts_where_the_storage_says_nothing():
    scene = Scene(Member(storage("uvic"), writable=True, free_bytes=50), storage("cern"))
    assert (await scene.place("/f", 50)).endpoint == "uvic"
    assert (await scene.place("/f", 51)).endpoint == "cern"  # of which nothing is known
    told = Scene(Member(storage("uvic", 100), writable=True, free_bytes=50))
    assert (await told.place("/f", 100)).endpoint == "uvic"


@virtual
async def test_a_storage_that_does_not_say_how_much_room_it_has_is_not_waited_for():
    uvic = storage("uvic", 100)
    uvic.latency_s = 0.0
    scene = Scene(uvic, storage("cern", 100))

    async def silent() -> None:
        await asyncio.sleep(3600)

    uvic.space = silent  # type: ignore[method-assign]
    before_s = scene.world.now_s
    assert (await scene.place("/f", 10**9)).endpoint == "uvic"
    assert scene.world.now_s - before_s <= 1.0
    await scene.world.pass_s(60)
    assert scene.changing.rooms.left_bytes(UVIC) is None


@pytest.mark.parametrize(
    ("uvic", "triumf", "share"),
    [(100, 300, 25), (300, 100, 75), (None, 300, 50), (None, None, 50), (0, 300, 0)],
)
def test_equally_near_ones_are_drawn_by_their_room_an_unknown_one_as_the_usual(uvic, triumf, share):
    drawn: Counter[str] = Counter()

    @virtual
    async def story() -> None:
        for hundredth in range(100):
            scene = Scene(storage("uvic", uvic), storage("triumf", triumf), draw=hundredth / 100)
            scene.ground.federation.ranker._fuzz_km = 500.0
            drawn[(await scene.place("/f")).endpoint] += 1

    story()
    assert drawn["uvic"] == share


# -- the collections above ------------------------------------------------------------------------------


@virtual
async def test_missing_collections_are_made_from_the_top_and_remembered():
    uvic = storage("uvic", None, "/d/old")
    scene = Scene(uvic)
    assert (await scene.place("/d/e/f/g")).remote == "/d/e/f/g"
    assert made(uvic) == ["/d/e", "/d/e/f"]
    uvic.calls.clear()
    await scene.place("/d/e/f/h")
    assert [path for verb, path in uvic.calls if verb == "stat"] == ["/d/e/f/h"]
    # but not for ever
    await scene.world.pass_s(COLLECTION_TTL_S + 1)
    await scene.place("/d/e/f/h")
    assert ("stat", "/d/e/f") in uvic.calls
    scene.changing.placing.forget()
    uvic.calls.clear()
    await scene.place("/d/e/f/h")
    assert ("stat", "/d/e/f") in uvic.calls
    assert made(uvic) == []


@virtual
async def test_collections_are_not_made_where_that_is_switched_off():
    uvic = storage("uvic")
    scene = Scene(Member(uvic, writable=True, create_parents=False))
    assert (await scene.place("/d/e/f")).endpoint == "uvic"
    assert made(uvic) == []


@pytest.mark.parametrize(
    ("outcome", "chosen"),
    [
        (Conflict(405), "uvic"),
        (Done(), "uvic"),
        (Denied(), "cern"),
        (Full("quota"), "cern"),
        (Silent(Cause.TIMEOUT), "cern"),
    ],
)
def test_who_will_not_make_them_is_passed_over(outcome, chosen):
    @virtual
    async def story() -> None:
        uvic = storage("uvic")
        uvic.acts("make_collection", Act(done=False, told=outcome))
        assert (await Scene(uvic, storage("cern")).place("/d/f")).endpoint == chosen

    story()


@virtual
async def test_when_nobody_makes_them_the_reason_is_told():
    uvic, cern = storage("uvic"), storage("cern")
    for one in (uvic, cern):
        one.acts("make_collection", Act(done=False, told=Full("quota")))
    with pytest.raises(NoRoom) as caught:
        await Scene(uvic, cern).place("/d/f")
    assert caught.value.missing == {"uvic": "quota", "cern": "quota"}
    uvic.acts("make_collection", Act(done=False, told=Denied()))
    with pytest.raises(Forbidden) as refused:
        await Scene(uvic).place("/d/f")
    assert refused.value.missing == {"uvic": "the collections above it could not be made"}


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (Found(Entry("d", Kind.FILE, 1)), Clash),
        (Denied(), Forbidden),
        (Silent(Cause.UNREACHABLE), Unavailable),
    ],
)
def test_what_stands_above_it_may_be_in_the_way(said, error):
    @virtual
    async def story() -> None:
        uvic = storage("uvic")
        uvic.on("/d", Reply(said))
        with pytest.raises(error):
            await Scene(uvic).place("/d/f")
        assert made(uvic) == []

    story()


@virtual
async def test_a_parent_may_be_required():
    uvic = storage("uvic", None, "/d/old", "/file")
    scene = Scene(uvic, require_parent=True)
    assert (await scene.place("/d/f")).endpoint == "uvic"
    assert (await scene.place("/f")).endpoint == "uvic"
    for path in ("/e/f", "/file/f"):
        with pytest.raises(Clash, match="there is no collection"):
            await scene.place(path)
    uvic.on("/x", HANG)
    with pytest.raises(Unavailable):  # it is not known whether there is one
        await scene.place("/x/f")
    assert made(uvic) == []


def test_a_collection_that_is_there_need_not_be_made():
    assert outcome_is_there(Conflict(405))
    assert not outcome_is_there(Conflict(409))
    assert not outcome_is_there(Absent())
