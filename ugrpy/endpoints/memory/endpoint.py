"""An endpoint whose tree is a dictionary."""

from collections.abc import Iterable

from ugrpy.core.urls import join_url
from ugrpy.endpoints.base import Children, Features, Probe, ReadingOnly, Verb
from ugrpy.namespace.model import Absent, EndpointId, Entry, Found, Kind, Observation
from ugrpy.namespace.paths import name_of
from ugrpy.transport.options import TransportOptions


class MemoryEndpoint(ReadingOnly):
    """Holds the given files; their parents exist as collections."""

    features = Features(dialect="memory")
    trouble = ""

    def __init__(
        self,
        name: EndpointId,
        base_url: str = "http://memory.invalid",
        options: TransportOptions | None = None,
    ) -> None:
        self.id = name
        self.base_url = base_url.rstrip("/")
        self._tree: dict[str, Entry] = {"/": Entry("", Kind.COLLECTION)}

    def __repr__(self) -> str:
        return f"MemoryEndpoint({self.id}, {len(self._tree)} names)"

    def put(self, path: str, entry: Entry) -> None:
        """Add or replace one name, and make its parents."""
        self._tree[path] = entry
        while (path := path.rpartition("/")[0]) and path not in self._tree:
            self._tree[path] = Entry(name_of(path), Kind.COLLECTION)

    def put_files(self, sizes: Iterable[tuple[str, int]]) -> None:
        """Add files given as (path, size in bytes)."""
        for path, size_bytes in sizes:
            self.put(path, Entry(name_of(path), Kind.FILE, size_bytes))

    async def stat(self, path: str) -> Observation:
        """Look the name up."""
        entry = self._tree.get(path)
        return Absent() if entry is None else Found(entry)

    async def list(self, path: str, children: Children) -> Observation:
        """All children in one piece."""
        entry = self._tree.get(path)
        if entry is None:
            return Absent()
        if entry.kind is Kind.COLLECTION:
            inside = "/" if path == "/" else path + "/"
            children(
                [
                    child
                    for name, child in self._tree.items()
                    if name != "/" and name.startswith(inside) and "/" not in name[len(inside) :]
                ]
            )
        return Found(entry)

    def url(self, path: str, verb: Verb = Verb.GET) -> str:
        """Below the base URL, as any storage would."""
        return join_url(self.base_url, path)

    async def probe(self) -> Probe:
        """Memory is always alive."""
        return Probe(True, 0.0)

    async def close(self) -> None:
        """Nothing to close."""
