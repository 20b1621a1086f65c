"""Would it be decided so again: under the rules of then, and under others?

Pure. What was known then is taken as it was recorded: who held the name, who was out of service or slow, and the numbers that were drawn. Under the
rules of then the same order must come out. Under other rules, places, weights, preferences and mounts are those of the other rules, and the numbers the same
as long as they last; more are made from the flight's id, so that a replay gives the same answer each time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

from ugrpy.core.errors import DataError
from ugrpy.locality.model import (
    UNKNOWN_PLACE,
    Address,
    Candidate,
    Choice,
    Client,
    Place,
    Ranked,
    Rejection,
)
from ugrpy.locality.rank import first_rule
from ugrpy.locality.ranker import weighed_by_room
from ugrpy.locality.reasons import explained
from ugrpy.locality.tiers import Draw, Zone, tiers_of, zone_for
from ugrpy.recording.flights import Flight
from ugrpy.recording.rules import Rules
from ugrpy.recording.sieve import Network, parse_network

Locate = Callable[[Address], Place]
ZONES_KEPT = 50_000


class NotReplayable(DataError):
    """A decision that what was recorded does not suffice to make again."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One decision made again. ``now`` is ``None`` when no other rules were asked about."""

    flight: Flight
    then: Ranked
    now: Ranked | None = None

    @property
    def exact(self) -> bool:
        """Whether the rules of then give the order that was recorded."""
        return order_of(self.then) == self.flight.order

    @property
    def went_to(self) -> str:
        """Who came first then."""
        return self.flight.order[0]

    @property
    def would_go_to(self) -> str:
        """Who comes first under the other rules; empty when nobody is left."""
        ranked = self.now or self.then
        return ranked.chosen[0].id if ranked.chosen else ""

    @property
    def elsewhere(self) -> bool:
        """Whether the client would be sent elsewhere."""
        return self.would_go_to != self.went_to

    @property
    def reordered(self) -> bool:
        """Whether the same endpoint comes first, and others follow in another order."""
        return not self.elsewhere and order_of(self.now or self.then) != self.flight.order


def order_of(ranked: Ranked) -> tuple[str, ...]:
    """The endpoints alone."""
    return tuple(choice.id for choice in ranked.chosen)


def replay_then(flight: Flight, rules: Rules) -> Ranked:
    """The decision under the rules of then. Raises ``NotReplayable``."""
    places = {one.name: one.place for one in rules.endpoints}
    seen, number = flight.zone, flight.zone.rule
    if number is not None and not 0 <= number < len(rules.preferences):
        raise NotReplayable(f"there is no preference rule {number}")
    rule = None if number is None else rules.preferences[number]
    candidates = {
        name: one.at(name, places.get(name, UNKNOWN_PLACE))
        for name, one in flight.candidates.items()
    }
    excluded = {name: why for name in candidates if (why := _why_not(flight, name))}
    zone = Zone(seen.place, rule, seen.standings)
    return _ranked(flight, zone, candidates, excluded, rules.fuzz_km)


class OtherRules:
    """Rules to decide again under. ``locate`` tells the place of a client by them."""

    def __init__(self, rules: Rules, locate: Locate) -> None:
        self.rules = rules
        self._locate = locate
        self._zone_of = lru_cache(maxsize=ZONES_KEPT)(self._find_zone)

    def __repr__(self) -> str:
        return f"<OtherRules {self.rules.version}>"

    def replay(self, flight: Flight, then: Rules) -> Ranked:
        """The decision under these rules. Raises ``NotReplayable``."""
        excluded: dict[str, str] = {}
        candidates: dict[str, Candidate] = {}
        path = flight.path if flight.scene is None else flight.scene.path
        for one in self.rules.endpoints:
            seen = flight.candidates.get(one.name)
            load, sluggish = (seen.load, seen.sluggish) if seen else (0.0, False)
            candidates[one.name] = replace(one.candidate(), load=load, sluggish=sluggish)
            usable, what = (
                (one.writable, "writable") if flight.among else (one.readable, "readable")
            )
            why = _why_not(flight, one.name)
            if not why and not usable:
                why = f"not {what} by these rules"
            if not why and not one.covers(path):
                why = "not mounted over it by these rules"
            if why:
                excluded[one.name] = why
        gone = dict.fromkeys(
            flight.candidates.keys() - candidates, "not among these rules' endpoints"
        )
        zone = self._zone(flight, then)
        return _ranked(flight, zone, candidates, excluded | gone, self.rules.fuzz_km)

    def _zone(self, flight: Flight, then: Rules) -> Zone:
        """The client as these rules see it; where only a part of its address was kept, as it was seen then, if these know nothing else of places."""
        kept = parse_network(flight.client)
        whole = kept is not None and kept.prefixlen == kept.max_prefixlen
        same = self.rules.networks == then.networks and self.rules.geoip == then.geoip
        return self._zone_of(kept, None if whole or not same else flight.zone.place)

    def _find_zone(self, kept: Network | None, place: Place | None) -> Zone:
        address = None if kept is None else kept.network_address
        if place is None:
            place = UNKNOWN_PLACE if address is None else self._locate(address)
        rule = first_rule(Client(address, place), self.rules.preferences)
        return zone_for(place, rule, [one.candidate() for one in self.rules.endpoints])


