"""What a collection looks like in a browser: the HTML listing.

The columns are those users of DynaFed know (Mode, UID, GID, Size, Modified, Name), with the replica count and a
metalink link per file. The page also has to be read by programs: rclone takes every ``<a href>`` that leads one
level below the page as a child, so each child is linked plainly once; metalink links carry a query and sort
links consist of one, which rclone leaves alone.

Links are absolute paths. They hold with or without the slash at the end of the request, and a name with a colon
cannot be taken for a scheme. The frame is a template; the rows are put together here, because a template loop
over a thousand rows costs three times as much.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from html import escape

from ugrpy.core.durations import phrase_duration
from ugrpy.core.urls import encode_path
from ugrpy.frontend.fields import counted
from ugrpy.frontend.templates import CONTENT_SECURITY_POLICY, LISTING, showable
from ugrpy.namespace.model import Kind
from ugrpy.namespace.paths import can_be_asked_for
from ugrpy.webdav.provenance import Provenance

__all__ = [
    "CONTENT_SECURITY_POLICY",
    "CONTENT_TYPE",
    "ListingView",
    "Row",
    "Sort",
    "SortKey",
    "parse_sort",
    "render_listing",
    "sort_rows",
]

CONTENT_TYPE = "text/html; charset=utf-8"

# A write to the socket is worth making from about here; below, system calls cost more than the copy.
_PIECE_CHARS = 32_768
_ROWS_A_BLOCK = 100

# Names that are the same as text, in HTML and in a URL; most are, and they skip three conversions.
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")


class SortKey(StrEnum):
    """The columns one can sort by, as the query names them."""

    NAME = "name"
    SIZE = "size"
    MTIME = "mtime"


@dataclass(frozen=True, slots=True)
class Sort:
    """An order; collections come first in each."""

    key: SortKey = SortKey.NAME
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One name of a listing. ``None`` means that nobody said; ``conflict`` says what replicas disagree about, ``holders`` who has one.

    ``name`` is decoded; bytes that are not UTF-8 are surrogate escapes (PEP 383).
    """

    name: str
    kind: Kind
    size_bytes: int | None = None
    mtime_s: int | None = None
    replicas: int = 0
    conflict: str = ""
    holders: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ListingView:
    """Everything the page shows.

    ``path`` is the external path, decoded. ``rows`` are shown in the order given (``sort_rows``); ``sort`` says which
    order that is. ``missing`` maps endpoints that did not answer to the reason; without ``show_endpoints``
    only their number is shown (K29). ``asked`` is how many endpoints were asked, 0 when that is not known.
    ``partial`` marks a listing that may lack names. ``told`` says how old it is and each endpoint's part, ``None`` where there are none;
    without ``show_endpoints`` who holds a row is not shown either.
    """

    path: str
    rows: Sequence[Row]
    sort: Sort = Sort()
    missing: Mapping[str, str] = field(default_factory=dict)
    show_endpoints: bool = False
    identity: str = "anonymous"
    partial: bool = False
    asked: int = 0
    told: Provenance | None = None


def parse_sort(query: Mapping[str, str]) -> Sort:
    """The order asked for by ``?sort=name|size|mtime&order=asc|desc``; anything else means by name, ascending."""
    wanted = query.get("sort", "")
    if wanted not in SortKey.__members__.values():
        return Sort()
    return Sort(SortKey(wanted), query.get("order") == "desc")


def sort_rows(rows: Iterable[Row], sort: Sort) -> list[Row]:
    """The rows in order, collections before files.

    Names compare without regard to case and their numbers by value. Rows alike in size or date follow each other
    by name; those of unknown size or date come last whichever way the order runs.
    """
    by_name = sort.key is SortKey.NAME
    ordered = sorted(rows, key=_natural, reverse=by_name and sort.descending)
    if not by_name:
        ordered.sort(key=_measure(sort))
    ordered.sort(key=lambda row: row.kind is not Kind.COLLECTION)
    return ordered


