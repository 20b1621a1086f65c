"""What may a row demand of a benchmark? A figure of its result, and the least or most it may be.

In ``rows.toml``, beside ``text`` and ``needs``::

    measured = [
      { benchmark = "shoal_nearest", figure = ["ratios", "shoal_100 / nginx", "rate"], at_least = 0.12 },
    ]

``figure`` is the way through the result: ``ratios`` (formed within each round, so the machine cancels out) or ``subjects``, then the
row and the metric as the benchmark names them. Its median over the rounds counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_KEYS = {"benchmark", "figure", "at_least", "at_most"}


@dataclass(frozen=True, slots=True)
class Bound:
    """One demand; exactly one of ``at_least`` and ``at_most`` is given."""

    benchmark: str
    figure: tuple[str, str, str]
    at_least: float | None = None
    at_most: float | None = None

    def is_met_by(self, value: float) -> bool:
        """Whether this is enough."""
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is not None and value <= self.at_most

    @property
    def wanted(self) -> str:
        """The bound as people write it."""
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"

    @property
    def name(self) -> str:
        """What is measured, for people."""
        _, subject, metric = self.figure
        return f"{self.benchmark}: {subject} by {metric}"


def parse_bound(row_id: str, table: object) -> Bound:
    """A bound from its table. Raises ``ValueError`` that names the row."""
    if not isinstance(table, Mapping) or not table.keys() <= _KEYS:
        raise ValueError(f"{row_id}: measured has {', '.join(sorted(_KEYS))}, nothing else")
    limits = {key: table[key] for key in ("at_least", "at_most") if key in table}
    if len(limits) != 1 or not all(type(limit) in (int, float) for limit in limits.values()):
        raise ValueError(f"{row_id}: one of at_least and at_most must be given, as a number")
    benchmark = table.get("benchmark")
    if not isinstance(benchmark, str):
        raise ValueError(f"{row_id}: benchmark must be named")
    figure = _parse_figure(row_id, table.get("figure"))
    return Bound(benchmark, figure, **{key: float(limit) for key, limit in limits.items()})


def _parse_figure(row_id: str, value: object) -> tuple[str, str, str]:
    match value:
        case [("ratios" | "subjects") as table, str() as row, str() as metric]:
            return table, row, metric
    raise ValueError(f'{row_id}: figure is ["ratios" or "subjects", row, metric]')
