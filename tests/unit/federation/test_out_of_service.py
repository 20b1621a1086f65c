"""What an endpoint that is out of service, or not mounted there, means for a name."""

import pytest

from tests.unit.federation.world import (
    CERN,
    UVIC,
    VICTORIA_CLIENT,
    asked,
    holding,
    mounted,
    virtual,
    world,
)
from ugrpy import telemetry
from ugrpy.core.errors import NotFound, Unavailable
from ugrpy.federation import Member
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.states import State, Transition
from ugrpy.namespace.model import Absent, Cause, Unknown
from ugrpy.namespace.paths import Mount
from ugrpy.testing import HANG, Reply

# -- out of service ---------------------------------------------------------------------------------


@virtual
async def test_a_name_known_to_be_on_one_that_is_out_is_a_503_with_retry_after():
    uvic, cern = holding("uvic"), holding("cern", "/f")
    small = world(uvic, cern)
    assert await small.holders("/f") == [CERN]
    small.disable(CERN)
    from_memory = await small.refused("/f")
    await small.pass_s(301)  # the name is forgotten, who held it is not
    anew = await small.refused("/f")
    for error in (from_memory, anew):
        assert isinstance(error, Unavailable)
        assert (error.status, error.retry_after_s) == (503, 60.0)
        assert error.missing == {"cern": "disabled by the operator: maintenance"}
    assert asked(uvic, cern) == [2, 1]


@virtual
async def test_a_name_never_known_is_a_404_that_says_who_was_missing():
    uvic, cern = holding("uvic"), holding("cern", "/f")
    small = world(uvic, cern)
    small.disable(CERN)
    error = await small.refused("/f")
    assert isinstance(error, NotFound)
    assert error.missing == {"cern": "disabled by the operator: maintenance"}
    assert small.tally.of(telemetry.ABSENT_WITH_MISSING) == 1
    assert asked(cern) == [0]


@virtual
async def test_while_a_strict_one_is_out_no_miss_is_a_404():
    uvic, cern = holding("uvic"), holding("cern")
    small = world(uvic, Member(cern, strict=True))
    small.disable(CERN)
    error = await small.refused("/f")
    assert isinstance(error, Unavailable)
    assert (error.status, error.retry_after_s) == (503, 60.0)


@virtual
async def test_a_file_that_was_deleted_since_is_not_held_against_one_that_is_out():
    cern = holding("cern", "/f")
    small = world(holding("uvic"), cern)
    await small.locate("/f")
    cern.on("/f", Reply(Absent()))
    await small.pass_s(301)
    assert (await small.refused("/f")).status == 404
    small.disable(CERN)
    await small.pass_s(11)
    assert (await small.refused("/f")).status == 404


@virtual
async def test_a_doubtful_answer_does_not_wipe_out_that_it_was_held():
    cern = holding("cern", "/f")
    small = world(holding("uvic"), cern)
    await small.locate("/f")
    await small.pass_s(301)
    cern.on("/f", Reply(Unknown(Cause.FAILED, "500")))
    assert (await small.refused("/f")).status == 502
    small.disable(CERN)
    assert (await small.refused("/f")).status == 503


@virtual
async def test_with_everybody_out_nobody_is_asked():
    uvic = holding("uvic", "/f")
    small = world(uvic)
    small.disable(UVIC)
    assert (await small.refused("/f")).status == 404
    assert asked(uvic) == [0]


@virtual
async def test_failures_eject_and_are_told():
    uvic, cern = holding("uvic", "/f"), holding("cern", "/f")
    cern.everything(Reply(Unknown(Cause.UNREACHABLE, "connection refused")))
    small = world(uvic, cern, health=HealthPolicy(eject_after=3))
    for path in ("/1", "/2"):
        await small.locate(path)
    (change,) = small.transitions
    assert (change.endpoint, change.after) == (CERN, State.EJECTED)
    assert "connection refused" in change.reason
    assert (await small.refused("/3")).status == 404
    assert asked(uvic, cern) == [3, 2]
    assert small.tally.of(telemetry.ENDPOINT_ASKS, "cern", "stat", "unknown") == 2
    assert small.tally.of(telemetry.ENDPOINT_ASKS, "uvic", "stat", "absent") == 3


@virtual
async def test_one_that_must_not_be_probed_comes_back_by_a_trial():
    cern = holding("cern", "/f")
    cern.everything(Reply(Unknown(Cause.UNREACHABLE, "refused")))
    small = world(holding("uvic"), cern, unprobed=(CERN,), health=HealthPolicy(eject_after=2))
    await small.locate("/1")
    assert not small.board.in_service(CERN)
    cern.everything(None)
    await small.pass_s(60)
    known, _ = await small.locate("/f")
    assert small.federation.expect(known).holders == (CERN,)
    assert small.board.in_service(CERN)


@virtual
async def test_what_the_prober_finds_is_passed_on_and_reaches_the_ranking():
    small = world(holding("uvic", "/f"), holding("cern", "/f"))
    change = Transition(UVIC, State.EJECTED, State.IN_SERVICE, 1.0, "well again")
    small.federation.note_transition(change)
    assert small.transitions == [change]


# -- where nobody has to be asked -------------------------------------------------------------------


@pytest.mark.row("D10")
@virtual
async def test_a_path_outside_the_mounts_never_reaches_the_endpoint():
    uvic, cern = holding("uvic", "/f"), holding("cern", "/data/f")
    small = world(mounted(uvic, Mount("/atlas")), mounted(cern, Mount("/atlas2", "/data")))
    assert await small.holders("/atlas/f") == [UVIC]
    assert await small.holders("/atlas2/f") == [CERN]
    for path in ("/atlas2x/f", "/atla", "/f", "/data/f"):
        assert (await small.refused(path)).status == 404
    with pytest.raises(NotFound):
        await small.federation.list("/elsewhere")
    assert [call for call in uvic.calls if call[0] != "url"] == [("stat", "/f")]
    assert [call for call in cern.calls if call[0] != "url"] == [("stat", "/data/f")]


@pytest.mark.row("D43")
@virtual
async def test_an_endpoint_that_is_not_readable_is_never_asked():
    uvic, cern = holding("uvic"), holding("cern", "/f", "/d/g")
    small = world(uvic, Member(cern, readable=False))
    assert (await small.refused("/f")).status == 404
    with pytest.raises(NotFound):
        await small.federation.list("/d")
    listing = await small.federation.list("/")
    assert (listing.children, listing.missing) == ((), {})
    assert asked(cern) == [0]


@virtual
async def test_the_ancestors_of_mounts_exist_without_a_question():
    uvic = holding("uvic")
    uvic.everything(HANG)
    small = world(mounted(uvic, Mount("/fed/atlas/disk"), Mount("/fed/belle")))
    for path in ("/", "/fed", "/fed/atlas", "/fed/atlas/disk"):
        known, took_s = await small.locate(path)
        assert known.is_collection
        assert known.complete
        assert took_s == 0.0
        assert small.federation.order(known, small.zone(VICTORIA_CLIENT)) == ()
    assert uvic.calls == []
