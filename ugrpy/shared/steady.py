"""A store that is away must not cost every question its time limit: after failures it is left alone for a growing pause, then tried again.

One operation after the pause is the trial; while it is under way the others go on without the store.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from ugrpy.core.clock import Clock
from ugrpy.core.meter import Instrument
from ugrpy.shared.base import SharedStore, StoreAway

log = structlog.get_logger("ugrpy.shared")

T = TypeVar("T")

# A single lost connection is no reason yet.
FAILURES = 3
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0


@dataclass(slots=True)
class Breaker:
    """Decides whether the store is tried. ``until_s``: the end of the pause."""

    failures: int = 0
    pause_s: float = 0.0
    until_s: float = 0.0
    trial: bool = False

    @property
    def away(self) -> bool:
        """Whether the store is left alone at the moment, or tried again."""
        return self.failures >= FAILURES

    def admits(self, now: float) -> bool:
        """Whether the store is tried now."""
        if not self.away:
            return True
        if self.trial or now < self.until_s:
            return False
        self.trial = True
        return True

    def succeeded(self) -> None:
        """It answered."""
        self.failures, self.pause_s, self.trial = 0, 0.0, False

    def failed(self, now: float) -> None:
        """It gave no usable answer."""
        self.failures += 1
        self.trial = False
        if self.away:
            self.pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * self.pause_s))
            self.until_s = now + self.pause_s

    def cancelled(self) -> None:
        """Nothing is known of the trial."""
        self.trial = False


@dataclass(slots=True)
class SteadyStore:
    """A ``SharedStore`` around another. ``failures`` counts what went wrong, ``skipped`` what was not tried."""

    store: SharedStore
    name: str
    clock: Clock
    failures: Instrument
    skipped: Instrument
    breaker: Breaker = field(default_factory=Breaker)

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """As the contract says."""
        return await self._guarded(lambda: self.store.get(keys))

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """As the contract says."""
        await self._guarded(lambda: self.store.put(key, value, ttl_s))

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As the contract says."""
        return await self._guarded(lambda: self.store.add(key, value, ttl_s))

    async def increase(self, key: str) -> int | None:
        """As the contract says."""
        return await self._guarded(lambda: self.store.increase(key))

    async def drop(self, keys: Sequence[str]) -> None:
        """As the contract says."""
        await self._guarded(lambda: self.store.drop(keys))

    async def tell(self, message: bytes) -> bool:
        """As the contract says."""
        return await self._guarded(lambda: self.store.tell(message))

    def listen(self) -> AsyncIterator[bytes]:
        """As the contract says; it waits for nobody, so it is not guarded."""
        return self.store.listen()

    async def close(self) -> None:
        """As the contract says."""
        await self.store.close()

    async def _guarded(self, operation: Callable[[], Awaitable[T]]) -> T:
        breaker = self.breaker
        if not breaker.admits(self.clock.monotonic()):
            self.skipped.add()
            raise StoreAway("it was away a moment ago")
        try:
            result = await operation()
        except StoreAway as error:
            self._failed(error)
            raise
        except BaseException:
            breaker.cancelled()
            raise
        if breaker.away:
            log.warning("the shared store is back", store=self.name)
        breaker.succeeded()
        return result

    def _failed(self, error: StoreAway) -> None:
        before = self.breaker.away
        self.breaker.failed(self.clock.monotonic())
        self.failures.add()
        if self.breaker.away and not before:
            log.warning("the shared store is away", store=self.name, reason=str(error))
