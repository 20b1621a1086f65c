"""How do the workers of one host tell each other something, and know that it was taken up?

Each worker listens on a Unix socket in a folder that only they use, and keeps a connection to every other. A message is sent to all, and
``tell`` returns when each has acted on it and confirmed. A worker that confirms nothing for a while would go on answering from what it
knew before; it is killed, and the supervisor starts it anew (design section 4). For the same reason one that fails to act on a message
ends itself. One that has ended is no longer asked.

A message is four bytes of length, then the bytes; a confirmation is one byte, in the order of the messages.
"""

import asyncio
import os
import signal
import socket
import struct
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from ugrpy.core.aio import cancel_and_wait, spawn

log = structlog.get_logger("ugrpy.service")

SUFFIX = ".sock"
# A worker that has not confirmed anything for so long, while something waits for it, is killed.
CONFIRM_S = 3.0
# Where so many messages wait to be confirmed, none is added that may as well be missed.
MOST_WAITING = 1000
LONGEST_BYTES = 16 * 1024 * 1024
LONGEST_PATH_BYTES = 107
_LENGTH = struct.Struct("!I")
_CONFIRMED = b"\x06"
# struct ucred of unix(7): pid, uid, gid
_PEER = struct.Struct("3i")

# EX_SOFTWARE of sysexits.h: a mistake of ours, after which a new process is to be started
FAILED_TO_ACT = 70

Hear = Callable[[bytes], Awaitable[None]]


def end_process() -> None:
    """End at once: nothing may be answered any more from what this process knows."""
    os._exit(FAILED_TO_ACT)


class Bus:
    """One worker's place among the others in ``folder``. ``hear`` is awaited for each message before it is confirmed.

    ``name`` tells it from the others, by default by its process. ``give_up`` is called when ``hear`` has failed.
    """

    def __init__(
        self,
        folder: Path,
        hear: Hear,
        *,
        confirm_s: float = CONFIRM_S,
        name: str = "",
        give_up: Callable[[], None] = end_process,
    ) -> None:
        self._folder = folder
        self._hear = hear
        self._confirm_s = confirm_s
        self._give_up = give_up
        self._own = folder / f"{name or os.getpid()}{SUFFIX}"
        self._server: asyncio.Server | None = None
        self._looking = asyncio.Lock()
        self._lines: dict[str, _Line] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._hearing: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Bus {self._own.name}, {len(self._lines)} lines>"

    async def open(self) -> None:
        """Be heard from now on."""
        # under its name only when it listens: one that does not is taken for a socket of the dead
        early = self._own.with_suffix(".new")
        await asyncio.to_thread(_remove, early)
        with _within_reach(early) as path:
            self._server = await asyncio.start_unix_server(self._connected, path)
        await asyncio.to_thread(early.rename, self._own)

    async def close(self) -> None:
        """Leave."""
        await asyncio.to_thread(_remove, self._own)
        if self._server is not None:
            self._server.close()
        for line in self._lines.values():
            line.close()
        await cancel_and_wait(*self._hearing)

    async def tell(self, message: bytes) -> None:
        """Tell all others; returns when each has confirmed or is gone. Raises ``ValueError`` for a message that is too long."""
        await asyncio.gather(
            *(self._tell_one(name, message) for name in await self._others(message))
        )

    async def mention(self, message: bytes) -> None:
        """Send it to all others without waiting for anybody; one that takes nothing up misses it."""
        for name in await self._others(message):
            async with self._turns[name]:
                line = await self._line(name)
                if line is not None and not line.congested:
                    line.send(message).cancel()  # of no interest when it is confirmed

    async def _others(self, message: bytes) -> list[str]:
        if len(message) > LONGEST_BYTES:
            raise ValueError(f"a message of {len(message)} bytes is not sent")
        async with self._looking:  # one after the other, so that messages stay in their order
            names = await asyncio.to_thread(os.listdir, self._folder)
        return [name for name in names if name.endswith(SUFFIX) and name != self._own.name]

    async def _line(self, name: str) -> "_Line | None":
        line = self._lines.get(name)
        if line is None or line.closed:
            self._lines.pop(name, None)
            line = await _Line.to(self._folder / name)
            if line is not None:
                self._lines[name] = line
        return line

    async def _tell_one(self, name: str, message: bytes) -> None:
        async with self._turns[name]:  # one connection for all, and messages in their order
            line = await self._line(name)
            if line is None:
                return
            confirmed = line.send(message)
        try:
            await line.confirmation(confirmed, self._confirm_s)
        except TimeoutError:
            line.end_worker(self._confirm_s)
        except OSError:
            pass  # it has ended

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = spawn(self._listen(reader, writer), name="bus messages")
        self._hearing.add(task)
        task.add_done_callback(self._hearing.discard)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                if not await self._act(await reader.readexactly(length)):
                    break
                writer.write(_CONFIRMED)
        except (asyncio.IncompleteReadError, OSError):
            pass  # the other has ended
        finally:
            writer.close()

    async def _act(self, message: bytes) -> bool:
        try:
            await self._hear(message)
        except Exception:
            log.exception("this worker cannot take up a change, so it ends")
            self._give_up()
            return False
        return True


class _Line:
    """A connection to one other worker; messages are confirmed in their order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._confirmations = 0
        self.closed = False
        self._task = spawn(self._read(reader), name="bus confirmations")

    @classmethod
    async def to(cls, path: Path) -> "_Line | None":
        """Connect; ``None`` when that worker is gone, and its socket with it."""
        try:
            with _within_reach(path) as near:
                return cls(*await asyncio.open_unix_connection(near))
        except (ConnectionRefusedError, FileNotFoundError):
            await asyncio.to_thread(_remove, path)
            return None

    @property
    def congested(self) -> bool:
        """The other has not taken up for a while what was sent."""
        return len(self._waiting) >= MOST_WAITING

    def send(self, message: bytes) -> "asyncio.Future[None]":
        """Send it; returns what is done when it is confirmed."""
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(confirmed)
        self._writer.write(_LENGTH.pack(len(message)) + message)
        return confirmed

    async def confirmation(self, confirmed: "asyncio.Future[None]", patience_s: float) -> None:
        """Raises ``TimeoutError`` when nothing at all was confirmed for ``patience_s``, ``ConnectionError`` when the other has ended."""
        try:
            while not confirmed.done():
                before = self._confirmations
                await asyncio.wait([confirmed], timeout=patience_s)
                if not confirmed.done() and self._confirmations == before:
                    raise TimeoutError
            await confirmed
        finally:
            confirmed.cancel()  # of no interest any more, whatever becomes of it

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
                self._confirmations += len(confirmations)
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


@contextmanager
def _within_reach(path: Path) -> Iterator[Path]:
    """The same socket by a name that is short enough for one: unix(7) has room for 107 bytes, and folders may be deep."""
    if len(os.fsencode(path)) <= LONGEST_PATH_BYTES:
        yield path
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{folder}") / path.name
    finally:
        os.close(folder)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
