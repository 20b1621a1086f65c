"""What does merging listings cost? ``size`` names, each on one to three of three endpoints, one in a hundred in conflict."""

from benchmarks.corpus import Corpus, list_path
from benchmarks.timing import Work
from ugrpy.namespace.merge import Merged, merge_listings
from ugrpy.namespace.model import EndpointId, Entry, Kind


def prepare(seed: int, size: int) -> Work:
    """``merge_listings`` over three endpoints."""
    corpus = Corpus(seed=seed, list_entries=size)
    parts = {EndpointId(f"se{member}"): _entries(corpus, member) for member in range(3)}
    right = {entry.name for entries in parts.values() for entry in entries}

    def run() -> list[Merged]:
        return merge_listings(parts)

    def check(merged: object) -> None:
        assert isinstance(merged, list)
        assert [one.entry.name for one in merged] == sorted(right)
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
