"""Laws of the breaker, under any order of events."""

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ugrpy.endpoints.base import Probe
from ugrpy.health.board import HealthBoard
from ugrpy.health.breaker import Breaker
from ugrpy.health.notices import Notice, NoticeKind
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.showing import snapshot_of
from ugrpy.health.states import IN_SERVICE_STATES, State, Transition
from ugrpy.namespace.model import Cause, EndpointId

UVIC = EndpointId("uvic")
LATENCY_S = st.floats(0.0, 20.0)
CAP_S = 0.25


class HealthMachine(RuleBasedStateMachine):
    """One endpoint on a board; the model counts what the laws speak of."""

    @initialize(
        eject_after=st.integers(0, 4),
        return_after=st.integers(1, 3),
        unprobed=st.booleans(),
        drawn=st.floats(0.0, 1.0, exclude_max=True),
    )
    def start(self, eject_after: int, return_after: int, unprobed: bool, drawn: float) -> None:
        self.policy = HealthPolicy(eject_after=eject_after, return_after=return_after)
        self.board = HealthBoard(
            [UVIC], self.policy, unprobed={UVIC} if unprobed else (), draw=lambda: drawn
        )
        self.unprobed = unprobed
        self.now = 0.0
        self.weight = 0  # of all failures since the last good operation or return
        self.disabled = False
        self.downtime_until = -math.inf
        self.trials_out = 0
        self.good_probes = 0
        self.told: list[Transition] = []

    @property
    def breaker(self) -> Breaker:
        return self.board[UVIC]

    def note(self, change: Transition | None) -> None:
        if change is None:
            return
        self.told.append(change)
        if change.after is State.EJECTED and change.before in IN_SERVICE_STATES:
            assert 0 < self.policy.eject_after <= self.weight
        if change.before is State.EJECTED and change.after in IN_SERVICE_STATES:
            assert self.good_probes >= self.policy.return_after
        if change.before is State.TRIAL:
            self.trials_out = 0

    @rule(seconds=st.floats(0.0, 60.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        for change in self.board.tick(self.now):
            self.note(change)

    @rule(latency_s=st.none() | LATENCY_S)
    def answered(self, latency_s: float | None) -> None:
        patience_s = self.breaker.patience_s(CAP_S)
        listened = self.breaker.state not in {State.EJECTED, State.DISABLED, State.DOWNTIME}
        self.note(self.board.heard(UVIC, None, latency_s, self.now))
        if listened:
            self.weight = 0
        if self.breaker.in_service and latency_s is not None and latency_s <= patience_s:
            assert not self.breaker.sluggish
            assert self.breaker.patience_s(CAP_S) > 0.0

    @rule(cause=st.sampled_from(Cause))
    def failed(self, cause: Cause) -> None:
        self.weight += 2 if cause is Cause.UNREACHABLE else 1
        self.note(self.board.heard(UVIC, cause, None, self.now))

    @rule(alive=st.booleans(), refusing=st.booleans(), latency_s=LATENCY_S)
    def probed(self, alive: bool, refusing: bool, latency_s: float) -> None:
        good = alive and latency_s <= self.policy.max_latency_s
        self.good_probes = self.good_probes + 1 if good else 0
        self.weight += 0 if good else 1
        probe = Probe(alive=alive, latency_s=latency_s, refusing=alive and refusing)
        self.note(self.board.probed(UVIC, probe, self.now))
        if self.breaker.in_service and good:
            assert (self.breaker.state is State.REFUSING) == refusing

    @rule()
    def asked(self) -> None:
        in_service = self.board.in_service(UVIC)
        admitted = self.board.admit(UVIC, self.now)
        if in_service:
            assert admitted
        elif admitted:
            assert self.unprobed
            self.trials_out += 1
            for change in self.board.tick(self.now):
                self.note(change)

    @rule()
    def stalled(self) -> None:
        self.board.stalled(UVIC, self.now, cap_s=CAP_S)

    @rule(out=st.booleans())
    def operator(self, out: bool) -> None:
        self.disabled = out
        self.announce()

    def announce(self) -> None:
        notices = [Notice(NoticeKind.OUTAGE, end_s=self.downtime_until)]
        if self.disabled:
            notices.append(Notice(NoticeKind.DISABLED))
        self.note(self.breaker.announce(notices, self.now))

    @rule(length_s=st.floats(0.0, 100.0))
    def downtime(self, length_s: float) -> None:
        self.downtime_until = self.now + length_s
        self.announce()

    @invariant()
    def never_two_trials(self) -> None:
        assert self.trials_out <= 1

    @invariant()
    def the_operator_has_the_last_word(self) -> None:
        if self.disabled:
            assert self.breaker.state is State.DISABLED
        elif self.now < self.downtime_until:
            assert self.breaker.state is State.DOWNTIME
        else:
            assert self.breaker.state not in {State.DISABLED, State.DOWNTIME}

    @invariant()
    def words_and_numbers_agree(self) -> None:
        breaker = self.breaker
        out = not breaker.in_service
        assert out == (breaker.state not in IN_SERVICE_STATES)
        assert out == bool(breaker.out_reason(self.now))
        assert out == (breaker.retry_after_s(self.now) >= 1.0)
        assert 0.0 <= breaker.patience_s(CAP_S) <= CAP_S
        assert snapshot_of(breaker, self.now).in_service is breaker.in_service

    @invariant()
    def transitions_make_a_chain(self) -> None:
        states = [change.before for change in self.told[1:]]
        assert states == [change.after for change in self.told[:-1]]
        if self.told:
            assert self.told[-1].after is self.breaker.state


HealthMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestHealth = HealthMachine.TestCase
