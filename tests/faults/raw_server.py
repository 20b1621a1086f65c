"""How does a client behave when the bytes themselves are wrong? A server that sends exactly what a script says.

::

    async def broken(wire):
        await wire.asked()
        await wire.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nfour")
        wire.reset()

    async with RawServer(broken) as server:
        ...                                  # server.url, server.open, server.connections, server.requests

The script runs once for each connection; when it returns, the connection is closed in an orderly way.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from ugrpy.core.aio import cancel_and_wait, spawn


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came over the wire; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection, seen from the server."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: list[Asked]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._log = log

    async def asked(self) -> Asked | None:
        """The next request, or ``None`` when the client has left."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, OSError):
            return None
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        method, target, _ = first.split(" ")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        self._log.append(Asked(method, target, headers, body))
        return self._log[-1]

    async def send(self, data: bytes) -> None:
        """Send these bytes."""
        with contextlib.suppress(OSError):
            self._writer.write(data)
            await self._writer.drain()

    async def drip(self, data: bytes, gap_s: float = 0.001) -> None:
        """Send them one by one."""
        for start in range(len(data)):
            if self._writer.is_closing():
                return
            await self.send(data[start : start + 1])
            await asyncio.sleep(gap_s)

    async def gone(self) -> None:
        """Say nothing until the client has left."""
        with contextlib.suppress(OSError):
            while await self._reader.read(65536):
                pass

    async def until(self, end: bytes) -> bytes:
        """What comes, as it is on the wire, up to and with ``end``; all that came, when the client left before."""
        try:
            return await self._reader.readuntil(end)
        except asyncio.IncompleteReadError as error:
            return error.partial
        except OSError:
            return b""

    @property
    def left(self) -> bool:
        """Whether the connection has ended."""
        return self._writer.is_closing()

    def reset(self) -> None:
        """End the connection by RST."""
        # a linger time of zero makes the kernel send RST instead of FIN (socket(7), SO_LINGER)
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger
        )
        self._writer.transport.abort()


Script = Callable[[Wire], Awaitable[None]]


class RawServer:
    """``connections`` is how many there ever were, ``open`` how many there are now, ``requests`` what was asked."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.connections = self.open = 0
        self.port = 0
        self.requests: list[Asked] = []
        self._script = script
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __repr__(self) -> str:
        return f"<RawServer {self.open} open, {self.connections} ever, {self.requests}>"

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await cancel_and_wait(*self._tasks)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = spawn(self._serve(reader, writer), name="raw server")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            await self._script(Wire(reader, writer, self.requests))
        finally:
            self.open -= 1
            writer.close()


def http(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """A response with the length announced (``length``, when it is to be a lie)."""
    announced = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} As Said", f"Content-Length: {announced}", *headers, "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def chunked(status: int, *pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """A response in chunks."""
    head = f"HTTP/1.1 {status} As Said\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


def always(data: bytes) -> Script:
    """Answer every request by these bytes, on the same connection."""

    async def script(wire: Wire) -> None:
        while await wire.asked() is not None:
            await wire.send(data)

    return script


def once(data: bytes) -> Script:
    """Answer one request by these bytes and end the connection in an orderly way."""

    async def script(wire: Wire) -> None:
        await wire.asked()
        await wire.send(data)

    return script


def then_reset(data: bytes) -> Script:
    """Answer by these bytes, let them arrive, and reset the connection."""

    async def script(wire: Wire) -> None:
        await wire.asked()
        await wire.send(data)
        await asyncio.sleep(0.02)  # a reset overtakes what the reader has not yet fetched
        wire.reset()

    return script


def then_silence(data: bytes) -> Script:
    """Answer by these bytes, and nothing more."""

    async def script(wire: Wire) -> None:
        await wire.asked()
        await wire.send(data)
        await wire.gone()

    return script


def dripping(data: bytes) -> Script:
    """Answer byte by byte."""

    async def script(wire: Wire) -> None:
        while await wire.asked() is not None:
            await wire.drip(data)

    return script


@contextlib.contextmanager
def full_queue():
    """The URL of a listener whose queue is full, so that connecting to it neither succeeds nor fails."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
