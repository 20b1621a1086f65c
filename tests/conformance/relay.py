"""How many connections does an endpoint open, and what does it do when the answer stops half-way?

A TCP relay in front of any server, real ones included: it counts, and it can hold answers back.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

from ugrpy.core.aio import cancel_and_wait, spawn

_PIECE_BYTES = 65536
SETTLE_S = 5.0


async def settled(condition: Callable[[], bool]) -> bool:
    """Whether the condition comes true within a generous while; the other side of a socket needs a moment."""
    deadline = asyncio.get_running_loop().time() + SETTLE_S
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.002)
    return True


class Relay:
    """Stands before ``target``. ``open``: connections open now; ``peak``: at once; ``total``: ever."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 80)
        self._path = parts.path
        self.open = self.peak = self.total = 0
        self.passed_bytes = 0
        self._left_bytes: int | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __repr__(self) -> str:
        return f"<Relay to {self._target}: {self.open} open, {self.total} ever>"

    @property
    def url(self) -> str:
        """The target's URL, through the relay."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}{self._path}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await cancel_and_wait(*self._tasks)

    def hold_after(self, size_bytes: int) -> None:
        """Pass on so many bytes of answers, in all, and then nothing."""
        self._left_bytes = size_bytes
        self.passed_bytes = 0
        self._flowing.clear()

    def pass_up(self, data: bytes) -> bytes:
        """What the server is sent of what the client has; a subclass may change it."""
        return data

    def let_go(self) -> None:
        """Let everything flow again."""
        self._left_bytes = None
        self._flowing.set()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = spawn(self._serve(reader, writer), name="relay")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.total += 1
        self.open += 1
        self.peak = max(self.peak, self.open)
        writers = [writer]
        pumps: list[asyncio.Task[None]] = []
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            writers.append(far_writer)
            pumps = [
                spawn(self._pump(reader, far_writer, metered=False), name="relay up"),
                spawn(self._pump(far_reader, writer, metered=True), name="relay down"),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.open -= 1
            for one in writers:
                one.close()
            await cancel_and_wait(*pumps)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, metered: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_PIECE_BYTES):
                if not metered:
                    data = self.pass_up(data)
                elif self._left_bytes is not None:
                    data = await self._meter(data, writer)
                writer.write(data)
                await writer.drain()

    async def _meter(self, data: bytes, writer: asyncio.StreamWriter) -> bytes:
        """Pass on what is allowed; wait; the rest."""
        assert self._left_bytes is not None
        allowed, data = data[: self._left_bytes], data[self._left_bytes :]
        self._left_bytes -= len(allowed)
        self.passed_bytes += len(allowed)
        writer.write(allowed)
        if data:
            await self._flowing.wait()
        return data
