"""Which conditions can an endpoint be in, and what leads from one to the next?

The values that the breaker takes and returns, and its table. Times are seconds of one monotonic clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from ugrpy.health.notices import Notice
from ugrpy.namespace.model import EndpointId


class State(StrEnum):
    """What an endpoint is to the gateway at this moment; the first two and ``DRAINED`` are in service."""

    IN_SERVICE = "in_service"
    REFUSING = "refusing"
    """Alive, but our credential is rejected: it is asked and answers *denied*, and people are told."""
    EJECTED = "ejected"
    TRIAL = "trial"
    """Ejected, and one request has been let through to see (half-open)."""
    DRAINED = "drained"
    """In service, but by the operator's wish only what nobody else has is taken from there, and nothing is put there."""
    DISABLED = "disabled"
    """Taken out by the operator."""
    DOWNTIME = "downtime"
    """Announced to be away until a known time."""


WELL_STATES = frozenset({State.IN_SERVICE, State.REFUSING})
IN_SERVICE_STATES = WELL_STATES | {State.DRAINED}


class Signal(StrEnum):
    """What the counting in the breaker amounts to."""

    LIMIT = "too many failures in a row"
    REFUSED = "a good probe, our credential rejected"
    WELCOMED = "a good probe"
    RECOVERED = "enough good probes after an ejection"
    RECOVERED_REFUSING = "the same, our credential rejected"
    TRIED = "one request is let through"
    TRIAL_GOOD = "it was answered"
    TRIAL_BAD = "it failed"
    TRIAL_LOST = "it was given up, nothing is learned"


# A pair that is not here changes nothing. DRAINED, DISABLED and DOWNTIME are not in the table: they hide the
# condition underneath, which goes on by these rules, so that nobody is sent to a dead machine at the end of a downtime.
TABLE: Mapping[tuple[State, Signal], State] = MappingProxyType(
    {
        (State.IN_SERVICE, Signal.LIMIT): State.EJECTED,
        (State.IN_SERVICE, Signal.REFUSED): State.REFUSING,
        (State.REFUSING, Signal.LIMIT): State.EJECTED,
        (State.REFUSING, Signal.WELCOMED): State.IN_SERVICE,
        (State.EJECTED, Signal.RECOVERED): State.IN_SERVICE,
        (State.EJECTED, Signal.RECOVERED_REFUSING): State.REFUSING,
        (State.EJECTED, Signal.TRIED): State.TRIAL,
        (State.TRIAL, Signal.TRIAL_GOOD): State.IN_SERVICE,
        (State.TRIAL, Signal.TRIAL_BAD): State.EJECTED,
        (State.TRIAL, Signal.TRIAL_LOST): State.EJECTED,
    }
)


class ProbeReport(Protocol):
    """What a probe has to tell; ``ugrpy.endpoints.base.Probe`` has this shape."""

    @property
    def alive(self) -> bool:
        """An answer came that shows a working server, a 404 included."""
        ...

    @property
    def latency_s(self) -> float:
        """Time to the head of the answer."""
        ...

    @property
    def refusing(self) -> bool:
        """Alive, but our credential was rejected (401, 403)."""
        ...

    @property
    def detail(self) -> str:
        """For people."""
        ...


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The report of a probe that never came back."""

    latency_s: float
    detail: str
    alive: bool = False
    refusing: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """An endpoint went from one state to another; ``reason`` is a phrase for the log."""

    endpoint: EndpointId
    before: State
    after: State
    at_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class HealthSnapshot:
    """One endpoint's health at one moment, for dashboards and metrics. Ages are seconds before that moment.

    ``note`` says in words what is wrong, and is empty when nothing is. ``notices`` are what operators and calendars have said of it.
    ``share`` is how much of its usual traffic it gets after its return. ``failures`` is the present row of
    failures, the other counts are since the start. ``history`` holds (age, state entered), oldest first.
    """

    endpoint: EndpointId
    state: State
    in_service: bool
    sluggish: bool
    note: str
    state_age_s: float
    latency_s: float | None
    failures: int
    answered: int
    failed: int
    probes: int
    failed_probes: int
    ejections: int
    stalls: int
    last_error: str
    last_error_age_s: float | None
    last_good_age_s: float | None
    last_probe_age_s: float | None
    retry_after_s: float
    share: float
    notices: tuple[Notice, ...]
    history: tuple[tuple[float, State], ...]
