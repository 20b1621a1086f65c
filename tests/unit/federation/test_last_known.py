"""What is answered when no endpoint can say: what was known last, marked, and never in anybody's place who still speaks."""

import pytest

from tests.unit.federation.world import (  # fmt: skip
    CERN,
    UVIC,
    VICTORIA_CLIENT,
    World,
    asked,
    holding,
    mounted,
    virtual,
    world,
)
from ugrpy import telemetry
from ugrpy.cache.entries import CachePolicy
from ugrpy.core.errors import RequestError, Unavailable
from ugrpy.federation import KnownListing, KnownName, Policies
from ugrpy.namespace.fanout import FanoutPolicy, Want
from ugrpy.namespace.merge import Merged, Sighting, summarise
from ugrpy.namespace.model import Absent, EndpointId, Entry, Found, Kind
from ugrpy.namespace.origin import Origin
from ugrpy.namespace.paths import Mount
from ugrpy.testing import HANG, Reply

CACHE = CachePolicy(
    ttl_s=100.0, negative_ttl_s=10.0, incomplete_ttl_s=5.0, refresh_ahead=0.0, stale_max_s=1000.0
)
POLICIES = Policies(FanoutPolicy(deadline_s=3.0), CACHE)


class Written:
    """A past that was written by a process before this one."""

    def __init__(self, names: tuple[KnownName, ...] = (), listings: tuple[KnownListing, ...] = ()):
        self.names = {one.path: one for one in names}
        self.listings = {one.path: one for one in listings}
        self.noted: list[str] = []
        self.forgotten: list[tuple[str, frozenset[EndpointId], bool]] = []

    def note_name(self, known):
        self.noted.append(known.path)

    def note_listing(self, known):
        self.noted.append(known.path + "/")

    def forget(self, path, away, *, below):
        self.forgotten.append((path, frozenset(away), below))

    async def name(self, path):
        return self.names.get(path)

    async def listing(self, path):
        return self.listings.get(path)


def written_name(path: str, at_s: float, *holders: EndpointId) -> KnownName:
    said = Found(Entry(path.rpartition("/")[2], Kind.FILE, 10))
    knowledge = {holder: Sighting(said, at_s) for holder in holders}
    return KnownName(path, summarise(knowledge), knowledge, frozenset(), {}, at_s)


def written_listing(path: str, at_s: float, name: str, *holders: EndpointId) -> KnownListing:
    child = Merged(Entry(name, Kind.FILE, 10), holders)
    itself = Merged(Entry(path.rpartition("/")[2], Kind.COLLECTION), holders)
    return KnownListing(path, itself, (child,), {}, at_s)


async def cut_off(small: World, *names: EndpointId) -> None:
    await small.pass_s(200)
    for name in names:
        small.disable(name)


# -- names ---------------------------------------------------------------------------------------------


@virtual
async def test_what_was_known_is_told_marked_and_aged_when_all_are_out():
    uvic, cern = holding("uvic", "/f"), holding("cern", "/f")
    small = world(uvic, cern, policies=POLICIES)
    await small.locate("/f", Want.ALL)
    await cut_off(small, UVIC, CERN)
    known, took_s = await small.locate("/f")
    assert (known.origin, known.at_s, took_s) == (Origin.LAST_KNOWN, 0.0, 0.0)
    assert small.federation.expect(known).entry.size_bytes == 10
    assert known.missing == dict.fromkeys(("uvic", "cern"), "disabled by the operator: maintenance")
    assert not known.complete
    assert not known.settled
    assert small.tally.of(telemetry.CACHE_LAST_KNOWN, "entry") == 1


@virtual
async def test_nobody_is_sent_to_one_known_to_be_out():
    uvic = holding("uvic", "/f")
    small = world(uvic, policies=POLICIES)
    await small.locate("/f")
    await cut_off(small, UVIC)
    error = await small.refused("/f")
    assert isinstance(error, Unavailable)
    assert (error.status, error.retry_after_s is not None) == (503, True)


