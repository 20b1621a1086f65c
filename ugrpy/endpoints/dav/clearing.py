"""How is a collection deleted where the storage removes only empty ones? Its children first, and theirs before them.

What cannot be deleted stays, with the collections above it, and the answer is what was said of it. Files are deleted a few at a
time, so that the endpoint's other clients find connections. It ends after ``MOST_NAMES``, which is *unknown*: some have gone.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from ugrpy.endpoints.base import Children
from ugrpy.endpoints.over_http_outcomes import worst_of
from ugrpy.namespace.model import Absent, Cause, Entry, Found, Kind, Observation, Unknown
from ugrpy.namespace.outcomes import Conflict, Done, Outcome
from ugrpy.namespace.paths import join

MOST_NAMES = 100_000
DEEPEST = 100
AT_ONCE = 8


class Deleting(Protocol):
    """The endpoint, as far as it is needed here."""

    async def known_children(self, path: str, children: Children) -> Observation:
        """List. Raises ``EndpointError``."""
        ...

    async def delete_alone(self, path: str, kind: Kind) -> Outcome:
        """Delete a file, or a collection that may have to be empty (``may_be_full`` of what is said of one that is not)."""
        ...


class Clearing:
    """One deletion; ``tried`` counts the names met."""

    def __init__(self, endpoint: Deleting) -> None:
        self._endpoint = endpoint
        self.tried = 0

    async def clear(self, path: str, *, depth: int = 0) -> Outcome | None:
        """Delete all that is in the collection. *Done*, or the worst of what came of it; ``None`` when nothing is in it."""
        children = await self._children(path)
        if children is None:
            return Unknown(
                Cause.FAILED, f"DELETE: more than {MOST_NAMES} names, of which some have gone"
            )
        if not children:
            return None
        if depth == DEEPEST:
            return Unknown(Cause.FAILED, f"DELETE: more than {DEEPEST} collections in each other")
        files = [child.name for child in children if child.kind is Kind.FILE]
        outcomes = await self._files(path, files)
        for child in children:
            if child.kind is Kind.COLLECTION:
                outcomes.append(await self._collection(join(path, child.name), depth + 1))
        return worst_of(outcomes)

    async def _children(self, path: str) -> Sequence[Entry] | None:
        children: list[Entry] = []
        said = await self._endpoint.known_children(path, children.extend)
        self.tried += len(children)
        if self.tried > MOST_NAMES:
            return None
        return children if isinstance(said, Found) else ()

    async def _files(self, path: str, names: Sequence[str]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for start in range(0, len(names), AT_ONCE):
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(
                        self._endpoint.delete_alone(join(path, name), Kind.FILE), name="clear"
                    )
                    for name in names[start : start + AT_ONCE]
                ]
            outcomes += [_gone(task.result()) for task in tasks]
        return outcomes

    async def _collection(self, path: str, depth: int) -> Outcome:
        said = _gone(await self._endpoint.delete_alone(path, Kind.COLLECTION))
        if not may_be_full(said):
            return said
        cleared = await self.clear(path, depth=depth)
        if cleared is None:
            return said
        if not isinstance(cleared, Done):
            return cleared
        return _gone(await self._endpoint.delete_alone(path, Kind.COLLECTION))


def may_be_full(said: Outcome) -> bool:
    """Whether this may be the answer of a storage that removes only empty collections: RFC 4918 knows none for it."""
    match said:
        case Conflict(status=409) | Unknown(cause=Cause.FAILED):
            return True
        case _:
            return False


def _gone(said: Outcome) -> Outcome:
    """Somebody else was quicker: it is gone all the same."""
    return Done() if isinstance(said, Absent) else said
