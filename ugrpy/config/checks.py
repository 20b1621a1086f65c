"""What can only be judged with several settings in view, or by looking at the disk?

The checks read the merged tree as it was written and pass over what has not the right shape, so that they have their
say in the same run as the validation of single keys, whatever that finds.
"""

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

from ugrpy.config.model import ServiceSettings
from ugrpy.core.listen import Listen
from ugrpy.settings.checks import files_are_readable, listeners_are_apart
from ugrpy.settings.schema import Check, Finding
from ugrpy.settings.sources import Tree, texts_at
from ugrpy.settings.values import parse_listen, suggest

_DEFAULT_PORTS = {"http": 80, "https": 443, "dav": 80, "davs": 443}


def _rules_name_endpoints(tree: Tree) -> Iterator[Finding]:
    endpoints = tree.get("endpoints")
    names = list(endpoints) if isinstance(endpoints, dict) else []
    for path, name in texts_at(tree, "locality.rules.*.prefer.*"):
        if name not in names:
            yield path, f"there is no endpoint {name!r}; {suggest(name, names)}"


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


def _commands_can_be_run(tree: Tree) -> Iterator[Finding]:
    for path, program in texts_at(tree, "checksums.command.*"):
        if path[-1] == 0 and shutil.which(program) is None:
            yield path, f"{program} is missing or not executable"


def _one_kind_of_store(tree: Tree) -> Iterator[Finding]:
    urls = [text for _path, text in texts_at(tree, "shared.url")]
    for path, _server in texts_at(tree, "shared.memcached.*"):
        if any(urls):
            yield path[:-1], "set either `url` or `memcached`: what is shared is kept in one place"
            return


CHECKS: tuple[Check, ...] = (
    _rules_name_endpoints,
    listeners_are_apart("service.listen.*", "service.admin"),
    _endpoints_are_elsewhere,
    _commands_can_be_run,
    _one_kind_of_store,
    files_are_readable("locality.geoip.*", "endpoints.*.ca_file", "copy.ca_file"),
)
