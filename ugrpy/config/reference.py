"""The reference page of the configuration, written from the models: ``python -m ugrpy.config.reference``."""

import json
from collections.abc import Iterator
from dataclasses import MISSING
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from ugrpy.config.model import EndpointSettings, Tables
from ugrpy.config.shape import Key, keys_of, table_in
from ugrpy.config.values import Listen, UnixSocket
from ugrpy.health.policy import HealthPolicy
from ugrpy.locality.model import Position
from ugrpy.namespace.paths import Mount

_INTRODUCTION = """\
# Configuration

<!-- written by `python -m ugrpy.config.reference`; change the models there -->

The configuration is TOML. A later source wins over an earlier one:

1. the defaults below;
2. the files given with `--config`, in order, each followed by its drop-ins: `site.toml.d/*.toml` beside
   `site.toml`, sorted by name;
3. the environment: `UGRPY_CACHE__TTL_S=60` sets `cache.ttl_s`. A value is read as TOML where it is TOML, else as a text;
4. the command line.

Tables are merged key by key, lists are replaced as a whole. The arrays of tables `[[locality.networks]]` and
`[[locality.rules]]` of several files add up. An endpoint may be defined in one file only. Relative file names count from
the directory of the file they stand in.

Everything that is wrong is reported at once, each with file, line, key and what was expected. Keys that do not exist are
errors. Without any file, endpoints come from the command line.
"""

_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "file name",
    IPv4Network: "network",
    IPv6Network: "network",
    Listen: "address",
    UnixSocket: "address",
    Position: "[latitude, longitude]",
    Mount: "mount",
    HealthPolicy: "table",
    type(None): "",
}


def render_reference() -> str:
    """The page, as Markdown."""
    lines = [_INTRODUCTION.rstrip()]
    for section in keys_of(Tables):
        table = table_in(section.annotation)
        assert table is not None
        many = table is EndpointSettings
        header = "[endpoints.NAME]" if many else f"[{section.name}]"
        lines += _section(header, section.info.description or "", table)
        if many:
            lines += [
                "",
                "`NAME` is what logs, metrics and headers call it: letters, digits, `.`, `_` and `-`, at most 63.",
            ]
        for key in keys_of(table):
            if (inner := _array_of(key)) is not None:
                lines += _section(
                    f"[[{section.name}.{key.name}]]", key.info.description or "", inner
                )
    return "\n".join(lines) + "\n"


def _section(header: str, about: str, table: type) -> Iterator[str]:
    yield from ("", f"## {header}", "", f"{about[:1].upper()}{about[1:]}.", "")
    yield from ("| key | type | default | meaning |", "|---|---|---|---|")
    for key in keys_of(table):
        if _array_of(key) is not None:
            continue
        meaning = (key.info.description or "").rstrip(".")
        if meaning.partition(" ")[0].istitle():  # "GeoIP" and "CIDR" stay
            meaning = meaning[:1].lower() + meaning[1:]
        yield f"| `{key.name}` | {_type(key)} | {_default(key.default)} | {meaning} |"


def _array_of(key: Key) -> type | None:
    """What a key holds a list of, when that is a table with a section of its own."""
    inner = table_in(key.annotation)
    return None if inner in _WORDS else inner


def _type(key: Key) -> str:
    limits = [text for part in key.info.metadata if (text := _limit(part))]
    return ", ".join([_words(key.annotation), *limits])


def _words(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " or ".join(f"`{member}`" for member in annotation)
    if origin is tuple:
        word = _words(arguments[0])
        return f"list of {word}{'es' if word.endswith('s') else 's'}"
    if origin in (Union, type(int | str)):
        return " or ".join(dict.fromkeys(word for part in arguments if (word := _words(part))))
    return _words(arguments[0]) if arguments else _WORDS[annotation]


def _limit(constraint: object) -> str:
    """One of pydantic's constraints in signs; they carry their bound under the name of the argument of ``Field``."""
    for name, sign in (("gt", ">"), ("ge", "≥"), ("le", "≤")):
        if (bound := getattr(constraint, name, None)) is not None:
            return f"{sign} {bound:g}"
    return "not empty" if getattr(constraint, "min_length", None) else ""


def _default(value: Any) -> str:
    if value is MISSING:
        return "required"
    return "none" if value is None else f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case Mount(prefix, target):
            return _toml(prefix if target == "/" else f"{prefix} = {target}")
        case _:
            return json.dumps(str(value))


if __name__ == "__main__":
    print(render_reference(), end="")  # noqa: T201 - the page is this command's output
