"""Which keys does a table take? The shape of a configuration, read off its dataclasses."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from ugrpy.settings.lines import KeyPath


@dataclass(frozen=True, slots=True)
class TableName:
    """Marks, in ``Annotated``, the field that takes the name of a table such as ``[endpoints.NAME]``; it is no key.

    ``noun`` is what one such table describes ("endpoint"), ``about`` says on the reference page what the name is used for.
    """

    noun: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table: its annotation as written, the constraints and help found in it, its default."""

    name: str
    annotation: Any
    info: FieldInfo
    default: Any


@dataclass(frozen=True, slots=True)
class Named:
    """A key that holds tables by name: the settings dataclass of one, and its field that takes the name."""

    table: type
    field: str
    noun: str
    about: str


@cache
def keys_of(table: type) -> tuple[Key, ...]:
    """The keys of a settings dataclass, its own before those it inherits."""
    hints = get_type_hints(table, include_extras=True)
    own = [part for part in fields(table) if part.name in table.__annotations__]
    inherited = [part for part in fields(table) if part.name not in table.__annotations__]
    return tuple(
        Key(part.name, hints[part.name], _info(hints[part.name]), _default(part))
        for part in (*own, *inherited)
        if part.init and _mark(hints[part.name]) is None
    )


def _default(part: Field[Any]) -> Any:
    return part.default if part.default_factory is MISSING else part.default_factory()


def _info(annotation: Any) -> FieldInfo:
    found = [one for one in _extras(annotation) if isinstance(one, FieldInfo)]
    if len(found) == 1:
        return found[0]
    # a type with bounds of its own (``Seconds = Annotated[float, Field(gt=0)]``), described where it is used
    merged = FieldInfo(
        description=next((one.description for one in found if one.description), None)
    )
    merged.metadata = [bound for one in found for bound in one.metadata]
    return merged


def _mark(annotation: Any) -> TableName | None:
    return next((one for one in _extras(annotation) if isinstance(one, TableName)), None)


def _extras(annotation: Any) -> tuple[Any, ...]:
    return annotation.__metadata__ if get_origin(annotation) is Annotated else ()


def named_tables(tables: type) -> Mapping[str, Named]:
    """The keys at the top of the file that hold tables by name."""
    return _named_tables(tables)


@cache
def _named_tables(tables: type) -> Mapping[str, Named]:
    found = {}
    for key in keys_of(tables):
        table = table_in(key.annotation)
        if table is None:
            continue
        for name, annotation in get_type_hints(table, include_extras=True).items():
            if (mark := _mark(annotation)) is not None:
                found[key.name] = Named(table, name, mark.noun, mark.about)
    return MappingProxyType(found)


def table_in(annotation: Any) -> type | None:
    """The settings dataclass that a field holds, or holds a list of."""
    for inner in _unwrapped(annotation):
        if is_dataclass(inner) and isinstance(inner, type):
            return inner
    return None


def is_list(annotation: Any) -> bool:
    """Whether a field holds a list."""
    if get_origin(annotation) is Annotated:
        return is_list(get_args(annotation)[0])
    return get_origin(annotation) is tuple


def _unwrapped(annotation: Any) -> Iterator[Any]:
    arguments = get_args(annotation)
    if not arguments:
        yield annotation
    for argument in arguments[:1] if get_origin(annotation) is Annotated else arguments:
        yield from _unwrapped(argument)


def known_keys(tables: type, location: KeyPath) -> list[str]:
    """The keys of the table at a location; empty where no table can be."""
    table: type | None = tables
    for part in location:
        if isinstance(part, int) or table is None:
            continue
        annotations = {key.name: key.annotation for key in keys_of(table)}
        table = table_in(annotations.get(part))
    return [key.name for key in keys_of(table)] if table else []
