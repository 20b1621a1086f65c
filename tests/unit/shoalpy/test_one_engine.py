"""Storage and proxies are placed and measured by one engine: the gateway and shoalpy agree on every pair of addresses."""

from ipaddress import ip_address, ip_network
from itertools import product
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from shoalpy.geo import GeoSource, SiteNetworks
from shoalpy.model import Health
from shoalpy.nearest import Nearest
from shoalpy.network import NetworkPolicy, Networks
from shoalpy.ranking import CostPolicy, Wish
from shoalpy.registry import Registry
from tests.unit.shoalpy.tracked import NOW, add, beat
from ugrpy.locality import Candidate, NetworkPlace, Position, Ranker, RankPolicy
from ugrpy.locality.geodb import GeoDatabase, Locator

CITIES = {
    "192.0.2.0/28": (46.2, 6.15),
    "192.0.2.16/28": (48.46, -123.31),
    "192.0.2.32/28": (35.68, 139.69),
    "192.0.2.48/28": (-33.87, 151.21),
    "192.0.2.64/28": (41.85, -88.31),
    "192.0.2.80/28": (90.0, 0.0),
    "192.0.2.96/28": (-46.2, -173.85),  # Geneva's antipodes
    "2001:db8:1::/48": (51.57, -1.31),
    "2001:db8:2::/48": (-0.5, 179.9),
    "2001:db8:3::/48": (-0.5, -179.9),
}
BY_HAND = {"10.0.0.0/8": Position(52.52, 13.4), "10.9.0.0/16": Position(64.13, -21.9)}
ADDRESSES = [
    *(f"192.0.2.{host}" for host in (1, 17, 33, 49, 65, 81, 97)),
    *(f"2001:db8:{net}::7" for net in (1, 2, 3)),
    "::ffff:192.0.2.2",
    *("10.1.1.1", "10.9.1.1"),
]
UNKNOWN = "198.51.100.1"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path: Path = tmp_path_factory.mktemp("geoip") / "City.mmdb"
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City")
    for network, (latitude, longitude) in CITIES.items():
        location = {"location": {"latitude": latitude, "longitude": longitude}}
        writer.insert_network(IPSet([network]), location)
    writer.to_db_file(str(path))
    database = GeoDatabase([path])
    yield database
    database.close()


@pytest.fixture(scope="module")
def gateway(database) -> Ranker:
    """The gateway's ranker over storage elements at the addresses."""
    locator = Locator(
        database, [NetworkPlace((ip_network(net),), where) for net, where in BY_HAND.items()]
    )
    storage = [Candidate(one, locator.place(one)) for one in ADDRESSES]
    return Ranker(storage, (), RankPolicy(fuzz_km=0.0), locator.place)


@pytest.fixture(scope="module")
def proxies(database):
    """What shoalpy tells callers of idle caches at the same addresses."""
    geo = GeoSource(
        database,
        [SiteNetworks((ip_network(net),), position=where) for net, where in BY_HAND.items()],
    )
    registry = Registry()
    for number, one in enumerate(ADDRESSES):
        cache = beat(f"c{number}", hostname=f"h{number}", public=one)
        add(registry, cache, geo.facts_of_beat(cache), health=Health.PASSED)
    networks = Networks(NetworkPolicy(), facts_of=geo.facts_of, site_of=geo.site_of)
    near = Nearest(
        registry, CostPolicy(tie=0.0), same_network=networks.same_network, draw=lambda: 0.5
    )

    def told(caller: str) -> list[tuple[str, float | None]]:
        found = near(networks.caller(ip_address(caller)), Wish(count=len(ADDRESSES)), NOW)
        return [(ADDRESSES[int(one.cache.key[1:])], one.distance_km) for one in found]

    return told


@pytest.mark.row("S80", "M15")
@pytest.mark.parametrize("caller", ADDRESSES)
def test_gateway_and_shoalpy_give_the_same_distances_and_order(gateway, proxies, caller):
    choices = gateway.explain(gateway.zone_of(caller), tuple(ADDRESSES), lambda: 0.5).chosen
    storage = [(choice.id, choice.distance_km) for choice in choices]
    told = proxies(caller)

    assert len(told) == len(ADDRESSES)
    assert dict(told) == dict(storage)  # to the last bit
    assert [km for _, km in told] == [km for _, km in storage]
    # those at one place may be told in either order
    assert _by_distance(told) == _by_distance(storage)


@pytest.mark.row("S80", "M15")
def test_it_is_so_for_every_pair_alone(gateway, proxies):
    told = {caller: dict(proxies(caller)) for caller in ADDRESSES}
    for caller, one in product(ADDRESSES, ADDRESSES):
        choice = gateway.explain(gateway.zone_of(caller), (one,), lambda: 0.5).chosen[0]
        assert told[caller][one] == choice.distance_km
        # rounding at the antipodes aside, it is as far from there to here
        assert told[caller][one] == pytest.approx(told[one][caller], abs=1e-3)


def test_both_know_nothing_of_the_same_address(gateway, proxies):
    choices = gateway.explain(gateway.zone_of(UNKNOWN), tuple(ADDRESSES), lambda: 0.5).chosen
    assert {choice.distance_km for choice in choices} == {None}
    assert {km for _, km in proxies(UNKNOWN)} == {None}


def _by_distance(ranked: list[tuple[str, float | None]]) -> list[tuple[float | None, set[str]]]:
    groups: list[tuple[float | None, set[str]]] = []
    for one, km in ranked:
        if groups and groups[-1][0] == km:
            groups[-1][1].add(one)
        else:
            groups.append((km, {one}))
    return groups
