"""How is a listing written as a multistatus (RFC 4918 section 13)?

From escaped pieces, not from elements: for 1,000 entries that is several times faster, and the tests read everything
back with lxml and with our own reader. What clients taught us (reference rows K18 to K31): hrefs are paths only,
percent-encoded, with a slash at the end of collections; the caller puts the collection itself first; a property that
is not to be had goes into a propstat with status 404.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from ugrpy.core.urls import encode_path
from ugrpy.namespace.model import Kind
from ugrpy.webdav.properties import (
    ALLPROP,
    FIXED,
    KNOWN,
    PREFIXES,
    VARYING,
    Described,
    Show,
    empty_element,
    escape_text,
    replace_illegal,
)
from ugrpy.webdav.request import PropertyName, PropfindForm, PropfindRequest

__all__ = ["Described", "MultistatusWriter", "render_href", "render_multistatus"]

# The first piece leaves early, so that the client starts to read; later ones are worth a system call each.
_FIRST_PIECE_CHARS = 4 * 1024
_PIECE_CHARS = 32 * 1024

_DECLARED = "".join(f' xmlns:{prefix}="{namespace}"' for namespace, prefix in PREFIXES.items())
_HEAD = f'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus{_DECLARED}>\n'
_END = "</D:multistatus>\n"
_FOUND = "<D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
_MISSING = "<D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>"


class MultistatusWriter:
    """Writes the answer to ``request`` piece by piece, for those whose resources come little by little."""

    HEAD = _HEAD.encode()

    def __init__(self, request: PropfindRequest) -> None:
        self._describe = _describer(request)

    def some(self, items: Iterable[Described]) -> Iterator[bytes]:
        """These resources, UTF-8, in pieces as ``render_multistatus`` makes them."""
        return _pieces(map(self._describe, items))

    @staticmethod
    def end(note: str = "") -> bytes:
        """The end; ``note`` says what is wrong with the answer as a whole (RFC 4918 section 14.25)."""
        return _end(note).encode()


def render_multistatus(
    items: Iterable[Described], request: PropfindRequest, note: str = ""
) -> Iterator[bytes]:
    """The answer to ``request``, UTF-8, in pieces of some 32 kB while the items come; the first one is smaller."""
    return _pieces(chain((_HEAD,), map(_describer(request), items), (_end(note),)))


def _end(note: str) -> str:
    if not note:
        return _END
    return f"<D:responsedescription>{escape_text(note)}</D:responsedescription>\n{_END}"


def _pieces(texts: Iterable[str]) -> Iterator[bytes]:
    parts: list[str] = []
    size, limit = 0, _FIRST_PIECE_CHARS
    for text in texts:
        parts.append(text)
        size += len(text)
        if size >= limit:
            yield "".join(parts).encode()
            parts.clear()
            size, limit = 0, _PIECE_CHARS
    if parts:
        yield "".join(parts).encode()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is the same for all resources of one kind, and what has to be computed.

    ``varying`` goes with the empty element that says it is missing, ``""`` where nobody asked for it by name.
    """

    found: str
    missing: str
    varying: tuple[tuple[Show, str], ...]


def _describer(request: PropfindRequest) -> Callable[[Described], str]:
    match request.form:
        case PropfindForm.PROPNAME:
            return lambda item: _response(item, _names_found(item), "")
        case PropfindForm.ALLPROP:
            asked = tuple(name for name in request.names if name not in ALLPROP)
            return _properties(ALLPROP, asked)
        case PropfindForm.PROP:
            return _properties((), request.names)


def _properties(
    offered: tuple[PropertyName, ...], asked: tuple[PropertyName, ...]
) -> Callable[[Described], str]:
    """Describe resources by what is ``offered``, as far as they have it, and what is ``asked`` for, had or missing."""
    plans = {kind: _plan(kind, offered, asked) for kind in Kind}

    def describe(item: Described) -> str:
        plan = plans[item.kind]
        found, missing = plan.found, plan.missing
        for show, empty in plan.varying:
            text = show(item)
            if text:
                found += text
            else:
                missing += empty
        return _response(item, found, missing)

    return describe


def _plan(kind: Kind, offered: tuple[PropertyName, ...], asked: tuple[PropertyName, ...]) -> _Plan:
    fixed = FIXED[kind]
    names = (*offered, *asked)
    return _Plan(
        found="".join(fixed[name] for name in names if name in fixed),
        missing="".join(empty_element(name) for name in asked if name not in KNOWN),
        varying=tuple(
            (VARYING[name], "" if name in offered else empty_element(name))
            for name in names
            if name in VARYING
        ),
    )


def _names_found(item: Described) -> str:
    names = [*FIXED[item.kind], *(name for name, show in VARYING.items() if show(item))]
    return "".join(empty_element(name) for name in names)


def render_href(path: str, *, collection: bool) -> str:
    """A decoded path as the text of an href element: percent-encoded, with a slash at the end of a collection's."""
    try:
        href = encode_path(path)
    except (
        UnicodeEncodeError
    ):  # a surrogate no path on the wire can stand for: one odd name, not a broken listing
        href = encode_path(replace_illegal(path))
    if collection and not href.endswith("/"):
        href += "/"
    if "&" in href:
        href = href.replace("&", "&amp;")
    return href


def _response(item: Described, found: str, missing: str) -> str:
    href = render_href(item.href, collection=item.kind is Kind.COLLECTION)
    # A response needs at least one propstat (RFC 4918 section 14.24), be it empty.
    if not missing:
        return f"<D:response><D:href>{href}</D:href><D:propstat><D:prop>{found}</D:prop>{_FOUND}</D:response>\n"
    had = f"<D:propstat><D:prop>{found}</D:prop>{_FOUND}" if found else ""
    return (
        f"<D:response><D:href>{href}</D:href>{had}"
        f"<D:propstat><D:prop>{missing}</D:prop>{_MISSING}</D:response>\n"
    )
