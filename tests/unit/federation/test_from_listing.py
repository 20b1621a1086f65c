"""What was listed needs not be asked for, but where a listing leaves a doubt."""

import pytest

from tests.unit.federation.world import CERN, UVIC, World, asked, holding, mounted, virtual, world
from ugrpy.cache.entries import CachePolicy
from ugrpy.federation import KnownListing, Policies
from ugrpy.federation.fromlisting import name_in
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import Cause, Digest, Entry, Kind, Unknown
from ugrpy.namespace.paths import Mount
from ugrpy.testing import Reply, ScriptedEndpoint

MTIME_S = 1_700_000_000
POLICIES = Policies(
    cache=CachePolicy(ttl_s=300.0, listing_ttl_s=60.0, refresh_ahead=0.0, stale_max_s=0.0)
)


def storage(name: str, **files: int | None) -> ScriptedEndpoint:
    """Files of these sizes in ``/d``."""
    endpoint = holding(name)
    endpoint.add_collection("/d")
    for file, size_bytes in files.items():
        endpoint.add_file(f"/d/{file}", size_bytes, MTIME_S)
    return endpoint


async def listed(*members: object) -> World:
    small = world(*members, policies=POLICIES)  # type: ignore[arg-type]
    await small.federation.list("/d")
    return small


@pytest.mark.parametrize("want", [Want.ANY, Want.BEST])
@virtual
async def test_a_listed_file_is_known(want):
    uvic, cern = storage("uvic", f=10), storage("cern", f=10, g=20)
    small = await listed(uvic, cern)
    for path, size_bytes, holders in (("/d/f", 10, (CERN, UVIC)), ("/d/g", 20, (CERN,))):
        known, _ = await small.locate(path, want)
        merged = small.federation.expect(known)
        assert (merged.entry.size_bytes, merged.holders) == (size_bytes, holders)
        assert (known.complete, known.settled, known.at_s) == (True, True, 0.0)
        assert set(small.federation.order(known, small.zone("10.1.0.1"))) == set(holders)
    assert asked(uvic, cern) == [1, 1]


@virtual
async def test_it_is_as_old_as_the_listing_and_asked_for_with_it():
    uvic = storage("uvic", f=10)
    small = await listed(uvic)
    await small.pass_s(59)
    known, _ = await small.locate("/d/f")
    assert (known.at_s, known.fresh_until_s) == (0.0, 60.0)
    await small.pass_s(2)
    await small.locate("/d/f")
    assert asked(uvic) == [2]


@virtual
async def test_who_wants_all_asks_and_so_does_who_asks_for_what_is_not_listed():
    uvic = storage("uvic", f=10)
    small = await listed(uvic)
    await small.locate("/d/f", Want.ALL)
    await small.locate("/d/none")
    await small.locate("/d")
    assert asked(uvic) == [3]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"f": None}, {}),
        ({"f": 10}, {"f": 20}),
        ({"f": 10, "x": 1}, {"f": 11, "x": 1}),
    ],
)
@virtual
async def test_what_leaves_a_doubt_is_asked_for(first, second):
    """Without a size, or replicas that disagree."""
    uvic, cern = storage("uvic", **first), storage("cern", **second)
    small = await listed(uvic, cern)
    await small.locate("/d/f")
    assert asked(uvic, cern) == [2, 2]


@virtual
async def test_without_a_date_or_of_a_collection_nothing_is_taken_for_certain():
    uvic = holding("uvic", "/d/f", "/d/e/g")
    small = await listed(uvic)
    await small.locate("/d/f")
    await small.locate("/d/e")
    assert asked(uvic) == [3]


@virtual
async def test_a_partial_listing_is_not_enough():
    uvic, cern = storage("uvic", f=10), storage("cern", f=10)
    cern.on("/d", Reply(Unknown(Cause.BUSY)))
    small = await listed(uvic, cern)
    await small.locate("/d/f", Want.ANY)
    assert asked(uvic) == [2]


@virtual
async def test_something_mounted_inside_is_asked_for():
    uvic, cern = storage("uvic", f=10), storage("cern")
    small = await listed(uvic, mounted(cern, Mount("/d/f")))
    await small.locate("/d/f/x")
    assert asked(uvic) == [2]


@pytest.mark.parametrize(
    ("covering", "around", "known"),
    [
        ({UVIC: "/x/d/f"}, {UVIC: "/x/d"}, True),
        ({UVIC: "/elsewhere"}, {UVIC: "/x/d"}, False),
        ({UVIC: "/x/d/f", CERN: "/d/f"}, {UVIC: "/x/d"}, False),
        ({UVIC: "/x/d/f"}, {UVIC: "/x/d", CERN: "/d"}, False),
        ({CERN: "/d/f"}, {CERN: "/d"}, False),
    ],
)
def test_whoever_may_hold_it_must_have_listed_it_there(covering, around, known):
    file = Merged(Entry("f", Kind.FILE, 10, MTIME_S), (UVIC,))
    listing = KnownListing("/d", Merged(Entry("d", Kind.COLLECTION), (UVIC,)), (file,), {}, 0.0)
    assert (name_in(listing, "/d/f", covering, around) is not None) is known


@virtual
async def test_a_change_makes_it_be_asked_for():
    uvic = storage("uvic", f=10)
    small = await listed(uvic)
    await small.locate("/d/f")
    small.federation.forget("/d/f")
    uvic.add_file("/d/f", 99, MTIME_S)
    known, _ = await small.locate("/d/f")
    assert small.federation.expect(known).entry.size_bytes == 99


@virtual
async def test_its_checksums_come_along():
    uvic = holding("uvic")
    digest = Digest("adler32", "00000001")
    uvic.add_file("/d/f", 10, MTIME_S, (digest,))
    small = await listed(uvic)
    known, _ = await small.locate("/d/f")
    assert small.federation.expect(known).entry.digests == (digest,)
    assert asked(uvic) == [1]


@virtual
async def test_a_holder_that_went_out_since_is_left_out():
    uvic, cern = storage("uvic", f=10), storage("cern", f=10)
    small = await listed(uvic, cern)
    small.disable(CERN)
    assert await small.holders("/d/f") == [UVIC]
    small.disable(UVIC)
    assert (await small.refused("/d/f")).status == 503
    assert asked(uvic, cern) == [1, 1]
