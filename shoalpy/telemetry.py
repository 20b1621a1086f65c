"""What the shoalpy server measures, and under which name.

``docs/reference/shoalpy-metrics.md`` is written from this table (``python -m shoalpy.telemetry``).
"""

import sys

from shoalpy.model import Health
from shoalpy.wire import Reason
from ugrpy.core.metric import Label, Metric, MetricKind, render_reference
from ugrpy.core.service_metrics import service_metrics

SERVICE = service_metrics("shoalpy")
# Values of the label ``answer``.
ANSWERS = ("v1", "v2", "page", "wpad", "geo", "echo", "beats", "other")
TRANSPORTS = ("amqp", "https")

ANSWERED = Metric(
    "shoalpy_answers_total",
    MetricKind.COUNTER,
    "answers",
    "Answers by what was asked for; the small pages about the service itself are not counted.",
    (
        Label("answer", "what was asked for", ANSWERS),
        Label("status", "HTTP status of the answer, three digits"),
    ),
)
CACHES = Metric(
    "shoalpy_caches",
    MetricKind.GAUGE,
    "caches",
    "Caches that are tracked.",
    (Label("health", "what verification found", tuple(Health)),),
)
BEATS = Metric(
    "shoalpy_heartbeats_total",
    MetricKind.COUNTER,
    "heartbeats",
    "Heartbeats and goodbyes that counted.",
    (Label("transport", "how it came", TRANSPORTS),),
)
DROPPED = Metric(
    "shoalpy_heartbeats_dropped_total",
    MetricKind.COUNTER,
    "heartbeats",
    "Heartbeats that did not count.",
    (
        Label("transport", "how it came", TRANSPORTS),
        Label("reason", "why it was dropped", tuple(Reason)),
    ),
)
PROBES = Metric(
    "shoalpy_probes_total",
    MetricKind.COUNTER,
    "verifications",
    "Caches verified, by what was found.",
    (Label("health", "what was found", (Health.PASSED.value, Health.FAILED.value)),),
)
BROKER_UP = Metric(
    "shoalpy_broker_up",
    MetricKind.GAUGE,
    "connections",
    "1 while the broker is connected, 0 while it is not; not shown without a broker.",
)
GEO_AGE = Metric(
    "shoalpy_geoip_age_seconds",
    MetricKind.GAUGE,
    "seconds",
    "Age of the oldest GeoIP database in use, by what its makers wrote into it.",
)
GEO_FAILURES = Metric(
    "shoalpy_geoip_reload_failures_total",
    MetricKind.COUNTER,
    "failures",
    "New GeoIP databases that could not be used; the old ones stayed.",
)
STORE_FAILURES = Metric(
    "shoalpy_store_failures_total",
    MetricKind.COUNTER,
    "failures",
    "Times that the table of caches could not be written to its file.",
)

METRICS = (
    *SERVICE.rows,
    ANSWERED,
    CACHES,
    BEATS,
    DROPPED,
    PROBES,
    BROKER_UP,
    GEO_AGE,
    GEO_FAILURES,
    STORE_FAILURES,
)


def render_page() -> str:
    """The reference page, as Markdown."""
    return render_reference(METRICS, "shoalpy.telemetry", "Metrics of shoalpy")


if __name__ == "__main__":
    sys.stdout.write(render_page())
