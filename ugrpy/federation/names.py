"""Which names are remembered, until when, and who was ever seen to hold them?

A record outlives its time: what it says of holders is asked for when a holder is out of service and nobody can say anything newer.
It goes when it has become the least recently used one, or when it has no holder to tell of.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from types import MappingProxyType

from ugrpy.cache.tiers import LIVE_ITEMS, TwoTiers
from ugrpy.core.errors import DataError
from ugrpy.federation.codec import Over, as_said, pack_said, unpack_said
from ugrpy.federation.known import KnownName
from ugrpy.federation.packed import AnswerPacker, AnswerUnpacker
from ugrpy.namespace.model import EndpointId, Entry, Found
from ugrpy.namespace.origin import Origin
from ugrpy.namespace.paths import name_of

Holders = Mapping[EndpointId, Entry]
NOBODY: Holders = MappingProxyType({})
_OVER = float("-inf")
# Some tenths of a second, in which the worker answers nobody.
MOST_LOOKED_THROUGH = 3000
_NEVER = float("inf")
_LONG_AGO_S = -1e12
_LATEST_S = 1e15  # for ever, as a number that can be written


class _Record:
    """``held`` are holders beyond those that ``known`` names, or seen later than it. From ``ahead_s`` on, a use is told once.

    ``seen_s`` is when the newest of what is known was asked for, as far as that is known.
    """

    __slots__ = ("ahead_s", "held", "known", "seen_s", "until_s")

    def __init__(
        self,
        until_s: float,
        known: KnownName | None,
        held: Holders,
        *,
        seen_s: float = _LONG_AGO_S,
        ahead_s: float = _NEVER,
    ) -> None:
        self.until_s = until_s
        self.ahead_s = ahead_s
        self.seen_s = seen_s if known is None else known.at_s
        self.known = known
        self.held = held

    @property
    def holders(self) -> Holders:
        """Who was last seen to hold it, and as what."""
        found = NOBODY if self.known is None else seen_holding(self.known)
        return {**found, **self.held} if found and self.held else found or self.held


_NOTHING = _Record(_OVER, None, NOBODY)


def _unheeded(_path: str) -> None:
    """For owners who look after no name."""


class Names:
    """The remembered names of one federation. ``over`` adds what is known beyond what was said.

    ``on_late_use`` hears of a file that is used in the last part of its life (``ahead``, a share of it), once.

    ``now`` and ``until_s`` are seconds of one monotonic clock. ``hits`` and ``misses`` only grow; what is asked for after its time is a miss.
    """

    def __init__(
        self, max_items: int, max_bytes: int, ahead: float = 0.0, live_items: int = LIVE_ITEMS
    ) -> None:
        self.over: Over = as_said
        self.on_late_use: Callable[[str], None] = _unheeded
        self._ahead = ahead
        self.hits = 0
        self.misses = 0
        self.tiers: TwoTiers[_Record] = TwoTiers(
            max_items, max_bytes, _pack, self._unpack, live_items
        )
        self._live = self.tiers.live

    def __repr__(self) -> str:
        return f"<Names {self.tiers!r}, {self.hits} hits, {self.misses} misses>"

    def __len__(self) -> int:
        """How many names something is known of, those included whose time is over."""
        return len(self.tiers)

    def get(self, path: str, now: float) -> KnownName | None:
        """What is known, or ``None`` when that is nothing or its time is over."""
        live = self._live  # each redirect comes by here
        record = live.get(path)
        if record is not None:
            live.move_to_end(path)
        else:
            record = self.tiers.get(path)
        if record is not None:
            if record.until_s > now:
                self.hits += 1
                if record.ahead_s <= now:
                    record.ahead_s = _NEVER
                    self.on_late_use(path)
                return record.known
            if not record.holders:
                self.tiers.pop(path)
        self.misses += 1
        return None

    def peek(self, path: str, now: float) -> KnownName | None:
        """As ``get``, but it counts as no use of the record."""
        record = self.tiers.peek(path)
        return None if record is None or record.until_s <= now else record.known

    def expires_at(self, path: str) -> float | None:
        """When the time of the name is over, ``None`` when there is none."""
        record = self.tiers.peek(path)
        return None if record is None or record.known is None else record.until_s

    def holders(self, path: str) -> Holders:
        """Who was last seen to hold the name, and as what."""
        record = self.tiers.peek(path)
        return NOBODY if record is None else record.holders

    def last(self, path: str) -> tuple[Holders, float] | None:
        """Who was last seen to hold the name, and when that was asked for; however long ago."""
        record = self.tiers.peek(path)
        if record is None or not (holders := record.holders):
            return None
        return holders, record.seen_s

    def put(self, known: KnownName, until_s: float, now: float) -> None:
        """What is known of a question still under way; earlier holders are kept besides."""
        before = self.tiers.peek(known.path) or _NOTHING
        self._put(known, until_s, now, before.holders, before.seen_s)

    def keep(self, known: KnownName, until_s: float, now: float) -> None:
        """What a finished question says. Of earlier holders those are kept who could not be asked."""
        away = {*known.out, *known.summary.unknown}
        before = self.tiers.peek(known.path) or _NOTHING
        held = {name: entry for name, entry in before.holders.items() if name in away}
        self._put(known, until_s, now, held, before.seen_s)

    def note_holder(
        self, path: str, name: EndpointId, entry: Entry, seen_s: float = _LONG_AGO_S
    ) -> None:
        """Somebody holds it whom nobody has asked: he has been written to, or was seen to hold it before this process began."""
        record = self.tiers.peek(path) or _NOTHING
        held = {**record.held, name: entry}
        seen_s = max(record.seen_s, seen_s)
        self.tiers.put(path, _Record(record.until_s, record.known, held, seen_s=seen_s))

    def pop(self, path: str) -> bool:
        """Forget all about a name; whether anything was known of it."""
        return self.tiers.pop(path)

    def forget(self, path: str, away: Set[EndpointId]) -> None:
        """Forget what is known of a name, but for what those hold who are ``away``."""
        before = self.tiers.peek(path) if away else None
        self.tiers.pop(path)
        if before and (kept := {n: e for n, e in before.holders.items() if n in away}):
            self.tiers.put(path, _Record(_OVER, None, kept, seen_s=before.seen_s))

    def forget_below(self, path: str, away: Set[EndpointId]) -> None:
        """The same for a name and all below it.

        Of those who are ``away`` no more is kept than can be looked through in a moment; what is written down (``past``) keeps all.
        """
        if path == "/" and not away:
            self.tiers.clear()
            return
        kept = self.tiers.pop_below(path, [name.encode("utf-8") for name in sorted(away)])
        for number, name in enumerate(kept):
            self.forget(name, away if number < MOST_LOOKED_THROUGH else frozenset())

    def clear(self) -> None:
        """Forget everything; the counters stay."""
        self.tiers.clear()

    def below(self, path: str) -> list[str]:
        """The names that are this one or lie below it; walks over all."""
        return self.tiers.below(path)

    def _put(
        self, known: KnownName, until_s: float, now: float, before: Holders, before_s: float
    ) -> None:
        path = known.path
        if until_s > now:
            held = _without(before, () if known.merged is None else known.merged.holders)
            self.tiers.put(
                path, _Record(until_s, known, held, ahead_s=self._ahead_of(known, until_s))
            )
        elif held := {**before, **(found := seen_holding(known))}:
            seen_s = known.at_s if found else before_s
            self.tiers.put(path, _Record(_OVER, None, held, seen_s=seen_s))
        else:
            self.tiers.pop(path)

    def _unpack(self, path: str, data: bytes, start: int) -> _Record:
        """Written by this very process, so that it can be read."""
        reader = AnswerUnpacker(data, start, name_of(path))
        held = {reader.endpoint(): reader.entry()[0] for _ in range(reader.count())}
        at_s = reader.real()
        if not reader.byte():
            return _Record(_OVER, None, held, seen_s=at_s)
        until_s = reader.real()
        known = unpack_said(reader, path, at_s, self.over, origin=Origin.ENDPOINTS)
        known.fresh_until(until_s)
        return _Record(until_s, known, held, ahead_s=self._ahead_of(known, until_s))

    def _ahead_of(self, known: KnownName, until_s: float) -> float:
        if not self._ahead or not known.settled:
            return _NEVER
        return until_s - self._ahead * (until_s - known.at_s)


def seen_holding(known: KnownName) -> Holders:
    """Who was found to hold a name and was not outvoted, and as what."""
    found: dict[EndpointId, Entry] = {}
    for name in known.merged.holders if known.merged else ():
        sighting = known.knowledge.get(name)
        if sighting is not None and isinstance(said := sighting.observation, Found):
            found[name] = said.entry
    return found


def _without(holders: Holders, names: Iterable[EndpointId]) -> Holders:
    return {name: entry for name, entry in holders.items() if name not in names} or NOBODY


def _pack(path: str, record: _Record) -> bytes | None:
    packer = AnswerPacker(name_of(path))
    try:
        packer.number(len(record.held))
        for endpoint, entry in record.held.items():
            packer.word(endpoint)
            packer.entry(entry)
        packer.real(record.seen_s)
        packer.byte(0 if record.known is None else 1)
        if record.known is not None:
            packer.real(min(record.until_s, _LATEST_S))
            pack_said(packer, record.known)
    except DataError:
        return None
    return bytes(packer.data)
