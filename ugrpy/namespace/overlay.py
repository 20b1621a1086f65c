"""What do readers see of the names that are being changed?

Storages say what they hold; this says which of it counts. Every answer of a storage passes through here before it is merged, and almost
always unchanged: only names with a change under way (``changes``) are looked at any closer.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ugrpy.namespace.changes import Removal, Upload
from ugrpy.namespace.model import Absent, EndpointId, Entry, Found, Observation
from ugrpy.namespace.paths import is_within, join, parent_of


class Overlay:
    """The changes under way, by name."""

    def __init__(self) -> None:
        self._uploads: dict[str, Upload] = {}
        self._removals: dict[str, dict[EndpointId, Removal]] = {}
        self._going: Counter[EndpointId] = Counter()
        self._met: set[str] = set()
        """Names being written of which an older copy was met that nobody had known of."""
        self._inside: Counter[str] = Counter()
        """How many names of each collection are being changed."""
        self._written_into: Counter[str] = Counter()
        """How many names of each collection are being written."""

    def __repr__(self) -> str:
        return f"<Overlay {len(self._uploads)} uploads, {len(self._removals)} names with removals>"

    def __len__(self) -> int:
        return len(self._uploads.keys() | self._removals.keys())

    # -- what is under way --------------------------------------------------------------------------

    def put(self, path: str, upload: Upload | None, removals: Iterable[Removal]) -> None:
        """From now on these are the changes of that name, and no others."""
        self._count(path, -1)
        self._uploads.pop(path, None)
        self._met.discard(path)
        self._going.subtract(self._removals.pop(path, {}).keys())
        if upload is not None:
            self._uploads[path] = upload
        if going := {removal.endpoint: removal for removal in removals}:
            self._removals[path] = going
            self._going.update(going.keys())
        self._count(path, 1)

    def _count(self, path: str, step: int) -> None:
        for counts, there in (
            (self._inside, self.touches(path)),
            (self._written_into, path in self._uploads),
        ):
            if there:
                parent = parent_of(path)
                counts[parent] += step
                if not counts[parent]:
                    del counts[parent]

    def touches(self, path: str) -> bool:
        """Whether anything is under way for this name."""
        return path in self._uploads or path in self._removals

    def touches_inside(self, path: str) -> bool:
        """Whether anything is under way for a name right in this collection."""
        return path in self._inside

    def upload(self, path: str) -> Upload | None:
        """The upload under way."""
        return self._uploads.get(path)

    def replaces(self, path: str) -> bool:
        """Whether the name is being written and existed before, so that it is not absent meanwhile."""
        upload = self._uploads.get(path)
        return upload is not None and (upload.replaces or path in self._met)

    def removals(self, path: str) -> tuple[Removal, ...]:
        """The copies of the name that must go."""
        return tuple(self._removals.get(path, {}).values())

    def going(self, endpoint: EndpointId) -> int:
        """How many copies must go from there."""
        return self._going[endpoint]

    @property
    def uploads(self) -> tuple[Upload, ...]:
        """All uploads under way."""
        return tuple(self._uploads.values())

    def all_removals(self) -> Iterator[Removal]:
        """All copies that must go."""
        for going in list(self._removals.values()):
            yield from going.values()

    def reserved_bytes(self, endpoint: EndpointId, *, but: str = "") -> int:
        """How much the uploads under way will take there (row M12); that of the name ``but`` is not counted, being replaced."""
        return sum(
            upload.size_bytes or 0
            for path, upload in self._uploads.items()
            if upload.target == endpoint and path != but
        )

    def uploads_into(self, path: str) -> bool:
        """Whether something is being written right in this collection, so that its contents may change at any moment."""
        return path in self._written_into

    def uploads_below(self, path: str) -> bool:
        """Whether this name, or anything below it, is being written."""
        return path in self._uploads or any(is_within(one, path) for one in self._uploads)

    # -- what readers see ---------------------------------------------------------------------------

    def gone(self, path: str, endpoint: EndpointId) -> bool:
        """Whether a copy there, should there be one, is to go: nobody waits for it."""
        return endpoint in self._removals.get(path, ())

    def seen(self, path: str, endpoint: EndpointId, said: Observation) -> Observation:
        """What readers are told of an answer about one name."""
        if not isinstance(said, Found) or not self.touches(path):
            return said
        if not self._hides(path, endpoint, said.entry, listed=False):
            return said
        self._meet(path, endpoint)
        return Absent()

    def _meet(self, path: str, endpoint: EndpointId) -> None:
        upload = self._uploads.get(path)
        if upload is None or endpoint in (upload.target, *upload.deleted):
            return
        if not self.gone(path, endpoint):
            self._met.add(path)

    def seen_children(
        self, path: str, endpoint: EndpointId, children: Sequence[Entry]
    ) -> Sequence[Entry]:
        """Those of a collection's children that readers are told of."""
        if path not in self._inside:
            return children
        return [
            child
            for child in children
            if not self._hides(join(path, child.name), endpoint, child, listed=True)
        ]

    def _hides(self, path: str, endpoint: EndpointId, entry: Entry, *, listed: bool) -> bool:
        removal = self._removals.get(path, {}).get(endpoint)
        if removal is not None and removal.hides(entry):
            return True
        upload = self._uploads.get(path)
        if upload is None:
            return False
        if endpoint == upload.target:
            return upload.is_partial(entry) or (upload.outdated and not upload.is_new(entry))
        if not any(name == endpoint for name, _known in upload.others):
            return False
        # a name that is being replaced stays in listings by its old copies until the target has one
        return not listed or upload.before is not None or endpoint in upload.deleted
