"""Which checksums does a client want, and how are they told to it?

Two families of headers are about, and clients of both kinds come to one gateway::

    Want-Digest: SHA-512;q=1, SHA-256;q=1, SHA;q=0.1     RFC 3230, what aria2 sends; davix and gfal2 name just one
    Digest: adler32=03da0195,md5=kAFQmDzST7DWlj99KOF/cg==
    Want-Repr-Digest: sha-256=10, sha=3                  RFC 9530, a structured field (RFC 9651)
    Repr-Digest: sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:

In the older family adler32 and crc32c are written in hex, the others in base64, which is what storages and grid clients
agreed on. davix takes a list apart at its commas and does not expect blanks after them.
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Protocol

import http_sf

from ugrpy.namespace.model import Digest
from ugrpy.webdav.checksums import LENGTHS_BYTES, algorithm_named, parse_checksums

# How each of ours is written in a Digest; the names are read in any case (RFC 3230 section 4.1.1).
_WRITTEN = {"sha-1": "sha"}
_IN_HEX = frozenset({"adler32", "crc32c"})

# Our names by those of IANA's "Hash Algorithms for HTTP Digest Fields", which RFC 9530 section 7.2 set up. The first four
# it calls deprecated and registers all the same; unixsum and unixcksum are not computed here.
_REGISTERED = {
    "adler": "adler32",
    "crc32c": "crc32c",
    "md5": "md5",
    "sha": "sha-1",
    "sha-256": "sha-256",
    "sha-512": "sha-512",
}
_REGISTERED_NAMES = {ours: registered for registered, ours in _REGISTERED.items()}

# qvalue of RFC 9110 section 12.4.2, and what people write for it
_WEIGHT = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?|\.[0-9]{1,3})", re.ASCII)
_HEAVIEST = 10  # RFC 9530 section 4

__all__ = [
    "Hasher",
    "parse_digest",
    "parse_repr_digest",
    "parse_want_digest",
    "parse_want_repr_digest",
    "render_digest",
    "render_repr_digest",
]


def parse_want_digest(text: str) -> tuple[str, ...]:
    """The algorithms of a ``Want-Digest`` by our names, the best first (RFC 3230 section 4.3.1); those unknown are left out.

    One with weight 0 is not wanted; one whose weight cannot be read is taken as not named.
    """
    return _by_weight(_wanted(text))


def _wanted(text: str) -> Iterator[tuple[str, float]]:
    for item in text.split(","):
        written, *parameters = item.split(";")
        if (algorithm := algorithm_named(written)) is None:
            continue
        weights = (parameter.partition("=") for parameter in parameters)
        weight = next((value for name, _, value in weights if name.strip().lower() == "q"), "1")
        if _WEIGHT.fullmatch(weight := weight.strip()):
            yield algorithm, float(weight)


def parse_want_repr_digest(text: str) -> tuple[str, ...]:
    """The same of a ``Want-Repr-Digest`` (RFC 9530 section 4): weights from 0, not wanted, to 10."""
    return _by_weight(
        (algorithm, weight)
        for algorithm, weight in _members(text, _REGISTERED.get)
        if type(weight) is int and 0 <= weight <= _HEAVIEST
    )


def _by_weight(wanted: Iterable[tuple[str, float]]) -> tuple[str, ...]:
    """Each algorithm once, under the highest weight it was named with; of equal ones the first named goes first."""
    weights: dict[str, float] = {}
    for algorithm, weight in wanted:
        weights[algorithm] = max(weight, weights.get(algorithm, 0.0))
    ordered = sorted(weights.items(), key=lambda item: -item[1])
    return tuple(algorithm for algorithm, weight in ordered if weight > 0)


def _members(text: str, ours: Callable[[str], str | None]) -> Iterator[tuple[str, object]]:
    """What a structured dictionary says, by our names; nothing when it is none (RFC 9651 section 4.2: ignored as a whole)."""
    try:
        said = http_sf.parse(text.encode("latin-1", "replace"), tltype="dictionary")
    except (http_sf.StructuredFieldError, ValueError):
        return
    for registered, member in said.items() if isinstance(said, dict) else ():
        algorithm = ours(registered)
        if algorithm is not None and isinstance(member, tuple):
            yield algorithm, member[0]


def parse_digest(text: str) -> tuple[Digest, ...]:
    """The checksums of a ``Digest`` header, sorted; what cannot be read is left out."""
    return parse_checksums(text)


def render_digest(digests: Iterable[Digest]) -> str:
    """A ``Digest`` header, in the order given; ``""`` when there is nothing to tell."""
    return ",".join(
        f"{_WRITTEN.get(digest.algorithm, digest.algorithm)}={_value(digest)}" for digest in digests
    )


def _value(digest: Digest) -> str:
    if digest.algorithm in _IN_HEX:
        return digest.value
    return base64.b64encode(bytes.fromhex(digest.value)).decode()


def parse_repr_digest(text: str) -> tuple[Digest, ...]:
    """The checksums of a ``Repr-Digest``, sorted; those of a wrong length and those unknown to us are left out."""
    return tuple(
        sorted(
            Digest(algorithm, value.hex())
            for algorithm, value in _members(text, _told)
            if isinstance(value, bytes) and len(value) == LENGTHS_BYTES[algorithm]
        )
    )


def _told(name: str) -> str | None:
    """XRootD answers with the names that it had before there was a registry."""
    return _REGISTERED.get(name) or algorithm_named(name)


def render_repr_digest(digests: Iterable[Digest]) -> str:
    """A ``Repr-Digest`` header; algorithms without a registered name are left out, ``""`` when nothing remains."""
    members: http_sf.DictionaryType = {
        _REGISTERED_NAMES[digest.algorithm]: bytes.fromhex(digest.value)
        for digest in digests
        if digest.algorithm in _REGISTERED_NAMES
    }
    # the library refuses an empty one: a field without members is not sent (RFC 9651 section 4.1)
    return http_sf.ser(members) if members else ""


class _Summing(Protocol):
    def update(self, piece: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class _Rolling:
    """A checksum of 32 bits that a function carries from piece to piece."""

    def __init__(self, step: Callable[[bytes, int], int], start: int) -> None:
        self._step = step
        self._sum = start

    def update(self, piece: bytes, /) -> None:
        self._sum = self._step(piece, self._sum)

    def hexdigest(self) -> str:
        return f"{self._sum:08x}"


def _hash(name: str) -> Callable[[], _Summing]:
    # md5 and sha-1 find accidents here; nobody's identity hangs on them
    return lambda: hashlib.new(name, usedforsecurity=False)


def _crc32c() -> _Summing | None:
    """Where the library ``crc32c`` is installed: in Python it would be a hundred times slower than the disk."""
    try:
        step: Callable[[bytes, int], int] = import_module("crc32c").crc32c
    except ImportError:
        return None
    return _Rolling(step, 0)


_SUMMING: Mapping[str, Callable[[], _Summing | None]] = {
    "adler32": lambda: _Rolling(zlib.adler32, 1),
    "crc32c": _crc32c,
    "md5": _hash("md5"),
    "sha-1": _hash("sha1"),
    "sha-256": _hash("sha256"),
    "sha-512": _hash("sha512"),
}


class Hasher:
    """Computes checksums over pieces. ``algorithms`` are those of the ones asked for that can be computed here, in that order."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        made = {name: _SUMMING[name]() for name in algorithms if name in _SUMMING}
        self._sums = {name: summing for name, summing in made.items() if summing is not None}

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What is computed."""
        return tuple(self._sums)

    def update(self, piece: bytes) -> None:
        """Take the next piece in."""
        for summing in self._sums.values():
            summing.update(piece)

    def digests(self) -> tuple[Digest, ...]:
        """The checksums of all pieces so far."""
        return tuple(Digest(name, summing.hexdigest()) for name, summing in self._sums.items())

    def __repr__(self) -> str:
        return f"<Hasher {', '.join(self._sums) or 'of nothing'}>"
