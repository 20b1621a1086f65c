"""What can be set: the whole configuration of the server as one frozen tree.

Each part declares its own settings; the tables here put them together. Field names are the keys of the file, and each carries its
help, from which ``docs/reference/shoalpy-configuration.md`` is written (``python -m shoalpy.config``).
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Field

from shoalpy.fsad import parse_fsad_line
from shoalpy.geo import GeoPolicy
from shoalpy.geoapi import GeoApiPolicy
from shoalpy.guard import PortRange
from shoalpy.intake.amqp import AmqpPolicy
from shoalpy.intake.https import BeatsPolicy
from shoalpy.network import NetworkPolicy
from shoalpy.ranking import CostPolicy
from shoalpy.registry import RegistryPolicy
from shoalpy.store import StorePolicy
from shoalpy.verify import VerificationPolicy
from shoalpy.wpad.policy import WpadPolicy
from ugrpy.core.listen import Listen
from ugrpy.locality import Position
from ugrpy.settings import loading, reference
from ugrpy.settings.checks import listeners_are_apart
from ugrpy.settings.loading import NOTHING, Loaded
from ugrpy.settings.schema import STRICT, Schema
from ugrpy.settings.serving import AccessLogFile, ListenAddresses, ServingSettings
from ugrpy.settings.shape import TableName
from ugrpy.settings.values import NAME_PATTERN


@dataclass(frozen=True, slots=True)
class ServerSettings(ServingSettings):
    """``[server]``: the process, its listeners, and what callers are told."""

    listen: ListenAddresses = (Listen("127.0.0.1", 8100),)
    access_log: AccessLogFile = ""
    ip_override: Annotated[
        bool, Field(description="callers may ask for another address than their own with ?ip=")
    ] = True
    hide_private: Annotated[
        bool,
        Field(description="tell a cache's private address only to callers in its own network"),
    ] = False
    fsad: Annotated[
        tuple[Annotated[str, AfterValidator(parse_fsad_line)], ...],
        Field(description="more lines for /fsad.conf, each name=value"),
    ] = ()
    sweep_s: Annotated[
        float,
        Field(gt=0, le=3600, description="how often caches no longer heard of are let go"),
    ] = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """``[tokens.NAME]``: who may do more than ask."""

    name: Annotated[
        str, TableName("token", "whose it is, for the log"), Field(pattern=NAME_PATTERN)
    ]
    sha256: Annotated[
        str,
        Field(
            pattern="^[0-9a-f]{64}$",
            description="SHA-256 of the token in hexadecimal, as `shoalpy token` prints it",
        ),
    ]
    roles: Annotated[
        tuple[str, ...], Field(description='what it is good for: "operator" may drop caches')
    ] = ("operator",)


@dataclass(frozen=True, slots=True)
class Tables:
    """The top of the file."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    server: Annotated[
        ServerSettings, Field(description="the process, its listeners, and what callers are told")
    ] = field(default_factory=ServerSettings)
    registry: Annotated[
        RegistryPolicy, Field(description="what is taken in, and for how long it stays")
    ] = field(default_factory=RegistryPolicy)
    ranking: Annotated[CostPolicy, Field(description="how distance and load are weighed")] = field(
        default_factory=CostPolicy
    )
    geo: Annotated[GeoPolicy, Field(description="what is known of addresses")] = field(
        default_factory=GeoPolicy
    )
    geoapi: Annotated[
        GeoApiPolicy,
        Field(
            description="the Geo-API of CVMFS, which tells clients which of their servers are near"
        ),
    ] = field(default_factory=GeoApiPolicy)
    wpad: Annotated[
        WpadPolicy, Field(description="scripts that tell clients which proxies to use: /wpad.dat")
    ] = field(default_factory=WpadPolicy)
    network: Annotated[
        NetworkPolicy,
        Field(
            description="what makes two addresses neighbours, beside the site map in `geo.networks`"
        ),
    ] = field(default_factory=NetworkPolicy)
    verification: Annotated[
        VerificationPolicy,
        Field(
            description="whether caches must show that they work before everybody is told of them"
        ),
    ] = field(default_factory=VerificationPolicy)
    store: Annotated[StorePolicy, Field(description="where the table is kept over a restart")] = (
        field(default_factory=StorePolicy)
    )
    amqp: Annotated[AmqpPolicy, Field(description="the message broker, if there is one")] = field(
        default_factory=AmqpPolicy
    )
    beats: Annotated[BeatsPolicy, Field(description="heartbeats over HTTPS")] = field(
        default_factory=BeatsPolicy
    )
    tokens: Annotated[
        tuple[TokenSettings, ...], Field(description="who may do more than ask, a table for each")
    ] = ()


SCHEMA = Schema(
    Tables,
    environment="SHOALPY_",
    file_names=(
        "server.access_log",
        *("amqp.password_file", "amqp.ca_file", "amqp.cert_file", "amqp.key_file"),
        "beats.keys_file",
        "geo.databases.*",
        "store.file",
        *("wpad.rules_file", "wpad.worker_proxies", "wpad.shoal_squids"),
        *("wpad.export_worker_proxies", "wpad.export_shoal_squids"),
    ),
    checks=(listeners_are_apart("server.listen.*", "server.admin"),),
)


def load(
    files: Sequence[Path] = (),
    *,
    overrides: Mapping[str, object] = NOTHING,
    environ: Mapping[str, str],
) -> Loaded[Tables]:
    """The configuration of these sources; no file at all is fine.

    Raises ``InvalidConfiguration`` (a ``ConfigError``) with all problems.
    """
    return loading.load(SCHEMA, files, overrides=overrides, environ=environ)


PAGE = reference.Page(
    module="shoalpy.config",
    title="Configuration of shoalpy",
    file="shoalpy.toml",
    example=("registry.inactive_s", "120"),
    words={Position: "[latitude, longitude]", PortRange: "port or range"},
)

if __name__ == "__main__":
    sys.stdout.write(reference.render_reference(SCHEMA, PAGE))
