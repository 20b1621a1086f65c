"""Connections to one store: each is used by one at a time, within a time, and thrown away after any trouble.

A connection whose answer was not read to its end would hand it to the next who asks, as the value of another key. So nothing is ever tried again on
the same connection, whatever happened, being cancelled included.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from ugrpy.shared.base import StoreAway

C = TypeVar("C")

MOST_CONNECTIONS = 8


class Pool(Generic[C]):
    """At most ``most`` connections; ``opened`` makes one, ``discard`` ends it at once. ``troubles`` are what the client library raises."""

    def __init__(
        self,
        opened: Callable[[], Awaitable[C]],
        discard: Callable[[C], None],
        *,
        timeout_s: float,
        troubles: tuple[type[Exception], ...],
        most: int = MOST_CONNECTIONS,
    ) -> None:
        self._open = opened
        self._discard = discard
        self._timeout_s = timeout_s
        self._troubles: tuple[type[Exception], ...] = (OSError, EOFError, ValueError, *troubles)
        self._room = asyncio.Semaphore(most)
        self._idle: list[C] = []

    def __repr__(self) -> str:
        return f"<Pool {len(self._idle)} idle>"

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[C]:
        """One for the caller alone; raises ``StoreAway`` for whatever goes wrong in the block, and when it takes too long."""
        try:
            async with asyncio.timeout(self._timeout_s), self._room:
                connection = self._idle.pop() if self._idle else await self._open()
                try:
                    yield connection
                except BaseException:
                    self._discard(connection)
                    raise
                self._idle.append(connection)
        except TimeoutError as error:
            self.clear()
            raise StoreAway(f"no answer in {self._timeout_s:g} s") from error
        except self._troubles as error:
            self.clear()  # the others will hardly be any better
            raise StoreAway(f"{type(error).__name__}: {error}") from error

    def clear(self) -> None:
        """End the idle ones."""
        while self._idle:
            self._discard(self._idle.pop())
