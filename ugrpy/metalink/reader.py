"""What does a metalink from elsewhere say? Both versions; another federation's replicas are imported this way.

A federation describes one file, so only the first is read. URLs that are not HTTP are left out, and so are facts that
cannot be read; what breaks the format is a ``DataError``.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lxml import etree

from ugrpy.core.errors import DataError
from ugrpy.core.safexml import parse_document
from ugrpy.metalink import v3, v4
from ugrpy.metalink.document import (
    DIGEST_LENGTHS,
    LOWEST_PRIORITY,
    Document,
    MetalinkReplica,
    country_of,
)
from ugrpy.namespace.model import Digest

# Hundreds of replicas with signed URLs fit easily.
MAX_DOCUMENT_BYTES = 1024 * 1024

_V4 = f"{{{v4.NAMESPACE}}}"
_V3 = f"{{{v3.NAMESPACE}}}"

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_OUR_DIGEST_NAMES = {theirs: ours for ours, theirs in v3.DIGEST_NAMES.items()}


def parse_metalink(data: bytes) -> Document:
    """The first file of a metalink, version 4 (RFC 5854) or 3; replicas best first.

    Raises ``DataError``: over 1 MiB, not well-formed, a document type declaration, another root element, no file, a
    name that leads out of its place (RFC 5854 section 4.1.2.1).
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise DataError(f"metalink is longer than {MAX_DOCUMENT_BYTES} bytes")
    root = parse_document(data, "metalink")
    if root.tag == f"{_V4}metalink":
        return _read_v4(root)
    if root.tag == f"{_V3}metalink":
        return _read_v3(root)
    raise DataError(
        f"metalink, line {root.sourceline}: the root element is {str(root.tag)[:100]}, no metalink"
    )


def _read_v4(root: etree._Element) -> Document:
    file = _first_file(root, f"{_V4}file")
    replicas = [
        MetalinkReplica(
            url, _priority(element.get("priority")), country_of(element.get("location"))
        )
        for element, url in _urls(file.iterchildren(f"{_V4}url"))
    ]
    return Document(
        name=_name(file),
        size_bytes=_number(file.findtext(f"{_V4}size")),
        digests=_digests(file.iterchildren(f"{_V4}hash")),
        replicas=tuple(sorted(replicas, key=lambda replica: replica.priority)),
        published_s=_seconds_of_iso(root.findtext(f"{_V4}published") or ""),
    )


def _read_v3(root: etree._Element) -> Document:
    file = _first_file(root, f"{_V3}files/{_V3}file")
    replicas = [
        MetalinkReplica(
            url,
            _priority_of_preference(element.get("preference")),
            country_of(element.get("location")),
        )
        for element, url in _urls(file.iterfind(f"{_V3}resources/{_V3}url"))
    ]
    return Document(
        name=_name(file),
        size_bytes=_number(file.findtext(f"{_V3}size")),
        digests=_digests(file.iterfind(f"{_V3}verification/{_V3}hash")),
        replicas=tuple(sorted(replicas, key=lambda replica: replica.priority)),
        published_s=_seconds_of_mail_date(root.get("pubdate") or ""),
    )


def _first_file(root: etree._Element, path: str) -> etree._Element:
    file = root.find(path)
    if file is None:
        raise DataError(f"metalink, line {root.sourceline}: it describes no file")
    return file


def _name(file: etree._Element) -> str:
    """The file's name; DynaFed wrote its whole path there."""
    name = (file.get("name") or "").rstrip("/").rpartition("/")[2]
    if name in (".", ".."):
        raise DataError(f"metalink, line {file.sourceline}: {name!r} is no name for a file")
    return name


def _urls(elements: Iterator[etree._Element]) -> Iterator[tuple[etree._Element, str]]:
    for element in elements:
        url = (element.text or "").strip()
        if url[:8].lower().startswith(("http://", "https://")):
            yield element, url


def _digests(elements: Iterator[etree._Element]) -> tuple[Digest, ...]:
    found: dict[str, Digest] = {}
    for element in elements:
        written = (element.get("type") or "").strip().lower()
        algorithm = _OUR_DIGEST_NAMES.get(written, written)
        value = (element.text or "").strip().lower()
        length = DIGEST_LENGTHS.get(algorithm)
        if length == len(value) and re.fullmatch(r"[0-9a-f]+", value):
            found.setdefault(algorithm, Digest(algorithm, value))
    return tuple(found.values())


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if _NUMBER.fullmatch(text) else None


def _priority(text: str | None) -> int:
    number = _number(text)
    return number if number is not None and 1 <= number <= LOWEST_PRIORITY else LOWEST_PRIORITY


def _priority_of_preference(text: str | None) -> int:
    preference = _number(text)
    if preference is None or preference > v3.BEST_PREFERENCE:
        return LOWEST_PRIORITY
    return v3.BEST_PREFERENCE + 1 - preference


def _seconds_of_iso(text: str) -> float | None:
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()


def _seconds_of_mail_date(text: str) -> float | None:
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()
