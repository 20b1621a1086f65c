"""Options that several commands share, and the configuration they amount to."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ugrpy.config import Configuration, load
from ugrpy.core.errors import ConfigError

ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Configuration file (TOML); FILE.d/*.toml is read after it.",
    ),
]
Endpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint", "-e", metavar="NAME=URL", help="A storage element; repeat for more."
    ),
]
Locations = Annotated[
    list[str] | None,
    typer.Option(
        "--location", metavar="NAME=LAT,LON", help="Where that storage element is, in degrees."
    ),
]
GeoIp = Annotated[
    list[Path] | None,
    typer.Option(
        "--geoip", metavar="FILE", help="GeoIP database (.mmdb) that tells where clients are."
    ),
]


@dataclass(frozen=True, slots=True)
class Changes:
    """What the options say about changes: endpoints that may be changed, networks whose clients may."""

    writable: Sequence[str] = ()
    write_from: Sequence[str] = ()


def configuration(
    config: Sequence[Path] | None,
    endpoints: Sequence[str] | None,
    locations: Sequence[str] | None,
    geoip: Sequence[Path] | None,
    service: dict[str, object] | None = None,
    changes: Changes | None = None,
) -> Configuration:
    """Files, environment and options together; options win. Raises ``ConfigError`` with all that is wrong."""
    tables: dict[str, dict[str, object]] = {}
    for option in endpoints or ():
        name, url = _pair(option, "--endpoint", "NAME=URL")
        if name in tables:
            raise ConfigError(f"the endpoint {name!r} is given twice", where="--endpoint")
        tables[name] = {"url": url}
    for option in locations or ():
        name, place = _pair(option, "--location", "NAME=LAT,LON")
        tables.setdefault(name, {})["location"] = _position(place)
    overrides: dict[str, object] = {"service": service or {}, "endpoints": tables}
    for name in changes.writable if changes else ():
        tables.setdefault(name, {})["writable"] = True
    if changes and changes.write_from:
        overrides["changes"] = {"write_from": list(changes.write_from)}
    if geoip:
        overrides["locality"] = {"geoip": [str(path) for path in geoip]}
    return load(config or (), overrides=overrides, environ=os.environ)


def _pair(option: str, flag: str, form: str) -> tuple[str, str]:
    name, separator, value = option.partition("=")
    if not separator or not name or not value:
        raise ConfigError(f"{option!r} is not of the form {form}", where=flag)
    return name, value


def _position(text: str) -> list[float]:
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"{text!r} is not LAT,LON in degrees", where="--location") from None
    return [latitude, longitude]
