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
from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import ClassVar

from ugrpy.health.counts import BackOff, Draw, FailureRow, middle
from ugrpy.health.holding import Holding
from ugrpy.health.notices import Notice
from ugrpy.health.pace import USUAL_CAP_S, Pace
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.rhythm import Rhythm
from ugrpy.health.states import (
    IN_SERVICE_STATES,
    TABLE,
    ProbeReport,
    Signal,
    State,
    Transition,
)
from ugrpy.health.warming import Warming
from ugrpy.health.words import fault_of, phrase_ejection, phrase_kept
from ugrpy.namespace.model import Cause, EndpointId


class Breaker:
    """One endpoint's health. Events return the visible change they caused, or ``None``.

    ``probed_actively`` is false for an endpoint that must not be probed. ``draw`` yields numbers in [0, 1).
    ``on_move`` is called after every visible change, whatever caused it; ``may_eject`` is asked before it is ejected.
    """

    HISTORY_LENGTH: ClassVar[int] = 100  # changes
    UNREACHABLE_WEIGHT: ClassVar[int] = 2

    def __init__(
        self,
        endpoint: EndpointId,
        policy: HealthPolicy,
        *,
        probed_actively: bool = True,
        draw: Draw = middle,
        on_move: Callable[[], None] = lambda: None,
        may_eject: Callable[[], bool] = lambda: True,
    ) -> None:
        self.endpoint = endpoint
        self.policy = policy
        self.probed_actively = probed_actively
        self.history: deque[tuple[float, State]] = deque(maxlen=self.HISTORY_LENGTH)
        self.answered = self.failed = 0
        self.probes = self.failed_probes = 0
        self.ejections = self.stalls = 0
        self.last_error = ""
        self.holding = Holding()
        self._on_move = on_move
        self._may_eject = may_eject
        self._pace = Pace(policy.slow_after)
        self._condition = State.IN_SERVICE
        self._state = State.IN_SERVICE
        self._serving = True
        self._reserved = self._kept = False
        self.since: float | None = None
        self._refusal = ""
        self.row = FailureRow()
        self._good_probes = 0
        self._ejected_at = self._tried_at = 0.0
        self._back_off = BackOff(policy.probe_interval_s, draw)
        self.last_error_at: float | None = None
        self.rhythm = Rhythm(policy.probe_interval_s, draw)
        self._warming = Warming(policy.slow_start_s)

    # -- what is seen -----------------------------------------------------------------------------

    def heard(
        self,
        cause: Cause | None,
        latency_s: float | None,
        now: float,
        detail: str = "",
        *,
        wish_s: float | None = None,
    ) -> Transition | None:
        """An operation ended: answered (found, absent or denied) when ``cause`` is ``None``, else failed.

        ``latency_s`` is the time to the head of the answer, ``None`` when it would mislead. ``wish_s`` is for how long the endpoint
        asked to be left alone.
        """
        if cause is None:
            return self._answered(latency_s, now)
        self.failed += 1
        self._pace.failed()
        if wish_s is not None:
            self.holding.wished(wish_s, now)
        error = detail or cause.value
        if cause is Cause.UNREACHABLE:
            return self._strike(error, now, door=self.UNREACHABLE_WEIGHT)
        return self._strike(error, now, work=1)

    def probed(self, probe: ProbeReport, now: float) -> Transition | None:
        """A probe came back."""
        self.probes += 1
        self.rhythm.probed(now)
        if not (fault := fault_of(probe, self.policy.max_latency_s)):
            return self._probed_well(probe, now)
        self.failed_probes += 1
        self._good_probes = 0
        return self._strike(f"probe: {fault}", now, door=1)

    def stalled(self, now: float, *, cap_s: float = USUAL_CAP_S) -> None:
        """A client was answered without this endpoint, which might have been the better choice.

        ``cap_s`` is the longest that the client would have waited for anybody.
        """
        self.stalls += 1
        was_sluggish = self._pace.sluggish
        self._pace.stalled(cap_s)
        # A fan-out that was answered early gives its other questions up, so an endpoint that hangs may never be
        # heard to fail; the probe will tell.
        if not was_sluggish and self._pace.sluggish:
            self.suspect()

    def suspect(self) -> None:
        """Somebody has reason to doubt it: it is probed soon."""
        self.rhythm.suspect = True

    def announce(self, notices: Iterable[Notice], now: float) -> Transition | None:
        """All that operators and calendars say of it from now on, in place of what they said before."""
        self.holding.announce(notices)
        return self._moved(now)

    def told_ejected(self, reason: str, now: float) -> Transition | None:
        """Another process has taken it out for its failures; one that is never ejected stays all the same."""
        if not self.policy.eject_after:
            return None
        self.last_error = reason
        self.last_error_at = now
        return self._signal(Signal.LIMIT, now) if self._may_eject() else None

    def told_returned(self, now: float) -> Transition | None:
        """Another process has seen it well again."""
        return self._signal(Signal.RECOVERED, now)

    def tick(self, now: float) -> Transition | None:
        """Time passes: downtimes begin and end, and a trial that nobody reported on makes room for another."""
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
    def ejected(self) -> bool:
        """It is out for its failures, whatever else is said of it."""
        return self._condition in (State.EJECTED, State.TRIAL)

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
        return self.probe_overdue_s(now) >= 0

    def probe_overdue_s(self, now: float) -> float:
        """How long a probe has been due; negative while none is."""
        if not self.probed_actively or self._state is State.DISABLED:
            return -inf
        ejected = self._condition is State.EJECTED
        return self.rhythm.overdue_s(
            now,
            watched=self._condition is not State.IN_SERVICE,
            ejected_at_s=self._ejected_at if ejected else None,
        )

    @property
    def evidence_s(self) -> float | None:
        """When something was last learnt of it here; ``None`` when nothing ever was."""
        rhythm = self.rhythm
        known = (rhythm.last_probe_s, rhythm.last_good_s, self.last_error_at)
        return max((at for at in known if at is not None), default=None)

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

    @property
    def reserved(self) -> bool:
        """In service, but not every client is sent there: see ``suitability``."""
        return self._reserved

    def share(self, now: float) -> float:
        """How much of its usual traffic it should get, from 0.1 to 1."""
        return self._warming.share(now)

    def note(self, now: float) -> str:
        """What is wrong, in words; empty when nothing is."""
        if not self._serving:
            return self.out_reason(now)
        return "; ".join(self._remarks(now))

    def _remarks(self, now: float) -> Iterator[str]:
        if self._condition is State.REFUSING:
            yield f"alive, but it refuses our credential{self._refusal}"
        if self.sluggish:
            yield "slow: clients do not wait for it"
        if self._kept:
            yield phrase_kept(self.last_error)
        yield from self.holding.remarks(now)
        if self._warming.under_way(now):
            yield f"well again, with {self.share(now):.0%} of its share so far"

    def out_reason(self, now: float) -> str:
        """Why it is out of service, in words; empty when it is in service."""
        if self._serving:
            return ""
        if away := self.holding.away_reason(now):
            return away
        ago_s, on_trial = now - self._ejected_at, self._condition is State.TRIAL
        return phrase_ejection(ago_s, self.row.count, self.last_error, on_trial=on_trial)

    def __repr__(self) -> str:
        return (
            f"<Breaker {self.endpoint} {self._state} over {self._condition}, {self.row!r}, "
            f"{self._good_probes} good probes, {self._pace!r}>"
        )

    # -- counting ---------------------------------------------------------------------------------

    def _answered(self, latency_s: float | None, now: float) -> Transition | None:
        self.answered += 1
        if self._condition is State.EJECTED:
            return None  # the late answer to a question from before the ejection
        self.rhythm.last_good_s = now
        self.row.forgive_all()
        self.rhythm.suspect = self._kept = False
        self.holding.answered()
        change = self._signal(Signal.TRIAL_GOOD, now)
        if latency_s is not None:
            self._pace.answered(latency_s)
        return change

    def _probed_well(self, probe: ProbeReport, now: float) -> Transition | None:
        self._refusal = f": {probe.detail}" if probe.detail else ""
        self.rhythm.suspect = False
        begun_s = now - probe.latency_s
        change = self._signal(self._good_probe_signal(probe.refusing, begun_s), now)
        self._pace.seeded(probe.latency_s)
        return change

    def _good_probe_signal(self, refusing: bool, begun_s: float) -> Signal | None:
        if self._condition is State.TRIAL:
            return None  # only the trial itself decides
        if self._condition is not State.EJECTED:
            self.row.forgive_door()
            self._kept = self._kept and self.row.weight >= self.policy.eject_after
            return Signal.REFUSED if refusing else Signal.WELCOMED
        if begun_s < self._ejected_at:
            return None  # it was on its way already, and no interval has passed since
        self._good_probes += 1
        if self._good_probes < self.policy.return_after:
            return None
        return Signal.RECOVERED_REFUSING if refusing else Signal.RECOVERED

    def _strike(self, error: str, now: float, *, door: int = 0, work: int = 0) -> Transition | None:
        self.last_error = error
        self.last_error_at = now
        self.suspect()
        if self._condition is State.EJECTED:
            return None
        self.row.add(door=door, work=work)
        if self._condition is State.TRIAL:
            self._back_off.lengthen(now)
            return self._signal(Signal.TRIAL_BAD, now)
        if 0 < self.policy.eject_after <= self.row.weight:
            self._kept = not self._may_eject()
            return self._moved(now) if self._kept else self._signal(Signal.LIMIT, now)
        return self._moved(now)

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
                self.row.forgive_all()
                self._pace.forget()
        return self._moved(now)

    def _moved(self, now: float) -> Transition | None:
        self.holding.look(now)
        before, after = self._state, self.holding.over(self._condition)
        if self.since is None:
            self.since = now
        reserved = self.holding.reserves(now)
        if after is before:
            if reserved is not self._reserved:
                self._reserved = reserved
                self._on_move()
            return None
        self._reserved = reserved
        self._state = after
        was_serving, self._serving = self._serving, after in IN_SERVICE_STATES
        if self._serving and not was_serving:
            self._warming.returned(now)
        self.since = now
        self.history.append((now, after))
        self._on_move()
        return Transition(self.endpoint, before, after, now, self.note(now) or "well again")

    def _back_in_s(self, now: float) -> float:
        unknown_s = 6 * self.policy.probe_interval_s  # a minute with the defaults
        away_s = self.holding.back_in_s(unknown_s, now)
        if away_s is not None:
            return away_s
        if not self.probed_actively:
            return self._back_off.due_at - now
        return (self.policy.return_after - self._good_probes) * self.policy.probe_interval_s


_RETURNS = frozenset({Signal.RECOVERED, Signal.RECOVERED_REFUSING, Signal.TRIAL_GOOD})
