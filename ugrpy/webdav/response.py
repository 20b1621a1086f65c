"""What does one response of a multistatus say of its resource?

What was seen of storages is in ``tests/data`` and is made equal here. Any prefix may stand for ``DAV:``, several at once
(Apache); properties that a storage does not have come back empty in a propstat with status 404 and are dropped; the habits
that go further have names (``quirks``), and those met are noted.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from ugrpy.core.errors import DataError
from ugrpy.namespace.model import Digest, Kind
from ugrpy.webdav.checksums import parse_checksums
from ugrpy.webdav.dates import parse_date, parse_http_date
from ugrpy.webdav.hrefs import HrefStyle, parse_href
from ugrpy.webdav.quirks import Quirk
from ugrpy.webdav.repair import Repair

# A name or a date has a few hundred bytes; what is longer is not one.
TEXT_LIMIT_BYTES = 64 * 1024

_HREF = "{DAV:}href"
_PROPSTAT = "{DAV:}propstat"
_PROP = "{DAV:}prop"
_STATUS = "{DAV:}status"
_COLLECTION = "{DAV:}collection"

_STATUS_LINE = re.compile(r"\s*HTTP/\d+(?:\.\d+)?\s+(\d{3})(?:\s.*)?", re.ASCII | re.DOTALL)
_SIZE = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Resource:
    """One response. ``path`` is decoded, absolute, without trailing slash (the root: ``"/"``).

    ``kind`` is ``None`` when the storage gave no hint; ``status`` is the status of the whole response, 200 when it has
    none of its own. A collection's ``size_bytes`` is ``None``. ``free_bytes`` and ``used_bytes`` are its quota's (RFC 4331).
    """

    path: str
    trailing_slash: bool
    kind: Kind | None = None
    size_bytes: int | None = None
    mtime_s: int | None = None
    status: int = 200
    digests: tuple[Digest, ...] = ()
    free_bytes: int | None = None
    used_bytes: int | None = None


def read_response(
    response: etree._Element, style: HrefStyle, repair: Repair, met: set[Quirk]
) -> list[Resource | None]:
    """The resources a ``response`` element describes: one for each href, ``None`` for an href that names nothing usable.

    Several hrefs share one status (RFC 4918 section 14.24). What is met of quirks is added to ``met``; ``repair`` puts the
    bytes of names back. Raises ``DataError`` for a value over the limit.
    """
    said = _Said(met)
    for part in response:
        tag = part.tag
        if tag == _HREF:
            said.hrefs.append(repair.restore(_text(part)))
        elif tag == _PROPSTAT:
            _read_propstat(part, said)
        elif tag == _STATUS:
            said.status = _status_code(_text(part)) or 200
    verbatim = style is HrefStyle.VERBATIM or (style is HrefStyle.AUTO and said.by_xrootd)
    return [said.resource(href, verbatim=verbatim) for href in said.hrefs] or [None]


class _Said:
    """What the parts of one response add up to."""

    __slots__ = (
        "by_xrootd",
        "digests",
        "free_bytes",
        "hrefs",
        "kind",
        "met",
        "mtime_s",
        "private_kind",
        "size_bytes",
        "status",
        "used_bytes",
    )

    def __init__(self, met: set[Quirk]) -> None:
        self.met = met
        self.hrefs: list[str] = []
        self.status = 200
        self.kind: Kind | None = None
        self.private_kind: Kind | None = None
        self.size_bytes: int | None = None
        self.mtime_s: int | None = None
        self.digests: tuple[Digest, ...] = ()
        self.by_xrootd = False
        self.free_bytes: int | None = None
        self.used_bytes: int | None = None

    def resource(self, href: str, *, verbatim: bool) -> Resource | None:
        met = self.met
        place = parse_href(href, verbatim=verbatim, met=met)
        if place is None:
            return None
        if verbatim:
            met.add(Quirk.VERBATIM_HREFS)
        kind = self.kind
        if kind is None and (kind := self.private_kind) is not None:
            met.add(Quirk.NO_RESOURCETYPE)
        size_bytes = self.size_bytes
        if kind is Kind.COLLECTION:
            if size_bytes is not None:
                met.add(Quirk.COLLECTION_SIZE)
                size_bytes = None
            if not place[1]:
                met.add(Quirk.COLLECTION_WITHOUT_SLASH)
        return Resource(
            *place,
            kind,
            size_bytes,
            self.mtime_s,
            self.status,
            self.digests,
            self.free_bytes,
            self.used_bytes,
        )


def _read_propstat(propstat: etree._Element, said: _Said) -> None:
    props = []
    for part in propstat:
        tag = part.tag
        if tag == _PROP:
            props.append(part)
        elif tag == _STATUS and (_status_code(_text(part)) or 0) // 100 != 2:
            return
    for prop in props:
        for value in prop:
            read = _PROPERTIES.get(value.tag)
            if read is not None:
                read(said, value)


def _resourcetype(said: _Said, value: etree._Element) -> None:
    said.kind = Kind.FILE if value.find(_COLLECTION) is None else Kind.COLLECTION


def _iscollection(said: _Said, value: etree._Element) -> None:
    yes = _text(value).strip().lower() in ("1", "t", "true")
    said.private_kind = Kind.COLLECTION if yes else Kind.FILE


def _getcontentlength(said: _Said, value: etree._Element) -> None:
    said.size_bytes = _size(value)


def _quota_available(said: _Said, value: etree._Element) -> None:
    said.free_bytes = _size(value)


def _quota_used(said: _Said, value: etree._Element) -> None:
    said.used_bytes = _size(value)


def _size(value: etree._Element) -> int | None:
    text = _text(value).strip()
    return int(text) if _SIZE.fullmatch(text) else None


def _getlastmodified(said: _Said, value: etree._Element) -> None:
    text = _text(value)
    said.mtime_s = parse_http_date(text)
    if said.mtime_s is None and (mtime_s := parse_date(text)) is not None:
        said.mtime_s = mtime_s
        said.met.add(Quirk.ISO_DATES)


def _executable(said: _Said, value: etree._Element) -> None:
    # Apache has this property in a namespace of its own; in DAV: only XRootD writes it.
    said.by_xrootd = True


def _checksums(said: _Said, value: etree._Element) -> None:
    said.digests = parse_checksums(" ".join(_text(part, value) for part in value.iter()))


_PROPERTIES: dict[str, Callable[[_Said, etree._Element], None]] = {
    "{DAV:}resourcetype": _resourcetype,
    "{DAV:}iscollection": _iscollection,
    "{DAV:}getcontentlength": _getcontentlength,
    "{DAV:}getlastmodified": _getlastmodified,
    "{DAV:}quota-available-bytes": _quota_available,
    "{DAV:}quota-used-bytes": _quota_used,
    "{DAV:}executable": _executable,
    "{http://www.dcache.org/2013/webdav}Checksums": _checksums,
    "{http://owncloud.org/ns}checksums": _checksums,
}


@lru_cache(maxsize=32)
def _status_code(line: str) -> int | None:
    match = _STATUS_LINE.fullmatch(line)
    return int(match[1]) if match is not None else None


def _text(element: etree._Element, known: etree._Element | None = None) -> str:
    """The text; ``known`` is the element to name instead, where it could have any name."""
    text = element.text
    if text is None:
        return ""
    if len(text) > TEXT_LIMIT_BYTES:
        tag = (element if known is None else known).tag
        raise DataError(
            f"multistatus, line {element.sourceline}: a value in {tag} is over {TEXT_LIMIT_BYTES} bytes long"
        )
    return text
