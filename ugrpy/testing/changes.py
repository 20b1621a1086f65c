"""What does the storage element answer to a change, and what is there afterwards?

The tree is changed and the answer returned; nothing is waited for. Where the RFCs leave a choice, a ``Dialect`` makes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ugrpy.core.urls import decode_path
from ugrpy.testing.answers import Answer, Asked
from ugrpy.testing.dialects import Dialect
from ugrpy.testing.tree import FileNode, Tree

METHODS = ("PUT", "DELETE", "MKCOL", "MOVE", "COPY")


@dataclass(frozen=True, slots=True)
class Disk:
    """Where changes are made. ``quota_bytes``: as much as fits in; ``authority``: ``host:port`` of this server."""

    tree: Tree
    dialect: Dialect
    authority: str
    quota_bytes: int | None = None

    def has_room(self, more_bytes: int) -> bool:
        """Whether so much more fits in."""
        return self.quota_bytes is None or self.tree.used_bytes + more_bytes <= self.quota_bytes


def change(asked: Asked, disk: Disk) -> Answer:
    """DELETE, MKCOL, and MOVE and COPY within this server; a PUT is an ``Upload``."""
    match asked.method:
        case "DELETE":
            return _delete(asked, disk)
        case "MKCOL":
            return _make_collection(asked, disk)
        case _:
            return _move_or_copy(asked, disk)


def refusal_of_file(
    method: str, path: str, headers: Mapping[str, str], disk: Disk, size_bytes: int = 0
) -> Answer | None:
    """Why a file of that name cannot be written, as far as is known before its bytes; ``None`` when it can."""
    tree = disk.tree
    if tree.is_collection(path):
        return Answer(409, b"there is a collection of that name\n")
    if (unmet := _unmet(path, headers, disk)) is not None:
        return unmet
    if (homeless := _parent_missing(method, path, disk)) is not None:
        return homeless
    old = tree.files.get(path)
    if not disk.has_room(size_bytes - (len(old.content) if old else 0)):
        return Answer(507, b"no room\n")
    return None


class Upload:
    """A file on its way. It appears when it is complete, or from its first byte on where the dialect ``grows`` files."""

    def __init__(self, path: str, disk: Disk, now_s: int) -> None:
        self._path = path
        self._disk = disk
        self._now_s = now_s
        self._bytes = bytearray()
        self._seen = 0
        self._existed = path in disk.tree.files
        if disk.dialect.grows:
            self._show()

    @property
    def size_bytes(self) -> int:
        """What has come so far."""
        return len(self._bytes)

    def add(self, piece: bytes) -> bool:
        """Take more; whether there was room for it."""
        if not self._disk.has_room(len(self._bytes) - self._seen + len(piece)):
            return False
        self._bytes += piece
        # in growing steps, or a large file would be copied over and over
        if self._disk.dialect.grows and len(self._bytes) >= self._seen + self._seen // 8:
            self._show()
        return True

    def finish(self, *, lose_bytes: int = 0, garbage: bool = False) -> Answer:
        """All has come."""
        if lose_bytes:
            del self._bytes[-lose_bytes:]
        if garbage:
            self._bytes = bytearray(byte ^ 0x55 for byte in self._bytes)
        self._show()
        if self._disk.dialect.terse:
            return Answer(200, b":-)")
        return Answer(204 if self._existed else 201)

    def _show(self) -> None:
        self._seen = len(self._bytes)
        self._disk.tree.add_file(self._path, FileNode(bytes(self._bytes), self._now_s))


def destination_path(headers: Mapping[str, str], authority: str) -> str | Answer:
    """The decoded path that a Destination here means, or why it cannot be had."""
    parts = urlsplit(headers.get("Destination", ""))
    if not parts.path.startswith("/") or parts.fragment:
        return Answer(400, b"no usable Destination\n")
    if parts.netloc and parts.netloc != authority:
        return Answer(502, b"the Destination is elsewhere\n")
    return decode_path(parts.path)


def _delete(asked: Asked, disk: Disk) -> Answer:
    path, tree = asked.path, disk.tree
    if not tree.exists(path):
        return Answer(404, b"no such name\n")
    if path == "/":
        return Answer(403, b"not the root\n")
    if (
        refused := _wrong_form(asked.url, path, disk) or _unmet(path, asked.headers, disk)
    ) is not None:
        return refused
    if tree.is_collection(path) and tree.children(path) and not disk.dialect.empties:
        return Answer(500, b"directory not empty\n")
    tree.discard(path)
    return Answer(200, b":-)") if disk.dialect.terse else Answer(204)


def _make_collection(asked: Asked, disk: Disk) -> Answer:
    path, tree, dialect = asked.path, disk.tree, disk.dialect
    if asked.body:
        return Answer(415, b"a body means nothing here\n")
    if dialect.strict_slash and not _has_slash(asked.url):
        return Answer(409, b"a collection ends in a slash\n")
    if dialect.terse and tree.is_collection(path):
        return Answer(201, b":-)")
    if tree.exists(path):
        return Answer(405, b"there is something of that name\n", {"Allow": "GET, HEAD, DELETE"})
    if (homeless := _parent_missing("MKCOL", path, disk)) is not None:
        return homeless
    tree.add_collection(path)
    return Answer(201)


def _move_or_copy(asked: Asked, disk: Disk) -> Answer:
    path, tree = asked.path, disk.tree
    target = destination_path(asked.headers, disk.authority)
    if isinstance(target, Answer):
        return target
    target = target.rstrip("/") or "/"
    if not tree.exists(path):
        return Answer(404, b"no such name\n")
    refused = _wrong_form(asked.url, path, disk) or _misplaced(asked, target, disk)
    if refused is not None:
        return refused
    existed = tree.exists(target)
    if existed:
        tree.discard(target)
    tree.copy(path, target, deep=asked.headers.get("Depth", "infinity") != "0")
    if asked.method == "MOVE":
        tree.discard(path)
    return Answer(204 if existed else 201)


def _misplaced(asked: Asked, target: str, disk: Disk) -> Answer | None:
    """Why it cannot go there."""
    if target == asked.path or "/" in (target, asked.path) or target.startswith(asked.path + "/"):
        return Answer(403, b"not onto or into itself\n")
    if asked.path.startswith(target + "/"):
        return Answer(403, b"not over what it lies in\n")
    if disk.tree.exists(target) and asked.headers.get("Overwrite", "T").upper() == "F":
        return Answer(412, b"there is something of that name\n")
    if (homeless := _parent_missing(asked.method, target, disk)) is not None:
        return homeless
    copied = _size_below(asked.path, disk.tree) if asked.method == "COPY" else 0
    return None if disk.has_room(copied) else Answer(507, b"no room\n")


def _size_below(path: str, tree: Tree) -> int:
    inside = path + "/"
    return sum(
        len(node.content)
        for name, node in tree.files.items()
        if name == path or name.startswith(inside)
    )


def _wrong_form(url: str, path: str, disk: Disk) -> Answer | None:
    if disk.dialect.strict_slash and disk.tree.is_collection(path) and not _has_slash(url):
        return Answer(409, b"a collection ends in a slash\n")
    return None


def _has_slash(url: str) -> bool:
    return url.partition("?")[0].endswith("/")


def _parent_missing(method: str, path: str, disk: Disk) -> Answer | None:
    parent = path.rpartition("/")[0]
    above = parent
    while above:
        if above in disk.tree.files:
            return Answer(409, b"there is a file above it\n")
        above = above.rpartition("/")[0]
    if disk.tree.is_collection(parent or "/") or method in disk.dialect.parents_for:
        return None
    return Answer(409, b"no collection for it\n")


def _unmet(path: str, headers: Mapping[str, str], disk: Disk) -> Answer | None:
    """412 when If-Match or If-None-Match forbids it (RFC 9110 section 13.1); the tags here are strong."""
    if not disk.dialect.conditions:
        return None
    node = disk.tree.files.get(path)
    demanded, excluded = headers.get("If-Match"), headers.get("If-None-Match")
    if demanded is not None and not _names(demanded, node):
        return Answer(412, b"it is not what you think\n")
    if excluded is not None and _names(excluded, node):
        return Answer(412, b"it is there\n")
    return None


def _names(tags: str, node: FileNode | None) -> bool:
    if node is None:
        return False
    return tags.strip() == "*" or node.etag in [tag.strip() for tag in tags.split(",")]
