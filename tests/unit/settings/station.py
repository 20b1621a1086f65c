"""A set of tables of no service of ours: a weather station, with what a set of tables can have."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator

from ugrpy.settings import STRICT, Finding, Listen, Schema, TableName, Tree
from ugrpy.settings.checks import files_are_readable, listeners_are_apart
from ugrpy.settings.sources import texts_at
from ugrpy.settings.values import NAME_PATTERN, parse_listen, parse_url


class Unit(StrEnum):
    """How temperatures are shown."""

    CELSIUS = "celsius"
    KELVIN = "kelvin"


@dataclass(frozen=True, slots=True)
class Degrees:
    """A value with a form of its own."""

    value: float


def parse_degrees(value: object) -> Degrees:
    """``21 °C``."""
    if isinstance(value, str) and value.endswith(" °C"):
        return Degrees(float(value.removesuffix(" °C")))
    raise ValueError(f"expected degrees such as '21 °C', got {value!r}")


@dataclass(frozen=True, slots=True)
class Tls:
    """``[server.tls]``, a table in a table."""

    certificate: Annotated[Path | None, Field(description="PEM file")] = None
    ciphers: Annotated[tuple[str, ...], Field(description="what is offered")] = ("strong",)


@dataclass(frozen=True, slots=True)
class Server:
    """``[server]``."""

    listen: Annotated[
        tuple[Annotated[Listen, PlainValidator(parse_listen)], ...],
        Field(min_length=1, description="where it listens"),
    ] = (Listen("127.0.0.1", 8000),)
    unit: Annotated[Unit, Field(description="how temperatures are shown")] = Unit.CELSIUS
    alarm: Annotated[
        Degrees, PlainValidator(parse_degrees), Field(description="from here on it calls")
    ] = Degrees(40)
    share: Annotated[float, Field(gt=0, lt=1, description="of the sky")] = 0.5
    code: Annotated[str, Field(pattern="^[A-Z]{4}$", description="of the airport")] = "CYVR"
    tls: Annotated[Tls, Field(description="certificates of the server")] = field(
        default_factory=Tls
    )


@dataclass(frozen=True, slots=True)
class Place:
    """``[[map.places]]``."""

    network: Annotated[IPv4Network | IPv6Network, Field(description="who is there")]
    city: Annotated[str, Field(description="what it is called")] = ""


@dataclass(frozen=True, slots=True)
class Map:
    """``[map]``."""

    places: Annotated[tuple[Place, ...], Field(description="where networks are")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """``[sensors.NAME]``."""

    label: Annotated[str, TableName("sensor", "what readings carry"), Field(pattern=NAME_PATTERN)]
    url: Annotated[str, AfterValidator(parse_url), Field(description="where it is read")]
    log: Annotated[Path | None, Field(description="where it writes")] = None


@dataclass(frozen=True, slots=True)
class Station:
    """The top of the file."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    server: Annotated[Server, Field(description="the process")] = field(default_factory=Server)
    map: Annotated[Map, Field(description="who is where")] = field(default_factory=Map)
    sensors: Annotated[tuple[Sensor, ...], Field(description="what is read, a table each")] = ()


def _sensors_are_no_doubles(tree: Tree) -> Iterator[Finding]:
    seen: set[str] = set()
    for path, url in texts_at(tree, "sensors.*.url"):
        if url in seen:
            yield path, f"{url} is read already"
        seen.add(url)


SCHEMA = Schema(
    Station,
    environment="STATION_",
    file_names=("server.tls.certificate", "sensors.*.log"),
    checks=(
        listeners_are_apart("server.listen.*"),
        files_are_readable("server.tls.certificate"),
        _sensors_are_no_doubles,
    ),
)
