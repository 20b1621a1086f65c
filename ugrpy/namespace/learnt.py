"""Which checksums were learnt of single replicas, and what follows for the names that they are replicas of?

Some storages tell checksums whenever they describe a file; most tell them only when they are asked, and take their time. What was
learnt is knowledge of that one replica as it looked then: it counts only while the storage describes a copy of that size
and date. So a file that has changed never gets the checksum of the one before, and replicas that look alike and are not
the same are told apart (row M2).
"""

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ugrpy.namespace.changes import Fingerprint
from ugrpy.namespace.merge import Knowledge, Sighting
from ugrpy.namespace.model import Digest, EndpointId, Entry, Found, Kind, Observation
from ugrpy.namespace.paths import is_within, join, parent_of

# Dates have whole seconds: who has changed a file in the second in which its checksum was told leaves no trace.
SETTLED_S = 2
_MOST = 50_000


@dataclass(frozen=True, slots=True)
class Learnt:
    """The checksums of the copy of ``path`` at ``endpoint`` that looked like ``known``. ``at_s`` is in seconds since the epoch."""

    path: str
    endpoint: EndpointId
    known: Fingerprint
    digests: tuple[Digest, ...]
    at_s: float

    @property
    def certain(self) -> bool:
        """Whether a change of the file would be seen: it has a size, and a date that was over when the checksum was told."""
        mtime_s = self.known.mtime_s
        return self.known.certain and mtime_s is not None and mtime_s <= self.at_s - SETTLED_S

    def with_older(self, older: "Learnt | None") -> "Learnt":
        """This, and what ``older`` knew of other algorithms when it is of the same copy."""
        if older is None or older.known != self.known:
            return self
        ours = {digest.algorithm for digest in self.digests}
        kept = [digest for digest in older.digests if digest.algorithm not in ours]
        return replace(self, digests=tuple(sorted((*self.digests, *kept)))) if kept else self


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What has been learnt, and what has gone, since somebody last wrote it down. ``gone_below``: with all below."""

    learnt: tuple[Learnt, ...] = ()
    gone: tuple[str, ...] = ()
    gone_below: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.learnt or self.gone or self.gone_below)


class LearntDigests:
    """What was learnt, by name. Of more than ``most`` replicas, those of the names longest not learnt of go."""

    def __init__(self, most: int = _MOST) -> None:
        self.most = most
        self._names: OrderedDict[str, dict[EndpointId, Learnt]] = OrderedDict()
        self._count = 0
        self._inside: Counter[str] = Counter()
        """How many names of each collection something is known of."""
        self._fresh: dict[tuple[str, EndpointId], Learnt] = {}
        self._gone: set[str] = set()
        self._gone_below: set[str] = set()

    def __repr__(self) -> str:
        return f"<LearntDigests of {self._count} replicas>"

    def __len__(self) -> int:
        return self._count

    # -- what is known ------------------------------------------------------------------------------

    def put(self, learnt: Learnt, *, written: bool = False) -> bool:
        """Take it up; whether it is news. What is not certain is left alone. ``written``: it need not be written down any more."""
        if not learnt.certain:
            return False
        of_name = self._names.get(learnt.path, {})
        before = of_name.get(learnt.endpoint)
        if before is not None and written and before.at_s >= learnt.at_s:
            return False
        after = learnt.with_older(before)
        if not of_name:
            self._names[learnt.path] = of_name
            self._inside[parent_of(learnt.path)] += 1
        self._names.move_to_end(learnt.path)
        self._count += before is None
        of_name[learnt.endpoint] = after
        if not written:
            self._fresh[learnt.path, learnt.endpoint] = after
        while self._count > self.most:
            self._take_out(next(iter(self._names)))
        return before is None or (before.known, before.digests) != (after.known, after.digests)

    def of(self, path: str, endpoint: EndpointId, entry: Entry) -> tuple[Digest, ...]:
        """What was learnt of this very copy."""
        learnt = self._names.get(path, {}).get(endpoint)
        return learnt.digests if learnt is not None and learnt.known.fits(entry) else ()

    def forget(self, path: str) -> None:
        """The name is not what it was."""
        if path in self._names:
            self._gone.add(path)
            for endpoint in self._names[path]:
                self._fresh.pop((path, endpoint), None)
            self._take_out(path)

    def forget_below(self, path: str) -> None:
        """The same for a name and all below it."""
        self._gone_below.add(path)
        for name in [one for one in self._names if is_within(one, path)]:
            self.forget(name)

    def unwritten(self) -> Unwritten:
        """What is to be written down; asked again, only what has come since. What has gone went before the rest was learnt."""
        unwritten = Unwritten(
            tuple(self._fresh.values()), tuple(sorted(self._gone)), tuple(sorted(self._gone_below))
        )
        self._fresh, self._gone, self._gone_below = {}, set(), set()
        return unwritten

    def _take_out(self, path: str) -> None:
        self._count -= len(self._names.pop(path))
        parent = parent_of(path)
        self._inside[parent] -= 1
        if not self._inside[parent]:
            del self._inside[parent]

    # -- what follows for names ---------------------------------------------------------------------

    def over(self, path: str, knowledge: Knowledge) -> Knowledge:
        """What was said of a name, with what was learnt of the same replicas."""
        if path not in self._names:
            return knowledge
        return {
            endpoint: self._completed(path, endpoint, sighting)
            for endpoint, sighting in knowledge.items()
        }

    def over_children(
        self, path: str, endpoint: EndpointId, children: Sequence[Entry]
    ) -> Sequence[Entry]:
        """The children of a collection as one endpoint lists them, with what was learnt of them."""
        if path not in self._inside:
            return children
        return [self._entry(join(path, child.name), endpoint, child) for child in children]

    def _completed(self, path: str, endpoint: EndpointId, sighting: Sighting) -> Sighting:
        said: Observation = sighting.observation
        if not isinstance(said, Found):
            return sighting
        entry = self._entry(path, endpoint, said.entry)
        if entry is said.entry:
            return sighting
        return replace(sighting, observation=replace(said, entry=entry))

    def _entry(self, path: str, endpoint: EndpointId, entry: Entry) -> Entry:
        """What the storage says itself goes before what was learnt of the same algorithm."""
        learnt = self.of(path, endpoint, entry) if entry.kind is Kind.FILE else ()
        told = {digest.algorithm for digest in entry.digests}
        if not (more := [digest for digest in learnt if digest.algorithm not in told]):
            return entry
        return replace(entry, digests=tuple(sorted((*entry.digests, *more))))
