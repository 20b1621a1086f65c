"""How is a number that we show described: its name, what one step of it means, its labels?

Each program has one table of these. The exporter (``ugrpy.service.metrics``) builds its instruments from it and a page of the
documentation is written from it. Names follow the Prometheus conventions: base units, ``_total`` for what only grows.
Every label has few values by construction; a path or an address is never a label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class MetricKind(StrEnum):
    """How a number behaves."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Label:
    """One dimension. ``values`` lists all that occur, or is empty when they come from the configuration."""

    name: str
    help: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table. ``unit`` is what one step means; ``buckets`` are upper bounds of a histogram, in it.

    ``over_workers``: how the gauges of several processes make one number, ``sum``, ``min`` or ``max``.
    """

    name: str
    kind: MetricKind
    unit: str
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    over_workers: str = "sum"

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the labels, in order."""
        return tuple(label.name for label in self.labels)


# From a cached redirect (well below a millisecond) to the longest deadline one would set; factors of about 2.5.
LATENCY_BUCKETS_S = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0),
)


def render_reference(metrics: Sequence[Metric], module: str, title: str = "Metrics") -> str:
    """The reference page of a table, as Markdown; ``module`` is what writes it (``python -m …``)."""
    lines = [
        f"# {title}",
        "",
        f"<!-- written by `python -m {module}`; change the table there -->",
        "",
        "What `/metrics` shows, in the Prometheus text format.",
    ]
    for metric in metrics:
        lines += ["", f"## {metric.name}", "", f"{metric.help} {_shape(metric)}"]
        if metric.labels:
            lines += ["", *map(_label_line, metric.labels)]
    return "\n".join(lines) + "\n"


def _shape(metric: Metric) -> str:
    buckets = ", ".join(f"{bound:g}" for bound in metric.buckets)
    return f"A {metric.kind}, in {metric.unit}" + (f"; buckets {buckets}." if buckets else ".")


def _label_line(label: Label) -> str:
    values = ", ".join(f"`{value}`" for value in label.values)
    return f"- `{label.name}`: {label.help}" + (f" ({values})" if values else "")
