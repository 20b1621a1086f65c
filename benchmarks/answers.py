"""Is the answer on this connection whole yet? Just enough HTTP/1.1 for a client that counts statuses.

Not a general client: no HEAD, no 1xx, no bodies that end with the connection. A small redirect arrives in one
segment and is recognised with two searches, because this runs once a request at 100,000 requests a second.
"""

HEAD_END = b"\r\n\r\n"


class Broken(Exception):
    """Bytes that are no answer this client understands."""


def whole_status(data: bytes) -> bytes | None:
    """The status when ``data`` is exactly one answer with a Content-Length, else ``None``. The common case."""
    head_end = data.find(HEAD_END)
    at = data.find(b"ontent-Length: ", 0, head_end)
    if at < 0:
        return None
    length = int(data[at + 15 : data.index(b"\r", at)])
    return data[9:12] if head_end + 4 + length == len(data) else None


class Partial:
    """An answer that comes in several segments."""

    __slots__ = ("_body_left", "_buffer", "_chunked", "status")

    def __init__(self) -> None:
        self.status: bytes | None = None
        self._buffer = bytearray()
        self._chunked = False
        self._body_left = 0  # of the body, or of the current chunk with its CRLF

    def feed(self, data: bytes) -> bool:
        """Take a segment; true when the answer is whole. Raises ``Broken`` for anything behind its end."""
        if self.status is None:
            self._buffer += data
            head_end = self._buffer.find(HEAD_END)
            if head_end < 0:
                return False
            self._read_head(bytes(self._buffer[:head_end]))
            data = bytes(self._buffer[head_end + 4 :])
            self._buffer.clear()
        return self._feed_chunks(data) if self._chunked else self._feed_plain(data)

    def _read_head(self, head: bytes) -> None:
        self.status = head[9:12]
        fields = dict(
            line.lower().partition(b":")[::2] for line in head.split(b"\r\n")[1:] if b":" in line
        )
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            self._chunked = True
        elif (length := fields.get(b"content-length")) is not None:
            self._body_left = int(length)
        elif self.status not in (b"204", b"304"):
            raise Broken(f"an answer without a length: {head[:80]!r}")

    def _feed_plain(self, data: bytes) -> bool:
        self._body_left -= len(data)
        if self._body_left < 0:
            raise Broken("bytes behind the end of the answer")
        return self._body_left == 0

    def _feed_chunks(self, data: bytes) -> bool:
        while data:
            if self._body_left:
                taken = min(self._body_left, len(data))
                self._body_left -= taken
                data = data[taken:]
                continue
            self._buffer += data
            line_end = self._buffer.find(b"\r\n")
            if line_end < 0:
                return False
            size = int(self._buffer[:line_end].partition(b";")[0], 16)
            data = bytes(self._buffer[line_end + 2 :])
            if size == 0:  # trailers are not sent to us: the end is the empty line
                return data == b"\r\n"
            self._buffer.clear()
            self._body_left = size + 2
        return False