@virtual
async def test_after_the_deadline_the_mute_are_not_waited_for_and_still_asked():
    uvic, cern = holding("uvic", "/f", "/g"), holding("cern", "/f")
    small = world(uvic, cern, policies=POLICIES)
    for path in ("/f", "/g"):
        await small.locate(path, Want.ALL)
    await small.pass_s(200)
    for one in (uvic, cern):
        one.everything(HANG)
    known, took_s = await small.locate("/f")
    assert (known.origin, took_s) == (Origin.LAST_KNOWN, 3.0)
    # somebody in service, although mute now, is not known to be dead
    assert sorted(small.federation.order(known, small.zone(VICTORIA_CLIENT))) == ["cern", "uvic"]
    known, took_s = await small.locate("/g")
    assert (known.origin, took_s) == (Origin.LAST_KNOWN, 0.0)
    uvic.everything(None)
    cern.everything(None)
    await small.locate("/g")
    await small.pass_s(4.0)
    known, _ = await small.locate("/g", Want.ALL)
    assert known.origin is Origin.ENDPOINTS


@virtual
async def test_a_slow_endpoint_is_waited_for():
    uvic = holding("uvic", "/f", latency_s=2.0)
    small = world(uvic, policies=POLICIES)
    await small.locate("/f")
    await small.pass_s(200)
    uvic.add_file("/f", 99)
    known, took_s = await small.locate("/f")
    assert (known.origin, took_s) == (Origin.ENDPOINTS, 2.0)


@pytest.mark.parametrize("said", [Absent(), Found(Entry("f", Kind.FILE, 99))])
@virtual
async def test_one_who_still_speaks_is_believed(said):
    uvic, cern = holding("uvic", "/f"), holding("cern", "/f")
    small = world(uvic, cern, policies=POLICIES)
    await small.locate("/f", Want.ALL)
    await cut_off(small, CERN)
    uvic.everything(Reply(said))
    known, _ = await small.locate("/f")
    assert known.origin is Origin.ENDPOINTS
    if isinstance(said, Absent):
        assert (await small.refused("/f")).status == 503, "who is out is known to hold it"


@virtual
async def test_too_old_is_not_told_nor_what_is_being_changed_nor_when_it_is_turned_off():
    off = Policies(cache=CachePolicy(ttl_s=100.0, stale_max_s=0.0))
    for policies, wait_s in ((POLICIES, 1001), (off, 200)):
        uvic = holding("uvic", "/f")
        small = world(uvic, policies=policies)
        await small.locate("/f")
        await small.pass_s(wait_s)
        small.disable(UVIC)
        known, _ = await small.locate("/f")
        assert (known.merged, known.origin) == (None, Origin.ENDPOINTS)


@virtual
async def test_what_has_gone_since_is_not_told():
    uvic = holding("uvic", "/f")
    small = world(uvic, policies=POLICIES)
    await small.federation.list("/")
    await small.locate("/f")
    await small.pass_s(150)
    uvic.everything(Reply(Absent()))
    await small.locate("/f")
    await cut_off(small, UVIC)
    assert (await small.refused("/f")).status == 404


# -- from before this process ---------------------------------------------------------------------------


@virtual
async def test_after_a_start_the_mute_are_waited_for_a_moment():
    uvic = holding("uvic")
    uvic.everything(HANG)
    small = world(uvic, policies=POLICIES)
    small.federation.keep_past(Written((written_name("/f", -500.0, UVIC),)))
    known, took_s = await small.locate("/f")
    assert (known.origin, known.at_s, took_s) == (Origin.LAST_KNOWN, -500.0, 1.0)
    assert (await small.locate("/f"))[1] == 0.0
    assert await small.holders("/f") == [UVIC], "not known to be dead"


@virtual
async def test_a_cold_start_with_living_endpoints_asks_them():
    uvic = holding("uvic", "/f")
    small = world(uvic, policies=POLICIES)
    small.federation.keep_past(Written((written_name("/f", -1.0, CERN),)))
    known, _ = await small.locate("/f")
    assert (known.origin, await small.holders("/f")) == (Origin.ENDPOINTS, [UVIC])


@virtual
async def test_who_held_it_before_the_start_makes_a_503_of_a_404():
    uvic, cern = holding("uvic"), holding("cern", "/f")
    small = world(uvic, cern, policies=POLICIES)
    past = Written((written_name("/f", -5.0, CERN), written_name("/g", -5.0, UVIC)))
    small.federation.keep_past(past)
    small.disable(CERN)
    assert (await small.refused("/f")).status == 503
    assert (await small.refused("/f")).status == 503
    assert (await small.refused("/g")).status == 404
    assert asked(cern) == [0]


