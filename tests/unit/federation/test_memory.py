"""What is remembered of names, for how long, and what makes it be asked again."""

import asyncio

import pytest

from tests.unit.federation.world import (
    CERN,
    GENEVA_CLIENT,
    TRIUMF,
    UVIC,
    VICTORIA_CLIENT,
    asked,
    holding,
    virtual,
    world,
)
from ugrpy import telemetry
from ugrpy.cache.entries import CachePolicy
from ugrpy.federation import KnownListing, KnownName, Policies
from ugrpy.federation.memory import Memory
from ugrpy.namespace.fanout import FanoutPolicy, Want
from ugrpy.namespace.merge import Merged, Sighting, summarise
from ugrpy.namespace.model import Absent, Cause, Entry, Found, Kind, Unknown
from ugrpy.testing import HANG, Reply

CACHE = CachePolicy(ttl_s=300.0, negative_ttl_s=10.0, listing_ttl_s=60.0, incomplete_ttl_s=5.0)


@virtual
async def test_a_second_question_within_the_lifetime_asks_nobody():
    storage = [holding("uvic", "/f"), holding("cern")]
    small = world(*storage)
    first, _ = await small.locate("/f", Want.ALL)
    await small.pass_s(299)
    again, took_s = await small.locate("/f", Want.ALL)
    assert again == first
    assert (asked(*storage), took_s) == ([1, 1], 0.0)
    lookups = telemetry.CACHE_LOOKUPS
    assert small.tally.of(lookups, "entry", "miss") == 1
    assert small.tally.of(lookups, "entry", "hit") == 1


@pytest.mark.row("D112")
@virtual
async def test_a_name_asked_for_all_the_time_is_fetched_anew_after_its_lifetime():
    uvic = holding("uvic", "/f", latency_s=1.0)
    small = world(uvic, policies=Policies(cache=CACHE))
    for _ in range(400):
        await small.locate("/f")
        await small.pass_s(1.0)
    # the lifetime counts from when the question was put, and 1 second passes until it is answered
    assert asked(uvic) == [2]
    uvic.add_file("/f", 99)
    while small.now_s <= 602:
        await small.locate("/f")
        await small.pass_s(1.0)
    known, _ = await small.locate("/f")
    assert small.federation.expect(known).entry.size_bytes == 99
    assert asked(uvic) == [3]


@pytest.mark.row("D111")
@virtual
async def test_a_miss_is_checked_again_after_its_own_lifetime():
    uvic = holding("uvic")
    small = world(uvic)
    assert (await small.refused("/f")).status == 404
    uvic.add_file("/f", 10)
    await small.pass_s(9.9)
    assert (await small.refused("/f")).status == 404
    assert asked(uvic) == [1]
    await small.pass_s(0.2)
    assert await small.holders("/f") == [UVIC]


@virtual
async def test_an_answer_that_one_in_doubt_did_not_contribute_to_lives_shortly():
    uvic, cern = holding("uvic", "/f"), holding("cern", "/f")
    cern.on("/f", Reply(Unknown(Cause.BUSY, "429")), Reply(Found(Entry("f", Kind.FILE, 10))))
    small = world(uvic, cern)
    known, _ = await small.locate("/f", Want.ALL)
    assert not known.complete
    assert known.missing == {"cern": "429"}
    await small.pass_s(4.9)
    assert (await small.locate("/f", Want.ALL))[0] == known
    await small.pass_s(0.2)
    assert await small.holders("/f", GENEVA_CLIENT) == [CERN, UVIC]


@virtual
async def test_a_miss_in_doubt_is_not_remembered_at_all():
    uvic, cern = holding("uvic"), holding("cern")
    cern.on("/f", Reply(Unknown(Cause.BUSY, "429")), Reply(Absent()))
    small = world(uvic, cern)
    assert [(await small.refused("/f")).status for _ in range(2)] == [503, 404]


@pytest.mark.row("D40")
@virtual
async def test_an_answer_after_the_reply_enriches_what_is_remembered():
    uvic, cern = holding("uvic", "/f", latency_s=0.02), holding("cern", "/f", latency_s=2.0)
    small = world(uvic, cern)
    known, took_s = await small.locate("/f")
    assert took_s == pytest.approx(0.02)
    assert known.silent == {CERN}
    await small.pass_s(2.0)
    assert known.knowledge.keys() == {UVIC}  # a reply once given is not changed
    assert await small.holders("/f", GENEVA_CLIENT) == [CERN, UVIC]
    later, took_s = await small.locate("/f", Want.ALL)
    assert (later.complete, took_s) == (True, 0.0)
    assert asked(uvic, cern) == [1, 1]


