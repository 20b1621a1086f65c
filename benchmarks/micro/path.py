"""What does parsing a request path cost? ``size`` paths, a tenth of them with percent-coding, a tenth with doubled slashes."""

import random

from benchmarks.corpus import lookup_path
from benchmarks.timing import Work
from ugrpy.namespace.paths import parse_path


def prepare(seed: int, size: int) -> Work:
    """``parse_path`` on each path."""
    source = random.Random(seed)
    right = [lookup_path(source.randrange(10**8)) for _ in range(size)]
    raw = [_spelling(path, number % 10) for number, path in enumerate(right)]

    def run() -> list[str]:
        return [parse_path(path) for path in raw]

    def check(parsed: object) -> None:
        assert parsed == right

    return Work(run, size, check)


def _spelling(path: str, kind: int) -> str:
    """The path as some client writes it."""
    if kind == 0:
        return path.replace("_", "%5f")
    if kind == 1:
        return path.replace("/", "//")
    return path
