"""Where is an address? Asked of what the operator wrote, then of MaxMind databases on disk (reference rows D25, D30).

Records are read with ``maxminddb`` and not through the models of ``geoip2``: those want one class per kind of database,
refuse databases named otherwise (a country database asked for a city), and build dozens of objects of which we
need four numbers. Any database is welcome that uses MaxMind's names for the fields.

The files are mapped into memory: workers share the pages, and opening is immediate, and a look-up reads memory only.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import maxminddb

from ugrpy.core.errors import ConfigError
from ugrpy.locality.model import (
    UNKNOWN_PLACE,
    Address,
    LocalityError,
    NetworkPlace,
    Place,
    Position,
    country_code,
)
from ugrpy.locality.prefixes import PrefixTable, parse_address, unmapped

# Addresses remembered, a few hundred bytes each; a look-up costs about 10 microseconds without.
PLACE_LIMIT = 50_000


class GeoDatabase:
    """City, country and AS databases (``.mmdb``), the first that knows a field being believed.

    Raises ``ConfigError`` naming the file when one cannot be read or is no MaxMind database.
    """

    def __init__(self, paths: Sequence[Path] = ()) -> None:
        self._readers: list[tuple[str, int, maxminddb.Reader]] = []
        try:
            for path in paths:
                reader = _open(path)
                self._readers.append((path.name, reader.metadata().ip_version, reader))
        except ConfigError:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<GeoDatabase {', '.join(name for name, _, _ in self._readers) or 'empty'}>"

    def place(self, address: Address) -> Place:
        """What the databases together know; ``UNKNOWN_PLACE`` when they know nothing."""
        plain = unmapped(address)
        place = UNKNOWN_PLACE
        for name, record in self._records(plain):
            place = _filled(place, _place_in(record, name))
        return place

    def close(self) -> None:
        """Unmap the files; afterwards every place is unknown."""
        while self._readers:
            self._readers.pop()[2].close()

    def _records(self, address: Address) -> Iterator[tuple[str, Mapping[str, object]]]:
        for name, ip_version, reader in self._readers:
            if address.version > ip_version:  # an IPv4 database says nothing about IPv6
                continue
            try:
                record = reader.get(address)
            except (maxminddb.InvalidDatabaseError, UnicodeDecodeError):
                continue  # one damaged record must not refuse the request
            if isinstance(record, dict):
                yield name, record


class Locator:
    """The operator's networks first, the longest prefix winning; what they leave open comes from the databases."""

    def __init__(
        self, database: GeoDatabase | None = None, network_places: Sequence[NetworkPlace] = ()
    ) -> None:
        self._database = database or GeoDatabase()
        self._by_hand = PrefixTable(
            (network, Place(by_hand.position, by_hand.country, source=f"{network} by the operator"))
            for by_hand in network_places
            for network in by_hand.networks
        )
        self._memo = lru_cache(maxsize=PLACE_LIMIT)(self._find)

    def __repr__(self) -> str:
        return f"<Locator of {self._database!r} and {len(self._by_hand)} networks by hand>"

    def place(self, address: str | Address | None) -> Place:
        """What is known of the address; text that is no address has an unknown place."""
        return self._memo(address)

    def _find(self, address: str | Address | None) -> Place:
        plain = parse_address(address) if isinstance(address, str) else address
        if plain is None:
            return UNKNOWN_PLACE
        by_hand = self._by_hand.get(plain) or UNKNOWN_PLACE
        return _filled(by_hand, self._database.place(plain))


def _open(path: Path) -> maxminddb.Reader:
    try:
        return maxminddb.open_database(path)
    except OSError as error:
        raise ConfigError(
            f"the GeoIP database cannot be read: {error.strerror or error}", where=str(path)
        ) from error
    except (maxminddb.InvalidDatabaseError, ValueError) as error:
        raise ConfigError(
            f"this is no MaxMind database: {error}",
            where=str(path),
            hint="a GeoLite2-City or GeoLite2-ASN file ending in .mmdb, unpacked",
        ) from error


def _filled(place: Place, more: Place) -> Place:
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


def _place_in(record: Mapping[str, object], source: str) -> Place:
    location, country = record.get("location"), record.get("country")
    asn = record.get("autonomous_system_number")
    return Place(
        _position(location) if isinstance(location, dict) else None,
        _country(country.get("iso_code")) if isinstance(country, dict) else None,
        asn if isinstance(asn, int) else None,
        source,
    )


def _position(location: Mapping[str, object]) -> Position | None:
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
