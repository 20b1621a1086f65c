"""How is a configuration read, and judged as a whole?

Later sources win: defaults < files in the given order, each followed by its drop-ins < environment < command line.
Everything that is wrong is told at once. pydantic-settings reads such sources too, but without the line of each key,
which both the messages and ``origin`` need; so the layers are ours, and pydantic judges the merged tree.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Generic, TypeVar

from pydantic import ValidationError

from ugrpy.settings.merging import duplicates, merge
from ugrpy.settings.problems import (
    InvalidConfiguration,
    Problem,
    nearest_origin,
    problems_of,
    render_key,
)
from ugrpy.settings.schema import Schema
from ugrpy.settings.shape import Named
from ugrpy.settings.sources import (
    Layer,
    Tree,
    command_line_layer,
    drop_ins,
    environment_layer,
    read_file,
)

T = TypeVar("T")

NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """What was read: the tables, the merged tree as it was written, and the origin of each of its keys."""

    tables: T
    tree: Tree = field(repr=False)
    origins: Mapping[str, str] = field(repr=False)

    def origin(self, key: str) -> str:
        """Where a key was set: ``site.toml:12``, ``environment``, ``command line`` or ``default``.

        ``key`` is written as in ``cache.ttl_s``, ``endpoints.uvic.url`` or ``locality.rules[0].prefer``.
        """
        return self.origins.get(key, "default")


def load(
    schema: Schema[T],
    files: Sequence[Path] = (),
    *,
    overrides: Mapping[str, object] = NOTHING,
    environ: Mapping[str, str],
) -> Loaded[T]:
    """The configuration of these sources; no file at all is fine.

    ``overrides`` are nested as in the file (``{"service": {"workers": 2}, "endpoints": {"a": {"url": …}}}``) and
    ``None`` in it stands for an option not given. Raises ``InvalidConfiguration`` (a ``ConfigError``) with all problems.
    """
    in_files, problems = _read(
        [one for file in files for one in (file, *drop_ins(file))], schema.file_names
    )
    command_line = command_line_layer(overrides)
    names = {
        key: _names(key, (layer.tree for layer in (*in_files, command_line)))
        for key in schema.named
    }
    environment = environment_layer(environ, schema.environment, names)
    tree, origins = merge([*in_files, environment, command_line])
    all_read = not problems
    for key, named in schema.named.items():
        problems += duplicates(in_files, key, named.noun)
    found, invalid = _validate(schema, tree, origins)
    problems += invalid
    if all_read:  # else a named table may seem unknown because its file could not be read
        problems += [
            Problem(nearest_origin(origins, path), render_key(path), message)
            for check in schema.checks
            for path, message in check(tree)
        ]
    if problems or found is None:
        raise InvalidConfiguration(problems)
    return found


def _read(paths: Iterable[Path], file_names: Sequence[str]) -> tuple[list[Layer], list[Problem]]:
    layers: list[Layer] = []
    problems: list[Problem] = []
    for path in paths:
        match read_file(path, file_names):
            case Layer() as layer:
                layers.append(layer)
            case Problem() as problem:
                problems.append(problem)
    return layers, problems


def _names(key: str, trees: Iterable[Tree]) -> list[str]:
    tables = (tree.get(key) for tree in trees)
    return [name for table in tables if isinstance(table, dict) for name in table]


def _validate(
    schema: Schema[T], tree: Tree, origins: Mapping[str, str]
) -> tuple[Loaded[T] | None, list[Problem]]:
    problems: list[Problem] = []
    names: dict[str, list[str]] = {}
    document = dict(tree)
    for key, named in schema.named.items():
        written = tree.get(key, {})
        if isinstance(written, dict):
            names[key] = list(written)
            problems += _names_as_keys(key, named, written, origins)
            document[key] = [
                {**table, named.field: name} if isinstance(table, dict) else table
                for name, table in written.items()
            ]
    try:
        # JSON, because there pydantic can be strict about numbers and texts and still take a list for a tuple
        tables = schema.adapter.validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        return None, [*problems, *problems_of(error, schema.tables, names, origins)]
    return Loaded(tables, tree, origins), problems


def _names_as_keys(
    key: str, named: Named, written: Tree, origins: Mapping[str, str]
) -> Iterator[Problem]:
    for name, table in written.items():
        if isinstance(table, dict) and named.field in table:
            path = (key, name, named.field)
            where = nearest_origin(origins, path)
            yield Problem(
                where, render_key(path), f"unknown key; the table's name, {name!r}, is it"
            )
