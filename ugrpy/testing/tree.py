"""What does the storage element hold? A small tree of names, with bytes, in memory.

As JSON, for a process of its own::

    {
      "/atlas/f1": "these characters, as UTF-8",
      "/atlas/f2": 1000,                                    1000 bytes that depend on the path only
      "/atlas/f3": {"size": 1000, "mtime": 1700000000},
      "/atlas/f4": {"text": "x", "mtime": 1700000000},
      "/empty/": {}                                         a collection
    }
"""

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from ugrpy.core.errors import ConfigError

MTIME_S = 1_700_000_000


@dataclass(frozen=True, slots=True)
class FileNode:
    """A file. ``mtime_s`` is in seconds since the epoch."""

    content: bytes
    mtime_s: int = MTIME_S

    @property
    def etag(self) -> str:
        """A strong validator of content and date."""
        return f'"{len(self.content):x}-{zlib.crc32(self.content):x}-{self.mtime_s:x}"'


class Tree:
    """Files and collections by decoded path; collections above a name come into being with it."""

    def __init__(self, files: Mapping[str, FileNode | bytes] | None = None) -> None:
        self.files: dict[str, FileNode] = {}
        self._children: dict[str, dict[str, None]] = {"/": {}}
        for path, node in (files or {}).items():
            self.add_file(path, node)

    def add_file(self, path: str, node: FileNode | bytes) -> None:
        """Put a file there, replacing one that is there already."""
        self._link(path)
        self.files[path] = node if isinstance(node, FileNode) else FileNode(node)

    def add_collection(self, path: str) -> None:
        """Make a collection, if there is none."""
        path = path.rstrip("/") or "/"
        if path not in self._children:
            self._link(path)
            self._children[path] = {}

    def remove(self, path: str) -> None:
        """Take a file or an empty collection away. Raises ``KeyError`` when nothing is there."""
        if path in self.files:
            del self.files[path]
        else:
            assert not self._children[path], f"{path} is not empty"
            del self._children[path]
        parent, _, name = path.rpartition("/")
        del self._children[parent or "/"][name]

    def discard(self, path: str) -> None:
        """Take a name away with all below it. Raises ``KeyError`` when nothing is there."""
        for child in self.children(path) if path in self._children else ():
            self.discard(child)
        self.remove(path)

    def copy(self, path: str, target: str, *, deep: bool = True) -> None:
        """Put the same below another name where nothing is; of a collection only itself when it is not ``deep``."""
        if path in self.files:
            self.add_file(target, self.files[path])
            return
        below = self.children(path) if deep else []
        self.add_collection(target)
        for child in below:
            self.copy(child, f"{target}/{child.rpartition('/')[2]}")

    @property
    def used_bytes(self) -> int:
        """The lengths of all files together."""
        return sum(len(node.content) for node in self.files.values())

    def exists(self, path: str) -> bool:
        """Whether there is anything of that name."""
        return path in self.files or path in self._children

    def is_collection(self, path: str) -> bool:
        """Whether a collection of that path exists."""
        return path in self._children

    def children(self, path: str) -> list[str]:
        """The full paths of a collection's members, in the order in which they came."""
        base = path.rstrip("/")
        return [f"{base}/{name}" for name in self._children[path]]

    def _link(self, path: str) -> None:
        parent, slash, name = path.rpartition("/")
        if not slash or not name:
            raise ValueError(f"not the path of a name below the root: {path!r}")
        self.add_collection(parent or "/")
        self._children[parent or "/"][name] = None

    def __repr__(self) -> str:
        return f"<Tree {len(self.files)} files, {len(self._children)} collections>"


def bytes_for(path: str, size_bytes: int) -> bytes:
    """Bytes that depend on the path only, for files of which nobody cares what is in them."""
    if size_bytes < 0:
        raise ValueError(f"a size of {size_bytes}")
    block = hashlib.sha512(path.encode("utf-8", "surrogateescape")).digest()
    return (block * (size_bytes // len(block) + 1))[:size_bytes]


def parse_tree(data: object) -> Tree:
    """The tree that a JSON object describes (see the top). Raises ``ConfigError`` that names the path."""
    if not isinstance(data, dict):
        raise ConfigError("a tree is an object with paths for keys")
    tree = Tree()
    for path, value in data.items():
        try:
            if path.endswith("/"):
                tree.add_collection(path)
            else:
                tree.add_file(path, _parse_file(path, value))
        except (ValueError, TypeError) as error:
            raise ConfigError(str(error), where=path) from error
    return tree


def _parse_file(path: str, value: object) -> FileNode:
    match value:
        case str():
            return FileNode(value.encode())
        case int():
            return FileNode(bytes_for(path, value))
        case {"text": str(text), **rest}:
            return FileNode(text.encode(), _parse_mtime(rest))
        case {"size": int(size_bytes), **rest}:
            return FileNode(bytes_for(path, size_bytes), _parse_mtime(rest))
        case _:
            raise ValueError("expected a text, a size, or an object with text or size")


def _parse_mtime(rest: Mapping[object, object]) -> int:
    mtime_s = rest.get("mtime", MTIME_S)
    if not isinstance(mtime_s, int):
        raise TypeError("mtime: expected whole seconds since the epoch")
    if unknown := sorted(str(key) for key in rest if key != "mtime"):
        raise ValueError(f"unknown: {', '.join(unknown)}")
    return mtime_s
