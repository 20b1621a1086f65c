"""The reference page of a configuration, written from its schema."""

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from ugrpy.core.listen import Listen, UnixSocket
from ugrpy.settings.schema import Schema
from ugrpy.settings.shape import Key, is_list, keys_of, table_in

_WIDTH = 121

_INTRODUCTION = """\
# {title}

<!-- written by `python -m {module}`; change the models there -->

The configuration is TOML. A later source wins over an earlier one:

1. the defaults below;
2. the files given with `--config`, in order, each followed by its drop-ins: `{file}.d/*.toml` beside
   `{file}`, sorted by name;
3. the environment: `{environment}{variable}` sets `{key}`. A value is read as TOML where it is TOML, else as a text;
4. the command line.

{merged}

{wrong}
"""
_MERGED = (
    "Tables are merged key by key, lists are replaced as a whole.{arrays}{named} "
    "Relative file names count from the directory of the file they stand in."
)
_WRONG = (
    "Everything that is wrong is reported at once, each with file, line, key and what was expected. "
    "Keys that do not exist are errors.{more}"
)

_WORDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "file name",
    IPv4Address: "address",
    IPv6Address: "address",
    IPv4Network: "network",
    IPv6Network: "network",
    Listen: "address",
    UnixSocket: "address",
    type(None): "",
}


@dataclass(frozen=True)
class Page:
    """What the page says beside what the schema knows.

    ``module`` writes it (``python -m …``), ``example`` is a key and a value for the environment's paragraph. ``words`` name types
    of the service's own; a dataclass among them is a value and gets no section. ``written`` gives such a value as the
    file has it, without quotes; ``str`` does without it. ``more`` ends the introduction.
    """

    module: str
    example: tuple[str, str]
    title: str = "Configuration"
    file: str = "site.toml"
    words: Mapping[Any, str] = field(default_factory=dict)
    written: Mapping[type, Callable[[Any], str]] = field(default_factory=dict)
    more: str = ""


def render_reference(schema: Schema[Any], page: Page) -> str:
    """The page, as Markdown."""
    return _Writer(schema, page).text()


class _Writer:
    def __init__(self, schema: Schema[Any], page: Page) -> None:
        self._schema = schema
        self._top: type = schema.tables
        self._page = page
        self._names = {**_WORDS, **page.words}

    def text(self) -> str:
        """The whole page."""
        sections: list[str] = []
        for section in keys_of(self._top):
            table = table_in(section.annotation)
            assert table is not None, f"{section.name} holds no table"
            sections += self._tables(section, table, section.name)
        return "\n".join([self._introduction().rstrip(), *sections]) + "\n"

    def _introduction(self) -> str:
        key, value = self._page.example
        arrays = [f"`[[{name}]]`" for name in self._arrays()]
        of_arrays = (
            f" The arrays of tables {_and(arrays)} of several files add up." if arrays else ""
        )
        nouns = [named.noun for named in self._schema.named.values()]
        of_named = "".join(
            f" {_article(noun)} {noun} may be defined in one file only." for noun in nouns
        )
        return _INTRODUCTION.format(
            title=self._page.title,
            module=self._page.module,
            file=self._page.file,
            environment=self._schema.environment,
            variable=f"{key.replace('.', '__').upper()}={value}",
            key=key,
            merged=_wrapped(_MERGED.format(arrays=of_arrays, named=of_named)),
            wrong=_wrapped(_WRONG.format(more=f" {self._page.more}" if self._page.more else "")),
        )

    def _arrays(self) -> Iterator[str]:
        for section in keys_of(self._top):
            table = table_in(section.annotation)
            for key in keys_of(table) if table else ():
                if self._own_table(key) is not None and is_list(key.annotation):
                    yield f"{section.name}.{key.name}"

    def _tables(self, key: Key, table: type, path: str) -> Iterator[str]:
        """The section of a table, and those of the tables in it."""
        named = self._schema.named.get(path)
        if named is not None:
            path = f"{path}.NAME"
        header = f"[[{path}]]" if is_list(key.annotation) and named is None else f"[{path}]"
        yield from self._section(header, key.info.description or "", table)
        if named is not None:
            yield from ("", _of_names(named.about))
        for inner in keys_of(table):
            if (own := self._own_table(inner)) is not None:
                yield from self._tables(inner, own, f"{path}.{inner.name}")

    def _section(self, header: str, about: str, table: type) -> Iterator[str]:
        yield from ("", f"## {header}", "", f"{about[:1].upper()}{about[1:]}.")
        rows = [self._row(key) for key in keys_of(table) if self._own_table(key) is None]
        if rows:
            yield from ("", "| key | type | default | meaning |", "|---|---|---|---|", *rows)

    def _row(self, key: Key) -> str:
        meaning = (key.info.description or "").rstrip(".")
        if meaning.partition(" ")[0].istitle():  # "GeoIP" and "CIDR" stay
            meaning = meaning[:1].lower() + meaning[1:]
        return f"| `{key.name}` | {self._type(key)} | {self._default(key.default)} | {meaning} |"

    def _own_table(self, key: Key) -> type | None:
        """What a key holds, or holds a list of, when that is a table with a section of its own."""
        inner = table_in(key.annotation)
        return None if inner in self._names else inner

    def _type(self, key: Key) -> str:
        limits = [text for part in key.info.metadata if (text := _limit(part))]
        return ", ".join([self._words(key.annotation), *limits])

    def _words(self, annotation: Any) -> str:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if isinstance(annotation, type) and issubclass(annotation, StrEnum):
            return " or ".join(f"`{member}`" for member in annotation)
        if origin is tuple:
            word = self._words(arguments[0])
            return f"list of {word}{'es' if word.endswith('s') else 's'}"
        if origin in (Union, type(int | str)):
            words = (self._words(part) for part in arguments)
            return " or ".join(dict.fromkeys(word for word in words if word))
        return self._words(arguments[0]) if arguments else self._names[annotation]

    def _default(self, value: Any) -> str:
        if value is MISSING:
            return "required"
        return "none" if value is None else f"`{self._toml(value)}`"

    def _toml(self, value: Any) -> str:
        match value:
            case bool():
                return str(value).lower()
            case int() | float():
                return str(value)
            case tuple():
                return f"[{', '.join(map(self._toml, value))}]"
            case _:
                return json.dumps(
                    self._page.written.get(type(value), str)(value), ensure_ascii=False
                )


def _limit(constraint: object) -> str:
    """One of pydantic's constraints in signs; they carry their bound under the name of the argument of ``Field``."""
    for name, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤")):
        if (bound := getattr(constraint, name, None)) is not None:
            return f"{sign} {bound:g}"
    return "not empty" if getattr(constraint, "min_length", None) else ""


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, _WIDTH, break_on_hyphens=False))


def _and(words: list[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _article(noun: str) -> str:
    return "An" if noun[:1] in "aeiou" else "A"


def _of_names(about: str) -> str:
    called = f"is {about}: " if about else "is made of "
    return f"`NAME` {called}letters, digits, `.`, `_` and `-`, at most 63."
