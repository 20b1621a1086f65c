"""Responses whose heads are already bytes: without a body, or with a short one that is bytes too.

``web.Response`` builds, checks and serialises its headers for each request, which is half the cost of a cached redirect. Here only the
date is added. It is for answers that are the same for every client of HTTP/1.1 with keep-alive; ``quick_for`` says whether
the request is of that kind, and everybody else gets an ordinary response with the same headers.
"""

from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from ugrpy.core.clock import SystemClock

_wall = SystemClock.wall


WITHOUT_BODY = b"Content-Length: 0\r\nDate: "
"""What goes between the other lines of a head and the date that ``QuickResponse`` adds."""


def head_before_length(status: int, headers: CIMultiDict[str]) -> bytes:
    """The head up to, but without, ``Content-Length``: for ``QuickBody``, and with ``WITHOUT_BODY`` for ``QuickResponse``.

    Raises ``ValueError`` for what would break the head.
    """
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header value holds a line break")
    return "\r\n".join([*lines, ""]).encode("ascii")


def quick_for(request: web.BaseRequest) -> bool:
    """Whether the connection stays open by default and no ``Connection`` header has to say so."""
    return request.version is HttpVersion11 and request.keep_alive


class QuickResponse(web.StreamResponse):
    """Writes ``head``, a date and the empty line. ``StreamResponse.__init__`` is left out: nothing of it is used."""

    def __init__(self, status: int, head: bytes) -> None:
        self._status = status
        self._head = head
        self._keep_alive = True
        self._eof_sent = False

    def __repr__(self) -> str:
        return f"QuickResponse({self._status})"

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._status

    @property
    def prepared(self) -> bool:
        """Never in the sense of ``StreamResponse``: there is no body to account for."""
        return False

    @property
    def keep_alive(self) -> bool:
        """Always: other connections get an ordinary response."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write everything; waits only while the client does not read."""
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        transport.write(self._bytes(_date_and_end(int(_wall()))))
        if transport.get_write_buffer_size():
            writer: AbstractStreamWriter = request._payload_writer
            await writer.drain()
        return None

    def _bytes(self, date_and_end: bytes) -> bytes:
        return self._head + date_and_end

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""
        self._eof_sent = True


class QuickBody(QuickResponse):
    """With a body, for requests with GET. ``head`` is that of ``head_before_length``."""

    def __init__(self, status: int, head: bytes, body: bytes) -> None:
        super().__init__(status, head)
        self.content = body

    def _bytes(self, date_and_end: bytes) -> bytes:
        content = self.content
        return b"%bContent-Length: %d\r\nDate: %b%b" % (
            self._head,
            len(content),
            date_and_end,
            content,
        )


@lru_cache(maxsize=4)
def _date_and_end(second: int) -> bytes:
    return f"{formatdate(second, usegmt=True)}\r\n\r\n".encode("ascii")
