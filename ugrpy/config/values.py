"""How the gateway's own settings are written: endpoint URLs, mounts, prefixes, kinds.

Each ``parse_`` function takes the text of the configuration and raises ``ValueError`` with what was wrong and what
was expected. They are pure; the models name them as validators.
"""

import re

from ugrpy.core.errors import BadRequest
from ugrpy.endpoints.base import ProbePlan
from ugrpy.endpoints.registry import KINDS
from ugrpy.namespace.paths import Mount, normalise
from ugrpy.settings.values import parse_url as parse_base_url
from ugrpy.settings.values import suggest

# dav and davs are how grid tools spell WebDAV over HTTP (davix, gfal2, Rucio)
PROBES = ("head", "options", "propfind", "get")
_SCHEMES = {"http": "http", "https": "https", "dav": "http", "davs": "https"}


def parse_url(text: str) -> str:
    """An endpoint's base URL: scheme http or https, lower-case host, path percent-encoded, no trailing slash."""
    return parse_base_url(text, _SCHEMES)


def parse_prefix(text: str) -> str:
    """A federated path: absolute, without ``..``; repeated and trailing slashes go."""
    if not text.startswith("/"):
        raise ValueError(f"expected a path that starts with '/', got {text!r}")
    try:
        return normalise(text)
    except BadRequest as error:
        raise ValueError(f"{error}: {text!r}") from None


def parse_probe(written: bool | str, statuses: tuple[int, ...] = ()) -> ProbePlan | None:
    """``true``, ``false`` or ``"off"``, ``"head"``, ``"options"``, ``"propfind"``, each with a path behind a colon, or ``"get:/path"``."""
    if isinstance(written, bool):
        return ProbePlan(statuses=statuses) if written else None
    kind, colon, path = written.partition(":")
    if written == "off":
        return None
    if kind not in PROBES or (kind == "get" and not path) or (colon and not path.startswith("/")):
        known = ", ".join(repr(one) for one in PROBES)
        raise ValueError(
            f"expected true, false or one of {known}, with a path as in 'get:/path', got {written!r}"
        )
    if kind == "get":
        statuses = statuses or (200,)
    return ProbePlan(kind.upper(), path or "/", statuses)


def check_probe(written: bool | str) -> bool | str:
    """As it was written, when it can be read."""
    parse_probe(written)
    return written


def parse_mount(value: object) -> Mount:
    """``/federated = /on/the/endpoint``, or only ``/federated`` when it is the endpoint's root that lies there.

    A path that itself holds ``=/`` needs the blanks around the separator.
    """
    if isinstance(value, Mount):
        return value
    if not isinstance(value, str):
        raise ValueError(f"expected '/federated = /on/the/endpoint', got {value!r}")  # noqa: TRY004 - pydantic collects ValueError
    prefix, *target = re.split(r"\s+=\s+", value.strip(), maxsplit=1)
    if not target:
        prefix, *target = re.split(r"\s*=\s*(?=/)", value.strip(), maxsplit=1)
    return Mount(parse_prefix(prefix), parse_prefix(target[0]) if target else "/")


def check_mounts(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """Refuse an empty list and a federated path mounted twice."""
    if not mounts:
        raise ValueError('an endpoint without mounts holds nothing; "/" mounts it at the root')
    seen: set[str] = set()
    for mount in mounts:
        if mount.prefix in seen:
            raise ValueError(f"{mount.prefix} is mounted twice")
        seen.add(mount.prefix)
    return mounts


def check_kind(kind: str) -> str:
    """Refuse a kind that the registry does not know."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; {suggest(kind, KINDS)}")
    return kind
