"""What is wrong with an endpoint, in words that clients may read? Numbers in, a phrase out."""

from ugrpy.core.durations import phrase_duration
from ugrpy.health.states import ProbeReport


def fault_of(probe: ProbeReport, max_latency_s: float) -> str:
    """What was wrong with a probe; empty when nothing was."""
    if not probe.alive:
        return probe.detail or "no answer"
    if probe.latency_s > max_latency_s:
        return f"answered after {probe.latency_s:.1f} s, {max_latency_s:g} s allowed"
    return ""


def phrase_ejection(ago_s: float, failures: int, last_error: str, *, on_trial: bool) -> str:
    """Why it is out: ``ejected 5 s ago after 3 failures: no answer in 5 s``. Without failures of its own it was told by others."""
    after = f" after {failures} failure{'' if failures == 1 else 's'}" if failures else ""
    trial = ", on trial" if on_trial else ""
    return f"ejected {phrase_duration(ago_s)} ago{after}: {last_error}{trial}"


def phrase_kept(last_error: str) -> str:
    """Why it is used although it fails."""
    why = "failing, but kept, since so many fail that our own network may be the cause"
    return f"{why}: {last_error}"
