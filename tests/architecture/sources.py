"""Which modules we have, and what each imports: read from the source, nothing is executed.

An import counts wherever it stands: at the top, in a function, under ``TYPE_CHECKING``, or as a literal handed to
``import_module``. The functions take source text, so a planted violation can prove that a check turns red.
"""

import ast
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("ugrpy", "shoalpy", "glintpy", "schedpy")


@dataclass(frozen=True, slots=True)
class Module:
    """One file. ``name`` is dotted; a package's ``__init__`` has the name of the package."""

    name: str
    path: Path
    source: str

    @property
    def is_package(self) -> bool:
        """Whether the file is the ``__init__`` of a folder."""
        return self.path.name == "__init__.py"


@dataclass(frozen=True, slots=True)
class Import:
    """What is imported, as far down as the statement says: ``from a.b import c`` is ``a.b.c``."""

    target: str
    line: int


@cache
def our_modules() -> tuple[Module, ...]:
    """Every module of the four packages, sorted by path."""
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    return tuple(Module(module_name(file), file, file.read_text("utf-8")) for file in files)


def module_name(file: Path) -> str:
    """The dotted name of a file below the root of the repository."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(source: str) -> ast.Module:
    """The syntax tree; kept, because several checks read the same files."""
    return ast.parse(source)


def imports_of(source: str) -> list[Import]:
    """Everything a module imports; a relative import keeps its leading dots."""
    return [found for node in ast.walk(parsed(source)) for found in _imports_at(node)]


def _imports_at(node: ast.AST) -> Iterator[Import]:
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield Import(alias.name, node.lineno)
        case ast.ImportFrom(module=module, names=names, level=level):
            prefix = "." * level + (f"{module}." if module else "")
            for alias in names:
                yield Import(prefix + alias.name, node.lineno)
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__")
            | ast.Attribute(attr="import_module" | "__import__"),
            args=[ast.Constant(value=str(target)), *_],
        ):
            yield Import(target, node.lineno)
        case _:
            pass


def is_below(name: str, prefix: str) -> bool:
    """Whether a dotted name is ``prefix`` or lies below it."""
    return name == prefix or name.startswith(prefix + ".")


def longest_prefix(name: str, prefixes: Container[str]) -> str | None:
    """The longest of the dotted prefixes that covers the name."""
    while name and name not in prefixes:
        name = name.rpartition(".")[0]
    return name or None