def replay(flight: Flight, then: Rules, now: OtherRules | None = None) -> Replayed:
    """The decision again. Raises ``NotReplayable``."""
    if not flight.is_ranked:
        raise NotReplayable("nothing was put in an order, so there is nothing to replay")
    return Replayed(
        flight, replay_then(flight, then), None if now is None else now.replay(flight, then)
    )


def why_not(flight: Flight) -> tuple[Rejection, ...]:
    """Why endpoints were not chosen then, whatever the ranking."""
    return tuple(
        Rejection(name, why)
        for name in sorted(flight.candidates)
        if (why := _why_not(flight, name))
    )


def _why_not(flight: Flight, name: str) -> str:
    """Why an endpoint could not be chosen then, as far as rules of ranking have no part in it; empty when it could."""
    if name in flight.order:
        return ""
    withheld = flight.withheld.get(name, "")
    if flight.among is not None:
        return withheld or "did not take it"
    if (scene := flight.scene) is None:
        return "nothing was known of the name"
    for one in scene.outvoted:
        if one.endpoint == name:
            return f"outvoted: {one.about} {one.says}, others say {one.majority}"
    if name in scene.holders:
        return withheld or "others suited better"
    for reasons, word in ((scene.denied, "refused to say"), (scene.unknown, "no usable answer"), (scene.out, "not asked")):  # fmt: skip
        if name in reasons:
            return f"{word}: {reasons[name]}" if reasons[name] else word
    if name in scene.silent:
        return "had not answered yet"
    return "does not hold it" if name in scene.absent else "was not asked"


def _ranked(
    flight: Flight,
    zone: Zone,
    candidates: Mapping[str, Candidate],
    excluded: Mapping[str, str],
    fuzz_km: float,
) -> Ranked:
    eligible = [one for name, one in candidates.items() if not (name in excluded or one.excluded)]
    if flight.among is not None:
        eligible = weighed_by_room(eligible, flight.among.rooms)
    try:
        tiers = tiers_of(zone, eligible, fuzz_km)
    except KeyError as error:
        raise NotReplayable(f"nothing is recorded of how {error} stood") from error
    chosen = explained(zone, tiers, _draws(flight), fuzz_km)
    reasons = {one.id: one.excluded for one in candidates.values() if one.excluded} | {**excluded}
    return Ranked(
        _by_group(flight, chosen),
        tuple(Rejection(name, reasons[name]) for name in sorted(reasons)),
    )


def _by_group(flight: Flight, chosen: Sequence[Choice]) -> tuple[Choice, ...]:
    """Of places for an upload some come first whatever the ranking says, as those that hold the name already."""
    among = flight.among
    if among is None:
        return tuple(chosen)
    last = max(among.ahead.values(), default=0)
    return tuple(sorted(chosen, key=lambda choice: among.ahead.get(choice.id, last)))


def _draws(flight: Flight) -> Draw:
    numbers = _numbers(flight)
    return lambda: next(numbers)


def _numbers(flight: Flight) -> Iterator[float]:
    yield from flight.drawn
    more = Random(flight.id)  # noqa: S311 - to be the same each time
    while True:
        yield more.random()
