"""Collections: the union of what the endpoints list, honest about what is missing."""

import asyncio

import pytest

from tests.unit.federation.world import (
    CERN,
    UVIC,
    World,
    asked,
    holding,
    mounted,
    virtual,
    world,
)
from ugrpy import telemetry
from ugrpy.cache.entries import CachePolicy
from ugrpy.core.errors import Forbidden, NotFound, Unavailable
from ugrpy.endpoints.base import Features
from ugrpy.federation import KnownListing, Member, Policies
from ugrpy.federation.question import Question
from ugrpy.namespace.merge import Conflict, Merged
from ugrpy.namespace.model import Cause, Denied, Entry, Found, Kind, Unknown
from ugrpy.namespace.paths import Mount
from ugrpy.testing import HANG, Reply, ScriptedEndpoint

FOLDER = Found(Entry("d", Kind.COLLECTION))


def names(listing: KnownListing) -> list[str]:
    return [child.entry.name for child in listing.children]


async def timed(small: World, path: str) -> tuple[KnownListing, float]:
    before_s = small.now_s
    listing = await small.federation.list(path)
    return listing, small.now_s - before_s


@virtual
async def test_a_listing_is_the_union_with_each_child_once():
    uvic, cern = holding("uvic", "/d/a", "/d/both"), holding("cern", "/d/both", "/d/sub/x")
    small = world(uvic, cern)
    listing = await small.federation.list("/d")
    assert listing.itself == Merged(Entry("d", Kind.COLLECTION), (CERN, UVIC))
    assert list(listing.children) == [
        Merged(Entry("a", Kind.FILE, 10), (UVIC,)),
        Merged(Entry("both", Kind.FILE, 10), (CERN, UVIC)),
        Merged(Entry("sub", Kind.COLLECTION), (CERN,)),
    ]
    assert listing.complete
    assert small.tally.of(telemetry.PARTIAL_LISTINGS) == 0
    assert small.tally.of(telemetry.ENDPOINT_ASKS, "cern", "list", "found") == 1


@virtual
async def test_it_waits_for_all_and_takes_children_as_they_come():
    children = tuple(Entry(str(n), Kind.FILE) for n in range(5))
    uvic, cern = holding("uvic", "/d/a"), holding("cern")
    cern.on("/d", Reply(FOLDER, children, piece_size=2, gap_s=1.0))
    listing, took_s = await timed(world(uvic, cern), "/d")
    assert took_s == pytest.approx(3.0)
    assert names(listing) == ["0", "1", "2", "3", "4", "a"]


@virtual
async def test_at_the_deadline_the_listing_is_partial_and_says_so():
    uvic, cern, triumf = holding("uvic", "/d/a"), holding("cern"), holding("triumf", "/d/t")
    cern.on(
        "/d", Reply(FOLDER, (Entry("1", Kind.FILE), Entry("2", Kind.FILE)), piece_size=1, gap_s=6.0)
    )
    small = world(uvic, cern, triumf)
    small.disable(triumf.id)
    listing, took_s = await timed(small, "/d")
    assert took_s == pytest.approx(10.0)
    # what was handed over until then is still true
    assert names(listing) == ["1", "2", "a"]
    assert not listing.complete
    assert listing.missing == {
        "cern": "no answer within 10 s",
        "triumf": "disabled by the operator: maintenance",
    }
    assert small.tally.of(telemetry.PARTIAL_LISTINGS) == 1


@virtual
async def test_a_listing_that_breaks_off_is_partial():
    uvic, cern = holding("uvic", "/d/a"), holding("cern")
    broken = Unknown(Cause.UNREACHABLE, "connection reset")
    cern.on("/d", Reply(broken, (Entry("1", Kind.FILE),)))
    listing = await world(uvic, cern).federation.list("/d")
    assert names(listing) == ["1", "a"]
    assert listing.missing == {"cern": "connection reset"}


@virtual
async def test_names_that_an_endpoint_could_not_tell_are_missing():
    uvic, cern = holding("uvic", "/d/a"), holding("cern")
    cern.on("/d", Reply(Found(Entry("d", Kind.COLLECTION), 2), (Entry("1", Kind.FILE),)))
    listing = await world(uvic, cern).federation.list("/d")
    assert names(listing) == ["1", "a"]
    assert listing.missing == {"cern": "2 of its names cannot be asked for"}


@pytest.mark.parametrize("how", ["the kind cannot", "the operator forbids"])
@virtual
async def test_one_that_cannot_list_is_asked_whether_it_holds_the_collection(how: str):
    forbidden = how == "the operator forbids"
    cern = holding("cern", "/d/x", features=Features(listable=forbidden))
    uvic = holding("uvic", "/d/a")
    small = world(uvic, Member(cern, listable=not forbidden))
    listing = await small.federation.list("/d")
    assert names(listing) == ["a"]
    assert listing.missing == {"cern": "holds the collection and cannot list it"}
    assert cern.calls == [("stat", "/d")]
    # of a collection that it does not hold nothing is missing
    uvic.add_collection("/e")
    assert (await small.federation.list("/e")).complete


