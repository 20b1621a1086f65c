"""What does each source say? Files with their drop-ins, the environment, the command line; each becomes a layer.

A layer is a tree of TOML values with the origin of each key in it. Relative file names in a file are relative to the
directory of that file, since a service rarely starts where its configuration lies; on the command line and in the
environment they are relative to the working directory, as everywhere.
"""

import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ugrpy.settings.lines import KeyPath, key_lines
from ugrpy.settings.problems import Problem, render_key

_SEPARATOR = "__"

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source sets. ``appends``: its arrays of tables add to those of earlier layers."""

    tree: Tree
    origins: Mapping[str, str] = field(default_factory=dict)
    appends: bool = False


def drop_ins(file: Path) -> list[Path]:
    """``site.toml.d/*.toml`` beside ``site.toml``, sorted by name; empty without such a directory."""
    return sorted(file.with_name(f"{file.name}.d").glob("[!.]*.toml"))


def read_file(path: Path, file_names: Sequence[str] = ()) -> Layer | Problem:
    """A TOML file, or why it cannot be used. The texts at ``file_names`` are taken as relative to its directory."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return Problem(str(path), "", f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        return Problem(str(path), "", f"expected UTF-8; byte {error.start} breaks it")
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).partition(" (at ")
        line = re.search(r"line (\d+)", place)
        where = line[1] if line else str(text.count("\n") + 1)  # "at end of document"
        return Problem(f"{path}:{where}", "", f"not TOML: {message}")
    origins = {render_key(key): f"{path}:{line}" for key, line in key_lines(text).items()}
    replace_texts(tree, file_names, lambda name: _beside(path, name))
    return Layer(tree, origins, appends=True)


def _beside(path: Path, name: str) -> str:
    return name if name in ("", "-") else os.path.join(path.parent, name)


def environment_layer(
    environ: Mapping[str, str], prefix: str, names: Mapping[str, Collection[str]]
) -> Layer:
    """``UGRPY_CACHE__TTL_S=60`` sets ``cache.ttl_s``, ``UGRPY_`` being the prefix; variables without ``__`` are not settings.

    A value is read as TOML where it is TOML (``4``, ``true``, ``["a", "b"]``), else as a text. ``names`` are those of the named
    tables by key. Variables cannot spell every name, so ``UGRPY_ENDPOINTS__SE_1__URL`` means the endpoint that is called
    so when case is ignored and ``_`` may stand for ``-`` and ``.``; a new one gets the name in lower case.
    """
    known = {
        key: {re.sub(r"[.-]", "_", name).lower(): name for name in written}
        for key, written in names.items()
    }
    tree: Tree = {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(prefix) or _SEPARATOR not in variable:
            continue
        keys = variable.removeprefix(prefix).lower().split(_SEPARATOR)
        if keys[0] in known and len(keys) > 1:
            keys[1] = known[keys[0]].get(keys[1], keys[1])
        _set(tree, keys, _toml_or_text(text))
    return Layer(tree, dict.fromkeys(_leaf_keys(tree), "environment"))


def _toml_or_text(text: str) -> Any:
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return found["value"] if len(found) == 1 else text


def _set(tree: Tree, keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = tree.setdefault(key, {})
        if not isinstance(inner, dict):
            inner = tree[key] = {}
        tree = inner
    tree[keys[-1]] = value


def command_line_layer(overrides: Mapping[str, object]) -> Layer:
    """Nested mappings as in the file; ``None`` stands for an option that was not given."""
    tree = _without_none(overrides)
    return Layer(tree, dict.fromkeys(_leaf_keys(tree), "command line"))


def _without_none(mapping: Mapping[str, object]) -> Tree:
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in mapping.items()
        if value is not None
    }


def _leaf_keys(tree: Tree, path: KeyPath = ()) -> Iterator[str]:
    for key, value in tree.items():
        here = (*path, key)
        if isinstance(value, dict) and value:
            yield from _leaf_keys(value, here)
        else:
            yield render_key(here)


def texts_at(tree: Any, pattern: str) -> Iterator[tuple[KeyPath, str]]:
    """Every text at the keys a pattern names; ``*`` is any key of a table or any element of a list.

    Whatever has not the expected shape is passed over: it is told elsewhere.
    """
    yield from _texts(tree, pattern.split("."), ())


def _texts(value: Any, steps: list[str], path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if not steps:
        if isinstance(value, str):
            yield path, value
        return
    match value:
        case dict():
            items: list[tuple[str | int, Any]] = list(value.items())
        case list() | tuple():
            items = list(enumerate(value))
        case _:
            return
    for key, inner in items:
        if steps[0] in ("*", key):
            yield from _texts(inner, steps[1:], (*path, key))


def replace_texts(tree: Tree, patterns: Sequence[str], change: Callable[[str], str]) -> None:
    """Change, in place, the texts at the keys the patterns name."""
    for pattern in patterns:
        for path, text in list(texts_at(tree, pattern)):
            holder: Any = tree
            for part in path[:-1]:
                holder = holder[part]
            holder[path[-1]] = change(text)
