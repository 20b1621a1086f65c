"""Why does each candidate stand where it does, in words an operator can check?

A reason names, as far as they apply: the rule, the distance or what is unknown, and what decided among equals::

    rule 10.1.0.0/16 prefers uvic; 3 km from the client
    812 km from the client; drawn 1 of 3 within 10 km
    the client's position is unknown; slow or at risk now, so behind its equals
"""

from collections.abc import Iterator, Sequence

from ugrpy.locality.model import Choice
from ugrpy.locality.tiers import Draw, Lot, Tier, Zone, draw_lot


def explained(zone: Zone, tiers: Sequence[Tier], draw: Draw, fuzz_km: float) -> tuple[Choice, ...]:
    """The tiers' members in drawn order, each with its reason."""
    return tuple(
        Choice(
            name,
            zone.standings[name].distance_km,
            number,
            "; ".join((*_by_rule(zone, name), _by_distance(zone, name), *among_equals)),
        )
        for number, tier in enumerate(tiers)
        for name, among_equals in _drawn(zone, tier, draw, fuzz_km)
    )


def _drawn(zone: Zone, tier: Tier, draw: Draw, fuzz_km: float) -> Iterator[tuple[str, list[str]]]:
    for lot in (tier.brisk, tier.slow):
        slow = lot is tier.slow and (tier.brisk.drawn or tier.brisk.behind)
        for turn, name in enumerate(draw_lot(lot, draw), start=1):
            words = ["slow or at risk now, so behind its equals"] if slow else []
            if (how := _by_lot(zone, lot, turn, name, fuzz_km)) is not None:
                words.append(how)
            yield name, words


def _by_rule(zone: Zone, name: str) -> Iterator[str]:
    if zone.rule is None or not zone.rule.prefer:
        return
    if name in zone.rule.prefer:
        yield f"{zone.rule} prefers {name}"
    else:
        yield f"not named by {zone.rule}"


def _by_distance(zone: Zone, name: str) -> str:
    if zone.place.position is None:
        return "the client's position is unknown"
    if (distance_km := zone.standings[name].distance_km) is None:
        return "its position is unknown"
    return f"{distance_km:.0f} km from the client"


def _by_lot(zone: Zone, lot: Lot, turn: int, name: str, fuzz_km: float) -> str | None:
    if turn > len(lot.drawn):
        return "without weight, so behind its equals" if lot.drawn else None
    if len(lot.drawn) == 1:
        return None
    within = "" if zone.standings[name].distance_km is None else f" within {fuzz_km:g} km"
    return f"drawn {turn} of {len(lot.drawn)}{within}"
