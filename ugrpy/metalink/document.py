"""What does a metalink say? One file, its facts and its replicas, whatever the version it is written in.

Also what both versions share: the names of digests and the escaping of XML.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ugrpy.namespace.model import Digest

# RFC 5854 section 4.2.16 and metalink 3 leave it to order what has no priority: behind everything that has.
LOWEST_PRIORITY = 999_999

# Our name (RFC 5854 takes them from IANA's registries) -> hex digits of a value
DIGEST_LENGTHS: Mapping[str, int] = {
    "adler32": 8,
    "crc32c": 8,
    "md5": 32,
    "sha-1": 40,
    "sha-256": 64,
    "sha-512": 128,
}

# Everything outside Char of XML 1.0 section 2.2, lone surrogates among them
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Most names and URLs need nothing done: printable ASCII without quotes, ampersands and angle brackets.
_PLAIN = re.compile(r"[ !#-%'-;=?-~]*")
# Attribute values are normalised by readers (XML 1.0 section 3.3.3), so blanks other than the space are spelt out.
_ENTITIES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)
_COUNTRY = re.compile(r"[A-Za-z]{2}")


@dataclass(frozen=True, slots=True)
class MetalinkReplica:
    """One URL. ``priority``: 1 is best, 999999 worst; ``country``: ISO 3166 alpha-2, lower case, if known."""

    url: str
    priority: int = LOWEST_PRIORITY
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One file and where it is. ``published_s``: seconds since the epoch at which this was put together."""

    name: str
    size_bytes: int | None = None
    digests: tuple[Digest, ...] = ()
    replicas: tuple[MetalinkReplica, ...] = ()
    published_s: float | None = None

    def best_first(self) -> list[MetalinkReplica]:
        """The replicas by priority; davix ignores the numbers and goes by document order (row K34)."""
        return sorted(self.replicas, key=lambda replica: replica.priority)

    def named_digests(self) -> Iterator[Digest]:
        """The digests both versions have names for."""
        return (digest for digest in self.digests if digest.algorithm in DIGEST_LENGTHS)


def escape(text: str) -> str:
    """``text`` for an attribute or an element; characters XML cannot hold become U+FFFD."""
    if _PLAIN.fullmatch(text) is not None:
        return text
    return _ILLEGAL.sub("\ufffd", text).translate(_ENTITIES)


def location_attribute(country: str | None) -> str:
    """`` location="ca"``, or nothing when the country is not known."""
    known = country is not None and _COUNTRY.fullmatch(country)
    return f' location="{country.lower()}"' if country is not None and known else ""


def country_of(location: str | None) -> str | None:
    """The country a ``location`` attribute names."""
    return location.lower() if location is not None and _COUNTRY.fullmatch(location) else None
