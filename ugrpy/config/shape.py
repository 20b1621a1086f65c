"""Which keys does a table take? The shape of the configuration, read off the models."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from ugrpy.config.lines import KeyPath
from ugrpy.config.model import EndpointSettings, Tables

# the table's name, not a key in it
_NOT_KEYS = {(EndpointSettings, "name")}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table: its annotation as written, the constraints and help found in it, its default."""

    name: str
    annotation: Any
    info: FieldInfo
    default: Any


@cache
def keys_of(table: type) -> tuple[Key, ...]:
    """The keys of a settings dataclass, its own before those it inherits."""
    hints = get_type_hints(table, include_extras=True)
    own = [part for part in fields(table) if part.name in table.__annotations__]
    inherited = [part for part in fields(table) if part.name not in table.__annotations__]
    return tuple(
        Key(part.name, hints[part.name], _info(hints[part.name]), part.default)
        for part in (*own, *inherited)
        if (table, part.name) not in _NOT_KEYS
    )


def _info(annotation: Any) -> FieldInfo:
    if get_origin(annotation) is Annotated:
        for extra in annotation.__metadata__:
            if isinstance(extra, FieldInfo):
                return extra
    return FieldInfo()


def table_in(annotation: Any) -> type | None:
    """The settings dataclass that a field holds, or holds a list of."""
    for inner in _unwrapped(annotation):
        if is_dataclass(inner) and isinstance(inner, type):
            return inner
    return None


def _unwrapped(annotation: Any) -> Iterator[Any]:
    arguments = get_args(annotation)
    if not arguments:
        yield annotation
    for argument in arguments[:1] if get_origin(annotation) is Annotated else arguments:
        yield from _unwrapped(argument)


def known_keys(location: KeyPath) -> list[str]:
    """The keys of the table at a location; empty where no table can be."""
    table: type | None = Tables
    for part in location:
        if isinstance(part, int) or table is None:
            continue
        annotations = {key.name: key.annotation for key in keys_of(table)}
        table = table_in(annotations.get(part))
    return [key.name for key in keys_of(table)] if table else []
