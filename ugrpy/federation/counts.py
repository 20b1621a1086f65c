"""The federation's instruments, fetched once (``ugrpy.telemetry`` describes them)."""

from collections.abc import Sequence

from ugrpy import telemetry
from ugrpy.core.meter import Instrument, Meter
from ugrpy.namespace.model import Absent, Denied, EndpointId, Found, Observation

_OUTCOMES = ("found", "absent", "denied", "unknown")
_ABOUT = ("kind", "size", "checksum")
_SECOND_OUTCOMES = ("won", "lost", "failed", "withheld")


class Counts:
    """What the federation counts."""

    def __init__(self, meter: Meter, endpoints: Sequence[EndpointId]) -> None:
        def lookups(cache: str, outcome: str) -> Instrument:
            return meter.instrument(telemetry.CACHE_LOOKUPS.name, cache=cache, outcome=outcome)

        self.name_hit = lookups("entry", "hit")
        self.name_stale = lookups("entry", "stale")
        self.name_miss = lookups("entry", "miss")
        self.listing_hit = lookups("listing", "hit")
        self.listing_stale = lookups("listing", "stale")
        self.listing_miss = lookups("listing", "miss")
        self.unpacked = meter.instrument(telemetry.CACHE_UNPACKED.name)
        self.names_evicted = meter.instrument(telemetry.CACHE_EVICTED.name, cache="entry")
        self.listings_evicted = meter.instrument(telemetry.CACHE_EVICTED.name, cache="listing")
        self.ahead = meter.instrument(telemetry.CACHE_AHEAD.name)
        self.last_names = meter.instrument(telemetry.CACHE_LAST_KNOWN.name, cache="entry")
        self.last_listings = meter.instrument(telemetry.CACHE_LAST_KNOWN.name, cache="listing")
        self.early = meter.instrument(telemetry.EARLY_ANSWERS.name)
        self.partial = meter.instrument(telemetry.PARTIAL_LISTINGS.name)
        self.absent_with_missing = meter.instrument(telemetry.ABSENT_WITH_MISSING.name)
        self._clashes = {
            about: meter.instrument(telemetry.CLASHES.name, about=about) for about in _ABOUT
        }
        self._asks = {
            (endpoint, verb, outcome): meter.instrument(
                telemetry.ENDPOINT_ASKS.name, endpoint=endpoint, verb=verb, outcome=outcome
            )
            for endpoint in endpoints
            for verb in ("stat", "list")
            for outcome in _OUTCOMES
        }
        self.held_back = {
            endpoint: meter.instrument(telemetry.ENDPOINT_HELD_BACK.name, endpoint=endpoint)
            for endpoint in endpoints
        }
        self._asked_again = {
            (endpoint, outcome): meter.instrument(
                telemetry.SECOND_ASKS.name, endpoint=endpoint, outcome=outcome
            )
            for endpoint in endpoints
            for outcome in _SECOND_OUTCOMES
        }
        self._seconds = {
            endpoint: meter.instrument(telemetry.ENDPOINT_SECONDS.name, endpoint=endpoint)
            for endpoint in endpoints
        }

    def clash(self, about: str) -> None:
        """Replicas of a name disagree; ``about`` is that of a ``Conflict``."""
        self._clashes[about if about in _ABOUT else "checksum"].add()

    def asked_again(self, endpoint: EndpointId, outcome: str) -> None:
        """A question to this endpoint was worth putting a second time; this is what became of it."""
        self._asked_again[endpoint, outcome].add()

    def heard(
        self, endpoint: EndpointId, verb: str, observation: Observation, took_s: float
    ) -> None:
        """An endpoint gave its final word on a question."""
        self._asks[endpoint, verb, outcome_of(observation)].add()
        self._seconds[endpoint].add(took_s)


def outcome_of(observation: Observation) -> str:
    """The answer's kind as a word."""
    match observation:
        case Found():
            return "found"
        case Absent():
            return "absent"
        case Denied():
            return "denied"
        case _:
            return "unknown"
