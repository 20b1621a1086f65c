"""The vocabulary of nearness: what is known of an address, what the operator said, and how a choice is told.

``None`` means *not known*, never zero: a place without a position is behind those that have one, it is not
in the Gulf of Guinea (reference row D25, dynafed.md section 3.9). The operator's values are validated by pydantic
when the configuration is read, and by themselves wherever else they are made.
"""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from math import isfinite
from typing import Annotated

from pydantic import BeforeValidator, Field

from ugrpy.core.errors import DataError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Far above any sensible ratio, far below where adding weights up would overflow.
MAX_WEIGHT = 1e9


class LocalityError(DataError, ValueError):
    """A position, country, weight or rule that cannot be. A ``ValueError``, so that pydantic names the key."""


@dataclass(frozen=True, slots=True)
class Position:
    """A point on Earth in degrees: north and east positive. Raises ``LocalityError`` outside the globe."""

    latitude_deg: Annotated[float, Field(ge=-90, le=90, description="degrees north")]
    longitude_deg: Annotated[float, Field(ge=-180, le=180, description="degrees east")]

    def __post_init__(self) -> None:
        # written so that NaN, which compares false with everything, is refused too
        if not (-90 <= self.latitude_deg <= 90 and -180 <= self.longitude_deg <= 180):
            raise LocalityError(
                f"no such position: latitude {self.latitude_deg}, longitude {self.longitude_deg}",
                hint="latitude is -90 to 90, longitude -180 to 180, in degrees, in this order",
            )


def parse_position(text: str) -> Position:
    """The position written as ``48.46,-123.31``: latitude, longitude. Raises ``LocalityError``."""
    try:
        latitude_deg, longitude_deg = map(float, text.split(","))
    except ValueError:
        raise LocalityError(
            f"not a position: {text!r}", hint="write latitude,longitude as in 48.46,-123.31"
        ) from None
    return Position(latitude_deg, longitude_deg)


def _position_setting(value: object) -> object:
    match value:
        case str():
            return parse_position(value)
        case (latitude, longitude):
            return {"latitude_deg": latitude, "longitude_deg": longitude}
        case list() | tuple():
            raise LocalityError("expected two numbers: latitude, longitude")
        case _:
            return value


# How a position is written in configuration: [latitude, longitude], or "latitude,longitude" on a command line.
PositionSetting = Annotated[Position, BeforeValidator(_position_setting)]


def country_code(country: str | None) -> str | None:
    """The code in upper case; ``None`` stays. Raises ``LocalityError`` unless it is two ASCII letters."""
    if country is None:
        return None
    if not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise LocalityError(f"not a country code of two letters (ISO 3166-1): {country!r}")
    return country.upper()


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of an address.

    ``country`` is ISO 3166-1 alpha-2 in upper case (lower case is accepted), ``asn`` the number of the autonomous
    system that announces the address. ``source`` says who told us; two places are equal whoever told.
    Raises ``LocalityError`` for a country that is not two letters.
    """

    position: Position | None = None
    country: str | None = None
    asn: int | None = None
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "country", country_code(self.country))


UNKNOWN_PLACE = Place(source="nothing is known")


@dataclass(frozen=True, slots=True)
class NetworkPlace:
    """Networks the operator places by hand, private ones above all; the longest prefix wins."""

    networks: Annotated[
        tuple[Network, ...], Field(min_length=1, description="CIDR networks placed here")
    ]
    position: Annotated[
        PositionSetting | None, Field(description="where they are: [latitude, longitude]")
    ] = None
    country: Annotated[str | None, Field(description="ISO 3166-1 code of two letters")] = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "country", country_code(self.country))


@dataclass(frozen=True, slots=True)
class PreferenceRule:
    """Clients in one of the networks or autonomous systems are sent to ``prefer``, best first, before distance counts.

    Of several rules that match a client only the first in the configuration holds. Raises ``LocalityError``
    when the rule can match nobody.
    """

    networks: Annotated[
        tuple[Network, ...], Field(description="CIDR networks the client is in")
    ] = ()
    asns: Annotated[
        tuple[int, ...], Field(description="autonomous system numbers the client is in")
    ] = ()
    prefer: Annotated[tuple[str, ...], Field(description="endpoint names, best first")] = ()

    def __post_init__(self) -> None:
        if not (self.networks or self.asns):
            raise LocalityError(
                "a preference rule needs networks or asns",
                hint='for every client write networks = ["0.0.0.0/0", "::/0"]',
            )

    def __str__(self) -> str:
        """The rule as explanations name it: its first network or AS, and how many more."""
        scopes = [str(network) for network in self.networks] + [f"AS{asn}" for asn in self.asns]
        more = f" and {len(scopes) - 1} more" if len(scopes) > 1 else ""
        return f"rule {scopes[0]}{more}"


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks: the address, if there is one, and what is known of it."""

    address: Address | None = None
    place: Place = UNKNOWN_PLACE


@dataclass(frozen=True, slots=True)
class Candidate:
    """One that may be chosen.

    Among equally near ones it is drawn in proportion to ``weight * (1 - load)``; with weight 0 or load 1 it is taken
    only after all others. ``sluggish``: alive but slow now. ``excluded``: why it must not be chosen, or empty.
    Raises ``LocalityError`` for a weight outside 0 to ``MAX_WEIGHT`` or a load outside 0 to 1.
    """

    id: str
    place: Place = UNKNOWN_PLACE
    weight: float = 1.0
    load: float = 0.0
    sluggish: bool = False
    excluded: str = ""

    def __post_init__(self) -> None:
        if not (isfinite(self.weight) and 0 <= self.weight <= MAX_WEIGHT):
            raise LocalityError(f"{self.id}: weight {self.weight} is not within 0 to {MAX_WEIGHT}")
        if not 0 <= self.load <= 1:
            raise LocalityError(f"{self.id}: load {self.load} is not within 0 to 1")


@dataclass(frozen=True, slots=True)
class Choice:
    """One that was chosen, and why it stands where it does.

    ``tier`` counts from 0; candidates of one tier are equally good by rule and distance, so that slowness and
    the draw decided between them. ``distance_km`` is ``None`` when either position is unknown.
    """

    id: str
    distance_km: float | None
    tier: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """One that was not chosen, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """Every candidate once: the chosen ones best first, the rejected ones by id."""

    chosen: tuple[Choice, ...]
    rejected: tuple[Rejection, ...]
