"""How does a third-party copy tell how far it is, and how it ended?

The answer to the COPY is a text that grows while the bytes move elsewhere, every five seconds a block (row D87)::

    Perf Marker
        Timestamp: 1700000000
        Stripe Index: 0
        Stripe Bytes Transferred: 1048576
        Total Stripe Count: 1
        RemoteConnections: tcp:[2001:db8::1]:1094
    End
    success: Created

The last line alone says how it ended: the status of the answer was sent before anybody knew. davix, by which gfal2 and FTS
read it, goes by the first letters of a line in any case, takes ``success``, or one of ``failure``, ``failed``, ``aborted``
with the rest as the reason, and holds an end without such a line for a failure. It reads a number from the second character
after the colon, and a line of at most 1,023 bytes: what is longer goes on as a line of its own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

CONTENT_TYPE = "text/perf-marker-stream"
"""As dCache and StoRM label it; XRootD says text/plain, and clients do not look."""

INTERVAL_S = 5.0
"""FTS takes a transfer without news for dead after some minutes; storages send a block every five seconds."""

# With the word before it within davix's line
_REASON_BYTES = 900
# The longest line that is kept: reasons of storages are below a kilobyte, and the rest of a longer one is of no use.
MAX_LINE_BYTES = 4096
# More stripes than any storage uses; what a stream says of others is not counted.
_MOST_STRIPES = 1024

_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_NUMBER = re.compile(r"\s*([0-9]{1,18})(?![0-9])", re.ASCII)
# In the order in which davix looks: by their first letters
_BEGINNINGS = {
    "timestamp:": "timestamp_s",
    "stripe index:": "stripe",
    "stripe bytes transferred:": "transferred_bytes",
    "total stripe count:": "stripes",
}
_REMOTE = "remoteconnections:"
_FAILING = ("aborted", "failed", "failure")


@dataclass(frozen=True, slots=True)
class Progress:
    """One block. ``None`` is what the storage did not say.

    ``remotes``: the other ends as ``tcp:host:port``, an IPv6 address in brackets. They are for operators.
    """

    transferred_bytes: int | None = None
    timestamp_s: int | None = None
    stripe: int = 0
    stripes: int = 1
    remotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended. ``reason`` of a failure is in the storage's own words, so it may name hosts and paths."""

    succeeded: bool
    reason: str = ""


NOT_SAID = Ended(False, "the stream ended without saying how the copy did")


def render_marker(progress: Progress) -> bytes:
    """One block; a line for everything that is known."""
    said = [
        ("Timestamp", progress.timestamp_s),
        ("Stripe Index", progress.stripe),
        ("Stripe Bytes Transferred", progress.transferred_bytes),
        ("Total Stripe Count", progress.stripes),
        ("RemoteConnections", ",".join(progress.remotes) or None),
    ]
    lines = "".join(f"\t{key}: {value}\n" for key, value in said if value is not None)
    return f"Perf Marker\n{lines}End\n".encode()


def render_end(ended: Ended) -> bytes:
    """The last line. A reason is cut to what davix reads as one line, and never begins another one."""
    if ended.succeeded:
        return b"success: Created\n"
    reason = _BREAKS.sub(" ", ended.reason).strip() or "no reason given"
    short = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
    return f"failure: {short}\n".encode()


@dataclass(slots=True)
class MarkerReader:
    """Reads such a stream as it comes. ``ended`` is set by the last line; what follows it is not looked at.

    ``transferred_bytes`` adds up what the stripes last said. Memory is bounded whatever comes.
    """

    ended: Ended | None = None
    _rest: bytearray = field(default_factory=bytearray, repr=False)
    _block: dict[str, int] = field(default_factory=dict, repr=False)
    _remotes: tuple[str, ...] = field(default=(), repr=False)
    _by_stripe: dict[int, int] = field(default_factory=dict, repr=False)

    @property
    def transferred_bytes(self) -> int:
        """How many bytes have moved, as far as the stream says."""
        return sum(self._by_stripe.values())

    def feed(self, data: bytes) -> list[Progress]:
        """The blocks that these bytes complete."""
        return [progress for line in self._lines(data) for progress in self._read(line)]

    def close(self) -> Ended:
        """The stream is over: how the copy ended, a failure when it did not say."""
        if self.ended is None and self._rest:
            self.feed(b"\n")
        if self.ended is None:
            self.ended = NOT_SAID
        return self.ended

    def _lines(self, data: bytes) -> Iterator[bytes]:
        start = 0
        while self.ended is None and (end := data.find(b"\n", start)) >= 0:
            self._keep(data[start:end])
            yield bytes(self._rest)
            self._rest.clear()
            start = end + 1
        if self.ended is None:
            self._keep(data[start:])

    def _keep(self, piece: bytes) -> None:
        self._rest += piece[: MAX_LINE_BYTES - len(self._rest)]

    def _read(self, line: bytes) -> Iterator[Progress]:
        text = line.decode(errors="replace").strip()
        lowered = text.lower()
        if lowered.startswith("perf marker"):
            self._block, self._remotes = {}, ()
        elif lowered.startswith("end"):
            yield self._completed()
        elif lowered.startswith("success"):
            self.ended = Ended(True)
        elif lowered.startswith(_FAILING):
            _, _, reason = text.partition(":")
            self.ended = Ended(False, reason.strip() or text)
        else:
            self._note(text, lowered)

    def _note(self, text: str, lowered: str) -> None:
        if lowered.startswith(_REMOTE):
            said = text[len(_REMOTE) :].split(",")
            self._remotes = tuple(remote.strip() for remote in said if remote.strip())
            return
        for beginning, name in _BEGINNINGS.items():
            number = _NUMBER.match(text, len(beginning))
            if lowered.startswith(beginning) and number is not None:
                self._block[name] = int(number[1])

    def _completed(self) -> Progress:
        block, remotes = self._block, self._remotes
        self._block, self._remotes = {}, ()
        progress = Progress(**block, remotes=remotes)
        known = len(self._by_stripe) < _MOST_STRIPES or progress.stripe in self._by_stripe
        if progress.transferred_bytes is not None and known:
            self._by_stripe[progress.stripe] = progress.transferred_bytes
        return progress
