"""Collections too long to wait for: read while they grow, refused where that is wished, remembered within bounds."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.unit.federation.world import CERN, TRIUMF, UVIC, World, holding, mounted, virtual, world
from ugrpy import telemetry
from ugrpy.cache.entries import CachePolicy
from ugrpy.core.errors import TooManyItems, Unavailable
from ugrpy.federation import Follower, KnownListing, Policies
from ugrpy.federation.contents import LOOSE
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import Absent, Cause, Entry, Found, Kind, Unknown
from ugrpy.namespace.paths import Mount
from ugrpy.testing import HANG, Reply, ScriptedEndpoint

FOLDER = Found(Entry("d", Kind.COLLECTION))
MANY = LOOSE + 2000


def entries(count: int, first: int = 0) -> tuple[Entry, ...]:
    return tuple(Entry(f"f{n:06}", Kind.FILE, n) for n in range(first, first + count))


def listing_of(children: Sequence[Entry], *, gap_s: float = 0.0, end: Found | Unknown = FOLDER):
    return Reply(end, tuple(children), piece_size=1000, gap_s=gap_s)


def scripted(name: str, reply: Reply) -> ScriptedEndpoint:
    endpoint = ScriptedEndpoint(name)
    endpoint.on("/d", reply)
    return endpoint


async def followed(small: World, path: str = "/d") -> Follower:
    listing = await small.federation.open_listing(path)
    assert isinstance(listing, Follower)
    return listing


async def read(follower: Follower) -> list[Merged]:
    try:
        return [child async for piece in follower.pieces() for child in piece]
    finally:
        follower.close()


@virtual
async def test_a_short_listing_is_opened_whole():
    small = world(holding("uvic", "/d/a"))
    listing = await small.federation.open_listing("/d")
    assert isinstance(listing, KnownListing)
    assert [child.entry.name for child in listing.children] == ["a"]


@virtual
async def test_a_long_one_is_read_before_its_end():
    uvic = scripted("uvic", listing_of(entries(MANY), gap_s=0.5))
    small = world(uvic)
    follower = await followed(small)
    # the eleventh thousand is the first beyond what is waited for
    assert small.now_s == pytest.approx(5.0)
    assert follower.itself.entry == Entry("d", Kind.COLLECTION)
    pieces = follower.pieces()
    first = [child.entry.name for child in await anext(pieces)]
    assert first[:2] == ["f000000", "f000001"]
    assert small.now_s == pytest.approx(5.0)
    rest = [child async for piece in pieces for child in piece]
    assert len(first) + len(rest) == MANY
    assert small.now_s == pytest.approx(6.0)
    assert follower.missing == {}
    # it is remembered as a whole
    again = small.federation.recall_listing("/d")
    assert again is not None
    assert {child.entry.name for child in again.children} == {e.name for e in entries(MANY)}


@virtual
async def test_each_child_comes_once_with_all_its_replicas():
    half = MANY // 2
    uvic = scripted("uvic", listing_of(entries(MANY), gap_s=0.1))
    cern = scripted("cern", listing_of(entries(half) + entries(100, MANY), gap_s=0.2))
    children = await read(await followed(world(uvic, cern)))
    assert len(children) == MANY + 100
    by_name = {child.entry.name: child.holders for child in children}
    assert len(by_name) == MANY + 100
    both = {name for name, holders in by_name.items() if holders == (CERN, UVIC)}
    assert both == {entry.name for entry in entries(half)}


@virtual
async def test_clashes_are_told_counted_and_settled_by_vote():
    other = [Entry(e.name, e.kind, 7) if e.name == "f000010" else e for e in entries(MANY)]
    told: list[tuple[str, Sequence[Merged]]] = []
    small = world(
        scripted("uvic", listing_of(entries(MANY))),
        scripted("cern", listing_of(other)),
        scripted("triumf", listing_of(entries(MANY))),
        on_clash=lambda path, clashing: told.append((path, clashing)),
    )
    children = await read(await followed(small))
    (disputed,) = [child for child in children if child.conflicts]
    assert (disputed.entry.size_bytes, disputed.holders) == (10, (TRIUMF, UVIC))
    assert told == [("/d", [disputed])]
    assert small.tally.of(telemetry.CLASHES, "size") == 1


@virtual
async def test_several_read_the_same_listing_from_its_beginning():
    uvic = scripted("uvic", listing_of(entries(MANY), gap_s=0.5))
    small = world(uvic)
    early = await followed(small)
    await small.pass_s(0.7)
    late = await followed(small)
    one, other = await asyncio.gather(read(early), read(late))
    assert len(one) == MANY
    assert one == other
    assert uvic.calls.count(("list", "/d")) == 1


@virtual
async def test_who_leaves_stops_the_listing_only_if_nobody_else_reads():
    uvic = scripted("uvic", listing_of(entries(MANY), gap_s=0.5))
    small = world(uvic)
    one, other = await followed(small), await followed(small)
    one.close()
    await small.pass_s(0)
    assert uvic.cancelled == []
    other.close()
    await small.pass_s(0)
    assert uvic.cancelled == [("list", "/d")]
    assert uvic.pending == 0


@virtual
async def test_leaving_while_it_is_not_yet_long_enough_stops_it_too():
    uvic = scripted("uvic", listing_of(entries(MANY), gap_s=0.5))
    small = world(uvic)
    client = asyncio.create_task(small.federation.open_listing("/d"))
    await small.pass_s(1.0)
    client.cancel()
    await asyncio.wait([client])
    await small.pass_s(0)
    assert uvic.cancelled == [("list", "/d")]


@virtual
async def test_at_its_end_it_says_who_was_missing():
    broken = Unknown(Cause.UNREACHABLE, "connection reset")
    small = world(
        scripted("uvic", listing_of(entries(MANY), gap_s=0.1)),
        scripted("cern", Reply(broken, entries(5, MANY), after_s=1.5)),
        holding("triumf"),
    )
    small.disable(TRIUMF)
    follower = await followed(small)
    known = {"triumf": "disabled by the operator: maintenance"}
    assert follower.missing == known
    children = await read(follower)
    assert len(children) == MANY + 5
    assert follower.missing == {**known, "cern": "connection reset"}
    assert small.tally.of(telemetry.PARTIAL_LISTINGS) == 1


@virtual
async def test_when_the_only_one_breaks_off_there_is_no_orderly_end():
    broken = Unknown(Cause.UNREACHABLE, "connection reset")
    small = world(scripted("uvic", listing_of(entries(MANY), gap_s=0.1, end=broken)))
    follower = await followed(small)
    with pytest.raises(Unavailable):
        await read(follower)


@virtual
async def test_a_silent_endpoint_beside_a_long_listing_costs_the_deadline_and_no_more():
    silent = ScriptedEndpoint("cern")
    silent.everything(HANG)
    small = world(scripted("uvic", listing_of(entries(MANY), gap_s=0.1)), silent)
    follower = await followed(small)
    assert small.now_s < 2.0
    assert len(await read(follower)) == MANY
    assert small.now_s == pytest.approx(10.0)
    assert follower.missing == {"cern": "no answer within 10 s"}


@virtual
async def test_it_is_not_begun_while_those_who_are_silent_could_still_make_it_a_file():
    file = Found(Entry("d", Kind.FILE, 1))
    late = [scripted(name, Reply(file, after_s=8.0)) for name in ("cern", "triumf")]
    small = world(scripted("uvic", listing_of(entries(MANY))), *late)
    listing = await small.federation.open_listing("/d")
    assert isinstance(listing, KnownListing)
    assert listing.itself.entry.kind is Kind.FILE
    assert small.now_s == pytest.approx(8.0)


@virtual
async def test_it_is_begun_as_soon_as_they_cannot():
    absent = [scripted(name, Reply(Absent(), after_s=3.0)) for name in ("cern", "triumf")]
    small = world(scripted("uvic", listing_of(entries(MANY))), *absent)
    await read(await followed(small))
    assert small.now_s == pytest.approx(3.0)


@virtual
async def test_mount_points_are_among_a_long_listing_once():
    uvic = scripted("uvic", listing_of((*entries(MANY), Entry("m", Kind.COLLECTION))))
    small = world(uvic, mounted(holding("cern"), Mount("/d/m"), Mount("/d/n")))
    children = await read(await followed(small))
    names = [child.entry.name for child in children]
    assert len(names) == len(set(names)) == MANY + 2
    assert {"m", "n"} < set(names)


@virtual
async def test_a_listing_asked_for_whole_is_given_whole_however_long():
    small = world(scripted("uvic", listing_of(entries(MANY), gap_s=0.5)))
    listing = await small.federation.list("/d")
    assert [child.entry for child in listing.children] == list(entries(MANY))


# -- bounds ------------------------------------------------------------------------------------------


def limited(count: int, *storage: ScriptedEndpoint) -> World:
    return world(*storage, policies=Policies(max_list_items=count))


@virtual
async def test_a_longer_listing_than_allowed_is_refused_at_once_and_its_items_are_there():
    uvic = scripted("uvic", listing_of(entries(5000), gap_s=1.0))
    uvic.add_file("/d/f000001", 1)
    uvic.on("/d", listing_of(entries(5000), gap_s=1.0))
    small = limited(1500, uvic)
    for _ in range(2):
        with pytest.raises(TooManyItems) as refused:
            await small.federation.list("/d")
        assert str(refused.value) == (
            "/d holds more than 1500 items, the most that are listed here"
        )
        assert refused.value.status == 403
        assert "asked for by its name" in refused.value.hint
    # it was not read to its end, and not asked for again
    assert small.now_s == pytest.approx(1.0)
    await small.pass_s(0)
    assert uvic.cancelled == [("list", "/d")]
    assert small.board[UVIC].failed == 0
    assert await small.holders("/d/f000001") == [UVIC]
    await small.pass_s(CachePolicy().listing_ttl_s)
    uvic.on("/d", listing_of(entries(3)))
    assert len((await small.federation.list("/d")).children) == 3


@virtual
async def test_all_who_wait_for_a_refused_listing_are_told():
    small = limited(1500, scripted("uvic", listing_of(entries(5000), gap_s=1.0)))
    told = await asyncio.gather(
        *(small.federation.list("/d") for _ in range(3)), return_exceptions=True
    )
    assert [type(one) for one in told] == [TooManyItems] * 3


@virtual
async def test_just_as_many_as_allowed_are_listed():
    small = limited(3, holding("uvic", "/d/a", "/d/b"), holding("cern", "/d/b", "/d/c"))
    assert len((await small.federation.list("/d")).children) == 3


@virtual
async def test_the_memory_is_bounded_by_children_not_by_listings():
    storage = ScriptedEndpoint("uvic")
    for number in range(6):
        storage.on(f"/{number}", listing_of(entries(1000)))
    small = world(storage, policies=Policies(cache=CachePolicy(max_items=3500)))
    for number in range(6):
        await small.federation.list(f"/{number}")
    assert [small.federation.recall_listing(f"/{n}") is not None for n in range(6)] == [
        *(False,) * 3,
        *(True,) * 3,
    ]
    storage.on("/long", listing_of(entries(4000)))
    await small.federation.list("/long")
    assert small.federation.recall_listing("/long") is None
    assert small.federation.recall_listing("/5") is not None


# -- what is heard of a name later (row D59) ------------------------------------------------------------


@pytest.mark.parametrize("count", [3, MANY])
@virtual
async def test_a_file_found_by_name_is_added_to_the_listing_remembered(count: int):
    uvic = scripted("uvic", listing_of(entries(count)))
    small = world(uvic)
    await small.federation.list("/d")
    await small.pass_s(1.0)
    uvic.on("/d/new", Reply(Found(Entry("new", Kind.FILE, 5))))
    uvic.on("/d/f000001", Reply(Found(Entry("f000001", Kind.FILE, 77))))
    uvic.on("/d/f000002", Reply(Absent()))
    for name in ("new", "f000001", "f000002", "f999999"):
        await small.locate(f"/d/{name}")
    listing = small.federation.recall_listing("/d")
    assert listing is not None
    now = {child.entry.name: child.entry.size_bytes for child in listing.children}
    expected = {entry.name: entry.size_bytes for entry in entries(count)}
    expected |= {"new": 5, "f000001": 77}
    del expected["f000002"]
    assert now == expected
    if count == 3:
        assert list(now) == sorted(now)
    # its age is that of the listing, not of the news
    await small.pass_s(CachePolicy().listing_ttl_s - 1.0)
    assert small.federation.recall_listing("/d") is None


@virtual
async def test_a_doubtful_word_does_not_change_the_listing():
    uvic, cern = holding("uvic", "/d/a"), holding("cern", "/d/b")
    small = world(uvic, cern)
    await small.federation.list("/d")
    cern.on("/d/b", Reply(Unknown(Cause.BUSY, "429")))
    await small.locate("/d/b")
    listing = small.federation.recall_listing("/d")
    assert listing is not None
    assert [child.entry.name for child in listing.children] == ["a", "b"]