def _measure(sort: Sort) -> Callable[[Row], tuple[bool, int]]:
    sign = -1 if sort.descending else 1

    def measure(row: Row) -> tuple[bool, int]:
        value = row.size_bytes if sort.key is SortKey.SIZE else row.mtime_s
        return (value is None, sign * (value or 0))

    return measure


_DIGITS = re.compile(r"([0-9]+)")


def _natural(row: Row) -> tuple[list[str | tuple[int, str]], str]:
    """``run9`` before ``Run10``: text and numbers take turns, so like meets like.

    A number is compared by its length and then its digits: no conversion, hence no limit on its size.
    """
    pieces: list[str | tuple[int, str]] = []
    for index, piece in enumerate(_DIGITS.split(row.name.casefold())):
        if index % 2:
            digits = piece.lstrip("0")
            pieces.append((len(digits), digits))
        else:
            pieces.append(piece)
    return (pieces, row.name)


def render_listing(view: ListingView) -> Iterator[bytes]:
    """The page as UTF-8, in pieces of about 32 kB; what is in the iterator has not been rendered yet."""
    components = [component for component in view.path.split("/") if component]
    ancestors = ["/", *(f"/{'/'.join(components[:n])}/" for n in range(1, len(components) + 1))]
    pieces = LISTING.generate(
        path=ancestors[-1],
        crumbs=[
            {"href": _href(path), "label": f"{label}/"}
            for path, label in zip(ancestors, ["", *components], strict=True)
        ],
        parent=_href(ancestors[-2]) if components else "",
        summary=_summary(view.rows),
        answered=_answered(view),
        parts=_parts(view),
        warning=_warning(view),
        missing=sorted(view.missing.items()) if view.show_endpoints else (),
        columns=[_column(key, view.sort) for key in (SortKey.SIZE, SortKey.MTIME, SortKey.NAME)],
        blocks=_blocks(view.rows, _href(ancestors[-1]), shown=view.show_endpoints),
        identity=view.identity,
    )
    return _buffered(pieces)


def _buffered(pieces: Iterable[str]) -> Iterator[bytes]:
    waiting: list[str] = []
    length = 0
    for piece in pieces:
        waiting.append(piece)
        length += len(piece)
        if length >= _PIECE_CHARS:
            yield "".join(waiting).encode()
            waiting.clear()
            length = 0
    if waiting:
        yield "".join(waiting).encode()


def _summary(rows: Sequence[Row]) -> str:
    files = sum(row.kind is Kind.FILE for row in rows)
    collections = len(rows) - files
    return f"{counted(collections, 'collection')}, {counted(files, 'file')}"


def _answered(view: ListingView) -> str:
    """How many endpoints the listing is made of, and how old it is."""
    if view.told is None or not view.told.asked:
        return ""
    answered = view.told.asked - len(view.told.missing)
    some = f"{answered} of {counted(view.told.asked, 'storage element')} answered"
    return f"{some}, {_ago(view.told.age_s)}"


def _parts(view: ListingView) -> list[tuple[str, str]]:
    """Those who answered, by name, each with how long ago."""
    if view.told is None or not view.show_endpoints:
        return []
    told = view.told
    heard = sorted(told.ages_s.keys() - told.missing.keys())
    return [(name, _ago(told.ages_s[name])) for name in heard]


def _ago(age_s: int) -> str:
    return f"{phrase_duration(age_s)} ago" if age_s else "just now"


def _warning(view: ListingView) -> str:
    """One sentence on what the listing may lack, or nothing."""
    if view.missing and view.asked:
        answered = max(view.asked - len(view.missing), 0)
        return (
            f"{answered} of {counted(view.asked, 'storage element')} answered; names only held by "
            "the others are not shown."
        )
    if view.missing:
        return f"{counted(len(view.missing), 'storage element')} did not answer; names held only there are not shown."
    return "names may be missing here." if view.partial else ""


_LABELS = {SortKey.NAME: "Name", SortKey.SIZE: "Size", SortKey.MTIME: "Modified"}


