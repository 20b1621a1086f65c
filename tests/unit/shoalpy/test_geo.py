"""The operator's word, then the databases': real files, written here."""

import asyncio
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from pydantic import TypeAdapter, ValidationError

from shoalpy.geo import GeoPolicy, GeoSource, SiteNetworks, open_geo
from tests.unit.shoalpy.tracked import GENEVA, NOW, VANCOUVER, beat
from ugrpy.core.errors import ConfigError
from ugrpy.locality import LocalityError, Place, Position
from ugrpy.locality.facts import UNKNOWN_FACTS, GeoFacts
from ugrpy.locality.geowatch import GeoWatcher

CITY = {
    "city": {"names": {"en": "Victoria"}},
    "continent": {"code": "NA"},
    "country": {"iso_code": "CA", "names": {"en": "Canada"}},
    "location": {
        "latitude": 48.46,
        "longitude": -123.31,
        "time_zone": "America/Vancouver",
        "metro_code": 807,
        "accuracy_radius": 20,
    },
    "postal": {"code": "V8P"},
    "subdivisions": [{"iso_code": "BC", "names": {"en": "British Columbia"}}],
}
DBIP = {
    "city": {"names": {"en": "Geneva"}},
    "continent": {"code": "EU"},
    "country": {"iso_code": "CH", "names": {"en": "Switzerland"}},
    "location": {"latitude": 46.2, "longitude": 6.15},
    "subdivisions": [{"names": {"en": "Geneva"}}],
}
UVIC = "142.104.0.0/16"


def mmdb(path: Path, kind: str, records: dict[str, dict[str, object]]) -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=kind)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


@pytest.fixture
def files(tmp_path):
    return (
        mmdb(tmp_path / "City.mmdb", "GeoLite2-City", {UVIC: CITY, "2001:db8:20::/48": CITY}),
        mmdb(tmp_path / "dbip.mmdb", "DBIP-City-Lite", {"192.0.2.0/24": DBIP}),
        mmdb(tmp_path / "ASN.mmdb", "GeoLite2-ASN", {UVIC: {"autonomous_system_number": 16462}}),
        mmdb(
            tmp_path / "ISP.mmdb",
            "GeoIP2-ISP",
            {UVIC: {"isp": "University of Victoria", "organization": "Physics"}},
        ),
    )


def of(source: GeoSource, address: str) -> GeoFacts:
    return source.facts_of(ip_address(address))


@pytest.mark.row("S34")
def test_all_fields_come_from_files_of_four_kinds(files):
    source = open_geo(GeoPolicy(files))

    assert of(source, "142.104.3.4") == GeoFacts(
        Place(Position(48.46, -123.31), "CA", 16462),
        city="Victoria",
        country_name="Canada",
        continent="NA",
        region_code="BC",
        region_name="British Columbia",
        postal_code="V8P",
        time_zone="America/Vancouver",
        metro_code=807,
        organisation="University of Victoria",
        accuracy_km=20.0,
    )
    assert of(source, "::ffff:142.104.3.4") == of(source, "142.104.3.4")
    assert of(source, "2001:db8:20::1").city == "Victoria"
    assert of(source, "192.0.2.1") == GeoFacts(
        Place(Position(46.2, 6.15), "CH"),
        city="Geneva",
        country_name="Switzerland",
        continent="EU",
        region_name="Geneva",
    )
    assert of(source, "198.51.100.1") == UNKNOWN_FACTS
    assert source.facts_of(None) == UNKNOWN_FACTS


SITES = (
    SiteNetworks((ip_network("10.0.0.0/8"),), "campus", VANCOUVER, "CA", "Vancouver", "UBC"),
    SiteNetworks((ip_network("10.9.0.0/16"), ip_network("fd00:9::/32")), "lab", GENEVA, "CH"),
    SiteNetworks((ip_network("142.104.7.0/24"),), "annex", GENEVA, city="Meyrin"),
    SiteNetworks((ip_network("142.104.8.0/24"),), "named"),
    SiteNetworks((ip_network("142.104.9.0/24"),), country="CH"),
    SiteNetworks((ip_network("142.104.10.0/24"),), position=VANCOUVER, country="CA"),
    SiteNetworks((ip_network("0.0.0.0/0"),), organisation="somebody"),
)