@pytest.mark.parametrize(
    ("detail", "reason"), [("401 from nginx", "401 from nginx"), ("", "refused")]
)
@virtual
async def test_one_that_refuses_is_missing(detail: str, reason: str):
    uvic, cern = holding("uvic", "/d/a"), holding("cern")
    cern.on("/d", Reply(Denied(401, detail)))
    listing = await world(uvic, cern).federation.list("/d")
    assert (names(listing), listing.missing) == (["a"], {"cern": reason})


@virtual
async def test_the_listing_of_a_file_is_the_file():
    listing = await world(holding("uvic", "/f"), holding("cern")).federation.list("/f")
    assert listing.itself == Merged(Entry("f", Kind.FILE, 10), (UVIC,))
    assert (list(listing.children), listing.complete) == ([], True)


@virtual
async def test_a_file_that_is_a_collection_elsewhere_is_one_collection():
    uvic, cern = holding("uvic", "/d"), holding("cern", "/d/x")
    listing = await world(uvic, cern).federation.list("/d")
    assert listing.itself.conflicts == (Conflict(UVIC, "kind", "file", "collection"),)
    assert names(listing) == ["x"]


@virtual
async def test_what_nobody_holds_cannot_be_listed():
    uvic, cern = holding("uvic"), holding("cern")
    small = world(uvic, cern)
    with pytest.raises(NotFound):
        await small.federation.list("/d")
    await small.pass_s(CachePolicy().negative_ttl_s)
    cern.on("/d", Reply(Denied()))
    with pytest.raises(Forbidden):
        await small.federation.list("/d")
    await small.pass_s(CachePolicy().negative_ttl_s)
    cern.everything(HANG)
    with pytest.raises(Unavailable) as silent:
        await small.federation.list("/d")
    assert silent.value.status == 504


@virtual
async def test_a_missing_collection_is_not_asked_for_at_once_again():
    uvic = holding("uvic")
    small = world(uvic)
    for _ in range(3):
        with pytest.raises(NotFound):
            await small.federation.list("/d")
        with pytest.raises(NotFound):
            small.federation.expect(await small.federation.locate("/d"))
    assert asked(uvic) == [1]
    uvic.add_file("/d/x", 1)
    await small.pass_s(CachePolicy().negative_ttl_s)
    assert len((await small.federation.list("/d")).children) == 1


@virtual
async def test_a_file_met_while_listing_is_known():
    """rclone asks for a file by PROPFIND Depth 1 and reads it next."""
    uvic = holding("uvic", "/d/x")
    small = world(uvic)
    await small.federation.list("/d/x")
    assert await small.holders("/d/x") == [UVIC]
    assert asked(uvic) == [1]


@virtual
async def test_a_collection_once_listed_is_unavailable_while_its_holder_is_out():
    cern = holding("cern", "/d/x")
    # what was known last is not told
    small = world(cern, policies=Policies(cache=CachePolicy(stale_max_s=0)))
    await small.federation.list("/d")
    await small.pass_s(CachePolicy().ttl_s)
    small.disable(CERN)
    with pytest.raises(Unavailable) as missed:
        await small.federation.list("/d")
    assert missed.value.status == 503


@virtual
async def test_a_collection_on_one_that_is_out_is_not_found_by_name_alone():
    cern = holding("cern", "/d/x")
    small = world(cern)
    small.disable(CERN)
    with pytest.raises(NotFound) as missed:
        await small.federation.list("/d")
    assert missed.value.missing == {"cern": "disabled by the operator: maintenance"}


# -- mount points ------------------------------------------------------------------------------------


@pytest.mark.row("D11")
@virtual
async def test_ancestors_of_mounts_are_listed_while_every_endpoint_is_silent():
    uvic, cern = ScriptedEndpoint("uvic"), ScriptedEndpoint("cern")
    uvic.everything(HANG)
    cern.everything(HANG)
    small = world(mounted(uvic, Mount("/fed/atlas/disk")), mounted(cern, Mount("/fed/belle")))
    for path, expected in (
        ("/", ["fed"]),
        ("/fed", ["atlas", "belle"]),
        ("/fed/atlas", ["disk"]),
    ):
        listing, took_s = await timed(small, path)
        assert (names(listing), took_s) == (expected, 0.0)
        assert listing.itself.entry.kind is Kind.COLLECTION
        assert all(child.entry.kind is Kind.COLLECTION for child in listing.children)
        assert listing.complete
    assert asked(uvic, cern) == [0, 0]
    # the mount point itself exists, and what is in it is not known
    listing, took_s = await timed(small, "/fed/belle")
    assert took_s == pytest.approx(10.0)
    assert (names(listing), listing.missing) == ([], {"cern": "no answer within 10 s"})


