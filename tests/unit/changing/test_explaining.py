"""What a change would come to is told, and nothing of it is done."""

import pytest

from tests.unit.changing.world import Scene, storage
from tests.unit.federation.world import CERN, TRIUMF, UVIC, VICTORIA_CLIENT, virtual
from ugrpy.changing import Wanted
from ugrpy.changing.explained import ChangeExplanation, Part
from ugrpy.changing.moving import Relocation
from ugrpy.federation import Member
from ugrpy.namespace.changes import (
    Fingerprint,
    Operation,
    OperationKind,
    Removal,
    Why,
)
from ugrpy.namespace.model import Cause, Denied, Kind
from ugrpy.namespace.model import Unknown as Silent
from ugrpy.testing.scripted import Reply

CHANGES = {"make_collection", "delete", "move", "copy", "write"}


def three(**settings) -> Scene:
    """Near, far, and one that takes no changes."""
    return Scene(
        storage("uvic", None, "/d/old"),
        storage("cern", None, "/d/f"),
        storage("triumf"),
        **settings,
    )


async def put(scene: Scene, path: str, size_bytes: int | None = None) -> ChangeExplanation:
    wanted = Wanted(path, scene.world.zone(VICTORIA_CLIENT), size_bytes)
    return await scene.changing.explaining.upload(wanted)


def would(told: ChangeExplanation) -> list[tuple[str, str]]:
    return [(part.endpoint, part.would) for part in told.parts]


def nothing_was_done(scene: Scene) -> None:
    for member in scene.world.federation.members:
        calls = member.endpoint.calls  # type: ignore[attr-defined]
        assert not [verb for verb, _ in calls if verb in CHANGES]
    assert not scene.ground.overlay.uploads


@virtual
async def test_an_upload_goes_where_it_would_go_and_the_next_in_line_follow():
    scene = three()
    told = await put(scene, "/d/new", 5)
    assert (told.method, told.status, told.refusal) == ("PUT", 307, "")
    assert would(told)[0] == ("uvic", "PUT")
    assert {name for name, _ in would(told)} == {"uvic", "cern", "triumf"}
    assert told.location == told.parts[0].url == "https://uvic.example/d/new"
    assert "km from the client" in told.parts[0].reason
    assert (told.rejected, told.against, told.entry) == ((), (), None)
    nothing_was_done(scene)
    assert (await scene.place("/d/new", 5)).endpoint == told.parts[0].endpoint


@virtual
async def test_what_is_replaced_goes_later():
    scene = Scene(storage("uvic", None, "/f"), storage("cern", None, "/f"), storage("triumf"))
    told = await put(scene, "/f")
    assert would(told) == [
        ("uvic", "PUT"),
        ("cern", "PUT, if those before it cannot take it"),
        ("triumf", "PUT, if those before it cannot take it"),
        ("cern", "DELETE later"),
    ]
    assert told.entry is not None
    assert {one.endpoint: one.outcome for one in told.said} == {
        "uvic": "found",
        "cern": "found",
        "triumf": "absent",
    }


@virtual
async def test_who_is_rejected_says_why():
    full, fixed, refusing = storage("cern", 10), Member(storage("triumf")), storage("nikhef")
    refusing.on("/f", Reply(Denied(403, "403")))
    scene = Scene(storage("uvic"), full, fixed, refusing)
    told = await put(scene, "/f", 11)
    assert would(told) == [("uvic", "PUT")]
    assert told.rejected == (
        Part(CERN, "", "10 bytes left: 10 free"),
        Part("nikhef", "", "403"),  # type: ignore[arg-type]
        Part(TRIUMF, "", "takes no changes"),
    )


@virtual
async def test_where_nobody_takes_it_the_refusal_is_the_clients():
    told = await put(Scene(storage("uvic", 10)), "/f", 11)
    assert (told.status, told.parts) == (507, ())
    assert "room" in told.refusal
    assert told.rejected == (Part(UVIC, "", "10 bytes left: 10 free"),)
    told = await put(Scene(storage("uvic", None, "/f/g")), "/f")
    assert told.status == 405
    told = await put(Scene(storage("uvic"), require_parent=True), "/d/f")
    assert told.status == 409


@virtual
async def test_what_is_under_way_is_told():
    scene = three()
    wall = scene.ground.clock.wall()
    scene.under_way("/d/f", "cern", 10)
    removal = Removal("/d/old", UVIC, Fingerprint(), Why.DELETED, wall - 5, wall + 1e6)
    scene.ground.overlay.put("/d/old", None, (removal,))
    steps = ((UVIC, Fingerprint()),)
    await scene.ground.journal.begin(
        Operation("1", OperationKind.MOVE, "/d/old", "/d/older", Kind.FILE, steps, wall - 3, wall)
    )
    told = await put(scene, "/d/f")
    assert [words.partition(" began")[0] for words in told.against] == [
        "an upload of /d/f of 10 bytes to cern"
    ]
    told = await scene.changing.explaining.delete("/d/old")
    assert told.against == (
        "the copy of /d/old at uvic is to go since 5 s: deleted",
        "a move of /d/old to /d/older began 3 s ago",
    )
    assert len(await scene.ground.journal.operations()) == 1


