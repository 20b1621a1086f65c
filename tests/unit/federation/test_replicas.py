"""Where a client is sent, and by which URL."""

from tests.unit.federation.world import (
    CERN,
    GENEVA_CLIENT,
    TRIUMF,
    UVIC,
    VICTORIA_CLIENT,
    holding,
    virtual,
    world,
)
from ugrpy.core.errors import Unavailable
from ugrpy.endpoints.base import Features
from ugrpy.federation import Member
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.paths import Mount, MountTable


@virtual
async def test_each_client_gets_the_nearer_replica_first():
    small = world(*(holding(name, "/f") for name in ("cern", "triumf", "uvic")))
    assert await small.holders("/f") == [UVIC, TRIUMF, CERN]
    assert await small.holders("/f", GENEVA_CLIENT) == [CERN, TRIUMF, UVIC]


@virtual
async def test_with_no_fuzz_the_nearest_is_always_first_and_with_some_they_share():
    draws = iter([0.99, 0.0] * 20)
    storage = [holding(name, "/f") for name in ("triumf", "uvic")]
    exact = world(*storage, fuzz_km=0.0, draw=lambda: next(draws))
    await exact.locate("/f", Want.ALL)
    assert {tuple(await exact.holders("/f")) for _ in range(10)} == {(UVIC, TRIUMF)}
    fuzzy = world(*storage, fuzz_km=200.0, draw=lambda: next(draws))
    await fuzzy.locate("/f", Want.ALL)
    assert {tuple(await fuzzy.holders("/f")) for _ in range(10)} == {
        (UVIC, TRIUMF),
        (TRIUMF, UVIC),
    }


@virtual
async def test_where_nothing_is_known_of_places_all_replicas_are_used():
    draws = iter([0.99, 0.0] * 20)
    small = world(holding("a", "/f"), holding("b", "/f"), places={}, draw=lambda: next(draws))
    await small.locate("/f", Want.ALL)
    assert {tuple(await small.holders("/f", "192.0.2.1")) for _ in range(10)} == {
        ("a", "b"),
        ("b", "a"),
    }


@virtual
async def test_an_outvoted_replica_is_not_offered():
    uvic, triumf, cern = (holding(name, "/f") for name in ("uvic", "triumf", "cern"))
    uvic.add_file("/f", 9)
    small = world(uvic, triumf, cern)
    known, _ = await small.locate("/f", Want.ALL)
    assert small.federation.order(known, small.zone(VICTORIA_CLIENT)) == (TRIUMF, CERN)
    (conflict,) = small.federation.expect(known).conflicts
    assert (conflict.endpoint, conflict.about) == (UVIC, "size")


@virtual
async def test_a_remembered_replica_on_one_that_went_out_is_not_offered():
    small = world(*(holding(name, "/f") for name in ("uvic", "cern")))
    await small.locate("/f", Want.ALL)
    small.disable(UVIC)
    assert await small.holders("/f") == [CERN]
    small.disable(CERN)
    error = await small.refused("/f")
    assert isinstance(error, Unavailable)
    assert error.status == 503
    assert error.retry_after_s == 60.0
    assert set(error.missing) == {"uvic", "cern"}
    small.enable(UVIC)
    assert await small.holders("/f") == [UVIC]


@virtual
async def test_urls_are_made_once_by_mount_and_carry_the_country():
    cern = holding("cern", "/data/a b", latency_s=0.01)
    small = world(Member(cern, MountTable([Mount("/atlas", "/data")]), country="ch"))
    known, _ = await small.locate("/atlas/a b")
    for _ in range(2):
        (replica,) = small.federation.replicas(known, [CERN])
        assert (replica.endpoint, replica.country) == (CERN, "ch")
        assert replica.url == "https://cern.example/data/a%20b"
    assert cern.calls.count(("url", "/data/a b")) == 1


@virtual
async def test_a_signed_url_is_minted_for_every_redirect():
    cern = holding("cern", "/f", features=Features(signs=True))
    small = world(cern)
    known, _ = await small.locate("/f")
    for _ in range(3):
        small.federation.replicas(known, [CERN])
    assert cern.calls.count(("url", "/f")) == 3
