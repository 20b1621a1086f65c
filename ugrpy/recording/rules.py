"""Which rules held when a decision was made?

What ranking takes from the configuration: where the endpoints are and what they weigh, the preferences, the fuzz, the networks placed by
hand. It is written once beside the flights as ``rules-<version>.json``, the version being a hash of it, so that the rules of then are
at hand when the configuration has long been another. Mounts and whether an endpoint may be read are in it too: they decide who is asked at all.

::

    {"endpoints":[{"name":"uvic","place":[48.4,-123.3,"CA",null,"configuration"],"weight":1.0,"mounts":["/"],"readable":true,"writable":false,"url":"https://se.uvic.ca/dav"}],
     "fuzz_km":10.0,"geoip":["city.mmdb"],"networks":[{"networks":["10.0.0.0/8"],"place":[48.4,-123.3,"CA",null,""]}],
     "preferences":[{"asns":[],"networks":["10.1.0.0/16"],"prefer":["uvic"]}]}
"""

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from ugrpy.core.errors import DataError
from ugrpy.locality.model import Candidate, NetworkPlace, Place, PreferenceRule
from ugrpy.namespace.paths import is_within
from ugrpy.recording.unpacking import parse_place


class NoRules(DataError):
    """Rules that are not there any more, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """One endpoint as the rules have it. ``mounts`` are the federated paths it is mounted at."""

    name: str
    place: Place
    weight: float = 1.0
    mounts: tuple[str, ...] = ("/",)
    readable: bool = True
    writable: bool = False
    url: str = ""

    def covers(self, path: str) -> bool:
        """Whether the endpoint is mounted over a path."""
        return any(is_within(path, mount) for mount in self.mounts)

    def candidate(self) -> Candidate:
        """As a ranking wants it."""
        return Candidate(self.name, self.place, self.weight)


@dataclass(frozen=True, slots=True)
class Rules:
    """All that ranking takes from a configuration. ``geoip`` are the names of the databases, for people."""

    endpoints: tuple[Ruled, ...]
    preferences: tuple[PreferenceRule, ...] = ()
    networks: tuple[NetworkPlace, ...] = ()
    fuzz_km: float = 10.0
    geoip: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """What these rules are called: equal for equal rules."""
        return sha256(render_rules(self).encode("ascii")).hexdigest()[:16]


def render_rules(rules: Rules) -> str:
    """The text of the rules, equal for equal rules."""
    return json.dumps(
        {
            "endpoints": [
                {
                    "name": one.name,
                    "place": _place(one.place),
                    "weight": one.weight,
                    "mounts": one.mounts,
                    "readable": one.readable,
                    "writable": one.writable,
                    "url": one.url,
                }
                for one in sorted(rules.endpoints, key=lambda one: one.name)
            ],
            "preferences": [
                {"networks": _texts(one.networks), "asns": one.asns, "prefer": one.prefer}
                for one in rules.preferences
            ],
            "networks": [
                {
                    "networks": _texts(one.networks),
                    "place": _place(Place(one.position, one.country)),
                }
                for one in rules.networks
            ],
            "fuzz_km": rules.fuzz_km,
            "geoip": rules.geoip,
        },
        sort_keys=True,
    )


def parse_rules(text: str | bytes) -> Rules:
    """The rules from their text. Raises ``NoRules``."""
    try:
        said = json.loads(text)
        return Rules(
            tuple(_ruled(one) for one in said["endpoints"]),
            tuple(
                PreferenceRule(
                    tuple(ip_network(network) for network in one["networks"]),
                    tuple(int(number) for number in one["asns"]),
                    tuple(str(name) for name in one["prefer"]),
                )
                for one in said["preferences"]
            ),
            tuple(_network_place(one) for one in said["networks"]),
            float(said["fuzz_km"]),
            tuple(str(name) for name in said["geoip"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoRules(f"these rules cannot be read: {type(error).__name__}: {error}") from error


def keep_rules(folder: Path, rules: Rules) -> str:
    """Have the rules in the folder, dated now, and return their version. Blocks; raises ``OSError``."""
    version = rules.version
    path = _path(folder, version)
    with suppress(FileNotFoundError):
        os.utime(path)
        return version
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, beside = tempfile.mkstemp(dir=folder, prefix=".rules-")
    try:
        with os.fdopen(number, "w", encoding="ascii") as file:
            file.write(render_rules(rules))
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    return version


def kept_rules(folder: Path, version: str) -> Rules:
    """The rules of that version. Blocks; raises ``NoRules``."""
    if not version.isalnum():
        raise NoRules(f"{version!r} is no version of rules")
    try:
        return parse_rules(_path(folder, version).read_bytes())
    except OSError as error:
        raise NoRules(f"the rules {version} are not there: {error.strerror}") from error


def forget_rules(folder: Path, before_s: float) -> None:
    """Remove the rules that were kept last before that time (seconds since the epoch). Blocks; raises ``OSError``."""
    for path in folder.glob("rules-*.json"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before_s:
                path.unlink()


def _path(folder: Path, version: str) -> Path:
    return folder / f"rules-{version}.json"


def _texts(networks: Sequence[object]) -> list[str]:
    return [str(network) for network in networks]


def _place(place: Place) -> list[object]:
    at = place.position
    coordinates = (None, None) if at is None else (at.latitude_deg, at.longitude_deg)
    return [*coordinates, place.country, place.asn, place.source]


def _ruled(said: Any) -> Ruled:
    return Ruled(
        str(said["name"]),
        parse_place(said["place"]),
        float(said["weight"]),
        tuple(str(mount) for mount in said["mounts"]),
        bool(said["readable"]),
        bool(said["writable"]),
        str(said["url"]),
    )


def _network_place(said: Any) -> NetworkPlace:
    place = parse_place(said["place"])
    return NetworkPlace(
        tuple(ip_network(network) for network in said["networks"]), place.position, place.country
    )
