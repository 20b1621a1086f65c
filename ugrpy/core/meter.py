"""How areas count without knowing what counts: a protocol that ``service.metrics`` fulfils with prometheus-client.

Names and labels are those of the table in ``ugrpy.telemetry``. Instruments are fetched once and kept, since looking
one up costs more than using it.
"""

from typing import Protocol


class Instrument(Protocol):
    """One time series."""

    def add(self, value: float = 1.0) -> None:
        """Count up, or record a measured value, depending on the metric's kind."""
        ...


class Meter(Protocol):
    """Hands out instruments."""

    def instrument(self, name: str, **labels: str) -> Instrument:
        """The series of that metric with these label values."""
        ...


class _Nothing:
    def add(self, value: float = 1.0) -> None:
        """Forget the value."""


class NullMeter:
    """Counts nothing; for tools and tests that do not look."""

    def instrument(self, name: str, **labels: str) -> Instrument:
        """An instrument that forgets."""
        return _Nothing()
