"""How do the pieces of an answer look in bytes: entries, checksums, observations, and who holds what?

``codec`` puts them together. A word that was written once is a number from then on, which is what endpoints mostly are. An
entry that is as the one before it takes one byte, as a second replica's mostly does.
"""

from ugrpy.core.errors import DataError
from ugrpy.core.packing import Packer, Unpacker
from ugrpy.namespace.merge import Conflict, Merged
from ugrpy.namespace.model import (
    Absent,
    Cause,
    Denied,
    Digest,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
)
from ugrpy.namespace.paths import can_be_asked_for
from ugrpy.namespace.verdict import OutOfService

# Their places are numbers of the format: only ever append.
ALGORITHMS = ("adler32", "md5", "crc32c", "sha-256", "sha", "sha-512", "crc32", "cksum")
CAUSES = (Cause.TIMEOUT, Cause.UNREACHABLE, Cause.MALFORMED, Cause.BUSY, Cause.FAILED)

# More of one entry, or altogether, are nonsense, which merging should not have to go through.
MOST_DIGESTS = 32

_COLLECTION, _SIZE, _MTIME, _DIGESTS, _NAMED, _AS_BEFORE, _CONFLICTS = (1 << n for n in range(7))
_OTHER_ALGORITHM, _NO_HEX = 0x3F, 0x40
_ABSENT, _FOUND, _FOUND_LESS, _DENIED, _UNKNOWN, _UNKNOWN_WISHING = range(6)
_KNOWN, _STRICT = 1, 2


class AnswerPacker(Packer):
    """Writes pieces of answers. ``name`` is what entries are called unless they say otherwise."""

    __slots__ = ("_algorithms", "_before", "_words", "name")

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self.name = name
        self._before: Entry | None = None
        self._words: dict[str, int] = {}
        self._algorithms: set[str] = set()

    def word(self, word: str) -> None:
        """Text that comes again and again."""
        number = self._words.get(word)
        if number is not None:
            self.number(number)
            return
        self.number(len(self._words))
        self._words[word] = len(self._words)
        self.text(word)

    def observation(self, said: Observation) -> None:
        """What an endpoint said, without what is for operators only."""
        match said:
            case Found(entry, left_out):
                self.byte(_FOUND_LESS if left_out else _FOUND)
                self.entry(entry)
                if left_out:
                    self.number(left_out)
            case Absent():
                self.byte(_ABSENT)
            case Denied(status, detail):
                self.byte(_DENIED)
                self.number(status)
                self.text(detail)
            case Unknown():
                self._unknown(said)

    def entry(self, entry: Entry, conflicts: bool = False) -> None:
        """One name as somebody describes it; the reader hears whether conflicts follow."""
        more = _CONFLICTS if conflicts else 0
        if entry == self._before:
            self.byte(_AS_BEFORE | more)
            return
        self._before = entry
        self.byte(more | self._flags(entry))
        if entry.name != self.name:
            self.text(entry.name)
        if entry.size_bytes is not None:
            self.signed(entry.size_bytes)
        if entry.mtime_s is not None:
            self.signed(entry.mtime_s)
        if entry.digests:
            self._digests(entry.digests)

    def merged(self, merged: Merged) -> None:
        """One name as the federation sees it."""
        self.entry(merged.entry, bool(merged.conflicts))
        self.number(len(merged.holders))
        for holder in merged.holders:
            self.word(holder)
        if merged.conflicts:
            self.number(len(merged.conflicts))
        for conflict in merged.conflicts:
            for word in (conflict.endpoint, conflict.about, conflict.says, conflict.majority):
                self.word(word)

    def out_of_service(self, out: OutOfService) -> None:
        """Why an endpoint was not asked."""
        self.byte((_KNOWN if out.known else 0) | (_STRICT if out.strict else 0))
        self.word(out.reason)
        self.real(out.retry_after_s)

    def _flags(self, entry: Entry) -> int:
        return (
            (_COLLECTION if entry.kind is Kind.COLLECTION else 0)
            | (_SIZE if entry.size_bytes is not None else 0)
            | (_MTIME if entry.mtime_s is not None else 0)
            | (_DIGESTS if entry.digests else 0)
            | (_NAMED if entry.name != self.name else 0)
        )

    def _digests(self, digests: tuple[Digest, ...]) -> None:
        self._algorithms.update(digest.algorithm for digest in digests)
        _check_digests(len(digests), len(self._algorithms))
        self.number(len(digests))
        for digest in digests:
            self._digest(digest)

    def _digest(self, digest: Digest) -> None:
        known = digest.algorithm in ALGORITHMS
        number = ALGORITHMS.index(digest.algorithm) if known else _OTHER_ALGORITHM
        octets = _from_hex(digest.value)
        self.byte(number if octets is not None else number | _NO_HEX)
        if not known:
            self.word(digest.algorithm)
        self.octets(digest.value.encode("utf-8", "surrogatepass") if octets is None else octets)

    def _unknown(self, said: Unknown) -> None:
        wish = said.retry_after_s
        self.byte(_UNKNOWN if wish is None else _UNKNOWN_WISHING)
        self.byte(CAUSES.index(said.cause))
        self.word(said.detail)
        if wish is not None:
            self.real(wish)