@virtual
async def test_a_deletion_is_for_all_who_hold_it():
    scene = Scene(storage("uvic", None, "/f"), storage("cern", None, "/f"), storage("triumf"))
    told = await scene.changing.explaining.delete("/f")
    assert (told.status, would(told)) == (204, [("uvic", "DELETE"), ("cern", "DELETE")])
    assert told.parts[0].reason == "holds a file"
    nothing_was_done(scene)


@virtual
async def test_what_stands_against_a_deletion():
    fixed = Scene(storage("uvic", None, "/f"), Member(storage("cern", None, "/f")))
    told = await fixed.changing.explaining.delete("/f")
    assert (told.status, told.rejected) == (403, (Part(CERN, "", "takes no changes"),))
    away = Scene(storage("uvic", None, "/f"), storage("cern", None, "/f"))
    await away.world.federation.locate("/f")
    away.world.disable(CERN)
    told = await away.changing.explaining.delete("/f")
    assert would(told) == [("uvic", "DELETE"), ("cern", "DELETE later")]
    silent = Scene(storage("uvic", None, "/f"), storage("cern", None, "/f"))
    silent.world.federation.members[CERN].endpoint.on("/f", Reply(Silent(Cause.FAILED, "500")))  # type: ignore[attr-defined]
    told = await silent.changing.explaining.delete("/f")
    assert (told.status, told.rejected) == (502, (Part(CERN, "", "500"),))
    assert "not on 1" in told.refusal
    told = await silent.changing.explaining.delete("/nothing")
    assert told.status == 404


@virtual
async def test_a_collection_is_made_by_all_who_take_changes():
    scene = Scene(storage("uvic"), storage("cern"), Member(storage("triumf")))
    scene.world.disable(CERN)
    told = await scene.changing.explaining.make_collection("/d")
    assert (told.status, would(told)) == (201, [("uvic", "MKCOL")])
    assert [part.endpoint for part in told.rejected] == ["cern", "triumf"]
    told = await scene.changing.explaining.make_collection("/d/e")
    assert told.status == 409
    nothing_was_done(scene)


@pytest.mark.parametrize("verb", [OperationKind.MOVE, OperationKind.COPY])
@virtual
async def test_what_moves_or_is_copied(verb):
    scene = Scene(
        storage("uvic", None, "/f"),
        storage("cern", None, "/f", "/g"),
        storage("triumf", None, "/g"),
    )
    told = await scene.changing.explaining.relocate(Relocation(verb, "/f", "/g"))
    method = verb.value.upper()
    assert (told.status, told.target) == (204, "/g")
    assert would(told) == [("uvic", method), ("cern", method), ("triumf", "DELETE")]
    assert told.parts[0].reason == "holds a file, to /g"
    told = await scene.changing.explaining.relocate(Relocation(verb, "/f", "/new"))
    assert (told.status, would(told)) == (201, [("uvic", method), ("cern", method)])
    nothing_was_done(scene)


@virtual
async def test_what_stands_against_a_move():
    scene = Scene(storage("uvic", None, "/f", "/g"), Member(storage("cern", None, "/f")))
    told = await scene.changing.explaining.relocate(Relocation(OperationKind.MOVE, "/f", "/new"))
    assert (told.status, told.rejected) == (
        403,
        (Part(CERN, "", "takes no changes of both names"),),
    )
    told = await scene.changing.explaining.relocate(
        Relocation(OperationKind.COPY, "/f", "/g", overwrite=False)
    )
    assert told.status == 412
    told = await scene.changing.explaining.relocate(Relocation(OperationKind.COPY, "/f", "/new"))
    assert told.status == 201
    assert told.rejected == (Part(CERN, "", "takes no changes of both names"),)


@virtual
async def test_a_collection_in_the_way_goes_first_and_who_is_away_later():
    scene = Scene(storage("uvic", None, "/f"), storage("cern", None, "/g/x"))
    told = await scene.changing.explaining.relocate(Relocation(OperationKind.MOVE, "/f", "/g"))
    assert would(told) == [("cern", "DELETE"), ("uvic", "MOVE")]
    away = Scene(storage("uvic", None, "/f"), storage("cern"))
    away.world.disable(CERN)
    told = await away.changing.explaining.relocate(Relocation(OperationKind.MOVE, "/f", "/g"))
    assert would(told) == [("uvic", "MOVE"), ("cern", "DELETE later")]
