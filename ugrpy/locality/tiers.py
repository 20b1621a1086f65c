"""Who stands level with whom, seen from one client, and how are level ones drawn?

A *standing* is what rule and distance say of one candidate; it depends on the client's zone and not on the day.
One predicate, ``better``, decides both where a tier ends and whether a silent endpoint could still win, so the two
can never disagree. A *lot* holds those only chance may order.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ugrpy.locality.distance import great_circle_km
from ugrpy.locality.model import Candidate, Place, PreferenceRule

Draw = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Standing:
    """``rule_class``: 0 is best. ``distance_km``: ``None`` when the client's or the candidate's position is unknown."""

    rule_class: int
    distance_km: float | None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Zone:
    """Everything ranking knows of a client: its place, the rule that holds for it, each candidate's standing.

    Compared by identity: a ranker hands out one zone object for all clients it cannot tell apart.
    """

    place: Place
    rule: PreferenceRule | None
    standings: Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class Lot:
    """``drawn`` are ordered by chance in proportion to ``weights``; ``behind`` follow, having no weight left.

    Both are sorted by id, so that equal draws give equal orders.
    """

    drawn: tuple[str, ...]
    weights: tuple[float, ...]
    behind: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tier:
    """Candidates equally good by rule and distance: the brisk ones, then the sluggish ones."""

    brisk: Lot
    slow: Lot


def better(a: Standing, b: Standing, fuzz_km: float) -> bool:
    """Whether ``a`` is better by rule, or nearer by more than the fuzz, whatever chance and load may say."""
    if a.rule_class != b.rule_class:
        return a.rule_class < b.rule_class
    if a.distance_km is None:
        return False
    return b.distance_km is None or b.distance_km - a.distance_km > fuzz_km


def zone_for(place: Place, rule: PreferenceRule | None, candidates: Iterable[Candidate]) -> Zone:
    """How the candidates look from ``place`` under ``rule``."""
    classes: dict[str, int] = {}
    for name in rule.prefer if rule else ():
        classes.setdefault(name, len(classes))
    return Zone(
        place,
        rule,
        {c.id: Standing(classes.get(c.id, len(classes)), _distance(place, c)) for c in candidates},
    )


def tiers_of(zone: Zone, candidates: Sequence[Candidate], fuzz_km: float) -> tuple[Tier, ...]:
    """The candidates in tiers, the best tier first. A tier reaches ``fuzz_km`` from its first, no chain beyond."""
    standings = zone.standings
    runs: list[list[Candidate]] = []
    for candidate in sorted(candidates, key=lambda c: _sort_key(standings[c.id], c.id)):
        if not runs or better(standings[runs[-1][0].id], standings[candidate.id], fuzz_km):
            runs.append([])
        runs[-1].append(candidate)
    return tuple(
        Tier(_lot(c for c in run if not c.sluggish), _lot(c for c in run if c.sluggish))
        for run in runs
    )


def draw_lot(lot: Lot, draw: Draw) -> Iterator[str]:
    """The lot's members in drawn order: one number from ``draw`` (in [0, 1)) for each but the last drawn."""
    names, weights = list(lot.drawn), list(lot.weights)
    while len(names) > 1:
        aim = draw() * sum(weights)
        index = 0
        for index, weight in enumerate(weights):  # noqa: B007 - rounding may leave the aim beyond the last
            aim -= weight
            if aim < 0:
                break
        yield names.pop(index)
        del weights[index]
    yield from names
    yield from lot.behind


def _distance(place: Place, candidate: Candidate) -> float | None:
    if place.position is None or candidate.place.position is None:
        return None
    return great_circle_km(place.position, candidate.place.position)


def _sort_key(standing: Standing, name: str) -> tuple[int, bool, float, str]:
    distance_km = standing.distance_km
    return standing.rule_class, distance_km is None, distance_km or 0.0, name


def _lot(members: Iterable[Candidate]) -> Lot:
    by_id = sorted(((c.id, c.weight * (1 - c.load)) for c in members), key=lambda pair: pair[0])
    drawn = [pair for pair in by_id if pair[1] > 0]
    return Lot(
        tuple(name for name, _ in drawn),
        tuple(weight for _, weight in drawn),
        tuple(name for name, weight in by_id if not weight > 0),
    )
