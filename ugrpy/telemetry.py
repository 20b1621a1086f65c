"""What is measured, and under which name?

One table. The exporter builds its instruments from it, ``docs/reference/metrics.md`` is written from it
(``python -m ugrpy.telemetry``), and a test holds the page to it. Names follow the Prometheus conventions: base units,
``_total`` for what only grows. Every label has few values by construction; a path or an address is never a label.
"""

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

    ``over_workers``: how the gauges of several processes make one number, ``sum`` or ``min``.
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

_METHOD = Label(
    "method",
    "HTTP method; everything we do not offer counts as other",
    ("GET", "HEAD", "OPTIONS", "PROPFIND", "other"),
)
_STATUS = Label("status", "HTTP status of the answer, three digits")
_ENDPOINT = Label("endpoint", "name of the endpoint in the configuration")
_VERB = Label("verb", "what the endpoint was asked", ("stat", "list"))
_OBSERVATION = Label(
    "outcome", "which of the four answers it gave", ("found", "absent", "denied", "unknown")
)
_CACHE = Label("cache", "what is remembered: single names or whole listings", ("entry", "listing"))
_ABOUT = Label("about", "what the replicas disagree on", ("kind", "size", "checksum"))
_LOOKUP = Label(
    "outcome",
    "stale: held, but not enough for this question, or an endpoint is back that had no say",
    ("hit", "stale", "miss"),
)
_FAULT = Label(
    "reason",
    "silent: it never asked; stalled: it does not read; crowded: one connection too many",
    (
        *("malformed", "too_long", "unsupported", "slow_head"),
        *("silent", "stalled", "crowded"),
    ),
)

REQUESTS = Metric(
    "ugrpy_requests_total", MetricKind.COUNTER, "requests", "Requests answered.", (_METHOD, _STATUS)
)
REQUEST_SECONDS = Metric(
    "ugrpy_request_seconds",
    MetricKind.HISTOGRAM,
    "seconds",
    "Time from the request's head to the answer being ready to send; for bodies sent in pieces, sent.",
    buckets=LATENCY_BUCKETS_S,
)
INFLIGHT_REQUESTS = Metric(
    "ugrpy_inflight_requests", MetricKind.GAUGE, "requests", "Requests being answered now."
)
CACHE_LOOKUPS = Metric(
    "ugrpy_cache_lookups_total",
    MetricKind.COUNTER,
    "look-ups",
    "Cache look-ups.",
    (_CACHE, _LOOKUP),
)
CACHE_ITEMS = Metric(
    "ugrpy_cache_items",
    MetricKind.GAUGE,
    "items",
    "Names and listings held in the cache of the worker that showed its metrics last.",
    (_CACHE,),
)
ENDPOINT_ASKS = Metric(
    "ugrpy_endpoint_asks_total",
    MetricKind.COUNTER,
    "questions",
    "Questions put to an endpoint, by what it answered; health probes are not counted.",
    (_ENDPOINT, _VERB, _OBSERVATION),
)
ENDPOINT_SECONDS = Metric(
    "ugrpy_endpoint_seconds",
    MetricKind.HISTOGRAM,
    "seconds",
    "Time an endpoint took for its final word on a question.",
    (_ENDPOINT,),
    buckets=LATENCY_BUCKETS_S,
)
ENDPOINT_IN_SERVICE = Metric(
    "ugrpy_endpoint_in_service",
    MetricKind.GAUGE,
    "0 or 1",
    "1 while the endpoint is asked and redirected to, 0 while it is out of service; with several workers, 0 as soon as one of them sees it so.",
    (_ENDPOINT,),
    over_workers="min",
)
REDIRECTS = Metric(
    "ugrpy_redirects_total",
    MetricKind.COUNTER,
    "redirects",
    "Clients sent to an endpoint.",
    (_ENDPOINT,),
)
EARLY_ANSWERS = Metric(
    "ugrpy_fanout_early_answers_total",
    MetricKind.COUNTER,
    "answers",
    "Answers given although an endpoint that could have improved them was still silent.",
)
ABSENT_WITH_MISSING = Metric(
    "ugrpy_absent_with_missing_total",
    MetricKind.COUNTER,
    "answers",
    "404s given while an endpoint that covers the name was out of service.",
)
PARTIAL_LISTINGS = Metric(
    "ugrpy_partial_listings_total",
    MetricKind.COUNTER,
    "listings",
    "Listings answered without the word of every endpoint that covers the collection.",
)
CLIENT_FAULTS = Metric(
    "ugrpy_client_faults_total",
    MetricKind.COUNTER,
    "connections",
    "Connections ended because of what the client did or did not do; none of these is counted as a request.",
    (_FAULT,),
)
CLASHES = Metric(
    "ugrpy_clashes_total",
    MetricKind.COUNTER,
    "names",
    "Names asked for or listed whose replicas disagree; the outvoted ones are not offered.",
    (_ABOUT,),
)

METRICS = (
    REQUESTS,
    REQUEST_SECONDS,
    INFLIGHT_REQUESTS,
    CACHE_LOOKUPS,
    CACHE_ITEMS,
    ENDPOINT_ASKS,
    ENDPOINT_SECONDS,
    ENDPOINT_IN_SERVICE,
    REDIRECTS,
    EARLY_ANSWERS,
    ABSENT_WITH_MISSING,
    PARTIAL_LISTINGS,
    CLASHES,
    CLIENT_FAULTS,
)


def render_reference() -> str:
    """The reference page, as Markdown."""
    lines = [
        "# Metrics",
        "",
        "<!-- written by `python -m ugrpy.telemetry`; change the table there -->",
        "",
        "What `/metrics` shows, in the Prometheus text format.",
    ]
    for metric in METRICS:
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


if __name__ == "__main__":
    print(render_reference(), end="")  # noqa: T201 - the page is this command's output
