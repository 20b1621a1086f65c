"""How are repeated measurements summed up? Minimum, median and maximum; ratios within a round, then summed up."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The three numbers a result is told with."""

    minimum: float
    median: float
    maximum: float

    def as_json(self) -> dict[str, float]:
        """Five significant digits are more than any of these measurements has."""
        return {
            "min": significant(self.minimum),
            "median": significant(self.median),
            "max": significant(self.maximum),
        }


def spread(values: Sequence[float]) -> Spread:
    """Sum up one or more values."""
    return Spread(min(values), statistics.median(values), max(values))


def ratios(values: Sequence[float], yardstick: Sequence[float]) -> list[float]:
    """Each value over the yardstick's of the same round: what slowed the machine in a round slowed both."""
    return [value / unit for value, unit in zip(values, yardstick, strict=True)]


def significant(value: float, digits: int = 5) -> float:
    """Rounded to significant digits."""
    return float(f"{value:.{digits}g}")
