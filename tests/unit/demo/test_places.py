"""Where the tour's networks are, by the generated database and by the map."""

import geoip2.database
import geoip2.errors
import pytest

from ugrpy.demo.geoip import write_geoip
from ugrpy.demo.sites import (
    GENEVA,
    SITES,
    TOKYO,
    VICTORIA,
    distance_km,
    nearest_first,
    site_at,
)
from ugrpy.locality.distance import great_circle_km
from ugrpy.locality.model import Position


@pytest.fixture
def reader(tmp_path):
    path = tmp_path / "places.mmdb"
    write_geoip(path, SITES)
    with geoip2.database.Reader(path) as opened:
        yield opened


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_the_database_places_storage_and_clients(reader, site):
    for address in (site.storage_address, site.client_address):
        found = reader.city(address)
        assert (found.city.name, found.country.iso_code) == (site.city, site.country)
        assert found.location.latitude == pytest.approx(site.latitude_deg)
        assert found.location.longitude == pytest.approx(site.longitude_deg)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.4.1", "8.8.8.8", "::1"])
def test_everybody_else_is_nowhere(reader, address):
    with pytest.raises(geoip2.errors.AddressNotFoundError):
        reader.city(address)


@pytest.mark.parametrize(("one", "other"), [(VICTORIA, GENEVA), (VICTORIA, TOKYO), (GENEVA, TOKYO)])
def test_two_formulas_agree_on_the_distances(one, other):
    haversine_km = great_circle_km(
        Position(one.latitude_deg, one.longitude_deg),
        Position(other.latitude_deg, other.longitude_deg),
    )
    assert distance_km(one, other) == pytest.approx(haversine_km, rel=1e-6)
    assert distance_km(other, one) == pytest.approx(distance_km(one, other))
    assert distance_km(one, one) == pytest.approx(0, abs=1e-3)


def test_nearest_first():
    assert nearest_first(GENEVA, SITES) == [GENEVA, VICTORIA, TOKYO]
    assert nearest_first(TOKYO, SITES) == [TOKYO, VICTORIA, GENEVA]
    assert nearest_first(VICTORIA, (GENEVA, TOKYO)) == [TOKYO, GENEVA]


def test_look_ups():
    assert site_at("127.0.2.1") is GENEVA
    assert site_at("127.0.2.2") is None
