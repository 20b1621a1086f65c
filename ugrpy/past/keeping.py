"""How does what one worker knows reach the disk without anybody waiting for it?

What is noted is gathered and written every second, a part at a time, so that who reads need not wait for a long one. When more is noted than can be
written, the rest is left out; only what was forgotten never is, since a state that has missed a change would be wrong and not merely old.
"""

import asyncio
from collections.abc import Awaitable, Set
from itertools import islice
from typing import TypeVar

from ugrpy.core.errors import Unavailable
from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.namespace.model import EndpointId
from ugrpy.namespace.paths import is_within, parent_of
from ugrpy.past.store import MOST_CHILDREN, Batch, Forgotten, Store

T = TypeVar("T")

INTERVAL_S = 1.0
TRIM_EVERY = 30  # intervals
MOST_PENDING = 10_000
MOST_LISTINGS = 100
# About 30 milliseconds of the thread's time.
MOST_TOGETHER = 300
# A disk that hangs must not hold up who wants an answer.
READ_S = 1.0


class Keeping:
    """A federation's ``Past`` in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[str, KnownName | None] = {}
        self._listings: dict[str, KnownListing] = {}
        self._forgotten: dict[Forgotten, None] = {}
        self._everything = False

    def __repr__(self) -> str:
        return (
            f"<Keeping {len(self._names)} names, {len(self._listings)} listings, {self._store!r}>"
        )

    # -- the past of a federation ---------------------------------------------------------------------

    def note_name(self, known: KnownName) -> None:
        """As the protocol says: names that are there are kept, and those that are not are taken out."""
        gone = known.merged is None
        if gone and not (known.complete and not known.out):
            return  # nothing is known for certain
        if known.path in self._names or len(self._names) < MOST_PENDING:
            self._names[known.path] = None if gone else known

    def note_listing(self, known: KnownListing) -> None:
        """As the protocol says; of whole listings that are not too long."""
        if (
            known.complete
            and isinstance(known.children, tuple)
            and len(known.children) <= MOST_CHILDREN
            and (known.path in self._listings or len(self._listings) < MOST_LISTINGS)
        ):
            self._listings[known.path] = known

    def forget(self, path: str, away: Set[EndpointId], *, below: bool) -> None:
        """As the protocol says."""
        for pending in (self._names, self._listings):
            pending.pop(path, None)
            for name in [one for one in pending if is_within(one, path)] if below else ():
                del pending[name]
        self._listings.pop(parent_of(path), None)
        if len(self._forgotten) >= MOST_PENDING:
            self._everything = True
            self._forgotten.clear()
        self._forgotten[Forgotten(path, frozenset(away), below)] = None

    async def name(self, path: str) -> KnownName | None:
        """As the protocol says."""
        return await _at_hand(self._store.name(path))

    async def listing(self, path: str) -> KnownListing | None:
        """As the protocol says."""
        return await _at_hand(self._store.listing(path))

    # -- the work beside -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work for ever."""
        while True:
            for _ in range(TRIM_EVERY):
                await self.write()
                await asyncio.sleep(INTERVAL_S)
            await self._trim()

    async def write(self) -> None:
        """Write what is pending. What was forgotten is tried again when the disk refuses; the rest is not worth it."""
        while batch := self._next():
            try:
                await self._store.write(batch)
            except Unavailable:
                self._put_back(batch)
                return

    async def close(self) -> None:
        """Write what is left, and close the store."""
        await self.write()
        await self._store.close()

    def _next(self) -> Batch | None:
        if not (self._names or self._listings or self._forgotten or self._everything):
            return None
        forgotten = tuple(islice(self._forgotten, MOST_TOGETHER))
        for one in forgotten:
            del self._forgotten[one]
        everything, self._everything = self._everything, False
        if self._forgotten:  # first of all
            return Batch(forgotten, everything=everything)
        names = {path: self._names.pop(path) for path in list(islice(self._names, MOST_TOGETHER))}
        listings = [self._listings.pop(path) for path in list(islice(self._listings, 1))]
        return Batch(
            forgotten,
            [path for path, known in names.items() if known is None],
            [known for known in names.values() if known is not None],
            listings,
            everything=everything,
        )

    def _put_back(self, batch: Batch) -> None:
        self._forgotten = dict.fromkeys(batch.forgotten) | self._forgotten
        self._everything = self._everything or batch.everything

    async def _trim(self) -> None:
        try:
            await self._store.trim()
        except Unavailable:
            return


async def _at_hand(reading: Awaitable[T | None]) -> T | None:
    try:
        async with asyncio.timeout(READ_S):
            return await reading
    except (TimeoutError, Unavailable):
        return None
