"""Laws of the fan-out machine under any order of events: nobody is asked twice, forgotten or told of absence by silence."""

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ugrpy.namespace.fanout import (
    Answer,
    Ask,
    AskAgain,
    Cancel,
    Command,
    Event,
    Expected,
    Fanout,
    FanoutPolicy,
    Finished,
    Heard,
    Joined,
    Left,
    ListingPart,
    Outranks,
    Tick,
    WakeAt,
    Want,
)
from ugrpy.namespace.merge import Knowledge, merge_entries, summarise
from ugrpy.namespace.model import (
    Absent,
    Cause,
    Denied,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
)

NAMES = tuple(EndpointId(name) for name in "abcd")
STRANGER = EndpointId("z")
DEADLINE_S, HEDGE_S = 10.0, 0.25
OBSERVATIONS = st.sampled_from(
    [
        Found(Entry("f", Kind.FILE, 1)),
        Found(Entry("f", Kind.FILE, 1)),
        Found(Entry("f", Kind.FILE, 2)),
        Found(Entry("f", Kind.COLLECTION)),
        Absent(),
        Denied(),
        Unknown(Cause.BUSY),
    ]
)
WANTS = st.sampled_from([Want.BEST, Want.BEST, Want.ALL, Want.ANY, Want.MOST])
WAITING_FOR_ALL = (Want.ALL, Want.MOST)
ORDERS = st.permutations(NAMES)
EXPECTED = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(
        Expected, st.sampled_from([None, 0.01, 0.1, 3.0]), st.sampled_from([None, 0.3, 1.0, 60.0])
    ),
)
PATIENCE = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([0.0, 0.04, 0.25, 5.0]))


def preferring(order: list[EndpointId]) -> Outranks:
    """Strictly the earlier ones in ``order``."""
    return lambda silent, holder: order.index(silent) < order.index(holder)


def best_holder(knowledge: Knowledge, outranks: Outranks) -> EndpointId:
    """The holder that no other outranks."""
    merged = summarise(knowledge).merged
    assert merged is not None
    (best,) = [
        one for one in merged.holders if not any(outranks(other, one) for other in merged.holders)
    ]
    return best


