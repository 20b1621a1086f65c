"""A shared store in memory, for tests: it can be away, slow to answer, or restarted, as a whole or for one of its clients.

``StoreServer`` is the server, ``server.client()`` what one gateway has of it. Times are the clock's, virtual ones included.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from ugrpy.core.clock import Clock
from ugrpy.shared.base import StoreAway


@dataclass(slots=True)
class StoreServer:
    """What all clients share. ``latency_s`` is the time of a question's way there and of its answer's way back; ``passes_news``: as Valkey does, and memcached does not."""

    clock: Clock
    passes_news: bool = True
    latency_s: float = 0.0
    away: bool = False
    values: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    listeners: "set[asyncio.Queue[bytes | None]]" = field(default_factory=set)

    def client(self, timeout_s: float = 0.2) -> "MemoryStore":
        """One gateway's connection."""
        return MemoryStore(self, timeout_s)

    def restart(self, *, empty: bool = True) -> None:
        """All connections break; what is not kept on a disk is lost."""
        if empty:
            self.values.clear()
        for queue in list(self.listeners):
            queue.put_nowait(None)

    def read(self, key: str) -> bytes | None:
        """What is kept there now."""
        value, until_s = self.values.get(key, (b"", 0.0))
        return value if until_s > self.clock.monotonic() else None


class MemoryStore:
    """A ``SharedStore``. ``cut`` off, it gets no answer while others do; ``asked`` counts the round trips."""

    def __init__(self, server: StoreServer, timeout_s: float) -> None:
        self.server = server
        self.timeout_s = timeout_s
        self.cut = False
        self.asked = 0

    def __repr__(self) -> str:
        return f"<MemoryStore {self.asked} asked>"

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """As the contract says."""
        await self._reach()
        found = {key: self.server.read(key) for key in keys}
        await self._return()
        return {key: value for key, value in found.items() if value is not None}

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """As the contract says."""
        await self._reach()
        self.server.values[key] = (value, self.server.clock.monotonic() + ttl_s)
        await self._return()

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As the contract says."""
        await self._reach()
        free = self.server.read(key) is None
        if free:
            self.server.values[key] = (value, self.server.clock.monotonic() + ttl_s)
        await self._return()
        return free

    async def increase(self, key: str) -> int | None:
        """As the contract says."""
        await self._reach()
        before = self.server.read(key)
        after = None
        if before is not None:
            if not before.isdigit() or len(before) > 19:
                raise StoreAway("there is something, and no number")
            after = int(before) + 1
            self.server.values[key] = (b"%d" % after, self.server.values[key][1])
        await self._return()
        return after

    async def drop(self, keys: Sequence[str]) -> None:
        """As the contract says."""
        await self._reach()
        for key in keys:
            self.server.values.pop(key, None)
        await self._return()

    async def tell(self, message: bytes) -> bool:
        """As the contract says."""
        await self._reach()
        if self.server.passes_news:
            for queue in self.server.listeners:
                queue.put_nowait(message)
        return self.server.passes_news

    async def listen(self) -> AsyncIterator[bytes]:
        """As the contract says."""
        if not self.server.passes_news:
            return
        await self._reach()
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.server.listeners.add(queue)
        try:
            while (message := await queue.get()) is not None:
                if not self.cut:
                    yield message
        finally:
            self.server.listeners.discard(queue)
        raise StoreAway("the store was restarted")

    async def close(self) -> None:
        """As the contract says."""

    async def _reach(self) -> None:
        self.asked += 1
        if self.server.away or self.cut or self.server.latency_s > self.timeout_s:
            await asyncio.sleep(self.timeout_s)
            raise StoreAway(f"no answer in {self.timeout_s:g} s")
        await asyncio.sleep(self.server.latency_s / 2)

    async def _return(self) -> None:
        """What was true there may be so no more when it is heard here."""
        await asyncio.sleep(self.server.latency_s / 2)
