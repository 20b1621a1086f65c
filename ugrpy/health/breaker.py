"""Should this endpoint be asked?

The problem: a dead storage element costs every client the full wait for an answer that never comes, and turns every
"no such file" into "do not know". A live one taken for dead hides its files. Both errors hurt, so evidence is weighed:

- *What counts.* First the traffic itself: it is free, it is recent, and it is what users see. Found, absent and denied
  are all signs of life. Probes fill the silence: an endpoint that has just answered needs none, one that has just failed
  gets one soon, so that a quiet endpoint's death is noticed within about one probe interval.
- *How much.* Failures in a row, the habit of HTTP proxies, rather than an error rate over a window (which needs enough
  traffic to mean something; most endpoints see a request a minute) or the first time-out alone (one unreadable file would
  take a site away, as it does in the system this replaces; ``eject_after = 1`` still gives that).
- *No connection counts twice.* A time-out or a 500 may belong to one file; nobody at the door concerns every path. Once
  alone is not enough all the same: a daemon being restarted refuses for a second. With the defaults, one refused request
  and the probe that follows it at once, or two refused requests, eject.
- *What is forgiven.* A good operation forgives everything. A good probe forgives only what a probe can judge: other
  probes and missing connections. A server whose front door answers while its disks hang must not be kept in service by
  a ``HEAD`` of its root.
- *The way back.* ``return_after`` good probes in a row, each a probe interval after the one before and the first an interval
  after the ejection, so that they are as many stable intervals. An endpoint that must not be probed gets a half-open trial:
  after a back-off one single request is let through, and its fate decides. The back-off doubles from one probe interval to
  sixteen, with jitter, so that many gateways do not come back at once.
- *Refused credentials* (401, 403 on a probe) are a matter for people, not a sign of death: the endpoint stays in service,
  answers *denied*, and its note says so.

What this does not catch: an endpoint that answers promptly and wrongly. Merging answers does.
"""

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from ugrpy.core.durations import phrase_duration
from ugrpy.health.counts import BackOff, Draw, FailureRow, jittered, middle
from ugrpy.health.pace import USUAL_CAP_S, Pace
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.states import (
    IN_SERVICE_STATES,
    TABLE,
    HealthSnapshot,
    ProbeReport,
    Signal,
    State,
    Transition,
)
from ugrpy.namespace.model import Cause, EndpointId