class AnswerUnpacker(Unpacker):
    """Reads what an ``AnswerPacker`` wrote."""

    __slots__ = ("_algorithms", "_before", "_words", "name")

    def __init__(self, data: bytes, start: int = 0, name: str = "") -> None:
        super().__init__(data, start)
        self.name = name
        self._before: Entry | None = None
        self._words: list[str] = []
        self._algorithms: set[str] = set()

    def word(self) -> str:
        """Text that comes again and again."""
        number, words = self.number(), self._words
        if number < len(words):
            return words[number]
        if number > len(words):
            raise DataError("a word is used that was not written yet", seen=str(number))
        words.append(word := self.text())
        return word

    def endpoint(self) -> EndpointId:
        """The name of an endpoint."""
        return EndpointId(self.word())

    def observation(self) -> Observation:
        """What an endpoint said."""
        match self.byte():
            case 0:
                return Absent()
            case 1:
                return Found(self.entry()[0])
            case 2:
                return Found(self.entry()[0], self.number())
            case 3:
                return Denied(self.number(), self.text())
            case 4 | 5 as kind:
                return self._unknown(wishing=kind == _UNKNOWN_WISHING)
            case other:
                raise DataError("no such kind of answer", seen=str(other))

    def entry(self) -> tuple[Entry, bool]:
        """One name as somebody describes it, and whether conflicts follow."""
        flags = self.byte()
        if flags & _AS_BEFORE:
            if self._before is None or flags & ~(_AS_BEFORE | _CONFLICTS):
                raise DataError("an entry as before, and there is none before")
            return self._before, bool(flags & _CONFLICTS)
        if flags & 0x80 or (flags & _COLLECTION and flags & _SIZE):
            raise DataError("no such kind of entry", seen=hex(flags))
        self._before = Entry(
            self._entry_name() if flags & _NAMED else self.name,
            Kind.COLLECTION if flags & _COLLECTION else Kind.FILE,
            self.signed() if flags & _SIZE else None,
            self.signed() if flags & _MTIME else None,
            self._digests() if flags & _DIGESTS else (),
        )
        return self._before, bool(flags & _CONFLICTS)

    def merged(self) -> Merged:
        """One name as the federation sees it."""
        entry, conflicting = self.entry()
        holders = tuple(self.endpoint() for _ in range(self.count()))
        if not conflicting:
            return Merged(entry, holders)
        return Merged(entry, holders, tuple(self._conflict() for _ in range(self.count())))

    def out_of_service(self) -> OutOfService:
        """Why an endpoint was not asked."""
        flags = self.byte()
        if flags > _KNOWN | _STRICT:
            raise DataError("no such kind of absence", seen=hex(flags))
        return OutOfService(self.word(), self.real(), bool(flags & _KNOWN), bool(flags & _STRICT))

    def _conflict(self) -> Conflict:
        return Conflict(self.endpoint(), self.word(), self.word(), self.word())

    def _entry_name(self) -> str:
        name = self.text()
        if "/" in name or not can_be_asked_for(name):
            raise DataError("an entry has a name that none can have", seen=repr(name[:40]))
        return name

    def _digests(self) -> tuple[Digest, ...]:
        count = self.count()
        _check_digests(count, 0)
        digests = tuple(self._digest() for _ in range(count))
        self._algorithms.update(digest.algorithm for digest in digests)
        _check_digests(count, len(self._algorithms))
        return digests

    def _digest(self) -> Digest:
        kind = self.byte()
        number = kind & ~_NO_HEX
        if number == _OTHER_ALGORITHM:
            algorithm = self.word()
        elif number < len(ALGORITHMS):
            algorithm = ALGORITHMS[number]
        else:
            raise DataError("no such checksum", seen=hex(kind))
        return Digest(algorithm, self.text() if kind & _NO_HEX else self.octets().hex())

    def _unknown(self, *, wishing: bool) -> Unknown:
        number = self.byte()
        if number >= len(CAUSES):
            raise DataError("no such cause", seen=str(number))
        return Unknown(CAUSES[number], self.word(), self.real() if wishing else None)


def _check_digests(count: int, algorithms: int) -> None:
    if count > MOST_DIGESTS or algorithms > MOST_DIGESTS:
        raise DataError(f"more than {MOST_DIGESTS} checksums of an entry, or kinds of them")


def _from_hex(value: str) -> bytes | None:
    """The octets that lower-case hex stands for; ``None`` when it is anything else."""
    try:
        octets = bytes.fromhex(value)
    except ValueError:
        return None
    return octets if octets.hex() == value else None