@virtual
async def test_endpoints_of_another_configuration_are_left_out():
    uvic = holding("uvic")
    small = world(mounted(uvic, Mount("/atlas")), policies=POLICIES)
    elsewhere = EndpointId("elsewhere")
    names = (written_name("/atlas/f", -5.0, elsewhere), written_name("/cms/f", -5.0, UVIC))
    small.federation.keep_past(Written(names))
    small.disable(UVIC)
    for path in ("/atlas/f", "/cms/f"):
        assert (await small.refused(path)).status == 404


@virtual
async def test_a_listing_written_down_tells_of_names():
    uvic = holding("uvic")
    small = world(uvic, policies=POLICIES)
    small.federation.keep_past(Written(listings=(written_listing("/d", -5.0, "f", UVIC),)))
    small.disable(UVIC)
    known, _ = await small.locate("/d/f")
    assert (known.origin, known.at_s) == (Origin.LAST_KNOWN, -5.0)
    listing = await small.federation.list("/d")
    assert [child.entry.name for child in listing.children] == ["f"]


@virtual
async def test_what_is_learnt_and_what_is_changed_is_noted():
    uvic = holding("uvic", "/d/f")
    small = world(uvic, policies=POLICIES)
    past = Written()
    small.federation.keep_past(past)
    await small.locate("/d/f")
    await small.federation.list("/d")
    assert past.noted == ["/d/f", "/d", "/d/"]
    small.federation.forget("/d/f")
    small.disable(UVIC)
    small.federation.forget_below("/d")
    assert past.forgotten == [("/d/f", frozenset(), False), ("/d", {UVIC}, True)]


# -- collections --------------------------------------------------------------------------------------------


@virtual
async def test_a_collection_that_nobody_can_list_is_told_as_it_was():
    uvic = holding("uvic", "/d/f")
    small = world(uvic, policies=POLICIES)
    first = await small.federation.list("/d")
    await cut_off(small, UVIC)
    for ask in (small.federation.list, small.federation.open_listing):
        last = await ask("/d")
        assert isinstance(last, KnownListing)
        assert (last.origin, last.children, last.at_s) == (Origin.LAST_KNOWN, first.children, 0.0)
        assert not last.complete
    assert small.tally.of(telemetry.CACHE_LAST_KNOWN, "listing") == 2


@virtual
async def test_the_mute_list_nothing_and_the_last_listing_is_told():
    uvic = holding("uvic", "/d/f")
    small = world(uvic, policies=POLICIES)
    await small.federation.list("/d")
    await small.pass_s(200)
    uvic.everything(HANG)
    for took_s in (3.0, 0.0):
        before_s = small.now_s
        last = await small.federation.open_listing("/d")
        assert isinstance(last, KnownListing)
        assert (last.origin, small.now_s - before_s) == (Origin.LAST_KNOWN, took_s)


@virtual
async def test_a_listing_of_those_who_speak_is_partial_and_not_old():
    uvic, cern = holding("uvic", "/d/f"), holding("cern", "/d/g")
    small = world(uvic, cern, policies=POLICIES)
    await small.federation.list("/d")
    await cut_off(small, CERN)
    listing = await small.federation.list("/d")
    assert (listing.origin, [child.entry.name for child in listing.children]) == (
        Origin.ENDPOINTS,
        ["f"],
    )


@virtual
async def test_a_name_only_seen_in_a_listing_is_unavailable_while_its_holder_is_out():
    uvic, cern = holding("uvic", "/d/e"), holding("cern", "/d/f")
    small = world(uvic, cern, policies=POLICIES)
    await small.federation.list("/d")
    await cut_off(small, CERN)
    assert (await small.refused("/d/f")).status == 503
    assert (await small.refused("/d/none")).status == 404
    # changed since on one that answers, kept on one that is away
    small.federation.forget("/d/f")
    assert (await small.refused("/d/f")).status == 503
    small.federation.forget_below("/d")
    assert (await small.refused("/d/f")).status == 503
    small.enable(CERN)
    small.federation.forget("/d/f")
    small.disable(CERN)
    assert (await small.refused("/d/f")).status == 404


@virtual
async def test_nothing_is_made_up_for_what_only_mounts_make():
    uvic = holding("uvic", "/f")
    small = world(mounted(uvic, Mount("/a/b")), policies=POLICIES)
    await small.federation.list("/a")
    await cut_off(small, UVIC)
    listing = await small.federation.list("/a")
    assert (listing.origin, listing.complete) == (Origin.ENDPOINTS, True)
    with pytest.raises(RequestError):
        await small.federation.list("/x")
