"""Which endpoints belong to the federation, and which of them may hold a path?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ugrpy.core.errors import ConfigError
from ugrpy.endpoints.base import Endpoint
from ugrpy.namespace.model import EndpointId
from ugrpy.namespace.paths import Mount, MountTable, SyntheticTree


@dataclass(frozen=True, slots=True)
class Member:
    """An endpoint as the federation uses it.

    ``strict``: while it is out of service a miss is no 404. ``writable``: the operator lets clients change what is there, ``create_parents``: missing
    collections above an upload are made, ``copies_to_others``: it carries out third-party copies. ``tells_checksums``: it is asked for them. ``free_bytes`` is the operator's figure for a
    storage that does not say how much room it has. ``connections`` is how much it is asked at a time.
    """

    endpoint: Endpoint
    mounts: MountTable = field(default_factory=lambda: MountTable([Mount("/")]))
    readable: bool = True
    listable: bool = True
    strict: bool = False
    country: str | None = None
    writable: bool = False
    create_parents: bool = True
    copies_to_others: bool = False
    free_bytes: int | None = None
    tells_checksums: bool = True
    connections: int = 1024

    @property
    def takes_changes(self) -> bool:
        """Whether clients may change what is there: allowed, possible, and visible afterwards."""
        return self.writable and self.readable and self.endpoint.features.writable

    @property
    def id(self) -> EndpointId:
        """The endpoint's name."""
        return self.endpoint.id


class Members:
    """All endpoints, in the order of the configuration."""

    def __init__(self, members: Iterable[Member]) -> None:
        self._members: dict[EndpointId, Member] = {}
        for member in members:
            if member.id in self._members:
                raise ConfigError(f"two endpoints are called {member.id!r}")
            self._members[member.id] = member
        self.synthetic = SyntheticTree(
            tuple(sorted({p for member in self._members.values() for p in member.mounts.prefixes}))
        )

    def __repr__(self) -> str:
        return f"Members({', '.join(self._members)})"

    def __getitem__(self, name: EndpointId) -> Member:
        return self._members[name]

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    def __len__(self) -> int:
        return len(self._members)

    def covering(self, path: str) -> dict[EndpointId, str]:
        """The readable endpoints that may hold ``path``, each with its own path for it (rows D10, D43)."""
        return {
            name: remote
            for name, member in self._members.items()
            if member.readable and (remote := member.mounts.translate(path)) is not None
        }
