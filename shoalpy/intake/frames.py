"""Which messages are in the bytes that come over a connection with the broker, and what of them is left for the library?

A heartbeat comes as three frames (AMQP 0-9-1 sections 2.3.5 and 4.2): ``Basic.Deliver``, a header with its size and properties, and its content.
Taking them through the library costs five times what judging the heartbeat does: three reads for each frame, an object for each, a queue, and a task.
So they are taken out here, and all others are passed on as they came, in their order and at the ends of frames.

::

    01 0002 0000002b  003c 003c  05 ctag1  0000000000000007  00  05 shoal  04 info  ce
    02 0002 0000001f  003c 0000  0000000000000120  8000  10 application/json        ce
    03 0002 00000120  {"uuid": ...                                                  ce

What is not understood is passed on, and so is everything after it: the library knows what to say of it.
"""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

import pamqp.frame
from pamqp.exceptions import PAMQPException
from pamqp.header import ContentHeader

_HEAD = struct.Struct(">BHI")
# a frame that is empty is its head and its end
_LEAST_BYTES = _HEAD.size + 1
_METHOD, _HEADER, _BODY = 1, 2, 3
_HEARTBEAT = 8
_KINDS = frozenset((_METHOD, _HEADER, _BODY, _HEARTBEAT))
_END = 0xCE
_DELIVER = b"\x00\x3c\x00\x3c"
# class, weight, size of the content, which properties there are
_CONTENT = struct.Struct(">HHQH")
_TAG = struct.Struct(">Q")
# Bits of the properties: the user that the broker vouches for, and that more bits follow.
_NAMES_A_USER = 1 << 4 | 1
_ACK = struct.Struct(">BHIHHQBB")

HEARTBEAT = bytes((_HEARTBEAT, 0, 0, 0, 0, 0, 0, _END))
"""What either side sends so that the other sees that it is there (section 4.2.7)."""


class Delivery(NamedTuple):
    """One message: its number on the channel, its content, and the user that the broker vouches for, if any."""

    tag: int
    body: bytes
    user: str


class NotUnderstoodError(Exception):
    """Bytes that are no frames, or frames in an order that has no meaning."""


@dataclass(slots=True)
class _Coming:
    """A message of which not all is there. ``left_bytes`` is below 0 until its header has come."""

    tag: int
    left_bytes: int = -1
    kept_bytes: int = 0
    user: str = ""
    pieces: list[bytes] = field(default_factory=list)


class Sifter:
    """Takes the messages out of one connection.

    Of a message above ``largest_bytes`` it keeps more than that, and never all of what a stranger may send.
    """

    def __init__(self, largest_bytes: int) -> None:
        self._largest_bytes = largest_bytes
        self._held = bytearray()
        self._needed_bytes = _LEAST_BYTES
        self._coming: dict[int, _Coming] = {}
        self._blind = False

    def __repr__(self) -> str:
        state = "blind" if self._blind else f"{len(self._held)} bytes held"
        return f"<Sifter, {state}>"

    def feed(self, data: bytes) -> tuple[bytes, list[Delivery]]:
        """What is to be passed on of these bytes and of those held before, and the messages that are whole now."""
        found: list[Delivery] = []
        if self._blind:
            return data, found
        if self._held:
            self._held += data
            if len(self._held) < self._needed_bytes:
                return b"", found
            data = bytes(self._held)
            self._held.clear()
        passed: list[bytes] = []
        at = 0
        try:
            while (end := self._end_of_frame(data, at)) <= len(data):
                if not self._took(data, at, end, found):
                    passed.append(data[at:end])
                at = end
        except (NotUnderstoodError, struct.error, IndexError, PAMQPException):
            self._blind = True
            passed.append(data[at:])
            return b"".join(passed), found
        self._needed_bytes = end - at
        self._held += data[at:]
        return b"".join(passed), found

    def _end_of_frame(self, data: bytes, at: int) -> int:
        """Where the frame ends that begins there, as far as that can be seen."""
        if len(data) - at < _LEAST_BYTES:
            return at + _LEAST_BYTES
        kind, _, size_bytes = _HEAD.unpack_from(data, at)
        end: int = at + _LEAST_BYTES + size_bytes
        if kind not in _KINDS or (end <= len(data) and data[end - 1] != _END):
            raise NotUnderstoodError
        return end

    def _took(self, data: bytes, at: int, end: int, found: list[Delivery]) -> bool:
        """Whether the frame is of a message that is delivered to us."""
        kind, channel, _ = _HEAD.unpack_from(data, at)
        if kind == _METHOD:
            if data[at + _HEAD.size : at + _HEAD.size + 4] != _DELIVER:
                return False
            self._begin(channel, data, at + _HEAD.size + 4)
            return True
        coming = self._coming.get(channel)
        if coming is None or kind == _HEARTBEAT:
            return False
        if kind == _HEADER:
            _read_header(coming, data, at, end)
        else:
            self._add(coming, data[at + _HEAD.size : end - 1])
        if coming.left_bytes == 0:
            del self._coming[channel]
            found.append(Delivery(coming.tag, b"".join(coming.pieces), coming.user))
        return True

    def _begin(self, channel: int, data: bytes, at: int) -> None:
        if channel in self._coming:
            raise NotUnderstoodError
        # behind the name of the consumer, which is a short string
        (tag,) = _TAG.unpack_from(data, at + 1 + data[at])
        self._coming[channel] = _Coming(tag)

    def _add(self, coming: _Coming, piece: bytes) -> None:
        if coming.left_bytes < len(piece):
            raise NotUnderstoodError
        coming.left_bytes -= len(piece)
        if coming.kept_bytes <= self._largest_bytes:
            coming.kept_bytes += len(piece)
            coming.pieces.append(piece)


def _read_header(coming: _Coming, data: bytes, at: int, end: int) -> None:
    if coming.left_bytes >= 0:
        raise NotUnderstoodError
    _, _, coming.left_bytes, properties = _CONTENT.unpack_from(data, at + _HEAD.size)
    if properties & _NAMES_A_USER:
        _, _, header = pamqp.frame.unmarshal(data[at:end])
        assert isinstance(header, ContentHeader)  # by its kind
        coming.user = header.properties.user_id or ""


def render_ack(channel: int, tag: int) -> bytes:
    """The frame that acknowledges all messages of the channel up to this one (``Basic.Ack``, section 1.8.3.13 of the reference)."""
    return _ACK.pack(_METHOD, channel, 13, 60, 80, tag, 1, _END)
