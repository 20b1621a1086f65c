"""What can only be judged with several settings in view, or by looking at the disk?

The checks read the merged tree as it was written and pass over what has not the right shape, so that they have their
say in the same run as the validation of single keys, whatever that finds.
"""

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from ugrpy.config.lines import KeyPath
from ugrpy.config.model import ServiceSettings
from ugrpy.config.sources import Tree, texts_at
from ugrpy.config.values import Listen, parse_listen, suggest

Finding = tuple[KeyPath, str]

_DEFAULT_PORTS = {"http": 80, "https": 443, "dav": 80, "davs": 443}


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


def _endpoints_are_elsewhere(tree: Tree) -> Iterator[Finding]:
    """A gateway that federates itself would ask itself for ever, and send clients back to where they came from."""
    written = [text for _path, text in texts_at(tree, "service.listen.*")]
    listeners = [parse_listen(text) for text in written if _is_listen(text)]
    for path, url in texts_at(tree, "endpoints.*.url"):
        try:
            parts = urlsplit(url)
            there = Listen(parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme])
        except (ValueError, KeyError):
            continue
        for listen in listeners or ServiceSettings().listen:
            everywhere = listen.host in ("0.0.0.0", "::") and there.loopback  # noqa: S104 - compared, not bound
            if there.port == listen.port and (there.host == listen.host or everywhere):
                yield path, f"{url!r} is this gateway itself, which listens on {listen}"


def _is_listen(text: str) -> bool:
    try:
        parse_listen(text)
    except ValueError:
        return False
    return True


def _files_are_readable(tree: Tree) -> Iterator[Finding]:
    for pattern in ("locality.geoip.*", "endpoints.*.ca_file"):
        for path, name in texts_at(tree, pattern):
            if not os.access(name, os.R_OK):
                yield path, f"{name} is missing or not readable"


_CHECKS: tuple[Callable[[Tree], Iterator[Finding]], ...] = (
    _rules_name_endpoints,
    _listeners_are_apart,
    _endpoints_are_elsewhere,
    _files_are_readable,
)
