"""Places and networks of a running server: from databases that change under it, from the operator, and from nobody."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from tests.functional.shoalpy.shoal import NOWHERE, Shoal

pytestmark = pytest.mark.functional

VICTORIA = {
    "city": {"names": {"en": "Victoria"}},
    "continent": {"code": "NA"},
    "country": {"iso_code": "CA", "names": {"en": "Canada"}},
    "location": {
        "latitude": 48.46,
        "longitude": -123.31,
        "time_zone": "America/Vancouver",
        "metro_code": 807,
    },
    "postal": {"code": "V8P"},
    "subdivisions": [{"iso_code": "BC", "names": {"en": "British Columbia"}}],
}
GENEVA = {
    "city": {"names": {"en": "Geneva"}},
    "country": {"iso_code": "CH", "names": {"en": "Switzerland"}},
    "location": {"latitude": 46.2, "longitude": 6.15},
}
WEST, EAST, CALLER = "198.18.1.0/24", "198.18.2.0/24", "198.18.3.0/24"


def mmdb(path: Path, kind: str, records: dict[str, dict[str, object]]) -> bytes:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=kind)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path.read_bytes()


@pytest.mark.row("S34")
def test_fields_come_from_databases_read_in_the_process(start_shoal, tmp_path):
    mmdb(tmp_path / "City.mmdb", "GeoLite2-City", {WEST: VICTORIA, "2001:db8:20::/48": VICTORIA})
    mmdb(tmp_path / "lite.mmdb", "DBIP-City-Lite", {EAST: GENEVA})
    files = [str(tmp_path / name) for name in ("City.mmdb", "lite.mmdb")]
    shoal = start_shoal(f"[geo]\ndatabases = {files}\n")
    shoal.beat("four", public_ip="198.18.1.7")
    shoal.beat("six", public_ip="2001:db8:20::7")
    shoal.beat("lite", public_ip="198.18.2.7")
    shoal.beat("unknown", public_ip="198.19.0.7")

    found = {one["hostname"].partition(".")[0]: one["geo_data"] for one in shoal.entries("/all")}

    assert found["four"] == {
        "city": "Victoria",
        "region_code": "BC",
        "time_zone": "America/Vancouver",
        "metro_code": 807,
        "latitude": 48.46,
        "longitude": -123.31,
        "postal_code": "V8P",
        "country_code": "CA",
        "country_name": "Canada",
        "continent": "NA",
    }
    assert found["six"] == found["four"]
    assert (found["lite"]["city"], found["lite"]["country_name"]) == ("Geneva", "Switzerland")
    assert set(found["unknown"].values()) == {None}


class Asking:
    """A caller who asks all the time and keeps what went wrong."""

    def __init__(self, shoal: Shoal, path: str) -> None:
        self._shoal = shoal
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.failed: list[object] = []
        self.asked = 0

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                hosts = self._shoal.hosts(self._path)
                if sorted(hosts) != ["east", "west"]:
                    self.failed.append(hosts)
            except (OSError, AssertionError) as error:
                self.failed.append(error)
            self.asked += 1


@pytest.mark.row("S35")
@pytest.mark.parametrize("in_place", [False, True], ids=["renamed", "overwritten"])
def test_a_database_changes_under_a_server(start_shoal, tmp_path, in_place):
    file = tmp_path / "City.mmdb"
    at_home = {WEST: VICTORIA, EAST: GENEVA}
    west = mmdb(tmp_path / "west.mmdb", "GeoLite2-City", {**at_home, CALLER: VICTORIA})
    east = mmdb(tmp_path / "east.mmdb", "GeoLite2-City", {**at_home, CALLER: GENEVA})
    file.write_bytes(west)

    def put(content: bytes) -> None:
        if in_place:
            file.write_bytes(content)
        else:
            fresh = tmp_path / "fresh"
            fresh.write_bytes(content)
            fresh.replace(file)

    shoal = start_shoal(f"[geo]\ndatabases = ['{file}']\ncheck_s = 0.05\n")
    shoal.beat("west", public_ip="198.18.1.7")
    shoal.beat("east", public_ip="198.18.2.7")
    path = "/nearest?ip=198.18.3.7"
    failures = "shoalpy_geoip_reload_failures_total"
    assert shoal.hosts(path) == ["west", "east"]

    with Asking(shoal, path) as asking:
        put(east)
        shoal.until(lambda: shoal.hosts(path) == ["east", "west"])
        before = shoal.metric(failures)
        put(west[: len(west) // 2])
        shoal.until(lambda: shoal.metric(failures) > before)
        assert shoal.hosts(path) == ["east", "west"]
        put(west)
        shoal.until(lambda: shoal.hosts(path) == ["west", "east"])
    assert asking.asked > 0
    assert asking.failed == []


@pytest.mark.row("S36")
def test_a_caller_nobody_can_place_is_told_of_the_least_loaded(start_shoal):
    shoal = start_shoal()
    shoal.beat("busy", public_ip="192.0.2.1", load=90_000)
    shoal.beat("idle", public_ip="203.0.113.1", load=10)
    shoal.beat("between", public_ip="198.51.100.1", load=40_000)

    assert shoal.hosts("/nearest", source=NOWHERE) == ["idle", "between", "busy"]
    assert shoal.hosts("/nearest?ip=2001:db8:ffff::1") == ["idle", "between", "busy"]


MAP = """
[[geo.networks]]
networks = ["10.0.0.0/8", "fd00::/16"]
position = [35.68, 139.69]
city = "Tokyo"
country = "JP"