@virtual
async def test_mount_points_stand_among_the_children_of_others_in_order():
    uvic, cern = holding("uvic", "/a", "/z", "/data/x"), holding("cern", "/y")
    small = world(uvic, mounted(cern, Mount("/data"), Mount("/m/n")))
    listing = await small.federation.list("/")
    assert names(listing) == ["a", "data", "m", "z"]
    # the union of what is mounted there and what the other holds under that name
    assert names(await small.federation.list("/data")) == ["x", "y"]


@virtual
async def test_a_mount_point_is_a_collection_whatever_is_found_there():
    uvic, cern = holding("uvic", "/m"), ScriptedEndpoint("cern")
    small = world(uvic, mounted(cern, Mount("/m/n")))
    listing = await small.federation.list("/m")
    assert listing.itself == Merged(Entry("m", Kind.COLLECTION), ())
    assert names(listing) == ["n"]


@virtual
async def test_two_mounted_on_one_directory_appear_merged():
    uvic, cern = holding("uvic", "/u/a"), holding("cern", "/c/b")
    small = world(mounted(uvic, Mount("/fed", "/u")), mounted(cern, Mount("/fed", "/c")))
    assert names(await small.federation.list("/fed")) == ["a", "b"]


# -- shared and remembered ---------------------------------------------------------------------------


@virtual
async def test_identical_listings_under_way_are_one_question_and_one_merge():
    uvic, cern = holding("uvic", "/d/a", latency_s=0.1), holding("cern", latency_s=0.2)
    small = world(uvic, cern)
    listings = await asyncio.gather(*(small.federation.list("/d") for _ in range(100)))
    assert asked(uvic, cern) == [1, 1]
    assert all(listing is listings[0] for listing in listings)


@virtual
async def test_a_listing_is_remembered_for_its_lifetime():
    uvic = holding("uvic", "/d/a", latency_s=1.0)
    small = world(uvic)
    first = await small.federation.list("/d")
    await small.pass_s(58.0)
    assert await small.federation.list("/d") is first
    await small.pass_s(1.1)
    uvic.add_file("/d/b")
    assert names(await small.federation.list("/d")) == ["a", "b"]
    lookups = telemetry.CACHE_LOOKUPS
    assert small.tally.of(lookups, "listing", "hit") == 1
    assert small.tally.of(lookups, "listing", "miss") == 2


@virtual
async def test_a_partial_listing_is_remembered_shortly():
    uvic, cern = holding("uvic", "/d/a"), holding("cern")
    cern.on("/d", Reply(Unknown(Cause.BUSY, "429")), Reply(FOLDER, (Entry("c", Kind.FILE),)))
    small = world(uvic, cern)
    assert not (await small.federation.list("/d")).complete
    await small.pass_s(4.9)
    assert not (await small.federation.list("/d")).complete
    await small.pass_s(0.2)
    assert names(await small.federation.list("/d")) == ["a", "c"]


@virtual
async def test_the_client_gone_cancels_the_listing():
    uvic = holding("uvic", "/d/a", latency_s=5.0)
    small = world(uvic)
    client = asyncio.create_task(small.federation.list("/d"))
    await small.pass_s(1.0)
    client.cancel()
    await asyncio.wait([client])
    await small.pass_s(0)
    assert uvic.cancelled == [("list", "/d")]
    assert names(await small.federation.list("/d")) == ["a"]


@virtual
async def test_a_long_listing_says_nothing_about_the_usual_latency():
    uvic = holding("uvic", "/d/a", latency_s=5.0)
    small = world(uvic)
    await small.federation.list("/d")
    assert small.board[UVIC].latency_s is None
    assert small.board[UVIC].answered == 1


@virtual
async def test_what_is_changed_between_the_end_and_the_answer_is_not_remembered():
    uvic = holding("uvic", "/d/a", "/d/b", latency_s=1.0)
    federation = world(uvic).federation

    changed: list[str] = []
    listing = asyncio.ensure_future(federation.list("/d"))
    await asyncio.sleep(0)
    (question,) = federation._listing.questions
    before = question.hooks.then.finished

    def finished(ended: Question) -> None:
        before(ended)
        federation.forget("/d/a")
        changed.append("/d/a")

    object.__setattr__(question.hooks.then, "finished", finished)
    assert names(await listing) == ["a", "b"]
    assert changed
    assert federation.recall_listing("/d") is None
