"""How is the configuration read, and judged as a whole?

Later sources win: defaults < files in the given order, each followed by its drop-ins < environment < command line.
Everything that is wrong is told at once. pydantic-settings reads such sources too, but without the line of each key,
which both the messages and ``origin`` need; so the layers are ours, and pydantic judges the merged tree.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from pydantic import TypeAdapter, ValidationError

from ugrpy.config.checks import check_tree
from ugrpy.config.merging import duplicate_endpoints, merge
from ugrpy.config.model import Configuration, EndpointSettings, Tables
from ugrpy.config.problems import (
    InvalidConfiguration,
    Problem,
    nearest_origin,
    problems_of,
    render_key,
)
from ugrpy.config.sources import (
    Layer,
    Tree,
    command_line_layer,
    drop_ins,
    environment_layer,
    read_file,
)

_NOTHING: Mapping[str, object] = MappingProxyType({})


def load(
    files: Sequence[Path] = (),
    *,
    overrides: Mapping[str, object] = _NOTHING,
    environ: Mapping[str, str],
) -> Configuration:
    """The configuration of these sources; no file at all is fine.

    ``overrides`` are nested as in the file (``{"service": {"workers": 2}, "endpoints": {"a": {"url": …}}}``) and
    ``None`` in it stands for an option not given. Raises ``InvalidConfiguration`` (a ``ConfigError``) with all problems.
    """
    in_files, problems = _read([one for file in files for one in (file, *drop_ins(file))])
    command_line = command_line_layer(overrides)
    names = _endpoint_names(layer.tree for layer in (*in_files, command_line))
    tree, origins = merge([*in_files, environment_layer(environ, names), command_line])
    all_read = not problems
    problems += duplicate_endpoints(in_files)
    configuration, invalid = _validate(tree, origins)
    problems += invalid
    if all_read:  # else an endpoint may seem unknown because its file could not be read
        problems += [
            Problem(nearest_origin(origins, path), render_key(path), message)
            for path, message in check_tree(tree)
        ]
    if problems or configuration is None:
        raise InvalidConfiguration(problems)
    return configuration


def _read(paths: Iterable[Path]) -> tuple[list[Layer], list[Problem]]:
    layers: list[Layer] = []
    problems: list[Problem] = []
    for path in paths:
        match read_file(path):
            case Layer() as layer:
                layers.append(layer)
            case Problem() as problem:
                problems.append(problem)
    return layers, problems


def _endpoint_names(trees: Iterable[Tree]) -> list[str]:
    tables = (tree.get("endpoints") for tree in trees)
    return [name for table in tables if isinstance(table, dict) for name in table]


def _validate(tree: Tree, origins: Mapping[str, str]) -> tuple[Configuration | None, list[Problem]]:
    problems: list[Problem] = []
    names: list[str] = []
    endpoints = tree.get("endpoints", {})
    if isinstance(endpoints, dict):
        names = list(endpoints)
        problems = [_name_is_no_key(name, origins) for name in names if _sets_name(endpoints[name])]
        endpoints = [
            {**table, "name": name} if isinstance(table, dict) else table
            for name, table in endpoints.items()
        ]
    # JSON, because there pydantic can be strict about numbers and texts and still take a list for a tuple
    document = json.dumps({**tree, "endpoints": endpoints}, default=str)
    try:
        tables = _adapter().validate_json(document)
    except ValidationError as error:
        return None, [*problems, *problems_of(error, names, origins)]
    tables = replace(
        tables, endpoints=tuple(_inheriting(one, tables, tree) for one in tables.endpoints)
    )
    parts = {part.name: getattr(tables, part.name) for part in fields(Tables)}
    return Configuration(**parts, origins=origins), problems


@cache
def _adapter() -> TypeAdapter[Tables]:
    return TypeAdapter(Tables)


def _inheriting(endpoint: EndpointSettings, tables: Tables, tree: Tree) -> EndpointSettings:
    """The endpoint with its health policy filled up from ``[health]``; only the written tree knows what it sets."""
    if endpoint.health is None:
        return endpoint
    written = tree["endpoints"][endpoint.name]["health"]
    own = {key: getattr(endpoint.health, key) for key in written}
    return replace(endpoint, health=replace(tables.health, **own))


def _sets_name(table: object) -> bool:
    return isinstance(table, dict) and "name" in table


def _name_is_no_key(endpoint: str, origins: Mapping[str, str]) -> Problem:
    path = ("endpoints", endpoint, "name")
    where = nearest_origin(origins, path)
    return Problem(where, render_key(path), f"unknown key; the table's name, {endpoint!r}, is it")
