"""The exporter: a program's table of metrics as prometheus-client instruments.

With several workers, prometheus-client keeps the numbers in files that any worker can add up; it decides so when it is first
imported, which is why the supervisor sets ``PROMETHEUS_MULTIPROC_DIR`` before that and workers import this module late.
"""

import os
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_TYPE
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from ugrpy.core.meter import Instrument
from ugrpy.core.metric import Metric, MetricKind

PLAIN_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SHARED_DIR = "PROMETHEUS_MULTIPROC_DIR"

_MODES: Mapping[str, Literal["livesum", "livemin", "livemax"]] = {
    "sum": "livesum",
    "min": "livemin",
    "max": "livemax",
}


class _Counter:
    """Counts in a plain number; ``flush`` hands it on. prometheus-client's own look is ten times as dear."""

    __slots__ = ("_pending", "_series")

    def __init__(self, series: Counter) -> None:
        self._series = series
        self._pending = 0.0

    def add(self, value: float = 1.0) -> None:
        self._pending += value

    def flush(self) -> None:
        if self._pending:
            self._series.inc(self._pending)
            self._pending = 0.0


class _Gauge:
    __slots__ = ("_series",)

    def __init__(self, series: Gauge) -> None:
        self._series = series

    def add(self, value: float = 1.0) -> None:
        self._series.set(value)

    def flush(self) -> None:
        """A gauge is always set at once."""


class _Histogram:
    """Sorts into buckets of its own; ``flush`` adds them to the series'.

    There is no public way to add several observations at once, so the series' parts are named here, and a test holds
    them to the installed version.
    """

    __slots__ = ("_bounds", "_pending", "_series", "_sum")

    def __init__(self, series: Histogram, bounds: tuple[float, ...]) -> None:
        self._series = series
        self._bounds = bounds
        self._pending = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float = 1.0) -> None:
        self._pending[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def flush(self) -> None:
        for bucket, count in zip(self._series._buckets, self._pending, strict=True):
            if count:
                bucket.inc(count)
        self._series._sum.inc(self._sum)
        self._pending = [0] * (len(self._bounds) + 1)
        self._sum = 0.0


class PrometheusMeter:
    """All metrics of a table in a registry of their own. A gauge's ``add`` sets it."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.registry = CollectorRegistry()
        self._metrics = {metric.name: _make(metric, self.registry) for metric in metrics}
        self._bounds = {metric.name: metric.buckets for metric in metrics}
        self._instruments: list[_Counter | _Gauge | _Histogram] = []

    def instrument(self, name: str, **labels: str) -> Instrument:
        """The series of that metric with these label values. Raises ``KeyError`` for a name not in the table."""
        metric = self._metrics[name]
        series = metric.labels(**labels) if labels else metric
        instrument: _Counter | _Gauge | _Histogram
        if isinstance(series, Counter):
            instrument = _Counter(series)
        elif isinstance(series, Gauge):
            instrument = _Gauge(series)
        else:
            instrument = _Histogram(series, self._bounds[name])
        self._instruments.append(instrument)
        return instrument

    def flush(self) -> None:
        """Bring the exporter up to date; ``render`` does so itself, other workers' pages need it now and then."""
        for instrument in self._instruments:
            instrument.flush()

    def render(self, accept: str = "") -> tuple[str, bytes]:
        """Content type and body of ``/metrics``: of this process, or of all workers when they share a directory."""
        self.flush()
        registry = self.registry
        if shared := os.environ.get(SHARED_DIR):
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=shared)  # type: ignore[no-untyped-call]
        if "application/openmetrics-text" in accept:
            return OPENMETRICS_TYPE, generate_openmetrics(registry)  # type: ignore[no-untyped-call]
        return PLAIN_TYPE, generate_latest(registry)


def _make(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    names = list(metric.label_names)
    match metric.kind:
        case MetricKind.COUNTER:
            return Counter(metric.name, metric.help, names, registry=registry)
        case MetricKind.GAUGE:
            return Gauge(
                metric.name,
                metric.help,
                names,
                registry=registry,
                multiprocess_mode=_MODES[metric.over_workers],
            )
        case MetricKind.HISTOGRAM:
            return Histogram(
                metric.name, metric.help, names, registry=registry, buckets=metric.buckets
            )


def forget_worker(pid: int, shared: Path) -> None:
    """A worker has ended: its gauges no longer count, its counters stay."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - only the supervisor needs it

    mark_process_dead(pid, str(shared))  # type: ignore[no-untyped-call]
