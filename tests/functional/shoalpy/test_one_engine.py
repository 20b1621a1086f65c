"""A running gateway and a running squid server, given one GeoIP database, tell the same caller the same order of the same addresses."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from tests.functional.helpers.answers import parse_metalink4
from tests.functional.helpers.asking import ask_from
from tests.functional.helpers.settings import QUIET, configuration
from tests.functional.helpers.spread import bases
from tests.functional.helpers.storage import elements, tree_of
from tests.functional.shoalpy.shoal import Shoal, ShoalStarter
from tests.peers.gateway import Gateway, GatewayStarter

pytestmark = pytest.mark.functional

# In each network stand a storage element, a cache, and a caller.
PLACES = {
    "geneva": ("127.0.81", 46.2, 6.15),
    "batavia": ("127.0.82", 41.85, -88.31),
    "victoria": ("127.0.83", 48.46, -123.31),
    "tokyo": ("127.0.84", 35.68, 139.69),
    "sydney": ("127.0.85", -33.87, 151.21),
}
STANDS = {name: f"{network}.1" for name, (network, _, _) in PLACES.items()}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("geoip") / "City.mmdb"
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City")
    for network, latitude, longitude in PLACES.values():
        location = {"location": {"latitude": latitude, "longitude": longitude}}
        writer.insert_network(IPSet([f"{network}.0/24"]), location)
    writer.to_db_file(str(path))
    return path


@pytest.fixture(scope="module")
def gateway(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Before a storage element at each place, which it knows by address only."""
    with elements({name: tree_of("/f") for name in STANDS}, STANDS) as running:
        text = configuration(
            {name: {"url": url, **QUIET} for name, url in bases(running).items()},
            locality={"geoip": [str(database)], "fuzz_km": 0},
        )
        with GatewayStarter(tmp_path_factory.mktemp("gateway")) as start:
            yield start(config=text)


@pytest.fixture(scope="module")
def caches(database: Path, start_shoal: ShoalStarter) -> Shoal:
    """A server that tracks an idle cache at each place."""
    shoal = start_shoal(f"[geo]\ndatabases = ['{database}']\n")
    for name, address in STANDS.items():
        assert shoal.beat(name, public_ip=address).status == 200
    return shoal


@pytest.mark.row("S80", "M15")
@pytest.mark.parametrize("caller", PLACES)
def test_storage_proxies_scripts_and_cvmfs_are_told_in_one_order(
    gateway: Gateway, caches: Shoal, caller: str
):
    source = f"{PLACES[caller][0]}.9"
    answer = ask_from(source, "GET", f"{gateway.url}/f?metalink=4")
    assert answer.status == 200
    link = parse_metalink4(answer.body)
    assert link.ranks == tuple(sorted(link.ranks))
    places = {address: name for name, address in STANDS.items()}
    storage = [places[urlsplit(url).hostname or ""] for url in link.urls]
    assert storage[0] == caller
    assert len(storage) == len(PLACES)

    assert caches.hosts("/nearest", source=source) == storage
    script = caches.ask("/wpad.dat", source=source).text
    assert [script.index(f"//{name}.") for name in storage] == sorted(
        script.index(f"//{name}.") for name in PLACES
    )
    asked = ",".join(STANDS.values())
    numbers = caches.ask(f"/api/v1.0/geo/x/{asked}", source=source).text.split(",")
    assert [list(STANDS)[int(number) - 1] for number in numbers] == storage
