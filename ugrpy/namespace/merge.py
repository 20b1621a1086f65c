"""What do several endpoints say together about one name?

Knowledge is a map from endpoint to sighting (an observation and when it was made). ``join`` unites two such maps; it is
commutative, associative and idempotent, so it does not matter in which order answers arrive, or how often. ``summarise``
turns the map into one answer; as a function of the map it inherits all of that.

Replicas that disagree are never averaged or dropped silently (rows D57, K30). The holders vote: first on the kind, then
among files on size, then on any digest two of them both give. The losers stay in the answer as conflicts, and leave the
redirect set. Votes can tie, so the order of preference is fixed: more holders, then fewer that are doubted (``credit``), then the newer copy, then the
larger, then the endpoint names; a tie on the kind goes to the collection, since a file would hide a whole subtree.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

from ugrpy.namespace.model import (
    Denied,
    Digest,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
)
from ugrpy.namespace.paths import name_of


@dataclass(frozen=True, slots=True)
class Sighting:
    """An observation and when it was made, in seconds of the caller's monotonic clock."""

    observation: Observation
    at_s: float


Knowledge = Mapping[EndpointId, Sighting]
NOBODY: Set[EndpointId] = frozenset()


@dataclass(frozen=True, slots=True)
class Conflict:
    """An outvoted replica: which endpoint, on what it differs, what it says and what the majority says."""

    endpoint: EndpointId
    about: str
    says: str
    majority: str


@dataclass(frozen=True, slots=True)
class Merged:
    """One name as the federation sees it.

    ``holders`` are the endpoints whose replica agrees with ``entry``, in the order of their names. ``conflicts`` are the
    outvoted ones. ``mtime_s`` of the entry is the newest among the holders, its digests are the union of theirs.
    """

    entry: Entry
    holders: tuple[EndpointId, ...]
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """All that knowledge amounts to: the merged answer if anybody has one, and who else said what."""

    merged: Merged | None
    absent: tuple[EndpointId, ...]
    denied: Mapping[EndpointId, Denied]
    unknown: Mapping[EndpointId, Unknown]


def join(left: Knowledge, right: Knowledge) -> dict[EndpointId, Sighting]:
    """Both together; of two sightings by the same endpoint the later one counts."""
    united = dict(left)
    for endpoint, sighting in right.items():
        known = united.get(endpoint)
        if known is None or _order(known) < _order(sighting):
            united[endpoint] = sighting
    return united


def _order(sighting: Sighting) -> tuple[float, str]:
    # the text only breaks ties between different answers of the same instant, so that join stays commutative
    return sighting.at_s, repr(sighting.observation)


def summarise(knowledge: Knowledge, doubted: Set[EndpointId] = NOBODY) -> Summary:
    """The one answer that the sightings amount to; the ``doubted`` lose ties."""
    found: dict[EndpointId, Entry] = {}
    absent: list[EndpointId] = []
    denied: dict[EndpointId, Denied] = {}
    unknown: dict[EndpointId, Unknown] = {}
    for endpoint, sighting in knowledge.items():
        match sighting.observation:
            case Found(entry):
                found[endpoint] = entry
            case Denied() as refusal:
                denied[endpoint] = refusal
            case Unknown() as silence:
                unknown[endpoint] = silence
            case _:
                absent.append(endpoint)
    return Summary(
        merged=merge_entries(found, doubted) if found else None,
        absent=tuple(sorted(absent)),
        denied=denied,
        unknown=unknown,
    )


def merge_entries(found: Mapping[EndpointId, Entry], doubted: Set[EndpointId] = NOBODY) -> Merged:
    """Merge what the holders of one name say; ``found`` must not be empty."""
    if len(found) == 1:
        ((endpoint, entry),) = found.items()
        return Merged(entry, (endpoint,))
    first, *others = found.values()
    if all(entry == first for entry in others):
        return Merged(first, tuple(sorted(found)))
    conflicts: list[Conflict] = []
    agreeing = _vote_on_kind(found, conflicts)
    if next(iter(agreeing.values())).kind is Kind.FILE:
        agreeing = _vote_on_size(agreeing, conflicts, doubted)
        agreeing = _vote_on_digests(agreeing, conflicts, doubted)
    holders = tuple(sorted(agreeing))
    return Merged(
        _united(agreeing, holders), holders, tuple(sorted(conflicts, key=lambda c: c.endpoint))
    )


