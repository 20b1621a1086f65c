"""What is a server that accepts connections and never says a word?"""

import asyncio
from typing import cast


class Mute(asyncio.Protocol):
    """A connection on which nothing is said; ``connections`` has those that are open."""

    def __init__(self, connections: set[asyncio.Transport]) -> None:
        self._connections = connections
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods, not the class
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._connections.discard(self._transport)
