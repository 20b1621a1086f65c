"""What does taking a heartbeat in cost: decoded, judged, placed and noted in the table? ``size`` heartbeats of a tenth as many caches."""

import json
from ipaddress import IPv4Address

from benchmarks.timing import Work
from shoalpy.intake.counts import Counts, Transport
from shoalpy.intake.taking import Intake
from shoalpy.model import Address
from shoalpy.registry import Registry
from ugrpy.locality import Place, Position
from ugrpy.locality.facts import GeoFacts

NOW_S = 1_795_365_733.0
ROUNDS = 10
_FIRST = int(IPv4Address("100.64.0.0"))


class _Clock:
    """Stands still: no heartbeat is old."""

    def monotonic(self) -> float:
        """Unused."""
        return 0.0

    def wall(self) -> float:
        """The time of all heartbeats."""
        return NOW_S


def prepare(seed: int, size: int) -> Work:
    """``Intake.take`` for each; after the first round every cache is known, as it mostly is. Looking a place up is not counted."""
    caches = max(1, size // ROUNDS)
    bodies = [_body(number % caches, number // caches, seed) for number in range(size)]
    facts = GeoFacts(Place(Position(48.46, -123.31), "CA"), city="Victoria")

    def facts_of(_address: Address) -> GeoFacts:
        return facts

    def run() -> int:
        registry = Registry()
        intake = Intake(registry, facts_of, Counts(), _Clock())
        for body in bodies:
            intake.take(body, transport=Transport.AMQP)
        return len(registry)

    def check(tracked: object) -> None:
        assert tracked == caches

    return Work(run, size, check)


def _body(cache: int, turn: int, seed: int) -> bytes:
    """As shoal's agent writes it."""
    said = {
        "uuid": f"{seed + cache:032x}",
        "hostname": f"cache{cache}.site{cache % 97}.example.org",
        "squid_port": 3128,
        "verified": False,
        "max_load": 122000,
        "private_ip": f"10.0.{cache // 250 % 250}.{cache % 250}",
        "external_ip": str(IPv4Address(_FIRST + cache)),
        "timestamp": NOW_S + turn / 1000,
        "load": float((cache * 7919 + turn * 104729) % 100_000),
    }
    return json.dumps(said).encode()
