"""An endpoint whose tree is a dictionary."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

from ugrpy.core.errors import Failed
from ugrpy.core.urls import join_url
from ugrpy.endpoints.base import Children, Features, Opened, Probe, Verb
from ugrpy.endpoints.memory.content import checksums, read
from ugrpy.namespace.model import (
    Absent,
    Cause,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
)
from ugrpy.namespace.outcomes import Conflict, DigestAnswer, Done, Full, Outcome, Space, Told
from ugrpy.namespace.paths import is_within, name_of, parent_of, rebase
from ugrpy.transport.options import TransportOptions

_NO_PARENT = Conflict(409, "there is no collection to put it into")
_EXISTS = Conflict(405, "there is something of that name")
_TARGET_EXISTS = Conflict(412, "there is something of the target's name")
_COLLECTION = Conflict(405, "a collection is not written to")
_ROOT = Conflict(405, "the root of a storage stays where it is")
_WITHIN = Conflict(409, "the target is the source, or one lies within the other")
_FULL = Full("it holds as much as it may")


@dataclass(frozen=True, slots=True)
class _Node:
    """A name, and what is in the file; ``None`` for a collection, or where only the description was given."""

    entry: Entry
    content: bytes | None = None


class MemoryEndpoint:
    """Holds the given files; their parents exist as collections. ``capacity_bytes`` is how much can be written."""

    features = Features(writable=True, dialect="memory")
    trouble = ""

    def __init__(
        self,
        name: EndpointId,
        base_url: str = "http://memory.invalid",
        options: TransportOptions | None = None,
        *,
        capacity_bytes: int | None = None,
    ) -> None:
        self.id = name
        self.base_url = base_url.rstrip("/")
        self._capacity_bytes = capacity_bytes
        self._tree: dict[str, _Node] = {"/": _Node(Entry("", Kind.COLLECTION))}

    def __repr__(self) -> str:
        return f"MemoryEndpoint({self.id}, {len(self._tree)} names)"

    def put(self, path: str, entry: Entry, content: bytes | None = None) -> None:
        """Add or replace one name, and make its parents. Without ``content`` there is nothing to be read of a file."""
        self._tree[path] = _Node(entry, content)
        while (path := path.rpartition("/")[0]) and path not in self._tree:
            self._tree[path] = _Node(Entry(name_of(path), Kind.COLLECTION))

    def put_files(self, sizes: Iterable[tuple[str, int]]) -> None:
        """Add files given as (path, size in bytes)."""
        for path, size_bytes in sizes:
            self.put(path, Entry(name_of(path), Kind.FILE, size_bytes))

    @property
    def spare_connections(self) -> int | None:
        """Any number."""
        return None

    async def stat(self, path: str) -> Observation:
        """Look the name up."""
        node = self._tree.get(path)
        return Absent() if node is None else Found(node.entry)

    async def list(self, path: str, children: Children) -> Observation:
        """All children in one piece."""
        node = self._tree.get(path)
        if node is None:
            return Absent()
        if node.entry.kind is Kind.COLLECTION:
            children(
                [
                    child.entry
                    for name, child in self._tree.items()
                    if name != "/" and parent_of(name) == path
                ]
            )
        return Found(node.entry)

    def url(self, path: str, verb: Verb = Verb.GET) -> str:
        """Below the base URL, as any storage would."""
        return join_url(self.base_url, path)

    async def probe(self) -> Probe:
        """Memory is always alive."""
        return Probe(True, 0.0)

    async def make_collection(self, path: str) -> Outcome:
        """One more collection."""
        if path in self._tree:
            return _EXISTS
        if not self._is_collection(parent_of(path)):
            return _NO_PARENT
        self._tree[path] = _Node(Entry(name_of(path), Kind.COLLECTION))
        return Done(created=True)

    async def delete(self, path: str, kind: Kind) -> Outcome:
        """The name and all below it."""
        if path == "/":
            return _ROOT
        if path not in self._tree:
            return Absent()
        self._remove(path)
        return Done()

    async def move(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """Give all of it other names."""
        said = await self.copy(path, target, kind, overwrite=overwrite)
        if isinstance(said, Done):
            self._remove(path)
        return said

    async def copy(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """All of it once more, in the place of what was there."""
        if path not in self._tree:
            return Absent()
        if is_within(path, target) or is_within(target, path):
            return _WITHIN
        if not self._is_collection(parent_of(target)):
            return _NO_PARENT
        replaced = target in self._tree
        if replaced and not overwrite:
            return _TARGET_EXISTS
        self._remove(target)
        for name, node in list(self._tree.items()):
            if is_within(name, path):
                other = rebase(name, path, target)
                self._tree[other] = replace(node, entry=replace(node.entry, name=name_of(other)))
        return Done(created=not replaced)

    async def space(self) -> Space | None:
        """What is left of the capacity, where there is one."""
        if self._capacity_bytes is None:
            return None
        used_bytes = self._used_bytes()
        return Space(max(0, self._capacity_bytes - used_bytes), used_bytes)

    async def digest(self, path: str, algorithms: Sequence[str]) -> DigestAnswer:
        """Those of the algorithms that can be computed, from what is in the file."""
        node = self._tree.get(path)
        if node is None:
            return Absent()
        return Told(() if node.content is None else checksums(node.content, algorithms))

    def open(
        self, path: str, headers: Mapping[str, str], *, idle_s: float
    ) -> AbstractAsyncContextManager[Opened]:
        """The content, whole or one range of it."""
        return self._opened(path, headers)

    async def write(
        self,
        path: str,
        body: AsyncIterable[bytes],
        *,
        size_bytes: int | None,
        idle_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Collect the body; what was there stays until it has ended well."""
        if self._is_collection(path):
            return _COLLECTION
        if not self._is_collection(parent_of(path)):
            return _NO_PARENT
        try:
            content = b"".join([piece async for piece in body])
        except Exception:  # noqa: BLE001 - whatever it is, it is the sender's, and the answer is the same
            return Unknown(Cause.FAILED, "the body broke off")
        if size_bytes is not None and len(content) != size_bytes:
            return Unknown(Cause.FAILED, "the body has another length than announced")
        if (
            self._capacity_bytes is not None
            and self._would_use_bytes(path, content) > self._capacity_bytes
        ):
            return _FULL
        created = path not in self._tree
        self._tree[path] = _Node(Entry(name_of(path), Kind.FILE, len(content)), content)
        return Done(created=created)

    async def close(self) -> None:
        """Nothing to close."""

    @asynccontextmanager
    async def _opened(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[Opened]:
        node = self._tree.get(path)
        if node is not None and node.entry.kind is Kind.FILE and node.content is None:
            raise Failed("the content is not kept", endpoint=self.id)
        yield read(None if node is None else node.content, headers)

    def _is_collection(self, path: str) -> bool:
        node = self._tree.get(path)
        return node is not None and node.entry.kind is Kind.COLLECTION

    def _remove(self, path: str) -> None:
        for name in [name for name in self._tree if is_within(name, path)]:
            del self._tree[name]

    def _would_use_bytes(self, path: str, content: bytes) -> int:
        replaced = self._tree.get(path)
        freed_bytes = 0 if replaced is None else replaced.entry.size_bytes or 0
        return self._used_bytes() - freed_bytes + len(content)

    def _used_bytes(self) -> int:
        return sum(node.entry.size_bytes or 0 for node in self._tree.values())
