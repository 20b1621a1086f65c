"""What outlives the process: who writes down what was known last, and is asked for it when nobody else can say?

``ugrpy.past`` keeps it in a database. A federation without one forgets with its process.
"""

from collections.abc import Set
from typing import Protocol

from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.namespace.model import EndpointId


class Past(Protocol):
    """The ``note`` and ``forget`` calls return at once and never fail: what cannot be written down is lost, and nothing else."""

    def note_name(self, known: KnownName) -> None:
        """Endpoints have been asked for a name; of one that nobody holds any more nothing is to be kept."""
        ...

    def note_listing(self, known: KnownListing) -> None:
        """The contents of a collection are known."""
        ...

    def forget(self, path: str, away: Set[EndpointId], *, below: bool) -> None:
        """A name has been changed, with all below it or not. What those hold who are ``away`` stays as it was."""
        ...

    async def name(self, path: str) -> KnownName | None:
        """What was known last of a name, with its age; ``None`` also when it cannot be had."""
        ...

    async def listing(self, path: str) -> KnownListing | None:
        """The same of a collection."""
        ...


class NoPast:
    """Keeps nothing."""

    def note_name(self, known: KnownName) -> None:
        """As the protocol says."""

    def note_listing(self, known: KnownListing) -> None:
        """As the protocol says."""

    def forget(self, path: str, away: Set[EndpointId], *, below: bool) -> None:
        """As the protocol says."""

    async def name(self, path: str) -> KnownName | None:
        """As the protocol says."""
        return None

    async def listing(self, path: str) -> KnownListing | None:
        """As the protocol says."""
        return None
