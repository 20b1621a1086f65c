"""What does a scripted endpoint hold, what does it answer next, and what becomes of it when it is changed?

Nothing is waited for here: ``ScriptedEndpoint`` does that.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ugrpy.namespace.model import Absent, Entry, Found, Kind, Observation
from ugrpy.namespace.outcomes import Conflict, Done, Full, Outcome
from ugrpy.namespace.paths import is_within, name_of, parent_of, rebase
from ugrpy.testing.tree import bytes_for

ROOT = Entry("", Kind.COLLECTION)
_DONE_ANEW = Done(created=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: after ``after_s`` (``None``: the endpoint's latency) an observation, or ``error`` raised, or nothing ever.

    A listing hands ``children`` over in pieces of ``piece_size`` (0: all at once), ``gap_s`` after each, before the
    observation is returned; with an *unknown* observation that is a listing that breaks off.
    """

    observation: Observation = field(default_factory=Absent)
    children: tuple[Entry, ...] = ()
    after_s: float | None = None
    error: BaseException | None = None
    hangs: bool = False
    piece_size: int = 0
    gap_s: float = 0.0

    def pieces(self) -> Iterator[Sequence[Entry]]:
        """The children as they are handed over."""
        step = self.piece_size or max(1, len(self.children))
        for start in range(0, len(self.children), step):
            yield self.children[start : start + step]


HANG = Reply(hangs=True)


