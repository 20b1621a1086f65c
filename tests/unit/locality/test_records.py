"""Records as the makers of databases write them, and records that nobody should have written."""

import pytest

from ugrpy.locality.facts import UNKNOWN_FACTS, GeoFacts
from ugrpy.locality.model import UNKNOWN_PLACE, Place, Position
from ugrpy.locality.records import facts_in, filled_facts, filled_place, place_in

GEOLITE = {
    "city": {"geoname_id": 6174041, "names": {"de": "Victoria", "en": "Victoria"}},
    "continent": {"code": "NA", "names": {"en": "North America"}},
    "country": {"iso_code": "CA", "names": {"en": "Canada", "fr": "Canada"}},
    "location": {
        "accuracy_radius": 20,
        "latitude": 48.46,
        "longitude": -123.31,
        "metro_code": 807,
        "time_zone": "America/Vancouver",
    },
    "postal": {"code": "V8P"},
    "subdivisions": [
        {"iso_code": "BC", "names": {"en": "British Columbia"}},
        {"iso_code": "XX", "names": {"en": "a part of it"}},
    ],
}
# DB-IP City Lite: no codes of regions, no postal codes, no time zones
DBIP = {
    "city": {"names": {"en": "Geneva"}},
    "continent": {"code": "EU", "names": {"en": "Europe"}},
    "country": {"iso_code": "CH", "is_in_european_union": False, "names": {"en": "Switzerland"}},
    "location": {"latitude": 46.2044, "longitude": 6.14316},
    "subdivisions": [{"names": {"en": "Geneva"}}],
}


@pytest.mark.parametrize(
    ("record", "facts"),
    [
        (
            GEOLITE,
            GeoFacts(
                Place(Position(48.46, -123.31), "CA"),
                city="Victoria",
                country_name="Canada",
                continent="NA",
                region_code="BC",
                region_name="British Columbia",
                postal_code="V8P",
                time_zone="America/Vancouver",
                metro_code=807,
                accuracy_km=20.0,
            ),
        ),
        (
            DBIP,
            GeoFacts(
                Place(Position(46.2044, 6.14316), "CH"),
                city="Geneva",
                country_name="Switzerland",
                continent="EU",
                region_name="Geneva",
            ),
        ),
        (
            {"autonomous_system_number": 513, "autonomous_system_organization": "CERN"},
            GeoFacts(Place(asn=513), organisation="CERN"),
        ),
        (
            {
                "isp": "University of Victoria",
                "organization": "UVic Physics",
                "autonomous_system_number": 16462,
                "autonomous_system_organization": "UVIC-AS",
            },
            GeoFacts(Place(asn=16462), organisation="University of Victoria"),
        ),
        ({"organization": "UVic Physics"}, GeoFacts(organisation="UVic Physics")),
        ({}, UNKNOWN_FACTS),
    ],
    ids=["GeoLite2-City", "DB-IP City Lite", "ASN", "ISP", "organisation only", "empty"],
)
def test_facts(record, facts):
    assert facts_in(record, "x.mmdb") == facts
    assert place_in(record, "x.mmdb") == facts.place
    assert facts_in(record, "x.mmdb").place.source == "x.mmdb"


@pytest.mark.parametrize(
    "record",
    [
        {"city": "Victoria", "continent": 7, "country": [], "location": None, "postal": True},
        {"city": {"names": "Victoria"}, "country": {"iso_code": 7, "names": {"en": b"x"}}},
        {"country": {"iso_code": "CAN"}, "location": {"latitude": 91.0, "longitude": 0.0}},
        {"location": {"latitude": "48", "longitude": 0.0, "metro_code": "many"}},
        {"location": {"accuracy_radius": "wide", "time_zone": 7}, "isp": "", "organization": 9},
        {"subdivisions": []},
        {"subdivisions": ["BC"]},
        {"subdivisions": {"iso_code": "BC"}},
        {"autonomous_system_number": "513"},
    ],
)
def test_what_has_the_wrong_form_is_not_there(record):
    assert facts_in(record, "x.mmdb") == UNKNOWN_FACTS


def test_facts_are_filled_and_never_replaced():
    both = filled_facts(facts_in(GEOLITE, "one"), facts_in(DBIP | {"isp": "CERN"}, "two"))
    assert both.city == "Victoria"
    assert both.place == Place(Position(48.46, -123.31), "CA")
    assert both.place.source == "one, two"
    assert both.organisation == "CERN"
    assert filled_facts(UNKNOWN_FACTS, both) == both


def test_zero_is_known():
    known = GeoFacts(Place(Position(0, 0), asn=0), metro_code=0, accuracy_km=0.0)
    more = GeoFacts(Place(Position(1, 1), asn=1), metro_code=1, accuracy_km=1.0)
    assert filled_facts(known, more) == known


def test_a_place_is_filled():
    one, two = Place(country="CA", source="one"), Place(Position(1, 2), "CH", 513, "two")
    assert filled_place(one, UNKNOWN_PLACE) is one
    assert filled_place(UNKNOWN_PLACE, two) is two
    assert filled_place(one, two) == Place(Position(1, 2), "CA", 513)
