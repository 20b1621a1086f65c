"""Which resource of a Depth 1 answer is the collection itself, and which are its children?

RFC 4918 gives no order, and servers behind a proxy may write hrefs below another prefix than the one asked for. So: the
resource at the asked path is the collection. If the first one lies outside it, the server uses a prefix of its own, and
the first resource is taken for the collection; should one of the others lie outside that, the guess was wrong. A prefix
changes nothing about the last component: when that is another, the answer is about something else.

A child with a status of its own (RFC 4918 section 14.24) is there and may not be looked at, or not now: it is handed on
without metadata (row D56). One that is gone (404, 410) vanished while the server was listing, and is left out.
"""

from unicodedata import normalize

from ugrpy.core.errors import Malformed
from ugrpy.endpoints.base import Children, Quirk
from ugrpy.namespace.model import Entry, Kind
from ugrpy.namespace.paths import is_within, name_of
from ugrpy.webdav.response import Resource

_GONE = frozenset({404, 410})

# Children are passed on in groups of this size: few calls for big listings, early first bytes all the same.
GROUP = 256


class ListingSorter:
    """Takes resources as they are read, hands children on in groups, and keeps the collection.

    ``name`` is what the collection is called wherever it may lie, empty for a root. ``quirks`` are those that show in a
    listing as a whole.
    """

    __slots__ = (
        "_children",
        "_expected",
        "_group",
        "_name",
        "_named_some",
        "_prefix_assumed",
        "itself",
        "quirks",
    )

    def __init__(self, expected: str, children: Children, name: str = "") -> None:
        self.itself: Resource | None = None
        self._expected = expected
        self._name = name
        self._children = children
        self._group: list[Entry] = []
        self._named_some = False
        self.quirks: set[Quirk] = set()
        self._prefix_assumed = False

    def add(self, resource: Resource) -> None:
        """Sort one resource; what is neither the collection nor directly inside it is left out.

        Raises ``Malformed`` when a prefix of the server's own was assumed and does not hold.
        """
        if not is_within(resource.path, self._expected):
            self._outside(resource.path)
        if resource.path == self._expected:
            self.itself = resource
            return
        if resource.status in _GONE or not self._is_child(resource):
            return
        if resource.status // 100 != 2:
            self.quirks.add(Quirk.CHILD_REFUSED)
        self._named_some = True
        self._group.append(entry_of(resource))
        if len(self._group) >= GROUP:
            self.flush()

    def flush(self) -> None:
        """Hand on what is left in the last group."""
        if self._group:
            self._children(self._group)
            self._group = []

    def _outside(self, path: str) -> None:
        if self.itself is None and not self._named_some:
            check_name(path, self._name)
            self._expected, self._prefix_assumed = path, True
            self.quirks.add(Quirk.FOREIGN_PREFIX)
        elif self._prefix_assumed:
            raise Malformed(
                "PROPFIND: the listing mixes names of different places",
                inside=f"PROPFIND: {path!r} does not lie in {self._expected!r}, named first",
            )

    def _is_child(self, resource: Resource) -> bool:
        parent, _, name = resource.path.rpartition("/")
        return bool(name) and (parent or "/") == self._expected


def check_name(path: str, name: str) -> None:
    """Raises ``Malformed`` when what lies at ``path`` cannot be what was asked for by that name.

    Some file systems keep names in another case or normal form than they are asked for in.
    """
    if name and _folded(name_of(path)) != _folded(name):
        raise Malformed(
            "PROPFIND: the answer is about another path",
            inside=f"PROPFIND: the answer is about {path!r}, not {name!r}",
        )


def _folded(name: str) -> str:
    return normalize("NFC", name).casefold()


def entry_of(resource: Resource) -> Entry:
    """The entry that a resource describes; without any hint of its kind, a slash at the end tells collections."""
    kind = resource.kind or (Kind.COLLECTION if resource.trailing_slash else Kind.FILE)
    size_bytes = resource.size_bytes if kind is Kind.FILE else None
    return Entry(name_of(resource.path), kind, size_bytes, resource.mtime_s, resource.digests)


def expected_path(base_path: str, path: str) -> str:
    """The decoded path under which the server should describe the collection."""
    return (base_path or "/") if path == "/" else base_path + path
