"""How is the same client zone ranked again in a few microseconds?

Rules and distances depend only on where a client is, and clients come in few kinds. So an address is turned into a
*zone* once, all clients that cannot be told apart share one zone object, and for each zone and set of candidates the
tiers are kept. What remains per request is one dictionary look-up and, where several are level, the draw.

The answers are those of ``rank.rank``; a property test holds the two together.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from weakref import WeakValueDictionary

from ugrpy.locality.model import (
    Address,
    Candidate,
    Choice,
    LocalityError,
    Place,
    PreferenceRule,
    Ranked,
    Rejection,
)
from ugrpy.locality.prefixes import PrefixTable, parse_address, unmapped
from ugrpy.locality.rank import RankPolicy
from ugrpy.locality.reasons import explained
from ugrpy.locality.tiers import Draw, Lot, Tier, Zone, better, draw_lot, tiers_of, zone_for

# Addresses remembered: a site's worker nodes several times over, about 10 MB.
ADDRESS_LIMIT = 50_000
# Plans remembered: a few hundred zones times the few sets of endpoints that hold the same files.
PLAN_LIMIT = 8_192

NOBODY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Plan:
    """``fixed``: the order when there is nothing to draw; otherwise ``lots``, one behind the other."""

    tiers: tuple[Tier, ...]
    lots: tuple[Lot, ...]
    fixed: tuple[str, ...] | None


class Ranker:
    """Ranks a fixed set of candidates for any client. Raises ``LocalityError`` when two have one id.

    ``locate`` tells the place of an address, for example ``geodb.Locator(...).place``. Zones belong to the ranker that
    made them. Not for use from several threads.
    """

    def __init__(
        self,
        candidates: Iterable[Candidate],
        rules: Sequence[PreferenceRule],
        policy: RankPolicy,
        locate: Callable[[Address | None], Place],
    ) -> None:
        self._candidates: dict[str, Candidate] = {}
        for candidate in candidates:
            if candidate.id in self._candidates:
                raise LocalityError(f"two candidates are called {candidate.id!r}")
            self._candidates[candidate.id] = candidate
        self._fuzz_km = policy.fuzz_km
        self._locate = locate
        self._rules = _RuleIndex(rules)
        self._zones: WeakValueDictionary[tuple[Place, int | None], Zone] = WeakValueDictionary()
        self._zone_of = lru_cache(maxsize=ADDRESS_LIMIT)(self._find_zone)
        self._plans: dict[tuple[Zone, tuple[str, ...]], _Plan] = {}

    def __repr__(self) -> str:
        return f"<Ranker of {', '.join(self._candidates)}: {len(self._zones)} zones, {len(self._plans)} plans>"

    @property
    def candidates(self) -> Mapping[str, Candidate]:
        """Those that are ranked, as they are now; a change makes a new mapping."""
        return self._candidates

    def zone_of(self, address: str | Address | None) -> Zone:
        """The zone of an address; text that is no address (a socket path) is a client of unknown place."""
        return self._zone_of(address)

    def note(self, name: str, *, load: float, sluggish: bool) -> None:
        """From now on rank ``name`` with this load and slowness. Raises ``KeyError`` for a name not among the candidates.

        Every real change makes the ranker plan anew: call it when health changes, not for each request.
        """
        changed = replace(self._candidates[name], load=load, sluggish=sluggish)
        if changed != self._candidates[name]:
            self._candidates = {**self._candidates, name: changed}
            self._plans.clear()

    def order(
        self,
        zone: Zone,
        ids: tuple[str, ...],
        draw: Draw,
        excluded: Mapping[str, str] = NOBODY,
    ) -> tuple[str, ...]:
        """The eligible ones of ``ids``, best first; names that are no candidates are left out."""
        if excluded:
            ids = tuple(name for name in ids if name not in excluded)
        plan = self._plans.get((zone, ids)) or self._plan(zone, ids)
        if plan.fixed is not None:
            return plan.fixed
        return tuple(chain.from_iterable(draw_lot(lot, draw) for lot in plan.lots))

    def place(self, zone: Zone, rooms: Mapping[str, float], draw: Draw) -> tuple[Choice, ...]:
        """Where a client in ``zone`` writes, best first, and why: ranked as for reading, but equally near ones are drawn in proportion to
        their weight times their ``rooms``, any positive measure of what each can still take (row M12).
        """
        eligible = weighed_by_room(
            [
                candidate
                for name in rooms
                if (candidate := self._candidates.get(name)) is not None and not candidate.excluded
            ],
            rooms,
        )
        return explained(zone, tiers_of(zone, eligible, self._fuzz_km), draw, self._fuzz_km)

    def why_excluded(self, name: str) -> str:
        """Why nobody is sent there, empty when somebody may be."""
        return self._why_not(name, NOBODY)

    def explain(
        self,
        zone: Zone,
        ids: tuple[str, ...],
        draw: Draw,
        excluded: Mapping[str, str] = NOBODY,
    ) -> Ranked:
        """The order that ``order`` gives for the same draws, and the rejected ones, all with reasons."""
        reasons = {name: self._why_not(name, excluded) for name in sorted(set(ids))}
        plan = self._plan(zone, tuple(name for name, reason in reasons.items() if not reason))
        return Ranked(
            explained(zone, plan.tiers, draw, self._fuzz_km),
            tuple(Rejection(name, reason) for name, reason in reasons.items() if reason),
        )

    def forget(self) -> None:
        """Places may be known otherwise now: each address is located anew. Where the candidates are stays as it was given."""
        self._zone_of.cache_clear()

    def outranks(self, zone: Zone, a: str, b: str) -> bool:
        """As ``rank.outranks``. Raises ``KeyError`` for a name that is not among the candidates."""
        return better(zone.standings[a], zone.standings[b], self._fuzz_km)

    def _find_zone(self, address: str | Address | None) -> Zone:
        if isinstance(address, str):
            address = parse_address(address)
        plain = None if address is None else unmapped(address)
        place = self._locate(plain)
        number = self._rules.first(plain, place.asn)
        key = (place, number)
        if (zone := self._zones.get(key)) is None:
            rule = None if number is None else self._rules.rules[number]
            zone = zone_for(place, rule, self._candidates.values())
            self._zones[key] = zone
        return zone

    def _why_not(self, name: str, excluded: Mapping[str, str]) -> str:
        if name in excluded:
            return excluded[name] or "excluded"
        candidate = self._candidates.get(name)
        return "not among the configured ones" if candidate is None else candidate.excluded

    def _plan(self, zone: Zone, ids: tuple[str, ...]) -> _Plan:
        eligible = [self._candidates[name] for name in set(ids) if not self._why_not(name, NOBODY)]
        tiers = tiers_of(zone, eligible, self._fuzz_km)
        lots = tuple(lot for tier in tiers for lot in (tier.brisk, tier.slow))
        drawn = any(len(lot.drawn) > 1 for lot in lots)
        fixed = (
            None if drawn else tuple(chain.from_iterable((*lot.drawn, *lot.behind) for lot in lots))
        )
        if len(self._plans) >= PLAN_LIMIT:  # rare, and planning anew is cheap: simpler than ageing
            self._plans.clear()
        plan = self._plans[zone, ids] = _Plan(tiers, lots, fixed)
        return plan


def weighed_by_room(candidates: Iterable[Candidate], rooms: Mapping[str, float]) -> list[Candidate]:
    """The candidates with their weights times their rooms, of which the largest counts as 1, or some would be beyond any weight."""
    most = max(rooms.values(), default=0.0) or 1.0
    return [replace(one, weight=one.weight * (rooms[one.id] / most)) for one in candidates]


class _RuleIndex:
    """``rank.first_rule`` for many rules: the lowest number among all prefixes and the AS that match."""

    __slots__ = ("_asns", "_networks", "rules")

    def __init__(self, rules: Sequence[PreferenceRule]) -> None:
        self.rules = tuple(rules)
        numbered = tuple(enumerate(self.rules))
        self._networks = PrefixTable(
            (net, number) for number, rule in numbered for net in rule.networks
        )
        self._asns: dict[int, int] = {}
        for number, rule in numbered:
            for asn in rule.asns:
                self._asns.setdefault(asn, number)

    def first(self, address: Address | None, asn: int | None) -> int | None:
        """The number of the first rule that holds, or ``None``."""
        numbers = [] if address is None else [n for _, n in self._networks.matches(address)]
        if asn is not None and asn in self._asns:
            numbers.append(self._asns[asn])
        return min(numbers, default=None)
