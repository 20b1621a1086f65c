"""What does ordering the replicas for a client cost? ``size`` requests of known zones, one to three replicas each, some pairs level."""

import random
from ipaddress import IPv4Address

from benchmarks.corpus import Corpus
from benchmarks.federation import SITES, ZONES
from benchmarks.timing import Work
from ugrpy.locality.model import Address, Candidate, Place, Position
from ugrpy.locality.rank import RankPolicy
from ugrpy.locality.ranker import Ranker

# Geneva and Lyon are 110 km apart: level with this, so that some orders have to be drawn.
POLICY = RankPolicy(fuzz_km=150.0)
CLIENTS: dict[Address | None, Place] = {
    IPv4Address(text): Place(Position(place[0], place[1]), place[2])
    for text, place in ZONES.items()
}


def prepare(seed: int, size: int) -> Work:
    """``Ranker.zone_of`` and ``Ranker.order`` for each request."""
    corpus = Corpus(seed=seed, members=len(SITES), miss_percent=0)
    candidates = [
        Candidate(f"se{number}", Place(Position(site[0], site[1]), site[2]))
        for number, site in enumerate(SITES)
    ]
    ranker = Ranker(candidates, (), POLICY, lambda address: CLIENTS[address])
    held = [tuple(f"se{m}" for m in sorted(corpus.holders(index))) for index in range(size)]
    zones = list(ZONES)
    requests = [(zones[number % len(zones)], ids) for number, ids in enumerate(held)]
    draw = random.Random(seed).random

    def run() -> list[tuple[str, ...]]:
        return [ranker.order(ranker.zone_of(address), ids, draw) for address, ids in requests]

    def check(orders: object) -> None:
        assert isinstance(orders, list)
        assert [tuple(sorted(order)) for order in orders] == held

    return Work(run, size, check)
