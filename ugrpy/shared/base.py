"""What is asked of the store that gateways share, whatever it is kept in?

Small values under short keys, each for a time; numbers that only grow; and news for all who listen. Nothing in it is the only copy of anything:
whoever finds it away, slow or full of nonsense goes on without it.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from ugrpy.core.errors import UgrError


class StoreAway(UgrError):
    """The store gave no usable answer in its time: refused, silent, broken off, or not understood."""


class SharedStore(Protocol):
    """Every method raises ``StoreAway``, after ``timeout_s`` at the latest. Keys are short ASCII words of at most 200 bytes.

    Namespaces are the store's own affair: two federations may use the same words on one server.
    """

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of the values that are there, in one round trip per server."""
        ...

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep a value for so long, in place of what was there."""
        ...

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        """Keep a value unless there is one; whether it was kept."""
        ...

    async def increase(self, key: str) -> int | None:
        """Add one to a number that was put as decimal digits; what it is now, ``None`` when there is none."""
        ...

    async def drop(self, keys: Sequence[str]) -> None:
        """Values that are to be there no more, whether they were or not."""
        ...

    async def tell(self, message: bytes) -> bool:
        """News for every listener; whether this store can pass news on at all."""
        ...

    def listen(self) -> AsyncIterator[bytes]:
        """The news from now on; ends at once where the store passes none on. Raises ``StoreAway`` when the connection breaks."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...
