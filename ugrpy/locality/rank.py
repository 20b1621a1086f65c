"""In which order is a client sent to the candidates?

The order is decided by, in this sequence (design section 4; reference rows D25 to D31):

1. the operator's rules: of the first rule that holds for the client, ``prefer`` in list order, then all others;
2. great-circle distance. Sorted ascending, candidates form *tiers*: a run whose distances exceed that of its first by
   no more than ``fuzz_km``. Without the client's position all are one tier; candidates without one are the last tier;
3. inside a tier the sluggish ones go last;
4. what is still equal is drawn, in proportion to ``weight * (1 - load)``; with nothing left of that, behind the
   others by id.

A draw walks candidates in the order of their ids, so the result does not depend on who answered first, and a list of
drawn numbers replays it. It takes one candidate after another out of the urn, one number each and none for the last.
Sorting by ``draw() ** (1 / weight)`` (Efraimidis and Spirakis, Inf. Process. Lett. 97, 2006) has the same distribution,
but wants a power and a number for each, and the usual lot is a pair.

``rank`` is the specification. ``ranker.Ranker`` gives the same answers and remembers what does not change between requests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from ugrpy.locality.model import Candidate, Client, PreferenceRule, Ranked, Rejection
from ugrpy.locality.prefixes import unmapped, unmapped_network
from ugrpy.locality.reasons import explained
from ugrpy.locality.tiers import Draw, better, tiers_of, zone_for


@dataclass(frozen=True, slots=True)
class RankPolicy:
    """How ranking is tuned. ``fuzz_km = 0`` always takes the nearest; only equal distances are then drawn."""

    fuzz_km: Annotated[
        float,
        Field(
            ge=0,
            allow_inf_nan=False,
            description="endpoints whose distances differ by no more than this share the clients",
        ),
    ] = 10.0


def rank(
    client: Client,
    candidates: Sequence[Candidate],
    rules: Sequence[PreferenceRule],
    policy: RankPolicy,
    draw: Draw,
) -> Ranked:
    """Every candidate (ids are distinct) chosen in order or rejected, each with its reason.

    ``draw`` returns numbers in [0, 1); as many are taken as there are ties to break.
    """
    eligible = [c for c in candidates if not c.excluded]
    zone = zone_for(client.place, first_rule(client, rules), eligible)
    return Ranked(
        explained(zone, tiers_of(zone, eligible, policy.fuzz_km), draw, policy.fuzz_km),
        tuple(
            Rejection(c.id, c.excluded)
            for c in sorted(candidates, key=lambda c: c.id)
            if c.excluded
        ),
    )


def outranks(
    client: Client,
    a: Candidate,
    b: Candidate,
    rules: Sequence[PreferenceRule],
    policy: RankPolicy,
) -> bool:
    """Whether ``a`` beats ``b`` by rule or by more than the fuzz in distance.

    Slowness, load, weights and chance never count: a fan-out waits for a silent ``a`` only when this is true.
    """
    zone = zone_for(client.place, first_rule(client, rules), (a, b))
    return better(zone.standings[a.id], zone.standings[b.id], policy.fuzz_km)


def first_rule(client: Client, rules: Sequence[PreferenceRule]) -> PreferenceRule | None:
    """The first rule with a network that holds the client's address or with its autonomous system."""
    address = None if client.address is None else unmapped(client.address)
    for rule in rules:
        if client.place.asn is not None and client.place.asn in rule.asns:
            return rule
        if address is not None and any(address in unmapped_network(n) for n in rule.networks):
            return rule
    return None
