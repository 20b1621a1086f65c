"""What does one record of a geographical database say?

MaxMind's names are the ones everybody uses: GeoLite2 and GeoIP2 City, Country, ASN and ISP, and DB-IP's Lite databases, which leave out
what they do not sell (codes of regions, postal codes, time zones). Fields of a wrong type are left out, as if absent::

    {"city": {"names": {"en": "Victoria"}}, "continent": {"code": "NA"}, "country": {"iso_code": "CA", "names": {"en": "Canada"}},
     "location": {"latitude": 48.46, "longitude": -123.31, "time_zone": "America/Vancouver", "accuracy_radius": 20},
     "postal": {"code": "V8P"}, "subdivisions": [{"iso_code": "BC", "names": {"en": "British Columbia"}}]}
    {"isp": "University of Victoria", "organization": "...", "autonomous_system_number": 16462,
     "autonomous_system_organization": "UVIC-AS"}
"""

from collections.abc import Mapping
from dataclasses import fields

from ugrpy.locality.facts import GeoFacts
from ugrpy.locality.model import UNKNOWN_PLACE, LocalityError, Place, Position, country_code

Record = Mapping[str, object]

_NOTHING: Record = {}
_FACTS = tuple(one.name for one in fields(GeoFacts) if one.name != "place")
# What a provider calls itself says more than the name its autonomous system was registered under.
_ORGANISATION = ("isp", "organization", "autonomous_system_organization")


def place_in(record: Record, source: str) -> Place:
    """What a ranking needs of it."""
    asn = record.get("autonomous_system_number")
    return Place(
        _position(_part(record, "location")),
        _country(_part(record, "country").get("iso_code")),
        asn if isinstance(asn, int) else None,
        source,
    )


def facts_in(record: Record, source: str) -> GeoFacts:
    """All that people may want to see of it; names in English."""
    country, location = _part(record, "country"), _part(record, "location")
    region = _region(record.get("subdivisions"))
    metro, accuracy_km = location.get("metro_code"), location.get("accuracy_radius")
    return GeoFacts(
        place_in(record, source),
        city=_name(_part(record, "city")),
        country_name=_name(country),
        continent=_text(_part(record, "continent"), "code"),
        region_code=_text(region, "iso_code"),
        region_name=_name(region),
        postal_code=_text(_part(record, "postal"), "code"),
        time_zone=_text(location, "time_zone"),
        metro_code=metro if isinstance(metro, int) else None,
        organisation=next(filter(None, (_text(record, name) for name in _ORGANISATION)), None),
        accuracy_km=float(accuracy_km) if isinstance(accuracy_km, int | float) else None,
    )


def filled_place(place: Place, more: Place) -> Place:
    """``place`` with what it leaves open taken from ``more``."""
    if more == UNKNOWN_PLACE:
        return place
    if place == UNKNOWN_PLACE:
        return more
    return Place(
        place.position or more.position,
        place.country or more.country,
        more.asn if place.asn is None else place.asn,
        f"{place.source}, {more.source}",
    )


def filled_facts(facts: GeoFacts, more: GeoFacts) -> GeoFacts:
    """``facts`` with what they leave open taken from ``more``."""
    ours = {name: getattr(facts, name) for name in _FACTS}
    return GeoFacts(
        filled_place(facts.place, more.place),
        **{name: getattr(more, name) if said is None else said for name, said in ours.items()},
    )


def _part(record: Record, name: str) -> Record:
    part = record.get(name)
    return part if isinstance(part, dict) else _NOTHING


def _region(subdivisions: object) -> Record:
    """The largest one, which comes first."""
    if isinstance(subdivisions, list) and subdivisions and isinstance(subdivisions[0], dict):
        return subdivisions[0]
    return _NOTHING


def _text(record: Record, name: str) -> str | None:
    text = record.get(name)
    return text if isinstance(text, str) and text else None


def _name(record: Record) -> str | None:
    return _text(_part(record, "names"), "en")


def _position(location: Record) -> Position | None:
    match location.get("latitude"), location.get("longitude"):
        case (float() | int()) as latitude, (float() | int()) as longitude:
            try:
                return Position(float(latitude), float(longitude))
            except LocalityError:
                return None
        case _:
            return None


def _country(code: object) -> str | None:
    try:
        return country_code(code) if isinstance(code, str) else None
    except LocalityError:
        return None
