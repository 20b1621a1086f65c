"""How do the bytes of an answer go out, when the way out is part of the trouble?

``plan`` says it as a sequence: bytes to send, seconds to wait, and how it ends. ``deliver`` does it. The answer is written
past aiohttp, which would not send what breaks the protocol.
"""

import asyncio
import socket
import struct
import zlib
from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache
from http import HTTPStatus
from itertools import repeat
from typing import Protocol

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from ugrpy.testing import wire
from ugrpy.testing.answers import Answer
from ugrpy.testing.faults import Encoding, Faults, Part

_CHUNK_BYTES = 65536
_BOMB_BLOCKS = 1024  # of a megabyte each
_POLL_S = 0.001
_BODILESS = (204, 304)


class End(Enum):
    """What becomes of the connection."""

    KEPT = auto()
    CLOSED = auto()
    RESET = auto()
    SILENT = auto()


Step = bytes | float | End


class _Request(Protocol):
    """What the head of an answer depends on."""

    @property
    def method(self) -> str: ...

    @property
    def keep_alive(self) -> bool | None: ...

    @property
    def version(self) -> tuple[int, int]: ...


def render_head(request: _Request, answer: Answer, faults: Faults, date_s: float) -> bytes:
    """The head of the answer, with what is wrong in it."""
    phrase = HTTPStatus(answer.status).phrase if answer.status in _KNOWN else "As Said"
    status_line = faults.status_line or f"HTTP/1.1 {{status}} {phrase}"
    lines = [status_line.replace("{status}", str(answer.status))]
    lines += [f"Date: {wire.http_date(date_s)}", "Server: storage"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    lines += [faults.header] if faults.header else []
    if faults.encoding is not None:
        lines.append("Content-Encoding: gzip")
    if faults.bad_chunks or (faults.endless is Part.BODY and request.method != "HEAD"):
        lines.append("Transfer-Encoding: chunked")
    elif not faults.no_length and not answer.unmeasured and answer.status not in _BODILESS:
        lines.append(f"Content-Length: {max(0, _length(answer, faults))}")
    if not request.keep_alive or answer.closes or _ends(request.method, faults):
        lines.append("Connection: close")
    elif request.version < (1, 1):
        lines.append("Connection: keep-alive")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


_KNOWN = frozenset(int(status) for status in HTTPStatus)


def _length(answer: Answer, faults: Faults) -> int:
    if answer.length is not None:
        return answer.length + faults.content_length_off
    return len(_encoded(answer.body, faults)) + faults.content_length_off


def _ends(method: str, faults: Faults) -> bool:
    """Whether the connection cannot be used again, since its end is what tells the end of the body."""
    return method != "HEAD" and (faults.no_length or faults.content_length_off > 0)


def plan(method: str, head: bytes, answer: Answer, faults: Faults) -> Iterator[Step]:
    """What is sent, in order; the last is an ``End``, unless there is no end."""
    if faults.raw:
        yield faults.raw.encode("latin-1")
        yield End.CLOSED
        return
    cut = faults.reset_after_bytes
    broken = End.CLOSED if faults.orderly else End.RESET
    if cut is not None and cut < 0:
        yield broken
        return
    yield from _interim(faults)
    yield from _head(head, faults)
    bodiless = method == "HEAD" or answer.status in _BODILESS
    stall = faults.stall_after_bytes
    if not bodiless:
        body = _encoded(answer.body, faults)[: _first(cut, stall)]
        yield from _paced(_framed(body, faults), faults, Part.BODY)
        if faults.endless is Part.BODY:
            yield from _for_ever(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    if stall is not None:
        yield End.SILENT
    if cut is not None:
        yield broken
    yield End.CLOSED if answer.closes or _ends(method, faults) else End.KEPT


def _interim(faults: Faults) -> Iterator[Step]:
    heads = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </s>; rel=preload\r\n\r\n"
    for _ in repeat(None) if faults.interim < 0 else range(faults.interim):
        yield heads
        if faults.interim < 0:
            yield faults.gap_s


def _head(head: bytes, faults: Faults) -> Iterator[Step]:
    if faults.stall_after_bytes == -1:
        yield head[: len(head) // 2]
        yield End.SILENT
    if faults.endless is Part.HEAD:
        yield head[:-2]
        yield from _for_ever(b"X-More: " + b"x" * 1000 + b"\r\n")
    yield from _paced(head, faults, Part.HEAD)


def _for_ever(data: bytes) -> Iterator[bytes]:
    while True:
        yield data


def _paced(data: bytes, faults: Faults, part: Part) -> Iterator[Step]:
    """The data as they are, or in drops from that part on."""
    drops = faults.dribble is part or (faults.dribble is Part.HEAD and part is Part.BODY)
    size = faults.piece_bytes if drops else _CHUNK_BYTES
    for start in range(0, len(data), size):
        yield data[start : start + size]
        if drops:
            yield faults.gap_s


def _framed(body: bytes, faults: Faults) -> bytes:
    if faults.bad_chunks:
        return b"1g\r\n" + body + b"\r\n0\r\n\r\n"
    if faults.endless is Part.BODY:
        half = body[: len(body) // 2]
        return b"%x\r\n%s\r\n" % (len(half), half)
    return body


def _encoded(body: bytes, faults: Faults) -> bytes:
    return _bomb(body) if faults.encoding is Encoding.BOMB else body


@lru_cache(maxsize=4)
def _bomb(body: bytes) -> bytes:
    """The first half of ``body`` and a gigabyte of spaces, compressed; its own end is left out."""
    packer = zlib.compressobj(9, wbits=31)
    start = packer.compress(body[: len(body) // 2]) + packer.flush(zlib.Z_FULL_FLUSH)
    # after a full flush a block stands for itself, so one serves as often as one likes
    block = packer.compress(b" " * 1024 * 1024) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * _BOMB_BLOCKS


def _first(*places: int | None) -> int | None:
    """The first of the places that are given."""
    return min((place for place in places if place is not None), default=None)


class Delivered(web.StreamResponse):
    """Tells aiohttp that the answer has gone out already."""

    def __init__(self, status: int, *, kept: bool) -> None:
        super().__init__(status=status)
        self._kept = kept

    @property
    def keep_alive(self) -> bool | None:
        """Whether another request may come."""
        return self._kept

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Nothing is left to do."""
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""


async def deliver(
    request: web.BaseRequest, answer: Answer, faults: Faults, date_s: float
) -> web.StreamResponse:
    """Send the answer as ``plan`` says; returns when nothing more is to be sent."""
    transport = request.transport
    end = End.CLOSED
    if transport is not None:
        head = render_head(request, answer, faults, date_s)
        end = await _carry_out(transport, plan(request.method, head, answer, faults))
        match end:
            case End.SILENT:
                await asyncio.Event().wait()
            case End.RESET:
                await _room(transport, 0)
                reset(transport)
            case End.CLOSED:
                transport.close()
            case _:
                pass
    return Delivered(answer.status, kept=end is End.KEPT and bool(request.keep_alive))


async def _carry_out(transport: asyncio.Transport, steps: Iterator[Step]) -> End:
    for step in steps:
        match step:
            case End():
                return step
            case float():
                await asyncio.sleep(step)
            case _:
                transport.write(step)
                await _room(transport, _CHUNK_BYTES)
        if transport.is_closing():
            break
    return End.CLOSED


async def _room(transport: asyncio.Transport, left_bytes: int) -> None:
    """Wait until no more than that is still to be sent."""
    # a transport tells nobody but its protocol when its buffer has run empty
    while not transport.is_closing() and transport.get_write_buffer_size() > left_bytes:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)


def reset(transport: asyncio.Transport) -> None:
    """End it so that the peer's kernel reports a reset."""
    # a linger time of zero makes the kernel send RST instead of FIN (socket(7), SO_LINGER)
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
