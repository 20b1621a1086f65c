"""How is one endpoint's health shown to people and programs?"""

from ugrpy.health.breaker import Breaker
from ugrpy.health.states import HealthSnapshot


def snapshot_of(breaker: Breaker, now: float) -> HealthSnapshot:
    """Everything at once, for dashboards and metrics."""

    def age(at: float | None) -> float | None:
        return None if at is None else now - at

    return HealthSnapshot(
        endpoint=breaker.endpoint,
        state=breaker.state,
        in_service=breaker.in_service,
        sluggish=breaker.sluggish,
        note=breaker.note(now),
        state_age_s=age(breaker.since) or 0.0,
        latency_s=breaker.latency_s,
        failures=breaker.row.count,
        answered=breaker.answered,
        failed=breaker.failed,
        probes=breaker.probes,
        failed_probes=breaker.failed_probes,
        ejections=breaker.ejections,
        stalls=breaker.stalls,
        last_error=breaker.last_error,
        last_error_age_s=age(breaker.last_error_at),
        last_good_age_s=age(breaker.rhythm.last_good_s),
        last_probe_age_s=age(breaker.rhythm.last_probe_s),
        retry_after_s=breaker.retry_after_s(now),
        share=breaker.share(now),
        notices=breaker.holding.notices,
        history=tuple((now - at, state) for at, state in breaker.history),
    )
