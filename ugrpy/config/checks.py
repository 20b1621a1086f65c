"""What can only be judged with several settings in view, or by looking at the disk?

The checks read the merged tree as it was written and pass over what has not the right shape, so that they have their
say in the same run as the validation of single keys, whatever that finds.
"""

import os
from collections.abc import Callable, Iterator

from ugrpy.config.lines import KeyPath
from ugrpy.config.sources import Tree, texts_at
from ugrpy.config.values import Listen, parse_listen, suggest

Finding = tuple[KeyPath, str]


def check_tree(tree: Tree) -> Iterator[Finding]:
    """All findings, as (key, message)."""
    for check in _CHECKS:
        yield from check(tree)


def _rules_name_endpoints(tree: Tree) -> Iterator[Finding]:
    endpoints = tree.get("endpoints")
    names = list(endpoints) if isinstance(endpoints, dict) else []
    for path, name in texts_at(tree, "locality.rules.*.prefer.*"):
        if name not in names:
            yield path, f"there is no endpoint {name!r}; {suggest(name, names)}"


def _listeners_are_apart(tree: Tree) -> Iterator[Finding]:
    seen: list[tuple[Listen, str]] = []
    for pattern in ("service.listen.*", "service.admin"):
        for path, text in texts_at(tree, pattern):
            try:
                listen = parse_listen(text)
            except ValueError:
                continue
            clashes = [other_text for other, other_text in seen if listen.clashes_with(other)]
            if clashes:
                yield path, f"{text!r} cannot be listened on beside {clashes[0]!r}"
            seen.append((listen, text))


def _files_are_readable(tree: Tree) -> Iterator[Finding]:
    for pattern in ("locality.geoip.*", "endpoints.*.ca_file"):
        for path, name in texts_at(tree, pattern):
            if not os.access(name, os.R_OK):
                yield path, f"{name} is missing or not readable"


_CHECKS: tuple[Callable[[Tree], Iterator[Finding]], ...] = (
    _rules_name_endpoints,
    _listeners_are_apart,
    _files_are_readable,
)
