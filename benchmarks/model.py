"""What goes into a benchmark and what comes out? The two values the runner, the benchmarks and the report share."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Protocol

from benchmarks.series import Spread, significant


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure. ``repeat`` rounds of ``seconds`` each; the same ``seed`` asks the same questions."""

    seed: int = 1
    repeat: int = 5
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Check:
    """Something a benchmark must show: the value found, the bound, and whether it holds."""

    text: str
    value: float
    bound: float
    holds: bool


def at_least(text: str, value: float, bound: float) -> Check:
    """A check with a lower bound."""
    return Check(f"{text} >= {bound:g}", value, bound, value >= bound)


def at_most(text: str, value: float, bound: float) -> Check:
    """A check with an upper bound."""
    return Check(f"{text} <= {bound:.4g}", value, bound, value <= bound)


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found.

    ``subjects``: per subject, per metric (``rate`` in 1/s, ``cpu_us`` a request, ``p50_us``, ``p99_us``, ``busy``,
    ``load_busy`` and ``other_busy`` in cores, ``peak_rss_mb``; for micro benchmarks ``ns`` an operation). ``ratios``: per pair of subjects and
    metric, formed within each round. All as minimum, median and maximum over the rounds.
    """

    subjects: Mapping[str, Mapping[str, Spread]]
    ratios: Mapping[str, Mapping[str, Spread]] = field(default_factory=dict)
    statuses: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        return {
            "subjects": _plain(self.subjects),
            "ratios": _plain(self.ratios),
            "statuses": {subject: dict(counts) for subject, counts in self.statuses.items()},
            "checks": [
                asdict(check) | {"value": significant(check.value)} for check in self.checks
            ],
            "notes": list(self.notes),
        }


def _plain(table: Mapping[str, Mapping[str, Spread]]) -> dict[str, dict[str, dict[str, float]]]:
    return {
        row: {metric: spread.as_json() for metric, spread in cells.items()}
        for row, cells in table.items()
    }


class WrongAnswer(Exception):
    """The subject answered something it must not: its speed does not matter then."""


class Benchmark(Protocol):
    """A module's ``run``: measure and tell."""

    def __call__(self, settings: Settings) -> Result:
        """Raises ``WrongAnswer`` or ``topology.CannotRun``."""
        ...