@virtual
async def test_it_does_so_while_yet_another_one_is_silent():
    uvic, triumf = holding("uvic", "/f", latency_s=0.02), holding("triumf", "/f", latency_s=1.0)
    cern = holding("cern")
    cern.everything(HANG)
    small = world(uvic, triumf, cern)
    await small.locate("/f")
    await small.pass_s(1.0)
    recalled = small.federation.recall("/f", Want.BEST, small.zone(VICTORIA_CLIENT))
    assert recalled is not None
    assert small.federation.order(recalled, small.zone(VICTORIA_CLIENT)) == (UVIC, TRIUMF)
    assert recalled.silent == {CERN}


@virtual
async def test_a_late_answer_before_any_reply_is_not_remembered_for_others():
    """Nobody has been answered yet, so there is nothing that would do for the next client."""
    uvic, cern = holding("uvic", "/f", latency_s=1.0), holding("cern", latency_s=0.1)
    small = world(uvic, cern)
    client = asyncio.create_task(small.locate("/f"))
    await small.pass_s(0.5)
    assert small.federation.recall("/f") is None
    await client


@virtual
async def test_an_early_answer_does_for_those_it_is_good_enough_for():
    uvic, cern = holding("uvic", "/f", latency_s=2.0), holding("cern", "/f", latency_s=0.1)
    small = world(uvic, cern)
    recall, victoria, geneva = (
        small.federation.recall,
        small.zone(VICTORIA_CLIENT),
        small.zone(GENEVA_CLIENT),
    )
    await small.locate("/f", client=GENEVA_CLIENT)
    assert recall("/f", Want.ANY) is not None
    assert recall("/f", Want.BEST, geneva) is not None
    assert recall("/f", Want.BEST) is not None
    assert recall("/f", Want.ALL) is None
    assert recall("/f", Want.BEST, victoria) is None
    assert small.tally.of(telemetry.CACHE_LOOKUPS, "entry", "stale") == 2
    # the client in Victoria joins the question under way instead of putting another
    _, took_s = await small.locate("/f")
    assert took_s == pytest.approx(0.25)
    assert asked(uvic, cern) == [1, 1]


@virtual
async def test_what_was_put_together_early_is_gone_with_its_question():
    """After the deadline there is a final answer: incomplete, and at most as old as that may be."""
    uvic, cern = holding("uvic", "/f"), holding("cern")
    cern.everything(HANG)
    policies = Policies(FanoutPolicy(deadline_s=3.0), CACHE)
    small = world(uvic, cern, policies=policies)
    await small.locate("/f")
    await small.pass_s(3.1)
    known = small.federation.recall("/f", Want.ALL)
    assert known is not None
    assert known.missing == {"cern": "no answer within 3 s"}
    await small.pass_s(5.0)
    assert small.federation.recall("/f") is None


# -- endpoints that come and go ------------------------------------------------------------------------


@pytest.mark.row("D116")
@virtual
async def test_a_miss_is_asked_again_when_one_that_was_out_is_back():
    uvic, cern = holding("uvic"), holding("cern", "/f")
    small = world(uvic, cern)
    small.disable(CERN)
    assert (await small.refused("/f")).status == 404
    await small.pass_s(1)
    assert (await small.refused("/f")).status == 404
    assert asked(uvic, cern) == [1, 0]
    small.enable(CERN)
    assert await small.holders("/f") == [CERN]


@virtual
async def test_a_hit_is_asked_again_when_one_that_was_out_is_back():
    uvic, cern = holding("uvic", "/f"), holding("cern", "/f")
    small = world(uvic, cern)
    small.disable(CERN)
    assert await small.holders("/f", GENEVA_CLIENT) == [UVIC]
    small.enable(CERN)
    assert await small.holders("/f", GENEVA_CLIENT) == [CERN, UVIC]
    assert asked(uvic, cern) == [2, 1]