def _united(agreeing: Mapping[EndpointId, Entry], holders: tuple[EndpointId, ...]) -> Entry:
    entries = [agreeing[endpoint] for endpoint in holders]
    return replace(
        entries[0],
        size_bytes=next(
            (entry.size_bytes for entry in entries if entry.size_bytes is not None), None
        ),
        mtime_s=max(
            (entry.mtime_s for entry in entries if entry.mtime_s is not None), default=None
        ),
        digests=tuple(sorted({digest for entry in entries for digest in entry.digests})),
    )


def _vote_on_kind(
    found: Mapping[EndpointId, Entry], conflicts: list[Conflict]
) -> Mapping[EndpointId, Entry]:
    collections = {endpoint for endpoint, entry in found.items() if entry.kind is Kind.COLLECTION}
    winner = Kind.COLLECTION if 2 * len(collections) >= len(found) else Kind.FILE
    for endpoint, entry in found.items():
        if entry.kind is not winner:
            conflicts.append(Conflict(endpoint, "kind", entry.kind, winner))
    return {endpoint: entry for endpoint, entry in found.items() if entry.kind is winner}


def _preference(
    camp: Mapping[EndpointId, Entry], doubted: Set[EndpointId]
) -> tuple[int, int, int, int, list[EndpointId]]:
    """Sorts the preferred camp first: more holders, fewer of them doubted, newer, larger, smaller names."""
    newest = max((entry.mtime_s or 0 for entry in camp.values()), default=0)
    largest = max((entry.size_bytes or 0 for entry in camp.values()), default=0)
    return -len(camp), len(doubted & camp.keys()), -newest, -largest, sorted(camp)


def _vote_on_size(
    files: Mapping[EndpointId, Entry], conflicts: list[Conflict], doubted: Set[EndpointId]
) -> Mapping[EndpointId, Entry]:
    camps: dict[int, dict[EndpointId, Entry]] = {}
    for endpoint, entry in files.items():
        if entry.size_bytes is not None:
            camps.setdefault(entry.size_bytes, {})[endpoint] = entry
    if len(camps) < 2:
        return files
    winner = min(camps, key=lambda size: _preference(camps[size], doubted))
    agreeing: dict[EndpointId, Entry] = {}
    for endpoint, entry in files.items():
        # an endpoint that gives no size contradicts nobody
        if entry.size_bytes in (None, winner):
            agreeing[endpoint] = entry
        else:
            conflicts.append(Conflict(endpoint, "size", str(entry.size_bytes), str(winner)))
    return agreeing


def _vote_on_digests(
    files: Mapping[EndpointId, Entry], conflicts: list[Conflict], doubted: Set[EndpointId]
) -> Mapping[EndpointId, Entry]:
    agreeing = files
    for algorithm in sorted(
        {digest.algorithm for entry in files.values() for digest in entry.digests}
    ):
        camps: dict[str, dict[EndpointId, Entry]] = {}
        for endpoint, entry in agreeing.items():
            for value in _values(entry.digests, algorithm):
                camps.setdefault(value, {})[endpoint] = entry
        if len(camps) < 2:
            continue
        winner = _preferred(camps, doubted)
        losers = {endpoint for camp in camps.values() for endpoint in camp} - set(camps[winner])
        for endpoint in losers:
            said = ",".join(_values(agreeing[endpoint].digests, algorithm))
            conflicts.append(Conflict(endpoint, algorithm, said, winner))
        agreeing = {
            endpoint: entry for endpoint, entry in agreeing.items() if endpoint not in losers
        }
    return agreeing


def _preferred(camps: Mapping[str, Mapping[EndpointId, Entry]], doubted: Set[EndpointId]) -> str:
    return min(camps, key=lambda value: _preference(camps[value], doubted))


def _values(digests: tuple[Digest, ...], algorithm: str) -> tuple[str, ...]:
    return tuple(digest.value for digest in digests if digest.algorithm == algorithm)


def synthetic_collection(path: str) -> Merged:
    """A collection that no endpoint holds: it is there because something is mounted at or below it."""
    return Merged(Entry(name_of(path), Kind.COLLECTION), ())
