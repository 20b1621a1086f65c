"""What is wrong with a configuration, in words an operator can act on."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ugrpy.core.errors import ConfigError
from ugrpy.settings.lines import KeyPath
from ugrpy.settings.shape import known_keys, named_tables
from ugrpy.settings.values import NAME_PATTERN, suggest

_SHOWN_LENGTH = 60

_NETWORK = "a network such as 192.0.2.0/24 or 2001:db8::/32"

# pydantic's error type -> what was expected; {…} from the error's context
_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a text",
    "path_type": "a file name",
    "tuple_type": "a list",
    "dataclass_type": "a table",
    "greater_than": "a number greater than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "a number less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "enum": "{expected}",
    "too_short": "at least {min_length} item(s)",
    "string_pattern_mismatch": "a text of the form {pattern}",
}

_PATTERNS = {
    NAME_PATTERN: "letters, digits, '.', '_' and '-', at most 63, the first a letter or digit"
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. ``where`` is ``file:line``, a file, ``environment`` or ``command line``."""

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        """The line an operator reads."""
        return ": ".join(part for part in (self.where, self.key, self.message) if part)


class InvalidConfiguration(ConfigError):
    """A configuration that cannot be used; the message holds a line for each of ``problems``, by file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=_place))
        super().__init__("\n".join(map(str, self.problems)))


def _place(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.where.rpartition(":")
    return (file, int(line)) if line.isdigit() else (problem.where, 0)


def render_key(path: KeyPath) -> str:
    """``("locality", "rules", 0, "prefer")`` as ``locality.rules[0].prefer``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest_origin(origins: Mapping[str, str], path: KeyPath) -> str:
    """Where a key, or else the innermost table it belongs into, was set.

    A table that only the environment or the command line speaks of has the origin of the first key in it.
    """
    for end in range(len(path), 0, -1):
        key = render_key(path[:end])
        for candidate in (key, *(other for other in origins if other.startswith(f"{key}."))):
            if candidate in origins:
                return origins[candidate]
    return ""


def problems_of(
    error: ValidationError,
    tables: type,
    names: Mapping[str, Sequence[str]],
    origins: Mapping[str, str],
) -> Iterator[Problem]:
    """Pydantic's findings in our words, one for each key; ``names`` are those of the named tables by key, in order."""
    for location, details in _one_each(error.errors(include_url=False)):
        path = _named(location, tables, names)
        message = _message(location, details, tables)
        yield Problem(nearest_origin(origins, path), render_key(path), message)


def _one_each(found: Iterable[ErrorDetails]) -> list[tuple[KeyPath, ErrorDetails]]:
    """The findings by key. A value that fits no member of a union is found once for each member: keep one."""
    by_key: dict[KeyPath, ErrorDetails] = {}
    for details in found:
        location = _without_union_tags(details["loc"])
        if location not in by_key or _speaks_of_v6(details):
            by_key[location] = details
    # a list whose items were refused counts as too short as well, which tells nobody anything
    return [
        (location, details)
        for location, details in by_key.items()
        if details["type"] != "too_short" or not details["input"]
    ]


def _without_union_tags(location: KeyPath) -> KeyPath:
    return tuple(part for part in location if isinstance(part, int) or "[" not in part)


def _speaks_of_v6(details: ErrorDetails) -> bool:
    return "v6_network" in str(details["loc"]) and ":" in str(details["input"])


def _named(location: KeyPath, tables: type, names: Mapping[str, Sequence[str]]) -> KeyPath:
    """Named tables are validated as a list; the operator knows them by name."""
    match location:
        case (str(key), int(index), *rest) if key in names:
            inside = tuple(rest)
            is_name = inside == (named_tables(tables)[key].field,)
            return (key, names[key][index], *(() if is_name else inside))
        case _:
            return location


def _message(location: KeyPath, details: ErrorDetails, tables: type) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "unexpected_keyword_argument":
        return f"unknown key; {suggest(str(location[-1]), known_keys(tables, location[:-1]))}"
    if kind == "missing":
        return "this key is required"
    if "_network" in str(details["loc"]) and kind == "value_error":
        return f"expected {_NETWORK}, got {_show(details['input'])}: {context['error']}"
    if kind == "value_error":
        return _with_hint(context["error"])
    if kind == "tuple_type" and location in {(key,) for key in named_tables(tables)}:
        kind = "dataclass_type"
    expected = _PATTERNS.get(context.get("pattern", ""), _EXPECTED.get(kind))
    if expected is None:
        return details["msg"]
    return f"expected {expected.format(**context)}, got {_show(details['input'])}"


def _with_hint(error: Exception) -> str:
    hint = getattr(error, "hint", "")
    return f"{error} ({hint})" if hint else str(error)


def _show(value: Any) -> str:
    """A value as TOML writes it, tables and lists by name only."""
    match value:
        case dict():
            return "a table"
        case list():
            return "a list" if value else "an empty list"
        case _:
            text = json.dumps(value, ensure_ascii=False, default=str)
            return text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"
