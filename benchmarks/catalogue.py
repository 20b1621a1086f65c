"""Which benchmarks are there? The modules of ``micro`` and ``macro``, by name; nothing to register."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from benchmarks.model import Benchmark

HERE = Path(__file__).parent
# Order of presentation and of running.
KINDS = ("micro", "macro")
_FIRST_SENTENCE = re.compile(r".+?[.?](?=\s|$)")


@dataclass(frozen=True, slots=True)
class Item:
    """A benchmark that can be run: its summary is the first sentence of its module."""

    kind: str
    name: str
    summary: str

    def load(self) -> Benchmark:
        """Import it; only then are the things it measures imported."""
        module = import_module(f"benchmarks.{self.kind}.{self.name}")
        if self.kind == "macro":
            run: Benchmark = module.run
            return run
        from benchmarks.timing import timed

        return timed(module.prepare)


def catalogue() -> dict[str, Item]:
    """All benchmarks by name."""
    return {item.name: item for kind in KINDS for item in _modules(kind)}


def _modules(kind: str) -> Iterator[Item]:
    for file in sorted((HERE / kind).glob("[a-z]*.py")):
        # read, not imported: `--list` must not need what a benchmark measures
        docstring = ast.get_docstring(ast.parse(file.read_text())) or ""
        sentence = _FIRST_SENTENCE.match(docstring)
        yield Item(kind, file.stem, sentence[0] if sentence else "")