@pytest.mark.row("S37")
@pytest.mark.parametrize(
    ("address", "site", "position", "city"),
    [
        ("10.1.1.1", "campus", VANCOUVER, "Vancouver"),
        ("10.9.1.1", "lab", GENEVA, None),
        ("::ffff:10.9.1.1", "lab", GENEVA, None),
        ("fd00:9::1", "lab", GENEVA, None),
        ("fd00:8::1", None, None, None),
        ("142.104.7.1", "annex", GENEVA, "Meyrin"),
        ("142.104.8.1", "named", Position(48.46, -123.31), "Victoria"),
        ("142.104.3.4", None, Position(48.46, -123.31), "Victoria"),
        ("198.51.100.1", None, None, None),
    ],
)
def test_the_most_specific_network_by_hand_comes_first(files, address, site, position, city):
    source = open_geo(GeoPolicy(files, networks=SITES))
    facts = of(source, address)

    assert source.site_of(ip_address(address)) == site
    assert facts.place.position == position
    assert facts.city == city


def test_what_a_database_says_of_another_position_does_not_count(files):
    source = open_geo(GeoPolicy(files, networks=SITES))

    # the position is by hand, its country is not said and is that of the database
    assert of(source, "142.104.7.1") == GeoFacts(
        Place(GENEVA, "CA", 16462),
        city="Meyrin",
        country_name="Canada",
        continent="NA",
        organisation="University of Victoria",
    )
    # another country than the database says: neither its position nor its names
    assert of(source, "142.104.9.1") == GeoFacts(
        Place(None, "CH", 16462), organisation="University of Victoria"
    )
    assert of(source, "142.104.10.1") == GeoFacts(
        Place(VANCOUVER, "CA", 16462),
        country_name="Canada",
        continent="NA",
        organisation="University of Victoria",
    )


def test_an_organisation_by_hand_replaces_the_databases(files):
    source = open_geo(GeoPolicy(files, networks=SITES))
    assert of(source, "142.104.3.4").organisation == "somebody"
    assert of(source, "10.1.1.1").organisation == "UBC"


def test_a_cache_is_where_the_world_reaches_it_or_else_where_its_private_network_is(files):
    source = open_geo(GeoPolicy(files, networks=SITES))
    public = beat("a", public="142.104.3.4", private="10.9.0.1")
    private = beat("b", public=None, private="10.9.0.1")

    assert source.facts_of_beat(public).city == "Victoria"
    assert source.facts_of_beat(private).place.position == GENEVA
    assert source.facts_of_beat(beat("c", public=None)) == UNKNOWN_FACTS


@pytest.mark.row("S35")
async def test_a_new_database_changes_answers_and_a_damaged_one_does_not(files):
    source = await asyncio.to_thread(open_geo, GeoPolicy(files[:1]))
    watcher = GeoWatcher(source.database, forget=source.forget)
    assert of(source, "142.104.3.4") is of(source, "142.104.3.4")

    mmdb(files[0], "GeoLite2-City", {UVIC: DBIP})
    assert of(source, "142.104.3.4").city == "Victoria"
    await watcher.check()
    assert of(source, "142.104.3.4").city == "Geneva"

    files[0].write_bytes(files[0].read_bytes()[:-200])
    assert len((await watcher.check()).failures) == 1
    assert of(source, "142.104.3.4").city == "Geneva"


def test_age(files):
    source = open_geo(GeoPolicy(files))
    built_at_s = source.database.built_at_s
    assert built_at_s is not None
    assert source.age_s(built_at_s + 86_400) == 86_400
    assert source.age_s(built_at_s - 5) == 0
    assert GeoSource().age_s(NOW) is None


def test_a_database_that_is_none(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.mmdb"):
        open_geo(GeoPolicy((tmp_path / "nowhere.mmdb",)))


def test_repr(files):
    assert repr(open_geo(GeoPolicy(files[:1], networks=SITES))) == (
        "<GeoSource of <GeoDatabase City.mmdb> and 8 networks by hand>"
    )


class TestSettings:
    reader = TypeAdapter(GeoPolicy)

    def test_a_table(self):
        policy = self.reader.validate_python(
            {
                "databases": ["/geo/City.mmdb"],
                "networks": [
                    {
                        "networks": ["10.0.0.0/8", "fd00::/8"],
                        "site": "lab",
                        "position": [46.2, 6.15],
                    }
                ],
            }
        )
        assert policy.networks[0].position == GENEVA
        assert policy.networks[0].networks[1] == ip_network("fd00::/8")
        assert policy.check_s == 60

    @pytest.mark.parametrize(
        "network",
        [
            {"networks": []},
            {"networks": ["10.0.0.1/8"]},
            {"networks": ["here"]},
            {"networks": ["10.0.0.0/8"], "position": [100, 0]},
            {"networks": ["10.0.0.0/8"], "country": "CAN"},
        ],
    )
    def test_what_cannot_be(self, network):
        with pytest.raises((ValidationError, LocalityError)):
            self.reader.validate_python({"networks": [network]})
