"""What does a plain WebDAV server put on the wire? Written apart from ``ugrpy.webdav``, on purpose.

A fake that used the parser's own writer would agree with it in every mistake.
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from html import escape

from lxml import etree

from ugrpy.core.urls import encode_path
from ugrpy.testing.dialects import GENERIC, Dialect

PROPERTIES = ("resourcetype", "displayname", "getcontentlength", "getlastmodified", "getetag")
BOUNDARY = "a9f3c1e07b52"

_RANGE = re.compile(r"(\d*)-(\d*)")
_ESCAPE = re.compile(r"%[0-9A-F]{2}")


@dataclass(frozen=True, slots=True)
class Resource:
    """What a multistatus says of one name; ``size_bytes`` and ``etag`` are ``None`` for a collection.

    ``size_text`` is written instead of the size; ``status`` instead of any property. ``room`` is (available, used) in
    bytes, told to those who ask for it by name (RFC 4331 section 3).
    """

    path: str
    mtime_s: int
    size_bytes: int | None = None
    etag: str | None = None
    size_text: str = ""
    status: int | None = None
    room: tuple[int, int] | None = None

    @property
    def is_collection(self) -> bool:
        """It has no size."""
        return self.size_bytes is None


def parse_propfind(body: bytes) -> tuple[str, ...]:
    """The properties asked for, as ``name`` (of DAV:) or ``{namespace}name``; empty for all.

    Raises ``ValueError`` when the body is not a propfind element.
    """
    if not body.strip():
        return ()
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from error
    if root.tag != "{DAV:}propfind":
        raise ValueError(f"not a propfind: {root.tag}")
    return tuple(
        str(child.tag).removeprefix("{DAV:}")
        for prop in root.iterfind("{DAV:}prop")
        for child in prop.iterchildren(tag=etree.Element)
    )


def render_multistatus(
    resources: Sequence[Resource],
    wanted: Sequence[str],
    base_url: str = "",
    dialect: Dialect = GENERIC,
) -> bytes:
    """A 207 body (RFC 4918 section 13). With ``base_url`` the hrefs are absolute."""
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">\n']
    parts += [_response(resource, wanted, base_url, dialect) for resource in resources]
    parts.append("</D:multistatus>\n")
    return "".join(parts).encode("utf-8", "surrogateescape")


def _response(resource: Resource, wanted: Sequence[str], base_url: str, dialect: Dialect) -> str:
    href = f"<D:href>{escape(base_url + render_href(resource, dialect))}</D:href>"
    if resource.status is not None:
        said = f"<D:status>HTTP/1.1 {resource.status} As Said</D:status>"
    else:
        values = _properties(resource, dialect)
        asked = wanted or tuple(values)
        if resource.room is not None:
            available, used = map(str, resource.room)
            values |= {"quota-available-bytes": available, "quota-used-bytes": used}
        found = "".join(
            f"<{dialect.prefix}:{name}>{values[name]}</{dialect.prefix}:{name}>"
            for name in asked
            if name in values
        )
        missing = "".join(_empty_element(name) for name in asked if name not in values)
        said = _propstat(found, "200 OK") + _propstat(missing, "404 Not Found")
    own_prefix = f' xmlns:{dialect.prefix}="DAV:"' if dialect.prefix != "D" else ""
    return f"<D:response{own_prefix}>{href}{said}</D:response>\n"


def render_href(resource: Resource, dialect: Dialect = GENERIC) -> str:
    """The path of a resource as the dialect writes it, not yet escaped for XML."""
    path = resource.path if dialect.verbatim_hrefs else encode_path(resource.path)
    if dialect.lower_case:
        path = _ESCAPE.sub(lambda escape: escape[0].lower(), path)
    deep = resource.is_collection and resource.path != "/" and dialect.child_slash
    return path + ("/" if deep else "")


def _propstat(properties: str, status: str) -> str:
    if not properties:
        return ""
    return (
        f"<D:propstat><D:prop>{properties}</D:prop>"
        f"<D:status>HTTP/1.1 {status}</D:status></D:propstat>"
    )


def _properties(resource: Resource, dialect: Dialect) -> dict[str, str]:
    name = resource.path.rpartition("/")[2]
    # XML cannot carry bytes that are not UTF-8, nor most control characters
    shown = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "\ufffd", name)
    values = {"displayname": escape(shown), "getlastmodified": http_date(resource.mtime_s)}
    if resource.is_collection:
        values["resourcetype"] = "<D:collection/>"
        if dialect.directory_bytes is not None:
            values["getcontentlength"] = str(dialect.directory_bytes)
    else:
        values["getcontentlength"] = escape(resource.size_text or str(resource.size_bytes))
        if not dialect.private_kind:
            values["resourcetype"] = ""
    if dialect.private_kind:
        values["iscollection"] = str(int(resource.is_collection))
        # such a server sends it whatever was asked for, and is known by it
        values["executable"] = "T" if resource.is_collection else "F"
    if resource.etag is not None:
        values["getetag"] = escape(resource.etag)
    return values


def _empty_element(name: str) -> str:
    if not name.startswith("{"):
        return f"<D:{name}/>"
    namespace, _, local = name[1:].rpartition("}")
    return f'<x:{local} xmlns:x="{escape(namespace)}"/>'


def http_date(seconds: float) -> str:
    """IMF-fixdate (RFC 9110 section 5.6.7)."""
    return formatdate(seconds, usegmt=True)


def parse_ranges(header: str, size_bytes: int) -> list[tuple[int, int]] | None:
    """The satisfiable ranges as (first, last), RFC 9110 section 14.1.2.

    ``None`` when the header is not understood and the whole is to be sent; empty when nothing can be satisfied (416).
    """
    unit, equals, rest = header.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    ranges = []
    for spec in rest.split(","):
        match = _RANGE.fullmatch(spec.strip())
        if match is None or match[0] == "-":
            return None
        first, last = match[1], match[2]
        if first and last and int(last) < int(first):
            return None
        if first:
            start, end = int(first), int(last) if last else size_bytes - 1
        else:
            start, end = max(0, size_bytes - int(last)), size_bytes - 1
        if start < size_bytes and start <= end:
            ranges.append((start, min(end, size_bytes - 1)))
    return ranges


def render_byteranges(content: bytes, ranges: Sequence[tuple[int, int]]) -> bytes:
    """The body of a multi-range answer, RFC 9110 section 14.6, divided by ``BOUNDARY``."""
    parts = []
    for first, last in ranges:
        parts.append(
            f"\r\n--{BOUNDARY}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Range: bytes {first}-{last}/{len(content)}\r\n\r\n".encode()
        )
        parts.append(content[first : last + 1])
    parts.append(f"\r\n--{BOUNDARY}--\r\n".encode())
    return b"".join(parts)


_HASHES = {"md5": "md5", "sha": "sha1", "sha-256": "sha256", "sha-512": "sha512"}


def render_digest(
    wanted: str,
    content: bytes,
    offered: Sequence[str] = ("adler32", "md5"),
    *,
    unasked: bool = False,
) -> str:
    """A ``Digest`` header (RFC 3230) for the first algorithm of a ``Want-Digest`` that is ``offered``, or ``""``.

    ``unasked``: where none of them is, the first one offered, which nobody asked for.
    """
    if not wanted or not offered:
        return ""
    asked = [item.partition(";")[0].strip().lower() for item in wanted.split(",")]
    algorithm = next((name for name in asked if name in offered), offered[0] if unasked else "")
    if algorithm == "adler32":
        return f"adler32={zlib.adler32(content):08x}"
    if algorithm in _HASHES:
        value = hashlib.new(_HASHES[algorithm], content, usedforsecurity=False).digest()
        return f"{algorithm}={base64.b64encode(value).decode()}"
    return ""


def render_index(path: str, children: Sequence[tuple[str, bool]]) -> bytes:
    """The page that GET of a collection shows: (name, whether it is a collection) as links."""
    links = "".join(
        f'<li><a href="./{escape(encode_path(name))}{"/" if deep else ""}">'
        f"{escape(name.encode('utf-8', 'replace').decode())}</a></li>\n"
        for name, deep in children
    )
    title = escape(path.encode("utf-8", "replace").decode())
    return f"<!DOCTYPE html>\n<title>{title}</title>\n<ul>\n{links}</ul>\n".encode()
