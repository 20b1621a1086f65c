"""The page for people: which caches report, how they are, and where they stand (reference section 2.4).

The columns are those that shoal's users know. Links sort all caches, not only those of the page shown, and everything asked for in the
address that makes no sense means the first page in the usual order. Rows are put together here, because a loop in a template costs
several times as much and somebody will ask for all of ten thousand.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import sqrt
from typing import Any

from markupsafe import Markup

from shoalpy.model import Cache, Health
from shoalpy.templates import CACHES, CONTENT_SECURITY_POLICY
from shoalpy.web.words import message_of

__all__ = ["CONTENT_SECURITY_POLICY", "CONTENT_TYPE", "PageAsk", "PageView", "parse_ask", "render"]

CONTENT_TYPE = "text/html; charset=utf-8"
USUAL_SIZE = 20
# What the map shows as one dot: caches whose positions are the same to half a degree.
_DOT_DEG = 0.5
_GRID = "".join(
    [f"M{x} -90V90" for x in range(-150, 180, 30)] + [f"M-180 {y}H180" for y in range(-60, 90, 30)]
)
_PATH = re.compile(r"/+([0-9]{0,9})/*")
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class PageAsk:
    """What is asked for: ``size`` rows a page, 0 for all; ``page`` counts from 1; by which column, and whether the other way round."""

    size: int = USUAL_SIZE
    page: int = 1
    sort: str = ""
    descending: bool = False


def parse_ask(path: str, query: Mapping[str, str]) -> PageAsk | None:
    """The page a path means; ``None`` when it is no page."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    page = query.get("page", "")
    sort = query.get("sort", "")
    return PageAsk(
        int(match[1]) if match[1] else USUAL_SIZE,
        max(1, int(page)) if _NUMBER.fullmatch(page) else 1,
        sort if sort in _BY_NAME else "",
        query.get("order") == "desc",
    )


@dataclass(frozen=True, slots=True)
class PageView:
    """What the page shows. ``shows_private`` says whether this reader is told a cache's private address."""

    caches: Sequence[Cache]
    now_s: float
    inactive_s: float
    drift_s: float
    version: str
    shows_private: Callable[[Cache], bool]