class Breaker:
    """One endpoint's health. Events return the visible change they caused, or ``None``.

    ``probed_actively`` is false for an endpoint that must not be probed. ``draw`` yields numbers in [0, 1).
    ``on_move`` is called after every visible change, whatever caused it.
    """

    HISTORY_LENGTH: ClassVar[int] = 100  # changes
    UNREACHABLE_WEIGHT: ClassVar[int] = 2
    SUSPECT_FRACTION: ClassVar[float] = 0.1  # of a probe interval between probes of a suspect

    def __init__(
        self,
        endpoint: EndpointId,
        policy: HealthPolicy,
        *,
        probed_actively: bool = True,
        draw: Draw = middle,
        on_move: Callable[[], None] = lambda: None,
    ) -> None:
        self.endpoint = endpoint
        self.policy = policy
        self.probed_actively = probed_actively
        self.history: deque[tuple[float, State]] = deque(maxlen=self.HISTORY_LENGTH)
        self.answered = self.failed = 0
        self.probes = self.failed_probes = 0
        self.ejections = self.stalls = 0
        self.last_error = ""
        self._draw = draw
        self._on_move = on_move
        self._pace = Pace(policy.slow_after)
        self._condition = State.IN_SERVICE
        self._drained: str | None = None
        self._downtime: tuple[float, str] | None = None
        self._state = State.IN_SERVICE
        self._serving = True
        self._since: float | None = None
        self._refusal = ""
        self._row = FailureRow()
        self._suspect = False
        self._good_probes = 0
        self._ejected_at = self._tried_at = 0.0
        self._back_off = BackOff(policy.probe_interval_s, draw)
        self._last_error_at: float | None = None
        self._last_good_at: float | None = None
        self._last_probe_at: float | None = None
        self._period_s = jittered(policy.probe_interval_s, draw)

    # -- what is seen -----------------------------------------------------------------------------

    def heard(
        self, cause: Cause | None, latency_s: float | None, now: float, detail: str = ""
    ) -> Transition | None:
        """An operation ended: answered (found, absent or denied) when ``cause`` is ``None``, else failed.

        ``latency_s`` is the time to the head of the answer, ``None`` when it would mislead.
        """
        if cause is None:
            return self._answered(latency_s, now)
        self.failed += 1
        error = detail or cause.value
        if cause is Cause.UNREACHABLE:
            return self._strike(error, now, door=self.UNREACHABLE_WEIGHT)
        return self._strike(error, now, work=1)

    def probed(self, probe: ProbeReport, now: float) -> Transition | None:
        """A probe came back."""
        self.probes += 1
        self._last_probe_at = now
        self._period_s = jittered(self.policy.probe_interval_s, self._draw)
        if probe.alive and probe.latency_s <= self.policy.max_latency_s:
            return self._probed_well(probe, now)
        self.failed_probes += 1
        self._good_probes = 0
        if probe.alive:
            what = (
                f"answered after {probe.latency_s:.1f} s, {self.policy.max_latency_s:g} s allowed"
            )
        else:
            what = probe.detail or "no answer"
        return self._strike(f"probe: {what}", now, door=1)

    def stalled(self, now: float, *, cap_s: float = USUAL_CAP_S) -> None:
        """A client was answered without this endpoint, which might have been the better choice.

        ``cap_s`` is the longest that the client would have waited for anybody.
        """
        self.stalls += 1
        was_sluggish = self._pace.sluggish
        self._pace.stalled(cap_s)
        # A fan-out that was answered early gives its other questions up, so an endpoint that hangs may never be
        # heard to fail; the probe will tell.
        self._suspect = self._suspect or (not was_sluggish and self._pace.sluggish)

    def drain(self, now: float, reason: str = "") -> Transition | None:
        """The operator takes the endpoint out until ``undrain``."""
        self._drained = reason
        return self._moved(now)

    def undrain(self, now: float) -> Transition | None:
        """The operator gives it back, in whatever condition it is by now."""
        self._drained = None
        return self._moved(now)

    def downtime(self, until: float, now: float, reason: str = "") -> Transition | None:
        """It is announced to be away until ``until`` (monotonic seconds); a time in the past ends a downtime."""
        self._downtime = (until, reason) if until > now else None
        return self._moved(now)

    def tick(self, now: float) -> Transition | None:
        """Time passes: downtimes end, and a trial that nobody reported on makes room for another."""
        if self._downtime is not None and self._downtime[0] <= now:
            self._downtime = None
        if self._condition is State.TRIAL and now - self._tried_at > self.policy.max_latency_s:
            return self._signal(Signal.TRIAL_LOST, now)
        return self._moved(now)

    def begin_trial(self, now: float) -> Transition | None:
        """Let one request through if ``trial_due``; its ``heard`` decides, be it on time."""
        if not self.trial_due(now):
            return None
        self._tried_at = now
        return self._signal(Signal.TRIED, now)

    # -- what is concluded ------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The visible state: drained before downtime before the condition underneath."""
        return self._state

    @property
    def in_service(self) -> bool:
        """It is asked and waited for."""
        return self._serving

    @property
    def sluggish(self) -> bool:
        """It is asked, but no client waits for it."""
        return self._pace.sluggish

    @property
    def latency_s(self) -> float | None:
        """The moving average of its latency, ``None`` when nothing is known."""
        return self._pace.latency_s

    def patience_s(self, cap_s: float) -> float:
        """How long a client waits for this endpoint once another answer is there, ``cap_s`` at most."""
        return self._pace.patience_s(cap_s) if self._serving else 0.0

    def probe_due(self, now: float) -> bool:
        """Whether a probe should start now. One that refuses us or is out is probed whatever its traffic says."""
        if not self.probed_actively:
            return False
        since = self._quiet_since()
        if since is None:
            return True
        soon = self._suspect and self._condition is not State.EJECTED
        return now - since >= self._period_s * (self.SUSPECT_FRACTION if soon else 1.0)

    def trial_due(self, now: float) -> bool:
        """Whether the next request may be the one trial of an endpoint that is not probed."""
        return (
            self._state is State.EJECTED
            and not self.probed_actively
            and now >= self._back_off.due_at
        )

    def retry_after_s(self, now: float) -> float:
        """When it is worth asking again: 0 in service, else at least 1; a guess where nobody can know."""
        if self._serving:
            return 0.0
        return max(1.0, self._back_in_s(now))

    def note(self, now: float) -> str:
        """What is wrong, in words; empty when nothing is."""
        match self._state:
            case State.IN_SERVICE:
                return "slow: clients do not wait for it" if self.sluggish else ""
            case State.REFUSING:
                return f"alive, but it refuses our credential{self._refusal}"
            case _:
                return self.out_reason(now)

    def out_reason(self, now: float) -> str:
        """Why it is out of service, in words; empty when it is in service."""
        if self._serving:
            return ""
        if self._drained is not None:
            return "drained by the operator" + (f": {self._drained}" if self._drained else "")
        if self._downtime is not None:
            until, reason = self._downtime
            left = phrase_duration(until - now)
            return f"in downtime for another {left}" + (f": {reason}" if reason else "")
        failures = f"{self._row.count} failure{'' if self._row.count == 1 else 's'}"
        on_trial = ", on trial" if self._condition is State.TRIAL else ""
        ago = phrase_duration(now - self._ejected_at)
        return f"ejected {ago} ago after {failures}: {self.last_error}{on_trial}"

    def snapshot(self, now: float) -> HealthSnapshot:
        """Everything at once, for dashboards and metrics."""

        def age(at: float | None) -> float | None:
            return None if at is None else now - at

        return HealthSnapshot(
            endpoint=self.endpoint,
            state=self._state,
            in_service=self._serving,
            sluggish=self.sluggish,
            note=self.note(now),
            state_age_s=age(self._since) or 0.0,
            latency_s=self.latency_s,
            failures=self._row.count,
            answered=self.answered,
            failed=self.failed,
            probes=self.probes,
            failed_probes=self.failed_probes,
            ejections=self.ejections,
            stalls=self.stalls,
            last_error=self.last_error,
            last_error_age_s=age(self._last_error_at),
            last_good_age_s=age(self._last_good_at),
            last_probe_age_s=age(self._last_probe_at),
            retry_after_s=self.retry_after_s(now),
            history=tuple((now - at, state) for at, state in self.history),
        )

    def __repr__(self) -> str:
        return (
            f"<Breaker {self.endpoint} {self._state} over {self._condition}, {self._row!r}, "
            f"{self._good_probes} good probes, {self._pace!r}>"
        )

    # -- counting ---------------------------------------------------------------------------------

    def _answered(self, latency_s: float | None, now: float) -> Transition | None:
        self.answered += 1
        if self._condition is State.EJECTED:
            return None  # the late answer to a question from before the ejection
        self._last_good_at = now
        self._row.forgive_all()
        self._suspect = False
        change = self._signal(Signal.TRIAL_GOOD, now)
        if latency_s is not None:
            self._pace.answered(latency_s)
        return change

    def _probed_well(self, probe: ProbeReport, now: float) -> Transition | None:
        self._refusal = f": {probe.detail}" if probe.detail else ""
        self._suspect = False
        begun_s = now - probe.latency_s
        change = self._signal(self._good_probe_signal(probe.refusing, begun_s), now)
        self._pace.seeded(probe.latency_s)
        return change

    def _good_probe_signal(self, refusing: bool, begun_s: float) -> Signal | None:
        if self._condition is State.TRIAL:
            return None  # only the trial itself decides
        if self._condition is not State.EJECTED:
            self._row.forgive_door()
            return Signal.REFUSED if refusing else Signal.WELCOMED
        if begun_s < self._ejected_at:
            return None  # it was on its way already, and no interval has passed since
        self._good_probes += 1
        if self._good_probes < self.policy.return_after:
            return None
        return Signal.RECOVERED_REFUSING if refusing else Signal.RECOVERED

    def _strike(self, error: str, now: float, *, door: int = 0, work: int = 0) -> Transition | None:
        self.last_error = error
        self._last_error_at = now
        self._suspect = True
        if self._condition is State.EJECTED:
            return None
        self._row.add(door=door, work=work)
        if self._condition is State.TRIAL:
            self._back_off.lengthen(now)
            return self._signal(Signal.TRIAL_BAD, now)
        if 0 < self.policy.eject_after <= self._row.weight:
            return self._signal(Signal.LIMIT, now)
        return None

    def _quiet_since(self) -> float | None:
        """From when the time to the next probe counts; ``None`` when the first one is due."""
        last = self._last_probe_at
        if self._condition is State.EJECTED:
            # a probe at once would say nothing about the interval that has to be stable
            return self._ejected_at if last is None else max(last, self._ejected_at)
        watched = self._suspect or self._condition is not State.IN_SERVICE
        if watched or last is None or self._last_good_at is None:
            return last
        return max(last, self._last_good_at)

    # -- moving -----------------------------------------------------------------------------------

    def _signal(self, signal: Signal | None, now: float) -> Transition | None:
        after = TABLE.get((self._condition, signal)) if signal else None
        if after is not None:
            self._condition = after
            if signal is Signal.LIMIT:
                self.ejections += 1
                self._ejected_at = now
                self._good_probes = 0
                self._back_off.start(now)
            elif signal in _RETURNS:
                self._row.forgive_all()
                self._pace.forget()
        return self._moved(now)

    def _moved(self, now: float) -> Transition | None:
        before, after = self._state, self._condition
        if self._drained is not None:
            after = State.DRAINED
        elif self._downtime is not None:
            after = State.DOWNTIME
        if self._since is None:
            self._since = now
        if after is before:
            return None
        self._state = after
        self._serving = after in IN_SERVICE_STATES
        self._since = now
        self.history.append((now, after))
        self._on_move()
        return Transition(self.endpoint, before, after, now, self.note(now) or "well again")

    def _back_in_s(self, now: float) -> float:
        if self._drained is not None:
            return 6 * self.policy.probe_interval_s  # nobody knows: a minute with the defaults
        if self._downtime is not None:
            return self._downtime[0] - now
        if not self.probed_actively:
            return self._back_off.due_at - now
        return (self.policy.return_after - self._good_probes) * self.policy.probe_interval_s


_RETURNS = frozenset({Signal.RECOVERED, Signal.RECOVERED_REFUSING, Signal.TRIAL_GOOD})
