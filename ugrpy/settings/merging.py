"""How do layers become one tree?

Tables are merged key by key and a later layer wins; lists are replaced as a whole. One exception: arrays of
tables in files (``[[locality.networks]]``) add up in the order of the files, so that a drop-in can bring its own. A named
table (``[endpoints.NAME]``) belongs to one file: the same name in two is nearly always a copy that was forgotten.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from ugrpy.settings.lines import KeyPath
from ugrpy.settings.problems import Problem, render_key
from ugrpy.settings.sources import Layer, Tree


def merge(layers: Sequence[Layer]) -> tuple[Tree, dict[str, str]]:
    """The tree, and the origin of each of its keys."""
    tree: Tree = {}
    origins: dict[str, str] = {}
    for layer in layers:
        _merge_table(tree, layer.tree, (), layer, origins)
    return tree, origins


def _merge_table(
    target: Tree, source: Tree, path: KeyPath, layer: Layer, origins: dict[str, str]
) -> None:
    for key, value in source.items():
        here = (*path, key)
        before = target.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            _merge_table(before, value, here, layer, origins)
        elif layer.appends and _is_array_of_tables(value) and _is_array_of_tables(before):
            _adopt(origins, layer.origins, here, shift=len(before))
            target[key] = [*before, *value]
        else:
            if before is not None:
                _forget(origins, render_key(here))
            _adopt(origins, layer.origins, here)
            target[key] = _copy(value)


def _copy(value: Any) -> Any:
    """Tables are copied, since later layers are merged into them."""
    return {key: _copy(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _is_array_of_tables(value: Any) -> TypeGuard[list[Tree]]:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _below(origins: Mapping[str, str], key: str) -> Iterator[str]:
    return (other for other in origins if other == key or other.startswith((f"{key}.", f"{key}[")))


def _forget(origins: dict[str, str], key: str) -> None:
    for other in list(_below(origins, key)):
        del origins[other]


def _adopt(
    origins: dict[str, str], source: Mapping[str, str], path: KeyPath, shift: int = 0
) -> None:
    """Take over the origins at and below a key; the elements of an appended array move up by ``shift``."""
    key = render_key(path)
    for other in _below(source, key):
        rest = other[len(key) :]
        if shift and rest.startswith("["):
            index, _, tail = rest[1:].partition("]")
            rest = f"[{int(index) + shift}]{tail}"
        elif shift:
            continue  # the array itself keeps the line where it began
        origins[key + rest] = source[other]


def duplicates(files: Sequence[Layer], key: str, noun: str) -> Iterator[Problem]:
    """A problem for each table below ``key`` that a second file defines, naming both places."""
    first: dict[str, str] = {}
    for layer in files:
        tables = layer.tree.get(key)
        for name in tables if isinstance(tables, dict) else ():
            path = render_key((key, name))
            here = layer.origins.get(path, "")
            if path in first:
                yield Problem(
                    here, path, f"the {noun} is already defined at {first[path]}; rename one"
                )
            first.setdefault(path, here)
