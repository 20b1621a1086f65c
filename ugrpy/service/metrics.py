"""The exporter: ``ugrpy.telemetry``'s table as prometheus-client instruments.

With several workers, prometheus-client keeps the numbers in files that any worker can add up; it decides so when it is first
imported, which is why the supervisor sets ``PROMETHEUS_MULTIPROC_DIR`` before that and workers import this module late.
"""

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_TYPE
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from ugrpy.core.meter import Instrument
from ugrpy.telemetry import METRICS, Metric, MetricKind

PLAIN_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SHARED_DIR = "PROMETHEUS_MULTIPROC_DIR"


class _Gauge:
    __slots__ = ("_series",)

    def __init__(self, series: Gauge) -> None:
        self._series = series

    def add(self, value: float = 1.0) -> None:
        self._series.set(value)


class _Histogram:
    __slots__ = ("_series",)

    def __init__(self, series: Histogram) -> None:
        self._series = series

    def add(self, value: float = 1.0) -> None:
        self._series.observe(value)


class _Counter:
    __slots__ = ("add",)

    def __init__(self, series: Counter) -> None:
        self.add = series.inc


class PrometheusMeter:
    """All metrics of the table in a registry of their own. A gauge's ``add`` sets it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._metrics = {metric.name: _make(metric, self.registry) for metric in METRICS}

    def instrument(self, name: str, **labels: str) -> Instrument:
        """The series of that metric with these label values. Raises ``KeyError`` for a name not in the table."""
        metric = self._metrics[name]
        series = metric.labels(**labels) if labels else metric
        match series:
            case Counter():
                return _Counter(series)
            case Gauge():
                return _Gauge(series)
            case Histogram():
                return _Histogram(series)

    def render(self, accept: str = "") -> tuple[str, bytes]:
        """Content type and body of ``/metrics``: of this process, or of all workers when they share a directory."""
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
                multiprocess_mode="livemostrecent",
            )
        case MetricKind.HISTOGRAM:
            return Histogram(
                metric.name, metric.help, names, registry=registry, buckets=metric.buckets
            )


def forget_worker(pid: int, shared: Path) -> None:
    """A worker has ended: its gauges no longer count, its counters stay."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - only the supervisor needs it

    mark_process_dead(pid, str(shared))  # type: ignore[no-untyped-call]
