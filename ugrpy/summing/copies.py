"""Which copies of a file may be asked for its checksum, in which order, and which of the answers does a client want?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ugrpy.federation.known import KnownName
from ugrpy.federation.members import Members
from ugrpy.namespace.changes import Fingerprint
from ugrpy.namespace.learnt import Learnt
from ugrpy.namespace.model import Digest, EndpointId, Entry, Found


@dataclass(frozen=True, slots=True)
class Copy:
    """One replica: where it is, and how its storage last described it."""

    path: str
    endpoint: EndpointId
    remote: str
    entry: Entry

    def learnt(self, digests: Iterable[Digest], at_s: float) -> Learnt:
        """These as knowledge of this copy."""
        return Learnt(
            self.path, self.endpoint, Fingerprint.of(self.entry), tuple(sorted(digests)), at_s
        )


def copies_of(known: KnownName, order: Sequence[EndpointId], members: Members) -> tuple[Copy, ...]:
    """The copies at these endpoints."""
    copies = []
    for name in order:
        said = known.knowledge[name].observation if name in known.knowledge else None
        remote = members[name].mounts.translate(known.path)
        if isinstance(said, Found) and remote is not None:
            copies.append(Copy(known.path, name, remote, said.entry))
    return tuple(copies)


def chosen(digests: Sequence[Digest], wanted: Sequence[str]) -> tuple[Digest, ...]:
    """Those of the algorithms that are wanted, one each, the most wanted first."""
    by_name: dict[str, Digest] = {}
    for digest in digests:
        by_name.setdefault(digest.algorithm, digest)
    return tuple(by_name[name] for name in wanted if name in by_name)
