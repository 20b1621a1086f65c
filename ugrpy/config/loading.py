"""The gateway's configuration from its sources; ``ugrpy.settings.loading`` does the reading and judging."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

from ugrpy.config.checks import CHECKS
from ugrpy.config.model import Configuration, EndpointSettings, Tables
from ugrpy.settings import loading
from ugrpy.settings.loading import NOTHING
from ugrpy.settings.schema import Schema
from ugrpy.settings.sources import Tree

SCHEMA = Schema(
    Tables,
    environment="UGRPY_",
    file_names=("locality.geoip.*", "endpoints.*.ca_file", "service.access_log"),
    checks=CHECKS,
)


def load(
    files: Sequence[Path] = (),
    *,
    overrides: Mapping[str, object] = NOTHING,
    environ: Mapping[str, str],
) -> Configuration:
    """The configuration of these sources; no file at all is fine.

    ``overrides`` are nested as in the file (``{"service": {"workers": 2}, "endpoints": {"a": {"url": …}}}``) and
    ``None`` in it stands for an option not given. Raises ``InvalidConfiguration`` (a ``ConfigError``) with all problems.
    """
    found = loading.load(SCHEMA, files, overrides=overrides, environ=environ)
    tables = replace(
        found.tables,
        endpoints=tuple(
            _inheriting(one, found.tables, found.tree) for one in found.tables.endpoints
        ),
    )
    parts = {part.name: getattr(tables, part.name) for part in fields(Tables)}
    return Configuration(**parts, origins=found.origins)


def _inheriting(endpoint: EndpointSettings, tables: Tables, tree: Tree) -> EndpointSettings:
    """The endpoint with its health policy filled up from ``[health]``; only the written tree knows what it sets."""
    if endpoint.health is None:
        return endpoint
    written = tree["endpoints"][endpoint.name]["health"]
    own = {key: getattr(endpoint.health, key) for key in written}
    return replace(endpoint, health=replace(tables.health, **own))
