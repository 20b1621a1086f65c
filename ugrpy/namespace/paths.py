"""What is a federated path, and where does it lead?

A path is a ``str``: absolute, decoded, without empty, ``.`` or ``..`` components and without a trailing slash
(``/`` is the root). Prefixes are always matched by whole components: ``/fed/a`` covers ``/fed/a/x`` and not ``/fed/ab``
(row D20).

Two translations stand between a client and a storage element:

- ``PrefixMap``: the external prefixes under which the federation is seen (rows D5, D6);
- ``MountTable``: for one endpoint, which parts of the federation it holds and under which path of its own (rows D7–D10).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from ugrpy.core.errors import BadRequest
from ugrpy.core.urls import decode_path

# Longer than any path a storage element accepts (PATH_MAX is 4096) with room for percent-coding of each byte.
MAX_RAW_PATH = 3 * 4096 + 1024

# Nothing to decode, to collapse or to refuse: the ordinary case, worth one regular expression.
_PLAIN = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[^/%\x00-\x1f\x7f-\U0010ffff]+)+")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")
_ENCODED_SLASH = re.compile(r"%2f", re.IGNORECASE)


def parse_path(raw: str) -> str:
    """The normalised path of a raw request path (percent-encoded, without query).

    Repeated slashes and ``.`` components vanish (row K10). Raises ``BadRequest`` for what can never name something:
    ``..`` in any spelling, control characters, an encoded slash (it is no separator, and no storage element can hold a
    name with a slash in it), over-long input.
    """
    if _PLAIN.fullmatch(raw) and len(raw) <= MAX_RAW_PATH:
        return raw
    if not raw.startswith("/"):
        raise BadRequest("the request target is not an absolute path")
    if len(raw) > MAX_RAW_PATH:
        raise BadRequest(f"the path is longer than {MAX_RAW_PATH} characters")
    if "%" in raw and _ENCODED_SLASH.search(raw):
        raise BadRequest("an encoded slash (%2F) is not a separator and cannot be part of a name")
    return normalise(decode_path(raw))


def normalise(path: str) -> str:
    """The normalised form of a decoded path; the same refusals as ``parse_path``."""
    if _FORBIDDEN.search(path):
        raise BadRequest("the path holds a control character")
    components = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in components:
        raise BadRequest("'..' is not allowed in a path")
    return "/" + "/".join(components)


def can_be_asked_for(name: str) -> bool:
    """Whether a request can mean a name that a storage element showed us; ``parse_path`` refuses the others."""
    return _FORBIDDEN.search(name) is None


def name_of(path: str) -> str:
    """The last component; ``""`` for the root."""
    return path.rpartition("/")[2]


def parent_of(path: str) -> str:
    """The collection that a path lies in; the root's is the root."""
    return path.rpartition("/")[0] or "/"


def join(path: str, name: str) -> str:
    """The path of a child."""
    return f"/{name}" if path == "/" else f"{path}/{name}"


def is_within(path: str, prefix: str) -> bool:
    """Whether ``path`` is ``prefix`` or lies below it, by components."""
    return prefix == "/" or path == prefix or path.startswith(prefix + "/")


def rebase(path: str, prefix: str, target: str) -> str:
    """``path``, which lies within ``prefix``, moved to lie at the same place within ``target``."""
    rest = path if prefix == "/" else path[len(prefix) :]
    if target == "/":
        return rest or "/"
    return target if rest in ("", "/") else target + rest


def next_component(path: str, below: str) -> str:
    """The name of ``below``'s ancestor (or itself) directly inside ``path``."""
    return below[len(path) :].lstrip("/").partition("/")[0]


def _longest_first(prefixes: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(prefixes), key=lambda prefix: (-len(prefix), prefix)))


@dataclass(frozen=True, slots=True)
class Mount:
    """The part of the federation below ``prefix`` lies at ``target`` on the endpoint; both normalised."""

    prefix: str
    target: str = "/"


class MountTable:
    """The mounts of one endpoint. The longest matching prefix wins (row D9)."""

    __slots__ = ("_mounts",)

    def __init__(self, mounts: Iterable[Mount]) -> None:
        self._mounts = tuple(sorted(mounts, key=lambda mount: (-len(mount.prefix), mount.prefix)))
        for first, second in pairwise(self._mounts):
            if first.prefix == second.prefix:
                raise ValueError(f"two mounts at {first.prefix}")

    def __repr__(self) -> str:
        return (
            f"MountTable({', '.join(f'{mount.prefix} = {mount.target}' for mount in self._mounts)})"
        )

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Where the endpoint is mounted."""
        return tuple(mount.prefix for mount in self._mounts)

    def translate(self, path: str) -> str | None:
        """The endpoint's own path for a federated one, or ``None`` when no mount covers it."""
        for mount in self._mounts:
            if is_within(path, mount.prefix):
                return rebase(path, mount.prefix, mount.target)
        return None


@dataclass(frozen=True, slots=True)
class SyntheticTree:
    """The collections that exist because something is mounted at or below them (rows D11, K24)."""

    mount_points: tuple[str, ...]

    def holds(self, path: str) -> bool:
        """Whether ``path`` is a mount point or an ancestor of one; true of the root even without mounts."""
        return path == "/" or any(is_within(point, path) for point in self.mount_points)

    def children(self, path: str) -> tuple[str, ...]:
        """The names that mounts put directly into ``path``."""
        names = {
            next_component(path, point)
            for point in self.mount_points
            if point != path and is_within(point, path)
        }
        return tuple(sorted(names))


@dataclass(frozen=True, slots=True)
class Inside:
    """The request is about this federated path."""

    path: str


@dataclass(frozen=True, slots=True)
class Above:
    """The request is about an ancestor of the prefixes, which holds only these names."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outside:
    """Nothing is there, whatever the endpoints hold."""


class PrefixMap:
    """External prefixes and the federated path they stand for.

    With no prefix configured, external and federated paths are the same. With some, the longest one that
    matches is replaced by ``new_prefix``; ancestors of the prefixes are collections that lead to them.
    """

    __slots__ = ("_new_prefix", "_prefixes", "_tree", "transparent")

    def __init__(self, prefixes: Iterable[str] = (), new_prefix: str = "/") -> None:
        self._prefixes = _longest_first(prefixes) or ("/",)
        self._new_prefix = new_prefix
        self._tree = SyntheticTree(self._prefixes)
        # most federations have no prefix at all, and the hot path asks this first
        self.transparent = self._prefixes == ("/",) and new_prefix == "/"

    def __repr__(self) -> str:
        return f"PrefixMap({', '.join(self._prefixes)} -> {self._new_prefix})"

    def translate(self, external: str) -> Inside | Above | Outside:
        """Where an external path leads."""
        if self.transparent:
            return Inside(external)
        for prefix in self._prefixes:
            if is_within(external, prefix):
                return Inside(rebase(external, prefix, self._new_prefix))
        if self._tree.holds(external):
            return Above(self._tree.children(external))
        return Outside()
