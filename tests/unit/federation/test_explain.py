"""Who said what, who was ranked where, and who was rejected and why."""

import pytest

from tests.unit.federation.world import (
    CERN,
    GENEVA_CLIENT,
    TRIUMF,
    UVIC,
    VICTORIA_CLIENT,
    World,
    asked,
    holding,
    mounted,
    virtual,
    world,
)
from ugrpy.federation import KnownName, Member
from ugrpy.federation.counts import outcome_of
from ugrpy.federation.explain import Explanation, Said, _said, explain
from ugrpy.locality import Rejection
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.merge import Sighting, summarise
from ugrpy.namespace.model import Absent, Cause, Denied, EndpointId, Entry, Found, Kind, Unknown
from ugrpy.namespace.paths import Mount
from ugrpy.testing import Reply

FILE = Entry("f", Kind.FILE, 10)


async def explained(small: World, path: str, client: str = VICTORIA_CLIENT) -> Explanation:
    return await explain(small.federation, path, small.zone(client))


@virtual
async def test_all_answers_are_told_and_all_endpoints_ranked_or_rejected():
    uvic, triumf = holding("uvic", "/f"), holding("triumf", "/f", latency_s=1.0)
    triumf.add_file("/f", 9)
    cern, denying, failing, outside = (
        holding("cern", "/f"),
        holding("denying"),
        holding("failing"),
        holding("outside"),
    )
    denying.on("/f", Reply(Denied(401, "401 from nginx")))
    failing.on("/f", Reply(Unknown(Cause.FAILED, "500")))
    small = world(
        uvic, triumf, cern, denying, failing, holding("absent"), mounted(outside, Mount("/else"))
    )
    told = await explained(small, "/f")
    assert told.entry == FILE
    assert told.said == (
        Said(UVIC, "found", "file, 10 bytes", "https://uvic.example/f"),
        Said(TRIUMF, "found", "file, 9 bytes", "https://triumf.example/f"),
        Said(CERN, "found", "file, 10 bytes", "https://cern.example/f"),
        Said(EndpointId("denying"), "denied", "401 from nginx", "https://denying.example/f"),
        Said(EndpointId("failing"), "unknown", "500", "https://failing.example/f"),
        Said(EndpointId("absent"), "absent", "", "https://absent.example/f"),
        Said(EndpointId("outside"), "not mounted", "mounted at /else"),
    )
    assert [conflict.endpoint for conflict in told.conflicts] == [TRIUMF]
    assert told.ranked is not None
    assert [choice.id for choice in told.ranked.chosen] == [UVIC, CERN]
    not_held = "does not hold it, as far as is known"
    assert told.ranked.rejected == (
        Rejection("absent", not_held),
        Rejection("denying", not_held),
        Rejection("failing", not_held),
        Rejection("outside", not_held),
        Rejection("triumf", "outvoted: size 9, others say 10"),
    )
    assert (told.location, told.status, told.refusal) == ("https://uvic.example/f", 302, "")
    assert told.age_s == pytest.approx(1.0)


@virtual
async def test_the_choice_depends_on_the_client():
    small = world(holding("uvic", "/f"), holding("cern", "/f"))
    told = await explained(small, "/f", GENEVA_CLIENT)
    assert told.location == "https://cern.example/f"


@virtual
async def test_the_location_is_that_of_the_explained_draw():
    """Two level replicas and a draw that says something else each time."""
    draws = iter([0.0, 0.99] * 50)
    small = world(holding("a", "/f"), holding("b", "/f"), places={}, draw=lambda: next(draws))
    for _ in range(10):
        told = await explained(small, "/f")
        assert told.ranked is not None
        assert told.location == f"https://{told.ranked.chosen[0].id}.example/f"


@virtual
async def test_who_was_not_asked_and_who_is_out_by_now():
    uvic, cern, hidden = holding("uvic", "/f"), holding("cern", "/f"), holding("hidden", "/f")
    triumf = holding("triumf", "/f")
    small = world(uvic, cern, Member(hidden, readable=False), triumf)
    small.disable(TRIUMF)
    await small.locate("/f", Want.ALL)
    small.disable(UVIC, "disks")
    told = await explained(small, "/f")
    outcomes = {one.endpoint: (one.outcome, one.detail) for one in told.said}
    assert outcomes == {
        "uvic": ("found", "file, 10 bytes"),
        "cern": ("found", "file, 10 bytes"),
        "hidden": ("not asked", "not readable"),
        "triumf": ("not asked", "disabled by the operator: maintenance"),
    }
    assert told.ranked is not None
    assert {one.id: one.reason for one in told.ranked.rejected} == {
        "uvic": "disabled by the operator: disks",
        "hidden": "does not hold it, as far as is known",
        "triumf": "does not hold it, as far as is known",
    }
    assert told.location == "https://cern.example/f"
    assert asked(hidden, triumf) == [0, 0]


@virtual
async def test_a_miss_is_explained_by_its_refusal():
    cern = holding("cern")
    small = world(holding("uvic"), cern)
    told = await explained(small, "/f")
    assert (told.entry, told.ranked, told.location) == (None, None, "")
    assert (told.status, told.refusal) == (404, "/f: no storage element holds it")
    cern.on("/g", Reply(Unknown(Cause.BUSY)))
    told = await explained(small, "/g")
    assert told.status == 503
    assert [(one.outcome, one.detail) for one in told.said] == [("absent", ""), ("unknown", "busy")]


@virtual
async def test_a_file_whose_holders_are_all_out_is_explained_with_what_is_known():
    small = world(holding("uvic", "/f"))
    await small.locate("/f")
    small.disable(UVIC)
    told = await explained(small, "/f")
    assert (told.entry, told.ranked, told.status) == (FILE, None, 503)
    assert told.refusal == "/f: every storage element that holds it is out of service"


@virtual
async def test_a_collection_is_not_ranked():
    small = world(holding("uvic", "/d/f"))
    told = await explained(small, "/d")
    assert (told.status, told.ranked, told.location) == (200, None, "")
    assert told.entry == Entry("d", Kind.COLLECTION)
    assert told.said[0].detail == "collection"


@virtual
async def test_a_collection_made_by_mounts_was_asked_of_nobody():
    uvic = holding("uvic")
    told = await explained(world(uvic), "/")
    assert told.status == 200
    assert told.said == (
        Said(
            UVIC,
            "not asked",
            "the collection exists because of what is mounted",
            "https://uvic.example/",
        ),
    )
    assert asked(uvic) == [0]


@virtual
async def test_one_that_has_not_spoken_yet_is_silent():
    small = world(holding("uvic", "/f"), holding("cern"))
    knowledge = {UVIC: Sighting(Found(FILE), 0.0)}
    known = KnownName("/f", summarise(knowledge), knowledge, frozenset({CERN}), {}, 0.0)
    said = _said(small.federation, known, CERN)
    assert (said.outcome, said.detail) == ("silent", "has not answered yet")


@pytest.mark.parametrize(
    ("observation", "word"),
    [
        (Found(FILE), "found"),
        (Absent(), "absent"),
        (Denied(), "denied"),
        (Unknown(Cause.BUSY), "unknown"),
    ],
)
def test_the_four_answers_have_names(observation, word):
    assert outcome_of(observation) == word