@virtual
async def test_one_that_went_out_does_not_make_anything_be_asked_again():
    uvic, cern = holding("uvic", "/f"), holding("cern", "/f")
    small = world(uvic, cern)
    await small.locate("/f", Want.ALL)
    small.disable(CERN)
    assert await small.holders("/f") == [UVIC]
    assert asked(uvic, cern) == [1, 1]


# -- the memory by itself ------------------------------------------------------------------------------

FILE = Found(Entry("f", Kind.FILE, 10))


def known_name(path: str, at_s: float = 0.0, **said: Found | Absent | Unknown) -> KnownName:
    knowledge = {one: Sighting(said[one], at_s) for one in (UVIC, TRIUMF, CERN) if one in said}
    return KnownName(path, summarise(knowledge), knowledge, frozenset(), {}, at_s)


@pytest.mark.parametrize(
    ("said", "until_s"),
    [
        ({"uvic": FILE, "cern": Absent()}, 100.0 + 300.0),
        ({"uvic": Absent()}, 100.0 + 10.0),
        ({"uvic": FILE, "cern": Unknown(Cause.BUSY)}, 109.0 + 5.0),
        ({"uvic": Absent(), "cern": Unknown(Cause.BUSY)}, 109.0),
    ],
)
def test_lifetimes_count_from_the_question_and_those_of_doubt_from_the_answer(said, until_s):
    """Asked at 100 s and answered at 109, near the deadline."""
    memory = Memory(CACHE)
    memory.keep_name(known_name("/f", 100.0, **said), 109.0)
    assert memory.names.get("/f", until_s) is None
    memory.keep_name(known_name("/f", 100.0, **said), 109.0)
    assert (memory.names.get("/f", until_s - 0.1) is not None) is (until_s > 109.0)


def test_misses_of_endless_names_are_not_kept():
    memory = Memory(CACHE)
    short, endless = "/" + "a" * 100, "/" + "a" * 2000
    for path in (short, endless):
        memory.keep_name(known_name(path, 1.0, uvic=Absent()), 1.0)
    assert memory.names.get(short, 1.0) is not None
    assert memory.names.get(endless, 1.0) is None
    memory.keep_name(known_name(endless, 1.0, uvic=FILE), 1.0)
    assert memory.names.get(endless, 1.0) is not None, (
        "what is there is kept however long its name (row D19)"
    )


def test_a_miss_under_way_is_of_no_use():
    memory = Memory(CACHE)
    memory.keep_for_now(known_name("/f", uvic=Absent()), 10.0, 1.0)
    assert memory.names.get("/f", 1.0) is None


def test_who_held_it_is_kept_for_as_long_as_nobody_knows_better():
    memory = Memory(CACHE)
    entry = FILE.entry
    assert memory.holders("/f") == {}
    memory.keep_name(known_name("/f", uvic=FILE, cern=FILE), 1.0)
    assert memory.holders("/f") == {UVIC: entry, CERN: entry}
    memory.keep_name(known_name("/f", uvic=FILE, cern=Unknown(Cause.BUSY)), 2.0)
    assert memory.holders("/f") == {UVIC: entry, CERN: entry}
    memory.keep_name(known_name("/f", uvic=FILE, cern=Absent()), 2.0)
    assert memory.holders("/f") == {UVIC: entry}
    memory.keep_name(known_name("/f", uvic=Absent(), cern=Absent()), 2.0)
    assert memory.holders("/f") == {}


@pytest.mark.parametrize(
    ("missing", "policy", "until_s"),
    [
        ({}, CACHE, 100.0 + 60.0),
        ({"cern": "429"}, CACHE, 100.5 + 5.0),
        ({"cern": "429"}, CachePolicy(listing_ttl_s=2.0), 100.5 + 2.0),
    ],
)
def test_listings_have_lifetimes_of_their_own(missing, policy, until_s):
    memory = Memory(policy)
    listing = KnownListing("/d", Merged(Entry("d", Kind.COLLECTION), (UVIC,)), (), missing, 100.0)
    assert listing.complete is not bool(missing)
    memory.keep_listing(listing, 100.5)
    assert memory.listings.get("/d", until_s - 0.1) is listing
    assert memory.listings.get("/d", until_s) is None


def test_there_is_room_for_fewer_listings_than_names():
    memory = Memory(CachePolicy(max_items=50))
    assert (memory.names.tiers.max_items, memory.listings.max_items) == (50, 1)
    assert repr(memory).startswith("<Memory names <Names <TwoTiers 0 live")
