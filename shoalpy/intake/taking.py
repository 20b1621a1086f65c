"""What becomes of the bytes of a heartbeat, whichever way they came? They change the registry, or are counted by the reason why not.

Nothing here waits and nothing is started: a heartbeat is data, however hostile (rows S26 and S27).
"""

from collections.abc import Callable
from dataclasses import dataclass

from shoalpy.intake.counts import Counts, Transport
from shoalpy.model import Address, Cache
from shoalpy.registry import Registry
from shoalpy.wire import BadBeat, parse_heartbeat
from ugrpy.core.clock import Clock
from ugrpy.locality.facts import UNKNOWN_FACTS, GeoFacts

FactsOf = Callable[[Address], GeoFacts]


@dataclass(frozen=True, slots=True)
class Goodbye:
    """An agent has ended and said so. ``was_there``: its cache was known until now."""

    key: str
    was_there: bool


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes heartbeats into ``registry``; ``facts_of`` says where an address is."""

    registry: Registry
    facts_of: FactsOf
    counts: Counts
    clock: Clock

    def take(self, body: bytes, signer: str = "", *, transport: Transport) -> Cache | Goodbye:
        """The cache as it is known now, or which one left. Raises ``BadBeat``, counted, when it must not count.

        ``signer`` is whoever was shown to have sent it, empty when nobody was.
        """
        try:
            taken = self._take(body, signer)
        except BadBeat as error:
            self.counts.dropped(transport, error.reason)
            raise
        self.counts.taken(transport)
        return taken

    def _take(self, body: bytes, signer: str) -> Cache | Goodbye:
        beat = parse_heartbeat(body, signer=signer)
        if isinstance(beat, str):
            return Goodbye(beat, self.registry.goodbye(beat, signer))
        # a cache behind NAT that does not know its outer address may be placed by the operator's table of private ranges
        address = beat.reachable_ip or beat.private_ip
        facts = UNKNOWN_FACTS if address is None else self.facts_of(address)
        return self.registry.apply(beat, facts, self.clock.wall())