def _column(key: SortKey, sort: Sort) -> dict[str, str]:
    """The header cell of a column one can sort by: following its link once more turns the order round."""
    active = key is sort.key
    descending = active and not sort.descending
    state = "descending" if sort.descending else "ascending"
    return {
        "label": _LABELS[key],
        "css": "n" if key is SortKey.SIZE else "",
        "href": f"?sort={key}&order={'desc' if descending else 'asc'}",
        "state": state if active else "",
        "arrow": ("▼" if sort.descending else "▲") if active else "",
    }


def _blocks(rows: Sequence[Row], base: str, *, shown: bool) -> Iterator[str]:
    held = lru_cache(maxsize=_ROWS_A_BLOCK)(_held)  # most rows are held by the same few
    for start in range(0, len(rows), _ROWS_A_BLOCK):
        block = rows[start : start + _ROWS_A_BLOCK]
        yield "".join([_row(row, base, held(row.holders) if shown else "") for row in block])


def _held(holders: Sequence[str]) -> str:
    """Who holds a row, by name: beside what it is called, since narrow screens have no room for another column."""
    names = ", ".join(escape(showable(name)) for name in holders)
    return f' <span class="h">{names}</span>' if names else ""


def _href(path: str) -> str:
    """A path as it stands in an attribute, without anything that HTML would escape: wget2 does not decode ``&amp;``."""
    return encode_path(path).replace("&", "%26").replace("'", "%27")


def _row(row: Row, base: str, held: str) -> str:
    """One table row; ``base`` is the page's own path as ``_href`` writes it, with a slash at the end, and ``held`` says who holds it.

    A name that no request can mean is shown, and leads nowhere.
    """
    if _PLAIN.fullmatch(row.name):
        name, href = row.name, base + row.name
    else:
        name = escape(showable(row.name))
        href = base + _href(row.name) if can_be_asked_for(row.name) else ""
    conflict = f' <span class="c">{escape(showable(row.conflict))}</span>' if row.conflict else ""
    modified = "-" if row.mtime_s is None else _modified(row.mtime_s)
    if row.kind is Kind.COLLECTION:
        linked = f'<a href="{href}/">{name}/</a>' if href else f"{name}/"
        return (
            '<tr><td class="p">drwxr-xr-x</td><td class="p n">0</td><td class="p n">0</td><td class="n">-</td>'
            f'<td>{modified}</td><td class="f">{linked}{held}{conflict}</td>'
            f'<td class="r"></td></tr>\n'
        )
    linked = f'<a href="{href}">{name}</a>' if href else name
    described = (
        f' <a href="{href}?metalink" aria-label="metalink of {name}">metalink</a>' if href else ""
    )
    return (
        '<tr><td class="p">-r--r--r--</td><td class="p n">0</td><td class="p n">0</td>'
        f'{_size(row.size_bytes)}<td>{modified}</td><td class="f">{linked}{held}{conflict}</td>'
        f'<td class="r">{row.replicas}{described}</td></tr>\n'
    )


def _size(size_bytes: int | None) -> str:
    if size_bytes is None:
        return '<td class="n" title="no storage element told the size">?</td>'
    return f'<td class="n" title="{counted(size_bytes, "byte")}">{human_size(size_bytes)}</td>'


def human_size(size_bytes: int) -> str:
    """Three digits and a decimal unit, as storage is bought: ``0 B``, ``999 B``, ``1.50 kB``, ``12.3 GB``."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    amount = float(size_bytes)
    unit = ""
    for unit in ("kB", "MB", "GB", "TB", "PB", "EB"):
        amount /= 1000
        if amount < 9.995:
            return f"{amount:.2f} {unit}"
        if amount < 99.95:
            return f"{amount:.1f} {unit}"
        if amount < 999.5:
            return f"{amount:.0f} {unit}"
    return f"{amount:.0f} {unit}"


def _modified(mtime_s: int) -> str:
    try:
        when = datetime.fromtimestamp(mtime_s, UTC)
    except (OverflowError, ValueError, OSError):
        return "-"  # a storage element may send any number
    text = when.isoformat()
    day, clock = text[:10], text[11:19]
    return f'<time datetime="{day}T{clock}Z">{day} <span>{clock}</span></time>'
