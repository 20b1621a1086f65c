"""Where is an address, and whose is it? What the operator says first, the most specific network winning; then the databases.

Private networks can be placed so, and sites told apart that the databases see as one (rows S34, S37)::

    [[geo.networks]]
    networks = ["142.104.0.0/16", "10.20.0.0/16", "2001:db8:20::/48"]
    site = "uvic"
    position = [48.46, -123.31]
    city = "Victoria"
    country = "CA"

What a database says of a city, a region or a time zone is about the position it gives: where the operator gives one, only the
operator names what is there. The number of the autonomous system, the organisation and, where none is given, the country are
the database's still.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from shoalpy.model import Address, Heartbeat
from ugrpy.locality import Network, Place, PositionSetting, PrefixTable
from ugrpy.locality.facts import UNKNOWN_FACTS, GeoFacts
from ugrpy.locality.geodb import GeoDatabase
from ugrpy.locality.model import country_code
from ugrpy.locality.records import filled_facts

# Addresses remembered, about 1 kB each: as many as there are caches in a large table, and callers between two of their beats.
KNOWN_ADDRESSES = 50_000


@dataclass(frozen=True, slots=True)
class SiteNetworks:
    """Networks the operator places or names by hand. Raises ``LocalityError`` for a country that is not two letters."""

    networks: Annotated[
        tuple[Network, ...], Field(min_length=1, description="CIDR networks of which this is said")
    ]
    site: Annotated[
        str | None,
        Field(description="name of the site; all networks with this name are one network"),
    ] = None
    position: Annotated[
        PositionSetting | None, Field(description="where they are: [latitude, longitude]")
    ] = None
    country: Annotated[str | None, Field(description="ISO 3166-1 code of two letters")] = None
    city: Annotated[str | None, Field(description="name of the city, as shown to people")] = None
    organisation: Annotated[
        str | None,
        Field(description="whom the networks belong to, in place of the databases' name"),
    ] = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "country", country_code(self.country))

    def facts(self, network: Network) -> GeoFacts:
        """What is said of an address in the network."""
        place = Place(self.position, self.country, source=f"{network} by the operator")
        return GeoFacts(place, city=self.city, organisation=self.organisation)


@dataclass(frozen=True, slots=True)
class GeoPolicy:
    """What is known of addresses."""

    databases: Annotated[
        tuple[Path, ...],
        Field(
            description="MaxMind or DB-IP files (.mmdb); the first that knows a field is believed"
        ),
    ] = ()
    check_s: Annotated[
        float, Field(gt=0, description="seconds between looks whether a database has changed")
    ] = 60.0
    networks: Annotated[
        tuple[SiteNetworks, ...], Field(description="networks placed or named by hand")
    ] = ()


class GeoSource:
    """Answers from memory; ``forget`` when ``database`` has changed (``ugrpy.locality.geowatch``). For one thread."""

    def __init__(
        self, database: GeoDatabase | None = None, networks: Sequence[SiteNetworks] = ()
    ) -> None:
        self.database = database or GeoDatabase()
        self._by_hand = PrefixTable(
            (network, (site.site, site.facts(network)))
            for site in networks
            for network in site.networks
        )
        self._memo = lru_cache(maxsize=KNOWN_ADDRESSES)(self._find)

    def __repr__(self) -> str:
        return f"<GeoSource of {self.database!r} and {len(self._by_hand)} networks by hand>"

    def facts_of(self, address: Address | None) -> GeoFacts:
        """What is known of the address; unknown facts for none."""
        return UNKNOWN_FACTS if address is None else self._memo(address)

    def facts_of_beat(self, beat: Heartbeat) -> GeoFacts:
        """Where the cache is: by the address the world reaches it at, or else, in a placed private network, by its own."""
        return self.facts_of(beat.reachable_ip or beat.private_ip)

    def site_of(self, address: Address) -> str | None:
        """The site whose network holds the address, by the operator."""
        said = self._by_hand.get(address)
        return None if said is None else said[0]

    def forget(self) -> None:
        """The databases have changed: what they said before counts no more."""
        self._memo.cache_clear()

    def age_s(self, now_s: float) -> float | None:
        """How old the oldest database is, by what its makers wrote into it; ``None`` without one."""
        built_at_s = self.database.built_at_s
        return None if built_at_s is None else max(0.0, now_s - built_at_s)

    def _find(self, address: Address) -> GeoFacts:
        found = self.database.facts(address)
        said = self._by_hand.get(address)
        return found if said is None else _placed(said[1], found)


def open_geo(policy: GeoPolicy) -> GeoSource:
    """Open the databases. Raises ``ConfigError``; blocks while it reads."""
    return GeoSource(GeoDatabase(policy.databases), policy.networks)


def _placed(by_hand: GeoFacts, found: GeoFacts) -> GeoFacts:
    place = by_hand.place
    same_country = place.country in (None, found.place.country)
    if place.position is not None or not same_country:
        found = GeoFacts(
            # a position by hand stands; without one, that in another country than the operator says is not its own
            replace(found.place, position=None),
            country_name=found.country_name if same_country else None,
            continent=found.continent if same_country else None,
            organisation=found.organisation,
        )
    return filled_facts(by_hand, found)
