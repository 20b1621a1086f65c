"""Version 1: the answers that shoal's clients parse (reference sections 2.1 and 2.2).

They read them with regular expressions, so names, order and spacing are those of the sample there: an object keyed by decimal numbers
in the order of rank, ``null`` when no cache qualifies. Each cache is rendered once and kept as text; a heartbeat changes no more of that than
its load and time, and an answer only joins texts.
"""

import json
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from shoalpy.model import Cache, CacheType, Upstream
from shoalpy.nearest import Caller, Nearest
from shoalpy.ranking import CostPolicy, Ranked, Wish
from shoalpy.registry import Registry, differs_by_load
from shoalpy.web.replies import FOR_THE_CALLER, Document
from shoalpy.wire import render_v1

NOTHING = b"null"
DEFAULT_COUNT = 5
# Lists of all caches that are kept; one serves everybody unless private addresses are hidden.
_KEPT_LISTS = 16
# Entries of rankings that are kept as text, about 700 bytes each.
_KEPT_ENTRIES = 20_000

_REVERSE_TOO = frozenset(CacheType)
_WISHES = {
    "nearest": Wish(count=DEFAULT_COUNT),
    # the same since all that is served is verified; kept for clients that ask so
    "nearestverified": Wish(count=DEFAULT_COUNT),
    "nearestcvmfs": Wish(_REVERSE_TOO, Upstream.CVMFS, DEFAULT_COUNT),
    "nearestconditions": Wish(_REVERSE_TOO, Upstream.FRONTIER, DEFAULT_COUNT),
}
# The slash before the number may be missing, or doubled, as everywhere; numbers that no table has are no path here.
_LAST_ACTIVE, _LOAD = '"last_active": ', '"load": '
_PATH = re.compile(r"/+(nearest(?:verified|cvmfs|conditions)?|all)/*([0-9]{0,9})/*")


@dataclass(frozen=True, slots=True)
class Everything:
    """``/all``: each cache that is tracked. A number behind it counts for nothing."""


EVERYTHING = Everything()


@lru_cache(maxsize=1024)
def parse_path(path: str) -> Wish | Everything | None:
    """What a path of version 1 asks for; ``None`` when it is none."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    what, count = match.groups()
    if what == "all":
        return EVERYTHING
    return replace(_WISHES[what], count=int(count)) if count else _WISHES[what]


class V1:
    """Renders the answers.

    ``hide_private``: the private addresses of caches are told to callers in their own network only (row S45).
    """

    def __init__(
        self,
        registry: Registry,
        nearest: Nearest,
        policy: CostPolicy,
        *,
        hide_private: bool = False,
    ) -> None:
        self._registry = registry
        self._nearest = nearest
        self._policy = policy
        self._hide_private = hide_private
        # by network: for which version of the table and until when
        self._all: dict[Hashable, tuple[int, float, Document]] = {}
        # by identity, which the value holds on to
        self._entries: dict[int, tuple[Ranked, bytes]] = {}
        # by key, whether in the caller's network, whether that is told
        self._texts: dict[tuple[str, bool, bool], _Text] = {}

    def nearest(self, caller: Caller, wish: Wish, now_s: float) -> bytes:
        """``/nearest`` and its like: the best caches, each with its cost as ``distance``."""
        return _joined([self._entry(one) for one in self._nearest(caller, wish, now_s)])

    def everything(self, caller: Caller, now_s: float) -> Document:
        """``/all``: every live cache in the order they came, for everybody the same unless private addresses are hidden."""
        # callers in one network are told the same
        of_whom = caller.network if self._hide_private else None
        known = self._all.get(of_whom)
        if known is not None and known[0] == self._registry.version and now_s < known[1]:
            return known[2]
        document = Document(self._everything(caller, now_s))
        if self._hide_private:
            document.cache_control = FOR_THE_CALLER
        if len(self._all) >= _KEPT_LISTS:
            self._all.clear()
        until_s = self._registry.next_expiry_s(now_s)
        self._all[of_whom] = (self._registry.version, until_s, document)
        return document

    def _everything(self, caller: Caller, now_s: float) -> bytes:
        in_network = self._nearest.in_network_of(caller) if self._hide_private else _nowhere
        return _joined(
            [
                (self._text(cache, in_network(cache), False) + "}").encode()
                for cache in self._registry.live(now_s)
            ]
        )

    def _entry(self, one: Ranked) -> bytes:
        """A cache as it is told; those of a ranking that is kept are told again and again."""
        known = self._entries.get(id(one))
        if known is not None and known[0] is one:
            return known[1]
        text = self._text(one.cache, one.local, one.local)
        entry = f'{text}, "distance": {one.cost!r}}}'.encode()
        if len(self._entries) >= _KEPT_ENTRIES:
            self._entries.clear()
        self._entries[id(one)] = (one, entry)
        return entry

    def _text(self, cache: Cache, is_near: bool, tell: bool) -> str:
        """The cache without the brace at its end. Old servers said that a cache is local, and never that one is not."""
        key = (cache.key, is_near, tell)
        known = self._texts.get(key)
        if known is None or not known.follow(cache):
            if len(self._texts) > 4 * len(self._registry) + 64:  # most are of caches that have gone
                self._texts.clear()
            known = self._texts[key] = _Text(cache, self._render(cache, is_near, tell))
        return known.text

    def _render(self, cache: Cache, is_near: bool, tell: bool) -> str:
        shown = render_v1(
            cache,
            local=tell,
            max_load_kbps=self._policy.max_load_kbps,
            show_private=is_near or not self._hide_private,
        )
        return json.dumps(shown)[:-1]


class _Text:
    """What is told of a cache. A heartbeat that brings nothing but a load and times is written into what is there."""

    __slots__ = ("_behind", "_between", "_cache", "_front", "text")

    def __init__(self, cache: Cache, text: str) -> None:
        self._cache = cache
        self.text = text
        # no string within can look like this: its quotes would be escaped
        self._front, name, rest = text.partition(_LAST_ACTIVE)
        self._front += name
        _, comma, rest = rest.partition(",")
        self._between, name, rest = rest.partition(_LOAD)
        self._between = comma + self._between + name
        _, comma, rest = rest.partition(",")
        self._behind = comma + rest

    def follow(self, cache: Cache) -> bool:
        """Whether it tells of the cache as it is now."""
        before = self._cache
        if cache is before:
            return True
        if not differs_by_load(before, cache):
            return False
        self._cache = cache
        load, at = repr(cache.beat.load_kbps), repr(cache.last_active_s)
        self.text = f"{self._front}{at}{self._between}{load}{self._behind}"
        return True


def _nowhere(_cache: Cache) -> bool:
    return False


def _joined(entries: Sequence[bytes]) -> bytes:
    if not entries:
        return NOTHING
    parts = [b'{"0": ', entries[0]]
    for rank in range(1, len(entries)):
        parts.append(_SEPARATORS[rank] if rank < len(_SEPARATORS) else _separator(rank))
        parts.append(entries[rank])
    parts.append(b"}")
    return b"".join(parts)


def _separator(rank: int) -> bytes:
    return b', "%d": ' % rank


_SEPARATORS = [_separator(rank) for rank in range(1000)]