class FanoutMachine(RuleBasedStateMachine):
    """One question; the model counts who was asked, told and cancelled."""

    @initialize(
        endpoints=st.sampled_from([3, 4, 2, 1]),
        patience_s=PATIENCE,
        expected=EXPECTED,
        started_s=st.floats(0.0, 1e6),
        want=WANTS,
        order=ORDERS,
    )
    def start(
        self,
        endpoints: int,
        patience_s: dict[EndpointId, float],
        expected: dict[EndpointId, Expected],
        started_s: float,
        want: Want,
        order: list[EndpointId],
    ) -> None:
        self.now_s = started_s
        policy = FanoutPolicy(deadline_s=DEADLINE_S, hedge_s=HEDGE_S)
        self.fanout = Fanout(NAMES[:endpoints], policy, started_s, patience_s, expected)
        self.numbers = itertools.count()
        self.waiting: dict[int, tuple[Want, Outranks]] = {}
        self.answered: set[int] = set()
        self.asked: list[EndpointId] = []
        self.asked_again: list[EndpointId] = []
        self.begun: set[EndpointId] = set()
        self.cancelled: list[EndpointId] = []
        self.said: dict[EndpointId, Observation] = {}
        self.first_found_s: float | None = None
        self.wake_at_s: float | None = None
        self.finished = False
        self.deadline_s = self.fanout.deadline_s
        self.join(want, order)  # a question begins with somebody who wants to know

    # -- what can happen ----------------------------------------------------------------------------

    @rule(want=WANTS, order=ORDERS)
    def join(self, want: Want, order: list[EndpointId]) -> None:
        number = next(self.numbers)
        if not self.finished:
            self.waiting[number] = (want, preferring(order))
        self.feed(Joined(number, want, preferring(order)))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        del self.waiting[number]
        self.feed(Left(number))
        if not self.waiting and not self.answered:
            assert self.finished, "nobody wants to know, and nobody was told"

    @rule(observation=OBSERVATIONS, data=st.data())
    def hear(self, observation: Observation, data: st.DataObject) -> None:
        endpoint = data.draw(st.sampled_from([*self.asked, STRANGER]))
        given_up = endpoint in self.cancelled  # its word comes too late
        if not self.finished and not given_up and endpoint is not STRANGER:
            self.said.setdefault(endpoint, observation)
            if isinstance(self.said[endpoint], Found) and self.first_found_s is None:
                self.first_found_s = self.now_s
        self.feed(Heard(endpoint, observation))

    @rule(data=st.data())
    def list_some(self, data: st.DataObject) -> None:
        endpoint = data.draw(st.sampled_from(self.asked))
        before = self.named_by(endpoint)
        silent = endpoint in self.fanout.silent and not self.finished
        if silent:
            self.begun.add(endpoint)
        self.feed(ListingPart(endpoint, [Entry("child", Kind.FILE)]))
        assert self.named_by(endpoint) == before + silent

    def named_by(self, endpoint: EndpointId) -> int:
        gathered = self.fanout.gathered
        return 0 if gathered is None else gathered.named_by[endpoint]

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.1, 0.3, 4.0]))
    def wait(self, seconds: float) -> None:
        """Time passes; a timer that is due rings on time."""
        until_s = self.now_s + seconds
        while self.due(until_s):
            self.ring(0.0)
            assert not self.due(self.now_s), "it rings and rings"
        self.now_s = max(self.now_s, until_s)

    @precondition(lambda self: self.wake_at_s is not None and self.wake_at_s < self.deadline_s)
    @rule(early_s=st.sampled_from([1e-9, 0.0015]))
    def ring_early(self, early_s: float) -> None:
        self.ring(early_s)

    def due(self, until_s: float) -> bool:
        return self.wake_at_s is not None and self.wake_at_s <= until_s

    def ring(self, early_s: float) -> None:
        assert self.wake_at_s is not None
        self.now_s = max(self.now_s, self.wake_at_s - early_s)
        self.wake_at_s = None
        self.feed(Tick())
        if self.first_found_s is not None and self.now_s >= self.first_found_s + HEDGE_S:
            assert all(want in WAITING_FOR_ALL for want, _ in self.waiting.values())

    # -- what must hold -----------------------------------------------------------------------------

    def feed(self, event: Event) -> None:
        commands = self.fanout.handle(event, self.now_s)
        assert not (self.finished and commands), "nothing is commanded after the end"
        for command in commands:
            assert not self.finished, "the end comes last"
            self.obey(command)

    def obey(self, command: Command) -> None:
        match command:
            case Ask(endpoint):
                assert endpoint not in self.asked
                self.asked.append(endpoint)
            case AskAgain(endpoint):
                self.check_again(endpoint)
            case Cancel(endpoint):
                assert endpoint in self.asked
                assert endpoint not in self.said
                assert endpoint not in self.cancelled
                self.cancelled.append(endpoint)
                self.check_cancelled(endpoint)
            case WakeAt(at_s):
                assert self.now_s <= at_s
                self.wake_at_s = at_s
            case Answer():
                self.check(command)
            case Finished():
                self.finished = True
                self.wake_at_s = None

    def check_again(self, endpoint: EndpointId) -> None:
        """Asked again is who alone keeps somebody waiting, for longer than usual, and once."""
        assert endpoint in self.asked
        assert endpoint not in self.asked_again
        assert endpoint not in self.begun
        assert endpoint in self.fanout.silent
        assert self.waiting
        again_s = self.fanout.expected[endpoint].again_s
        assert again_s is not None
        assert self.now_s >= self.fanout.started_s + again_s
        assert self.first_found_s is not None or self.fanout.silent == {endpoint}
        self.asked_again.append(endpoint)

    def check_cancelled(self, endpoint: EndpointId) -> None:
        """Before the deadline nobody is given up whose word a miss, a listing or somebody who waits for all would need."""
        if self.now_s < self.deadline_s and (self.waiting or self.answered):
            assert self.first_found_s is not None
            assert not self.begun
            assert not any(want is Want.ALL for want, _ in self.waiting.values())
            assert self.now_s >= self.given_up_at_s(endpoint)

    def given_up_at_s(self, endpoint: EndpointId) -> float:
        expected = self.fanout.expected.get(endpoint)
        if self.first_found_s is None or expected is None or expected.give_up_s is None:
            return self.deadline_s
        return min(self.deadline_s, self.fanout.started_s + expected.give_up_s)

    def check(self, answer: Answer) -> None:
        assert answer.waiter not in self.answered
        want, outranks = self.waiting.pop(answer.waiter)
        self.answered.add(answer.waiter)
        heard = {name: sighting.observation for name, sighting in answer.knowledge.items()}
        for name, observation in heard.items():
            if name not in self.said:
                # silence is unknown, and only the deadline makes a final word of it
                assert isinstance(observation, Unknown)
                assert observation.cause is Cause.TIMEOUT
                assert self.now_s >= self.given_up_at_s(name)
            else:
                assert observation == self.said[name]
        assert answer.silent == frozenset(self.fanout.endpoints) - set(heard)
        assert answer.stalled <= answer.silent
        if answer.silent:
            self.check_early(answer, want, outranks)

    def check_early(self, answer: Answer, want: Want, outranks: Outranks) -> None:
        """Somebody is silent, and the client is answered all the same: only what policy allows."""
        merged = summarise(answer.knowledge).merged
        assert merged is not None, "a miss waits for all"
        assert want not in WAITING_FOR_ALL
        if want is Want.ANY or merged.entry.kind is Kind.COLLECTION:
            assert not answer.stalled
            return
        best = best_holder(answer.knowledge, outranks)
        rivals = {name for name in answer.silent if outranks(name, best)}
        assert answer.stalled == rivals
        if rivals:
            assert self.first_found_s is not None
            patience_s = max(
                min(HEDGE_S, self.fanout.patience_s.get(name, HEDGE_S)) for name in rivals
            )
            assert self.now_s >= self.first_found_s + patience_s

    @invariant()
    def a_timer_is_set_while_anybody_is_silent(self) -> None:
        if not self.finished:
            assert self.wake_at_s is not None
            assert self.wake_at_s <= max(self.deadline_s, self.now_s)
        assert sorted(self.asked) == sorted(self.fanout.endpoints)

    @invariant()
    def the_end_is_when_all_have_spoken_or_were_cancelled(self) -> None:
        assert self.fanout.finished is self.finished
        if self.finished:
            assert not self.waiting
            assert {*self.said, *self.cancelled} == set(self.fanout.endpoints)

    def teardown(self) -> None:
        """However it went: after the tick at the deadline nobody is left."""
        if not hasattr(self, "fanout"):
            return
        if not self.finished:
            self.now_s = max(self.now_s, self.deadline_s)
            self.feed(Tick())
            assert self.finished
        assert not self.waiting


