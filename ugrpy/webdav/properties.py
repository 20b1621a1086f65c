"""Which properties can we tell of a resource, and how is each written?

Two kinds: those that follow from the resource being a file or a collection are ready-made text; the others are computed
per resource. ``LCGDM:mode`` is octal (``100644``): davix reads it in base 8 and believes it more than the resourcetype,
so a decimal one turns every collection into a file.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ugrpy.namespace.model import Kind
from ugrpy.webdav.dates import render_http_date, render_iso_date
from ugrpy.webdav.provenance import (
    AGE,
    HOLDERS,
    PARTS,
    Provenance,
    render_age,
    render_holders,
    render_parts,
)
from ugrpy.webdav.request import PropertyName

# The prefixes that the root element declares
PREFIXES: Mapping[str, str] = {"DAV:": "D", "LCGDM:": "L"}

# Everything outside Char of XML 1.0 section 2.2, lone surrogates among them
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Described:
    """One resource of the answer. ``href``: its decoded absolute path as the client knows it; ``name``: to be shown.

    ``etag`` is complete, quotes included. ``replicas``: how many endpoints hold it, 0 when that is not told; ``holders`` are their names.
    ``told`` is shared by all resources of an answer, ``None`` where the gateway knows of no endpoint; ``is_target``: it is the one asked for.
    """

    href: str
    name: str
    kind: Kind
    size_bytes: int | None = None
    mtime_s: int | None = None
    etag: str | None = None
    replicas: int = 0
    holders: Sequence[str] = ()
    told: Provenance | None = None
    is_target: bool = False


Show = Callable[[Described], str]
"""The element of one property, or ``""`` when this resource does not have it."""


def replace_illegal(text: str) -> str:
    """``text`` with U+FFFD for every character that XML cannot hold."""
    return _ILLEGAL.sub("\ufffd", text)


def escape_text(text: str) -> str:
    """``text`` as XML character data; characters XML cannot hold become U+FFFD."""
    if text.isascii() and text.isprintable():
        return _escape_markup(text)
    # A reader turns a bare carriage return into a line feed (XML 1.0 section 2.11).
    return _escape_markup(replace_illegal(text)).replace("\r", "&#13;")


def _escape_markup(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def empty_element(name: PropertyName) -> str:
    """The property as an element without value, as propname and a 404 propstat show it."""
    namespace, local = name
    if (prefix := PREFIXES.get(namespace)) is not None:
        return f"<{prefix}:{local}/>"
    if not namespace:
        return f"<{local}/>"
    quoted = escape_text(namespace).replace('"', "&quot;")
    return f'<{local} xmlns="{quoted}"/>'


def _displayname(item: Described) -> str:
    return f"<D:displayname>{escape_text(item.name)}</D:displayname>"


def _getcontentlength(item: Described) -> str:
    if item.size_bytes is None or item.kind is Kind.COLLECTION:
        return ""
    return f"<D:getcontentlength>{item.size_bytes}</D:getcontentlength>"


def _getlastmodified(item: Described) -> str:
    if item.mtime_s is None:
        return ""
    return f"<D:getlastmodified>{render_http_date(item.mtime_s)}</D:getlastmodified>"


def _creationdate(item: Described) -> str:
    # Storages rarely tell when a file was made; the last change is the nearest truth.
    if item.mtime_s is None:
        return ""
    return f"<D:creationdate>{render_iso_date(item.mtime_s)}</D:creationdate>"


def _getetag(item: Described) -> str:
    return "" if item.etag is None else f"<D:getetag>{escape_text(item.etag)}</D:getetag>"


def _replicas(item: Described) -> str:
    return f"<L:replicas>{item.replicas}</L:replicas>" if item.replicas else ""


def _holders(item: Described) -> str:
    return "" if item.told is None else render_holders(item.holders, item.told, escape_text)


def _age(item: Described) -> str:
    return "" if item.told is None else render_age(item.told)


def _parts(item: Described) -> str:
    if item.told is None or not item.is_target:
        return ""
    return render_parts(item.told, escape_text)


VARYING: Mapping[PropertyName, Show] = {
    ("DAV:", "displayname"): _displayname,
    ("DAV:", "getcontentlength"): _getcontentlength,
    ("DAV:", "getlastmodified"): _getlastmodified,
    ("DAV:", "creationdate"): _creationdate,
    ("DAV:", "getetag"): _getetag,
    ("LCGDM:", "replicas"): _replicas,
    HOLDERS: _holders,
    AGE: _age,
    PARTS: _parts,
}

FIXED: Mapping[Kind, Mapping[PropertyName, str]] = {
    Kind.FILE: {
        ("DAV:", "resourcetype"): "<D:resourcetype/>",
        ("DAV:", "getcontenttype"): "<D:getcontenttype>application/octet-stream</D:getcontenttype>",
        ("DAV:", "iscollection"): "<D:iscollection>0</D:iscollection>",
        ("LCGDM:", "mode"): "<L:mode>100644</L:mode>",
    },
    Kind.COLLECTION: {
        ("DAV:", "resourcetype"): "<D:resourcetype><D:collection/></D:resourcetype>",
        ("DAV:", "getcontenttype"): "<D:getcontenttype>httpd/unix-directory</D:getcontenttype>",
        ("DAV:", "iscollection"): "<D:iscollection>1</D:iscollection>",
        ("LCGDM:", "mode"): "<L:mode>40755</L:mode>",
    },
}

# What RFC 4918 does not define is sent only when it is asked for (section 9.1); of those, old clients of DynaFed
# count on iscollection being there.
ALLPROP: tuple[PropertyName, ...] = tuple(
    name for name in (*FIXED[Kind.FILE], *VARYING) if name[0] == "DAV:"
)
KNOWN: frozenset[PropertyName] = frozenset((*FIXED[Kind.FILE], *VARYING))