def render(view: PageView, ask: PageAsk) -> str:
    """The whole page."""
    size = ask.size or max(1, len(view.caches))
    last = max(1, -(-len(view.caches) // size))
    page = min(ask.page, last)
    start = (page - 1) * size
    ordered = _ordered(view, ask)[start : start + size]
    rows = [_row(view, number, one) for number, one in enumerate(ordered, start=start + 1)]
    return CACHES.render(
        total=len(view.caches),
        inactive_s=f"{view.inactive_s:g}",
        grid=_GRID,
        dots=list(_dots(view)),
        columns=[_heading(column, ask) for column in _COLUMNS],
        rows=Markup("\n".join(rows)),  # noqa: S704 - every value in them is escaped by _row
        pages=_pages(ask, page, last),
        version=view.version,
    )


# -- columns ---------------------------------------------------------------------------------------

Show = Callable[[PageView, Cache], str]
Key = Callable[[PageView, Cache], Any]


@dataclass(frozen=True, slots=True)
class _Column:
    """``key`` is what it is sorted by, ``None`` for nothing known, which comes last either way."""

    title: str
    name: str
    show: Show
    key: Key


def _text(value: object) -> str:
    return "" if value is None else escape(str(value))


def _private(view: PageView, cache: Cache) -> str:
    return _text(cache.beat.private_ip) if view.shows_private(cache) else ""


def _address(address: Any) -> Any:
    return None if address is None else (address.version, int(address))


def _shown_private(view: PageView, cache: Cache) -> Any:
    return _address(cache.beat.private_ip) if view.shows_private(cache) else None


def _degrees(cache: Cache, which: str) -> float | None:
    position = cache.facts.place.position
    return None if position is None else float(getattr(position, which))


def _country(cache: Cache) -> str | None:
    return cache.facts.country_name or cache.facts.place.country


def _ago(seconds: float) -> str:
    """``2h 5m 7s``."""
    left = max(0, int(seconds))
    hours, left = divmod(left, 3600)
    minutes, left = divmod(left, 60)
    parts = [(hours, "h"), (minutes, "m"), (left, "s")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{number}{unit}" for number, unit in parts)


def _clock(view: PageView, cache: Cache) -> str:
    return f"{cache.drift_s:+.0f} s" if abs(cache.drift_s) > view.drift_s else "✓"


def _access(_view: PageView, cache: Cache) -> str:
    level = "Global" if cache.is_global else "Private"
    message = message_of(cache)
    return f"<details><summary>{level}</summary>{escape(message)}</details>"


_COLUMNS = (
    _Column(
        "Hostname",
        "host",
        lambda _, c: _text(c.beat.hostname),
        lambda _, c: c.beat.hostname.split(".")[::-1],
    ),
    _Column(
        "Public IP",
        "public",
        lambda _, c: _text(c.beat.reachable_ip),
        lambda _, c: _address(c.beat.reachable_ip),
    ),
    _Column("Private IP", "private", _private, _shown_private),
    _Column("Port", "port", lambda _, c: _text(c.beat.port), lambda _, c: c.beat.port),
    _Column("Cache", "cache", lambda _, c: c.beat.cache_type.value, lambda _, c: c.beat.cache_type),
    _Column(
        "Upstream", "upstream", lambda _, c: c.beat.upstream.value, lambda _, c: c.beat.upstream
    ),
    _Column(
        "Bytes Out (kB/s)",
        "load",
        lambda _, c: f"{c.beat.load_kbps:.3f}",
        lambda _, c: c.beat.load_kbps,
    ),
    _Column("City", "city", lambda _, c: _text(c.facts.city), lambda _, c: c.facts.city),
    _Column("Country", "country", lambda _, c: _text(_country(c)), lambda _, c: _country(c)),
    _Column(
        "Latitude",
        "latitude",
        lambda _, c: _text(_degrees(c, "latitude_deg")),
        lambda _, c: _degrees(c, "latitude_deg"),
    ),
    _Column(
        "Longitude",
        "longitude",
        lambda _, c: _text(_degrees(c, "longitude_deg")),
        lambda _, c: _degrees(c, "longitude_deg"),
    ),
    _Column(
        "Last Received",
        "received",
        lambda v, c: f"{_ago(v.now_s - c.last_active_s)} ago",
        lambda _, c: -c.last_active_s,
    ),
    _Column("Alive", "alive", lambda v, c: _ago(v.now_s - c.created_s), lambda _, c: -c.created_s),
    _Column("Clock Sync", "clock", _clock, lambda _, c: abs(c.drift_s)),
    _Column("Access Level", "access", _access, lambda _, c: not c.is_global),
)
_BY_NAME = {column.name: column for column in _COLUMNS}
_USUAL = _BY_NAME["received"]


def _ordered(view: PageView, ask: PageAsk) -> list[Cache]:
    column = _BY_NAME.get(ask.sort, _USUAL)
    known: list[tuple[Any, Cache]] = []
    unknown: list[Cache] = []
    for cache in view.caches:
        key = column.key(view, cache)
        if key is None:
            unknown.append(cache)
        else:
            known.append((key, cache))
    known.sort(key=lambda pair: pair[0], reverse=ask.descending)
    return [cache for _, cache in known] + unknown


# -- what it is made of ----------------------------------------------------------------------------


def _state(view: PageView, cache: Cache) -> str:
    """The colour of a row: by age in thirds of the time after which it is dropped, by clock, by verification."""
    age = (view.now_s - cache.last_active_s) / view.inactive_s
    if age >= 2 / 3 or abs(cache.drift_s) > view.drift_s:
        return "bad"
    return "pending" if age >= 1 / 3 or cache.verification.health is Health.PENDING else "good"


def _row(view: PageView, number: int, cache: Cache) -> str:
    cells = "".join(
        [f'<td data-label="{column.title}">{column.show(view, cache)}</td>' for column in _COLUMNS]
    )
    return f'<tr class="{_state(view, cache)}"><td data-label="#">{number}</td>{cells}</tr>'


@dataclass(frozen=True, slots=True)
class _Heading:
    title: str
    link: str
    order: str


def _heading(column: _Column, ask: PageAsk) -> _Heading:
    shown = _BY_NAME.get(ask.sort, _USUAL) is column
    descends = shown and not ask.descending
    link = f"/{ask.size}?sort={column.name}&order={'desc' if descends else 'asc'}"
    order = ("descending" if ask.descending else "ascending") if shown else ""
    return _Heading(column.title, link, order)


@dataclass(frozen=True, slots=True)
class _Link:
    label: str
    target: str


def _pages(ask: PageAsk, page: int, last: int) -> list[_Link]:
    order = f"&sort={ask.sort}&order={'desc' if ask.descending else 'asc'}" if ask.sort else ""

    def to(label: str, target: int, there: bool) -> _Link:
        return _Link(label, f"/{ask.size}?page={target}{order}" if there else "")

    return [
        to("first", 1, page > 1),
        to("previous", page - 1, page > 1),
        _Link(f"page {page} of {last}", ""),
        to("next", page + 1, page < last),
        to("last", last, page < last),
        _Link("show all", f"/0?page=1{order}" if last > 1 else ""),
    ]


@dataclass(frozen=True, slots=True)
class _Dot:
    x: str
    y: str
    radius: str
    state: str
    label: str


_WORST = {"good": 0, "pending": 1, "bad": 2}


def _dots(view: PageView) -> Iterable[_Dot]:
    """One dot for the caches of one place; its colour is that of the one that is best off."""
    spots: dict[tuple[int, int], list[Cache]] = {}
    for cache in view.caches:
        position = cache.facts.place.position
        if position is not None:
            spot = (
                round(position.longitude_deg / _DOT_DEG),
                round(position.latitude_deg / _DOT_DEG),
            )
            spots.setdefault(spot, []).append(cache)
    for (east, north), there in spots.items():
        names = [cache.beat.hostname for cache in there[:3]]
        more = f" and {len(there) - 3} more" if len(there) > 3 else ""
        yield _Dot(
            f"{east * _DOT_DEG:g}",
            f"{-north * _DOT_DEG:g}",
            f"{min(6.0, 1.5 + 0.5 * sqrt(len(there))):.1f}",
            min((_state(view, cache) for cache in there), key=_WORST.__getitem__),
            ", ".join(names) + more,
        )