class Script:
    """Replies by path, each an answer for ``stat`` and for ``list``; those that end in *found* make up a tree.

    ``capacity_bytes``: as much as fits in; ``makes_parents``: a file brings the collections above it along.
    """

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {"/": [Reply(Found(ROOT))]}
        self.overriding: Reply | None = None
        self.capacity_bytes: int | None = None
        self.makes_parents = False
        self._contents: dict[str, bytes] = {}
        self._asked: Counter[tuple[str, str]] = Counter()

    # -- what is answered -------------------------------------------------------------------------

    def on(self, path: str, *replies: Reply) -> None:
        """These in turn, the last one for ever; each verb counts for itself."""
        if not replies:
            raise ValueError("at least one reply is needed")
        self.replies[path] = list(replies)
        for verb in ("stat", "list"):
            self._asked.pop((verb, path), None)

    def next_reply(self, verb: str, path: str) -> Reply:
        """The answer to the next question."""
        if self.overriding is not None:
            return self.overriding
        replies = self.replies.get(path, [Reply()])
        nth = self._asked[verb, path]
        self._asked[verb, path] += 1
        return replies[min(nth, len(replies) - 1)]

    # -- what is there ----------------------------------------------------------------------------

    def put(self, path: str, entry: Entry, content: bytes | None = None) -> None:
        """Have a name there, in the listing of its collection too; missing collections above it are made."""
        self.on(path, replace(self._last(path), observation=Found(entry)))
        self._contents.pop(path, None)
        if content is not None:
            self._contents[path] = content
        parent = parent_of(path)
        if parent not in self.replies:
            self.put(parent, Entry(name_of(parent), Kind.COLLECTION))
        self._list_in(parent, entry.name, entry)

    def _last(self, path: str) -> Reply:
        """What a new reply for a path keeps of the old one: the children of a collection."""
        replies = self.replies.get(path)
        return Reply(children=replies[-1].children) if replies else Reply()

    def _list_in(self, parent: str, name: str, entry: Entry | None) -> None:
        last = self.replies[parent][-1]
        siblings = tuple(child for child in last.children if child.name != name)
        children = siblings if entry is None else (*siblings, entry)
        self.on(parent, Reply(last.observation, children))

    def drop(self, path: str) -> None:
        """Have a name there no more, nor anything below it."""
        for name in self._below(path):
            del self.replies[name]
            self._contents.pop(name, None)
        if (parent := parent_of(path)) in self.replies:
            self._list_in(parent, name_of(path), None)

    def _below(self, path: str) -> list[str]:
        """The name itself and all below it."""
        return [name for name in self.replies if is_within(name, path)]

    def entry_at(self, path: str) -> Entry | None:
        """What is there when the script has come to its end."""
        replies = self.replies.get(path)
        if replies is None or not isinstance(found := replies[-1].observation, Found):
            return None
        return found.entry

    def content_at(self, path: str) -> bytes:
        """The bytes of a file: those written, or any that depend on its path."""
        entry = self.entry_at(path)
        assert entry is not None, path
        known = self._contents.get(path)
        return bytes_for(path, entry.size_bytes or 0) if known is None else known

    @property
    def files(self) -> dict[str, Entry]:
        """Every file by its path."""
        return {path: entry for path, entry in self._entries() if entry.kind is Kind.FILE}

    @property
    def collections(self) -> set[str]:
        """The path of every collection, the root's too."""
        return {path for path, entry in self._entries() if entry.kind is Kind.COLLECTION}

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        for path in self.replies:
            if (entry := self.entry_at(path)) is not None:
                yield path, entry

    @property
    def used_bytes(self) -> int:
        """The sizes of all files together."""
        return sum(entry.size_bytes or 0 for entry in self.files.values())

    # -- what becomes of it -----------------------------------------------------------------------

    def make_collection(self, path: str, mtime_s: int) -> Outcome:
        """One collection."""
        if self.entry_at(path) is not None:
            return Conflict(405, "there is something of that name")
        if not self._is_collection(parent_of(path)):
            return Conflict(409, "there is no collection for it")
        self.put(path, Entry(name_of(path), Kind.COLLECTION, mtime_s=mtime_s))
        return _DONE_ANEW

    def delete(self, path: str, kind: Kind) -> Outcome:
        """A name and all below it."""
        if (refused := self._refusal(path, kind)) is not None:
            return refused
        self.drop(path)
        return Done()

    def move(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """Another name."""
        refused = self._refusal(path, kind) or self._misplaced(path, target, overwrite=overwrite)
        if refused is not None:
            return refused
        done = self._put_below(path, target)
        self.drop(path)
        return done

    def copy(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """A second one, with all below it."""
        refused = self._refusal(path, kind) or self._misplaced(path, target, overwrite=overwrite)
        if refused is None and not self._has_room(self._size_of(path) - self._size_of(target)):
            refused = Full("no room")
        return self._put_below(path, target) if refused is None else refused

    def _put_below(self, path: str, target: str) -> Done:
        existed = self.entry_at(target) is not None
        if existed:
            self.drop(target)
        for name in self._below(path):
            if (entry := self.entry_at(name)) is not None:
                there = rebase(name, path, target)
                self.put(there, replace(entry, name=name_of(there)), self._bytes_of(name, entry))
        return Done(created=not existed)

    def _size_of(self, path: str) -> int:
        entries = map(self.entry_at, self._below(path))
        return sum(entry.size_bytes or 0 for entry in entries if entry is not None)

    def _has_room(self, more_bytes: int) -> bool:
        return self.capacity_bytes is None or self.used_bytes + more_bytes <= self.capacity_bytes

    def _bytes_of(self, path: str, entry: Entry) -> bytes | None:
        return None if entry.kind is Kind.COLLECTION else self.content_at(path)

    def write(self, path: str, content: bytes, mtime_s: int) -> Outcome:
        """A file with these bytes."""
        if (refused := self.refusal_of_file(path, len(content))) is not None:
            return refused
        existed = self.entry_at(path) is not None
        self.put(path, Entry(name_of(path), Kind.FILE, len(content), mtime_s), content)
        return Done(created=not existed)

    def refusal_of_file(self, path: str, size_bytes: int) -> Outcome | None:
        """Why no file of that name and size can be written; ``None`` when it can."""
        old = self.entry_at(path)
        if old is not None and old.kind is Kind.COLLECTION:
            return Conflict(405, "there is a collection of that name")
        if not self._has_home(path):
            return Conflict(409, "there is no collection for it")
        more_bytes = size_bytes - ((old.size_bytes or 0) if old is not None else 0)
        return None if self._has_room(more_bytes) else Full("no room")

    def _has_home(self, path: str) -> bool:
        parent = parent_of(path)
        if self._is_collection(parent):
            return True
        return self.makes_parents and self.entry_at(parent) is None and self._has_home(parent)

    def _is_collection(self, path: str) -> bool:
        entry = self.entry_at(path)
        return entry is not None and entry.kind is Kind.COLLECTION

    def _refusal(self, path: str, kind: Kind) -> Outcome | None:
        entry = self.entry_at(path)
        if entry is None:
            return Absent()
        if path == "/":
            return Conflict(403, "not the root")
        return None if entry.kind is kind else Conflict(409, "it is of another kind")

    def _misplaced(self, path: str, target: str, *, overwrite: bool) -> Outcome | None:
        if is_within(target, path) or is_within(path, target):
            return Conflict(403, "one lies within the other")
        if self.entry_at(target) is not None and not overwrite:
            return Conflict(412, "there is something of that name")
        if not self._is_collection(parent_of(target)):
            return Conflict(409, "there is no collection for it")
        return None
