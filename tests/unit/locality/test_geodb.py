"""Real databases, written here, read back through the locator; and files that are none."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from ugrpy.core.errors import ConfigError
from ugrpy.locality.geodb import GeoDatabase, Locator
from ugrpy.locality.model import UNKNOWN_PLACE, NetworkPlace, Place, Position

Record = dict[str, object]


def city(latitude: float, longitude: float, country: str) -> Record:
    return {
        "location": {"latitude": latitude, "longitude": longitude},
        "country": {"iso_code": country},
    }


CITIES: dict[str, Record] = {
    "142.104.0.0/16": city(48.46, -123.31, "CA"),
    "2001:db8::/32": city(46.2, 6.15, "CH"),
    "198.51.100.0/25": city(48, 2, "FR"),  # whole degrees come back as int
    "203.0.113.0/28": city(99.0, 0.0, "zz9"),  # nonsense
    "203.0.113.16/28": {"location": "here", "country": "CA", "autonomous_system_number": "many"},
    "203.0.113.32/28": {"country": {"iso_code": "JP"}, "location": {"time_zone": "Asia/Tokyo"}},
}
ASNS: dict[str, Record] = {
    "142.104.0.0/16": {"autonomous_system_number": 16462},
    "192.0.2.0/24": {"autonomous_system_number": 64496},
}


def write(
    path: Path, kind: str, networks: Mapping[str, Record], ip_version: Literal[4, 6] = 6
) -> Path:
    writer = MMDBWriter(
        ip_version=ip_version, database_type=kind, languages=["en"], ipv4_compatible=ip_version == 6
    )
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("geoip")
    return (
        write(folder / "City.mmdb", "GeoLite2-City", CITIES),
        write(folder / "ASN.mmdb", "GeoLite2-ASN", ASNS),
    )


@pytest.fixture
def database(files):
    database = GeoDatabase(files)
    yield database
    database.close()


@pytest.mark.row("D25")
@pytest.mark.row("D30")
@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("142.104.3.4", Place(Position(48.46, -123.31), "CA", 16462)),
        ("::ffff:142.104.3.4", Place(Position(48.46, -123.31), "CA", 16462)),
        ("2001:db8::7", Place(Position(46.2, 6.15), "CH")),
        ("198.51.100.1", Place(Position(48, 2), "FR")),
        ("192.0.2.1", Place(asn=64496)),
        ("203.0.113.33", Place(country="JP")),
        ("203.0.113.1", UNKNOWN_PLACE),
        ("203.0.113.17", UNKNOWN_PLACE),
        ("10.0.0.1", UNKNOWN_PLACE),
        ("2001:db9::1", UNKNOWN_PLACE),
    ],
)
def test_place(database, address, place):
    assert database.place(ip_address(address)) == place


def test_the_source_is_told(database):
    assert database.place(ip_address("142.104.3.4")).source == "City.mmdb, ASN.mmdb"
    assert database.place(ip_address("192.0.2.1")).source == "ASN.mmdb"
    assert database.place(ip_address("10.0.0.1")).source == UNKNOWN_PLACE.source


def test_the_first_database_is_believed(files, tmp_path):
    other = write(
        tmp_path / "Other.mmdb", "GeoLite2-City", {"142.104.0.0/16": city(1.0, 1.0, "US")}
    )
    database = GeoDatabase([other, *files])
    assert database.place(ip_address("142.104.3.4")) == Place(Position(1, 1), "US", 16462)
    database.close()


def test_ipv6_in_an_ipv4_database_is_unknown(tmp_path):
    path = write(
        tmp_path / "four.mmdb", "GeoLite2-City", {"10.0.0.0/8": city(1.0, 2.0, "CA")}, ip_version=4
    )
    database = GeoDatabase([path])
    assert database.place(ip_address("2001:db8::1")) == UNKNOWN_PLACE
    assert database.place(ip_address("::ffff:10.0.0.1")).position == Position(1, 2)
    database.close()


def test_without_a_database_everything_is_unknown():
    assert GeoDatabase().place(ip_address("142.104.3.4")) == UNKNOWN_PLACE
    assert repr(GeoDatabase()) == "<GeoDatabase empty>"


def test_after_closing_everything_is_unknown(files):
    database = GeoDatabase(files)
    assert repr(database) == "<GeoDatabase City.mmdb, ASN.mmdb>"
    database.close()
    database.close()
    assert database.place(ip_address("142.104.3.4")) == UNKNOWN_PLACE


@pytest.mark.parametrize("content", [b"", b"not a database", b"\0" * 200_000])
def test_not_a_database(tmp_path, files, content):
    path = tmp_path / "bad.mmdb"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="no MaxMind database") as caught:
        GeoDatabase([files[0], path])
    assert caught.value.where == str(path)
    assert str(path) in str(caught.value)


def test_no_such_file(tmp_path):
    path = tmp_path / "missing.mmdb"
    with pytest.raises(ConfigError, match="cannot be read: No such file") as caught:
        GeoDatabase([path])
    assert caught.value.where == str(path)


def test_a_directory(tmp_path):
    with pytest.raises(ConfigError) as caught:
        GeoDatabase([tmp_path])
    assert caught.value.where == str(tmp_path)


@pytest.mark.parametrize("junk", [b"\xff" * 200, None], ids=["lost data", "text that is no UTF-8"])
def test_a_damaged_record_is_unknown(tmp_path, files, junk):
    content = files[0].read_bytes()
    if junk is None:
        content = content.replace(b"JP", b"\xff\xfe")
    else:  # the search tree and the metadata stay whole
        metadata = content.rindex(b"\xab\xcd\xefMaxMind.com")
        content = content[: metadata - len(junk)] + junk + content[metadata:]
    path = tmp_path / "damaged.mmdb"
    path.write_bytes(content)
    database = GeoDatabase([path])
    assert database.place(ip_address("203.0.113.33")) == UNKNOWN_PLACE
    database.close()


class TestLocator:
    by_hand = (
        NetworkPlace((ip_network("10.0.0.0/8"),), Position(48.46, -123.31), "CA"),
        NetworkPlace(
            (ip_network("10.9.0.0/16"), ip_network("fd00::/8")), Position(35.68, 139.69), "JP"
        ),
        NetworkPlace((ip_network("142.104.7.0/24"),), Position(49.25, -123.1)),
    )

    @pytest.fixture
    def locator(self, database):
        return Locator(database, self.by_hand)

    @pytest.mark.parametrize(
        ("address", "place"),
        [
            ("10.1.1.1", Place(Position(48.46, -123.31), "CA")),
            ("10.9.1.1", Place(Position(35.68, 139.69), "JP")),
            ("fd12::1", Place(Position(35.68, 139.69), "JP")),
            ("::ffff:10.9.1.1", Place(Position(35.68, 139.69), "JP")),
            ("142.104.3.4", Place(Position(48.46, -123.31), "CA", 16462)),
            ("172.16.0.1", UNKNOWN_PLACE),
            ("/run/ugrpy.sock", UNKNOWN_PLACE),
        ],
    )
    def test_text(self, locator, address, place):
        assert locator.place(address) == place

    def test_what_the_operator_leaves_open_comes_from_the_database(self, locator):
        place = locator.place(ip_address("142.104.7.1"))
        assert place == Place(Position(49.25, -123.1), "CA", 16462)
        assert place.source == "142.104.7.0/24 by the operator, City.mmdb, ASN.mmdb"

    def test_no_address(self, locator):
        assert locator.place(None) == UNKNOWN_PLACE

    def test_mapped_address_object(self, locator):
        assert locator.place(ip_address("::ffff:142.104.3.4")).asn == 16462

    def test_an_address_with_a_scope(self, locator):
        assert locator.place("fe80::1%eth0") == UNKNOWN_PLACE
        assert locator.place("2001:db8::1%eth0").country == "CH"

    def test_places_are_remembered_until_they_are_forgotten(self, locator):
        before = locator.place("142.104.3.4")
        assert locator.place("142.104.3.4") is before
        locator.forget()
        assert locator.place("142.104.3.4") is not before
        assert locator.place("142.104.3.4") == before

    def test_without_a_database(self):
        locator = Locator(None, self.by_hand)
        assert locator.place("10.1.1.1").country == "CA"
        assert locator.place("142.104.3.4") == UNKNOWN_PLACE
        assert repr(locator) == "<Locator of <GeoDatabase empty> and 4 networks by hand>"
