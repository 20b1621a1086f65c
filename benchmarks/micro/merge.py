"""What does merging listings cost? ``size`` names, each on one to three of three endpoints, one in a hundred in conflict."""

from benchmarks.corpus import Corpus, list_path
from benchmarks.timing import Work
from ugrpy.namespace.gather import Gathering
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId, Entry, Kind

_GROUP = 256


def prepare(seed: int, size: int) -> Work:
    """Three endpoints name their children a group at a time, as they arrive; what is settled is taken each time."""
    corpus = Corpus(seed=seed, list_entries=size)
    parts = {EndpointId(f"se{member}"): _entries(corpus, member) for member in range(3)}
    right = {entry.name for entries in parts.values() for entry in entries}

    def run() -> list[Merged]:
        gathering = Gathering(list(parts))
        merged: list[Merged] = []
        for start in range(0, size, _GROUP):
            for endpoint, entries in parts.items():
                gathering.add(endpoint, entries[start : start + _GROUP])
            merged += gathering.take(size)
        for endpoint in parts:
            gathering.end(endpoint)
        return merged + gathering.take(size)

    def check(merged: object) -> None:
        assert isinstance(merged, list)
        assert len(merged) == len(right)
        assert {one.entry.name for one in merged} == right
        replicas = sum(len(one.holders) + len(one.conflicts) for one in merged)
        assert replicas == sum(len(entries) for entries in parts.values())

    return Work(run, size, check)


def _entries(corpus: Corpus, member: int) -> list[Entry]:
    """What one endpoint lists; the last one lies about the size of each hundredth name."""
    return [
        Entry(
            item.name,
            Kind.FILE,
            item.size_bytes + (member == 2 and item.size_bytes % 100 == 0),
            item.mtime_s,
        )
        for item in corpus.children(member, list_path(0))
    ]
