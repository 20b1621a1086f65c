"""How many heartbeats came, and how many of them were dropped and why? By transport, for the metrics and for people."""

from collections import Counter
from enum import StrEnum

from shoalpy import telemetry
from shoalpy.wire import Reason
from ugrpy.core.meter import Instrument, Meter, NullMeter


class Transport(StrEnum):
    """How a heartbeat came."""

    AMQP = "amqp"
    HTTPS = "https"


class Counts:
    """Counts into the meter and remembers what it counted."""

    def __init__(self, meter: Meter | None = None) -> None:
        self._meter = meter or NullMeter()
        self._taken: Counter[Transport] = Counter()
        self._dropped: Counter[tuple[Transport, Reason]] = Counter()
        self._instruments: dict[Transport | tuple[Transport, Reason], Instrument] = {}

    def __repr__(self) -> str:
        return f"<Counts {dict(self._taken)} taken, {dict(self._dropped)} dropped>"

    def taken(self, transport: Transport) -> None:
        """A heartbeat or goodbye counted."""
        self._taken[transport] += 1
        instrument = self._instruments.get(transport)
        if instrument is None:
            instrument = self._meter.instrument(telemetry.BEATS.name, transport=transport)
            self._instruments[transport] = instrument
        instrument.add()

    def dropped(self, transport: Transport, reason: Reason) -> None:
        """One did not."""
        key = transport, reason
        self._dropped[key] += 1
        instrument = self._instruments.get(key)
        if instrument is None:
            instrument = self._meter.instrument(
                telemetry.DROPPED.name, transport=transport, reason=reason
            )
            self._instruments[key] = instrument
        instrument.add()

    def total_taken(self) -> int:
        """All that counted."""
        return self._taken.total()

    def by_reason(self) -> dict[Reason, int]:
        """How many were dropped for which reason, whichever way they came."""
        found: Counter[Reason] = Counter()
        for (_transport, reason), number in self._dropped.items():
            found[reason] += number
        return dict(found)
