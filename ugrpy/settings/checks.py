"""Checks that more than one service makes across its settings, or by looking at the disk; each takes the keys it is about."""

import os
from collections.abc import Iterator

from ugrpy.core.listen import Listen
from ugrpy.settings.schema import Check, Finding
from ugrpy.settings.sources import Tree, texts_at
from ugrpy.settings.values import parse_listen


def listeners_are_apart(*keys: str) -> Check:
    """No two of the addresses at these keys (``service.listen.*``) exclude each other."""

    def check(tree: Tree) -> Iterator[Finding]:
        seen: list[tuple[Listen, str]] = []
        for pattern in keys:
            for path, text in texts_at(tree, pattern):
                try:
                    listen = parse_listen(text)
                except ValueError:
                    continue
                clashes = [other_text for other, other_text in seen if listen.clashes_with(other)]
                if clashes:
                    yield path, f"{text!r} cannot be listened on beside {clashes[0]!r}"
                seen.append((listen, text))

    return check


def files_are_readable(*keys: str) -> Check:
    """The files that these keys name are there."""

    def check(tree: Tree) -> Iterator[Finding]:
        for pattern in keys:
            for path, name in texts_at(tree, pattern):
                if not os.access(name, os.R_OK):
                    yield path, f"{name} is missing or not readable"

    return check
