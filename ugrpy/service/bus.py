"""How do the workers of one host tell each other something, and know that it was taken up?

Each worker listens on a Unix socket in a folder that only they use, and keeps a connection to every other. A message is sent to all, and
``tell`` returns when each has acted on it and confirmed. A worker that does not confirm in time would go on answering from what it
knew before; it is killed, and the supervisor starts it anew (design section 4). One that has ended is no longer asked.

A message is four bytes of length, then the bytes; a confirmation is one byte, in the order of the messages.
"""

import asyncio
import os
import signal
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import structlog

from ugrpy.core.aio import cancel_and_wait, spawn

log = structlog.get_logger("ugrpy.service")

CONFIRM_S = 3.0
LONGEST_BYTES = 16 * 1024 * 1024
_LENGTH = struct.Struct("!I")
_CONFIRMED = b"\x06"
# struct ucred of unix(7): pid, uid, gid
_PEER = struct.Struct("3i")

Hear = Callable[[bytes], Awaitable[None]]


class Bus:
    """One worker's place among the others in ``folder``. ``hear`` is awaited for each message before it is confirmed."""

    def __init__(self, folder: Path, hear: Hear, *, confirm_s: float = CONFIRM_S) -> None:
        self._folder = folder
        self._hear = hear
        self._confirm_s = confirm_s
        self._own = folder / f"{os.getpid()}.sock"
        self._server: asyncio.Server | None = None
        self._lines: dict[str, _Line] = {}
        self._hearing: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Bus {self._own.name}, {len(self._lines)} lines>"

    async def open(self) -> None:
        """Be heard from now on."""
        self._own.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._connected, self._own)

    async def close(self) -> None:
        """Leave."""
        self._own.unlink(missing_ok=True)
        if self._server is not None:
            self._server.close()
        for line in self._lines.values():
            line.close()
        await cancel_and_wait(*self._hearing)

    async def tell(self, message: bytes) -> None:
        """Tell all others; returns when each has confirmed or is gone."""
        names = [one for one in os.listdir(self._folder) if one.endswith(".sock")]
        others = [name for name in names if name != self._own.name]
        if others:
            await asyncio.gather(*(self._tell_one(name, message) for name in others))

    async def _tell_one(self, name: str, message: bytes) -> None:
        line = self._lines.get(name)
        if line is None or line.closed:
            line = await _Line.to(self._folder / name)
            if line is None:
                return
            self._lines[name] = line
        try:
            async with asyncio.timeout(self._confirm_s):
                await line.say(message)
        except TimeoutError:
            line.end_worker(self._confirm_s)
        except OSError:
            pass  # it has ended
        if line.closed:
            self._lines.pop(name, None)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._hearing.add(task)
        try:
            while True:
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                if length > LONGEST_BYTES:
                    break
                await self._hear(await reader.readexactly(length))
                writer.write(_CONFIRMED)
        except (asyncio.IncompleteReadError, OSError):
            pass  # the other has ended
        finally:
            self._hearing.discard(task)
            writer.close()


class _Line:
    """A connection to one other worker; messages are confirmed in their order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.closed = False
        self._task = spawn(self._read(reader), name="bus confirmations")

    @classmethod
    async def to(cls, path: Path) -> "_Line | None":
        """Connect; ``None`` when that worker is gone, and its socket with it."""
        try:
            return cls(*await asyncio.open_unix_connection(path))
        except (ConnectionRefusedError, FileNotFoundError):
            _remove(path)
            return None

    async def say(self, message: bytes) -> None:
        """Returns when it is confirmed. Raises ``ConnectionError`` when the other has ended."""
        if self.closed:
            raise ConnectionResetError("the other worker has ended")
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(confirmed)
        self._writer.write(_LENGTH.pack(len(message)) + message)
        await confirmed

    def end_worker(self, waited_s: float) -> None:
        """It does not confirm, so it must not answer anybody either."""
        sock: socket.socket | None = self._writer.get_extra_info("socket")
        if sock is None or self.closed:
            return
        pid, _uid, _gid = _PEER.unpack(
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        )
        log.error("a worker does not confirm a change, killed", pid=pid, waited_s=waited_s)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Hang up."""
        self.closed = True
        self._task.cancel()
        self._writer.close()
        self._fail()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while confirmations := await reader.read(1024):
                for _ in confirmations:
                    confirmed = self._waiting.popleft()
                    if not confirmed.done():
                        confirmed.set_result(None)
        self.closed = True
        self._writer.close()
        self._fail()

    def _fail(self) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(ConnectionResetError("the other worker has ended"))


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
