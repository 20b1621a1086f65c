"""What does every service count, whatever it serves? The rows of its table that ``ugrpy.service`` fills."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ugrpy.core.metric import LATENCY_BUCKETS_S, Label, Metric, MetricKind

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE")
# Values of the label ``reason``: why a connection was ended.
FAULTS = (
    *("malformed", "too_long", "unsupported", "slow_head", "silent", "stalled", "crowded"),
    "network_crowded",
)

_STATUS = Label("status", "HTTP status of the answer, three digits")
_FAULT = Label(
    "reason",
    "silent: it never asked; stalled: it does not read; crowded: one connection too many; network_crowded: one too many from its network",
    FAULTS,
)
_TASK = Label("task", "what the work is called in the log")


@dataclass(frozen=True, slots=True)
class ServiceMetrics:
    """The rows; their names begin with the program's."""

    requests: Metric
    request_seconds: Metric
    inflight_requests: Metric
    client_faults: Metric
    background_failures: Metric

    @property
    def rows(self) -> tuple[Metric, ...]:
        """All of them, for the program's table."""
        return (
            self.requests,
            self.request_seconds,
            self.inflight_requests,
            self.client_faults,
            self.background_failures,
        )

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are counted by name."""
        return self.requests.labels[0].values[:-1]


def service_metrics(program: str, methods: Sequence[str] = METHODS) -> ServiceMetrics:
    """The rows of a program, ``ugrpy`` or ``shoalpy``; ``methods`` are those it offers."""
    return _rows(program, tuple(methods))


@cache
def _rows(program: str, methods: tuple[str, ...]) -> ServiceMetrics:
    method = Label(
        "method", "HTTP method; everything we do not offer counts as other", (*methods, "other")
    )
    return ServiceMetrics(
        requests=Metric(
            f"{program}_requests_total",
            MetricKind.COUNTER,
            "requests",
            "Requests answered.",
            (method, _STATUS),
        ),
        request_seconds=Metric(
            f"{program}_request_seconds",
            MetricKind.HISTOGRAM,
            "seconds",
            "Time from the request's head to the answer being ready to send; for bodies sent in pieces, sent.",
            buckets=LATENCY_BUCKETS_S,
        ),
        inflight_requests=Metric(
            f"{program}_inflight_requests",
            MetricKind.GAUGE,
            "requests",
            "Requests being answered now.",
        ),
        client_faults=Metric(
            f"{program}_client_faults_total",
            MetricKind.COUNTER,
            "connections",
            "Connections ended because of what the client did or did not do; none of these is counted as a request.",
            (_FAULT,),
        ),
        background_failures=Metric(
            f"{program}_background_failures_total",
            MetricKind.COUNTER,
            "failures",
            "Times that work in the background broke off by a fault of ours; it is begun again after a pause.",
            (_TASK,),
        ),
    )
