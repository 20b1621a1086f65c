"""Which checksums does a storage's private property name, or the head of its answer?

Two forms of private properties are about: dCache's ``Checksums`` holds an RFC 3230 list, ``adler32=03da0195,md5=kAFQmDzST7DWlj99KOF/cg==``;
ownCloud and its descendants write ``SHA1:a9993e... MD5:900150... ADLER32:024d0127``.
"""

import binascii
import re
from collections.abc import Mapping

from ugrpy.namespace.model import Digest

# algorithm as storages write it -> (our name, length in bytes)
_ALGORITHMS = {
    "adler32": ("adler32", 4),
    "adler": ("adler32", 4),
    "crc32c": ("crc32c", 4),
    "md5": ("md5", 16),
    "sha": ("sha-1", 20),
    "sha1": ("sha-1", 20),
    "sha-1": ("sha-1", 20),
    "sha256": ("sha-256", 32),
    "sha-256": ("sha-256", 32),
    "sha512": ("sha-512", 64),
    "sha-512": ("sha-512", 64),
}
LENGTHS_BYTES: Mapping[str, int] = dict(_ALGORITHMS.values())
"""Our names of algorithms, and how long a checksum of each is."""

# A name begins where no name goes on, and is short: or a long text without any would be gone through from each of its letters.
_PAIR = re.compile(r"(?<![A-Za-z0-9-])([A-Za-z0-9-]{1,16})[=:]([A-Za-z0-9+/]+={0,2})")


def algorithm_named(written: str) -> str | None:
    """Our name of the algorithm that storages and clients write like this, in any case; ``None`` for one unknown to us."""
    known = _ALGORITHMS.get(written.strip().lower())
    return known[0] if known is not None else None


def parse_checksums(text: str) -> tuple[Digest, ...]:
    """The checksums in ``text``, each algorithm once, sorted; what cannot be read is left out."""
    found: dict[str, Digest] = {}
    for written, value in _PAIR.findall(text):
        algorithm, length_bytes = _ALGORITHMS.get(written.lower(), ("", 0))
        hexadecimal = _as_hex(value, length_bytes) if algorithm else None
        if hexadecimal is not None:
            found.setdefault(algorithm, Digest(algorithm, hexadecimal))
    return tuple(sorted(found.values()))


def _as_hex(value: str, length_bytes: int) -> str | None:
    """The value in lower-case hex, be it written in hex (short ones may lack leading zeros) or in base64."""
    hex_length = 2 * length_bytes
    if re.fullmatch(r"[0-9A-Fa-f]+", value) and (
        len(value) == hex_length or (len(value) < hex_length and length_bytes == 4)
    ):
        return value.lower().zfill(hex_length)
    try:
        raw = binascii.a2b_base64(value, strict_mode=True)
    except binascii.Error:
        return None
    return raw.hex() if len(raw) == length_bytes else None