[[geo.networks]]
networks = ["10.20.0.0/16", "fd00:20::/32"]
position = [48.46, -123.31]
city = "Victoria"
country = "CA"

[[geo.networks]]
networks = ["10.20.30.0/24"]
position = [46.2, 6.15]
city = "Geneva"
country = "CH"
"""


@pytest.mark.row("S37")
def test_the_most_specific_network_of_the_operator_wins(start_shoal):
    shoal = start_shoal(MAP)
    shoal.beat("tokyo", public_ip=None, private_ip="10.1.1.1")
    shoal.beat("victoria", public_ip=None, private_ip="10.20.1.1")
    shoal.beat("geneva", public_ip=None, private_ip="10.20.30.1")
    shoal.beat("six", public_ip=None, private_ip="fd00:20::1")

    cities = {one["hostname"]: one["geo_data"]["city"] for one in shoal.entries("/all")}
    assert cities == {
        "tokyo.example.org": "Tokyo",
        "victoria.example.org": "Victoria",
        "geneva.example.org": "Geneva",
        "six.example.org": "Victoria",
    }
    assert shoal.hosts("/nearest/1?ip=10.9.9.9") == ["tokyo"]
    assert shoal.hosts("/nearest/1?ip=10.20.30.99") == ["geneva"]
    assert set(shoal.hosts("/nearest/2?ip=10.20.31.99")) == {"victoria", "six"}
    assert set(shoal.hosts("/nearest/2?ip=fd00:20:1::1")) == {"victoria", "six"}


@pytest.fixture(scope="module")
def of_their_own(start_shoal, tmp_path_factory):
    """Starts servers with caches that nobody has verified, so that only their own networks are told of them."""
    file = tmp_path_factory.mktemp("networks") / "ISP.mmdb"
    mmdb(
        file,
        "GeoIP2-ISP",
        {
            "198.18.1.0/24": {"autonomous_system_number": 64500, "isp": "North"},
            "2001:db8:1::/48": {"autonomous_system_number": 64500, "isp": "North (v6)"},
            "198.18.2.0/24": {"autonomous_system_number": 64501, "isp": "South University"},
            "198.18.3.0/24": {"autonomous_system_number": 64502, "isp": "SOUTH  university"},
        },
    )

    def start(config: str) -> Callable[[str], set[str]]:
        # there is nothing at these addresses, so that no verification passes
        shoal = start_shoal(f"{config}\n[geo]\ndatabases = ['{file}']\n", verifies=True)
        for key, address in (
            *(("north", "198.18.1.7"), ("north6", "2001:db8:1::7"), ("south", "198.18.2.7")),
            *(("cern", "192.0.2.7"), ("fnal", "198.51.100.7"), ("fnal6", "2001:db8:12::7")),
        ):
            assert shoal.beat(key, public_ip=address).status == 200
        return lambda caller: set(shoal.hosts(f"/nearest/9?ip={caller}"))

    return start


@pytest.mark.row("S44")
@pytest.mark.row("S43")
@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            "",
            {
                "198.18.1.200": {"north", "north6"},
                "2001:db8:1:2::3": {"north", "north6"},
                "198.18.3.1": {"south"},
                "192.0.2.99": {"cern"},
                "198.51.100.1": {"fnal", "fnal6"},
                "2001:db8:12:5::1": {"fnal", "fnal6"},
                "198.19.0.1": set(),
            },
        ),
        (
            "[network]\nby_asn = false\n",
            {
                "198.18.1.200": {"north"},
                "2001:db8:1:2::3": {"north6"},
                "198.18.3.1": {"south"},
                "192.0.2.99": {"cern"},
            },
        ),
        (
            "[network]\nby_organisation = false\n",
            {"198.18.1.200": {"north", "north6"}, "198.18.3.1": set(), "192.0.2.99": {"cern"}},
        ),
        (
            "[network]\nby_organisation = false\nby_asn = false\n",
            {"198.18.1.200": set(), "198.18.3.1": set(), "198.51.100.1": {"fnal", "fnal6"}},
        ),
        (
            "[network]\nshared_asns = [64500]\n",
            {"198.18.1.200": set(), "2001:db8:1:2::3": set(), "198.18.3.1": {"south"}},
        ),
    ],
    ids=["all", "organisation and map", "AS and map", "map", "a shared AS"],
)
def test_who_is_told_of_what_is_for_its_own_network(of_their_own, config, told):
    ask = of_their_own(config)
    assert {caller: ask(caller) for caller in told} == told
