"""Can a connection answer a known request before the parser sees it, and change nothing for all others?

``FixedPathProtocol`` proves the seam in ``ugrpy.service.protocol``: a subclass that answers one path in ``data_received``. It is
what a hot lane will do with its cache taken out, and it is meant to be put under the functional tests as it is. Anything
it does not recognise exactly goes to the parser. The traps, each found by a prototype that fell into it:

- *overtaking*: an answer written while an earlier request is still being handled arrives first. So only while the handler is
  parked, or before it has ever run; two empty queues are not enough, because a handler task may have been made and not begun;
- *smuggling*: a header cut by TCP just before text that looks like a request. So only when the last segment that went to the parser
  ended a request;
- *keep-alive*: the idle timer knows nothing of our answers and must be moved on by hand;
- *a client that does not read*: answers would pile up in our memory. So not while the transport asks us to pause; the
  parser's way waits.
"""

import re
import time
from email.utils import formatdate
from typing import Any, ClassVar

from ugrpy.service.protocol import GatewayProtocol

# Header lines that change what a request means to the connection: those requests are the parser's.
_SPECIAL = re.compile(
    rb"^(connection|content-length|transfer-encoding|expect|upgrade|te|trailer):", re.I | re.M
)
_PLAIN = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]*: [\x20-\x7e]*\r\n)+\r\n")
_HEADS_KEPT = 256


class FixedPathProtocol(GatewayProtocol):
    """Answers ``GET line`` with a prepared redirect. Set the two class attributes in a subclass."""

    line: ClassVar[bytes] = b"GET /hot HTTP/1.1\r\n"
    location: ClassVar[bytes] = b"http://127.0.0.1/hot"
    _heads: ClassVar[set[bytes]] = set()
    _prepared: ClassVar[tuple[int, bytes]] = (0, b"")

    __slots__ = ("_armed",)

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._armed = True

    def data_received(self, data: bytes) -> None:
        """One segment: answered here, or passed on."""
        if (
            self._armed
            and data.startswith(self.line)
            and self._is_idle()
            and self._is_plain(data[len(self.line) :])
        ):
            assert self.transport is not None
            self.transport.write(self._answer())
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
            return
        before = self._request_count
        super().data_received(data)
        if data:  # aiohttp itself calls with nothing when it resumes a paused reader
            self._armed = self._request_count > before and data.endswith(b"\r\n\r\n")

    def _is_idle(self) -> bool:
        """Whether nothing asked earlier on this connection is still to be answered."""
        if self._close or self._force_close or self._upgraded or self._payload_parser is not None:
            return False
        if self._paused:
            return False
        waiter = self._waiter
        return self._request_count == 0 or (waiter is not None and not waiter.done())

    def _is_plain(self, head: bytes) -> bool:
        """Whether ``head`` is exactly one block of harmless header lines with one Host."""
        if head in self._heads:
            return True
        if (
            not _PLAIN.fullmatch(head)
            or _SPECIAL.search(head)
            or len(re.findall(rb"^host:", head, re.I | re.M)) != 1
        ):
            return False
        if len(self._heads) < _HEADS_KEPT:
            self._heads.add(head)
        return True

    def _answer(self) -> bytes:
        """The answer, dated; rendered once a second."""
        now = int(time.time())
        if self._prepared[0] != now:
            text = (
                b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\nDate: %s\r\n\r\n"
                % (self.location, formatdate(now, usegmt=True).encode())
            )
            type(self)._prepared = (now, text)
        return self._prepared[1]