TestFanout = FanoutMachine.TestCase
TestFanout.settings = settings(stateful_step_count=30)


SAID = st.dictionaries(st.sampled_from(NAMES), OBSERVATIONS, min_size=1)
CHANCE = st.randoms(use_true_random=False)


def run_to_the_end(
    said: dict[EndpointId, Observation], order: list[EndpointId], joined: Joined, gap_s: float
) -> tuple[Answer, Fanout]:
    """The answer when the endpoints speak in this order, ``gap_s`` apart."""
    fanout = Fanout(sorted(said), FanoutPolicy(DEADLINE_S, HEDGE_S), 0.0)
    commands = fanout.handle(joined, 0.0)
    for turn, name in enumerate(order, 1):
        commands += fanout.handle(Heard(name, said[name]), turn * gap_s)
    (answer,) = [command for command in commands if isinstance(command, Answer)]
    assert commands[-1] == Finished()
    return answer, fanout


@given(SAID, CHANCE, WANTS, ORDERS)
def test_the_order_of_arrival_changes_no_final_knowledge(
    said: dict[EndpointId, Observation],
    chance: random.Random,
    want: Want,
    preferred: list[EndpointId],
):
    joined = Joined(0, want, preferring(preferred))
    orders = [chance.sample(sorted(said), len(said)) for _ in range(2)]
    ends = [run_to_the_end(said, order, joined, 0.01)[1] for order in orders]
    assert summarise(ends[0].knowledge) == summarise(ends[1].knowledge)


@given(SAID, CHANCE)
def test_the_order_of_arrival_does_not_change_what_waits_for_all(
    said: dict[EndpointId, Observation], chance: random.Random
):
    answers = [
        run_to_the_end(said, chance.sample(sorted(said), len(said)), Joined(0, Want.ALL), 1.0)[0]
        for _ in range(2)
    ]
    assert summarise(answers[0].knowledge) == summarise(answers[1].knowledge)
    assert not answers[0].silent


@given(st.sets(st.sampled_from(NAMES), min_size=1), CHANCE, ORDERS)
def test_within_the_hedge_the_order_of_arrival_does_not_change_the_best(
    holders: set[EndpointId], chance: random.Random, preferred: list[EndpointId]
):
    """When all replicas agree and come within the hedge, preference decides and not speed."""
    entry = Entry("f", Kind.FILE, 1)
    said: dict[EndpointId, Observation] = {
        name: Found(entry) if name in holders else Absent() for name in NAMES
    }
    outranks = preferring(preferred)
    answer, _ = run_to_the_end(
        said, chance.sample(NAMES, len(NAMES)), Joined(0, Want.BEST, outranks), 0.01
    )
    assert not answer.stalled
    best = min(holders, key=preferred.index)
    assert best_holder(answer.knowledge, outranks) == best
    assert merge_entries(dict.fromkeys(holders, entry)).entry == entry


@given(SAID, CHANCE, WANTS)
def test_a_miss_is_a_miss_whatever_the_order(
    said: dict[EndpointId, Observation], chance: random.Random, want: Want
):
    answer, _ = run_to_the_end(said, chance.sample(sorted(said), len(said)), Joined(0, want), 0.01)
    anybody = any(isinstance(observation, Found) for observation in said.values())
    assert (summarise(answer.knowledge).merged is not None) == anybody
