"""One question under way: carries out what the fan-out machine commands, and feeds it what happens.

The machine decides, this owns the tasks, the timer and the futures. It has no opinion of its own.

An endpoint that is asked twice has one voice: who says something usable first, or names the first children, speaks, and the other is cancelled. What the first
question comes to is final even when that is nothing usable, and the second one's failure counts for nothing: a question that was put again
ends at the latest when it would have ended without.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.clock import Clock
from ugrpy.core.errors import RequestError
from ugrpy.namespace.fanout import (
    Answer,
    Ask,
    AskAgain,
    Cancel,
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
from ugrpy.namespace.fanout import Event as FanoutEvent
from ugrpy.namespace.model import Cause, EndpointId, Entry, Observation, Unknown

Parts = Callable[[Sequence[Entry]], None]
AskEndpoint = Callable[[EndpointId, Parts], Awaitable[Observation]]

# uvloop rounds timers to whole milliseconds and may ring that much too early; asking again for less would spin.
SHORTEST_NAP_S = 0.001


def _unheeded(*_happened: object) -> None:
    """For what an owner does not care about."""


@dataclass(frozen=True, slots=True)
class Then:
    """What is done as a question goes on.

    ``answered`` is called for every answer given, ``learned`` for every final word after which others are still to come,
    ``grown`` when children have been named or nobody adds to them any more, ``finished`` once; a machine with silent endpoints was
    then abandoned.
    """

    answered: Callable[[Answer], None] = _unheeded
    learned: Callable[["Question"], None] = _unheeded
    grown: Callable[["Question"], None] = _unheeded
    finished: Callable[["Question"], None] = _unheeded


class Second(StrEnum):
    """What became of a question that was worth putting a second time."""

    WON = "won"
    LOST = "lost"
    FAILED = "failed"
    WITHHELD = "withheld"


def _never(_endpoint: EndpointId) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Again:
    """Whether an endpoint may be asked again now, and what became of it."""

    may: Callable[[EndpointId], bool] = _never
    ended: Callable[[EndpointId, Second], None] = _unheeded


@dataclass(frozen=True, slots=True)
class Pacing:
    """What is usual for each endpoint: how long it may keep a found file waiting, and what its silence means."""

    patience_s: Mapping[EndpointId, float] = field(default_factory=dict)
    expected: Mapping[EndpointId, Expected] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the owner of a question wants to hear. ``heard`` gets the seconds the endpoint took for its final word, ``began`` for its first.

    ``given_up`` gets the seconds that an endpoint was silent when the last of those who waited left.
    """

    heard: Callable[[EndpointId, Observation, float], None]
    then: Then = field(default_factory=Then)
    given_up: Callable[[EndpointId, float], None] = _unheeded
    began: Callable[[EndpointId, float], None] = _unheeded
    again: Again = field(default_factory=Again)


@dataclass(slots=True, eq=False)
class Question:
    """A fan-out in flight, shared by all who ask the same."""

    ask: AskEndpoint
    hooks: Hooks
    clock: Clock
    machine: Fanout
    _tasks: dict[EndpointId, asyncio.Task[None]] = field(default_factory=dict)
    _seconds: dict[EndpointId, asyncio.Task[None]] = field(default_factory=dict)
    _began: set[EndpointId] = field(default_factory=set)
    _waiters: dict[int, asyncio.Future[Answer]] = field(default_factory=dict)
    _timer: asyncio.TimerHandle | None = None
    _next_waiter: int = 0

    @classmethod
    def start(
        cls,
        endpoints: Sequence[EndpointId],
        policy: FanoutPolicy,
        pacing: Pacing,
        *,
        ask: AskEndpoint,
        hooks: Hooks,
        clock: Clock,
    ) -> "Question":
        """A question nobody waits for yet; the first ``wait`` sets it off."""
        machine = Fanout(endpoints, policy, clock.monotonic(), pacing.patience_s, pacing.expected)
        return cls(ask, hooks, clock, machine)

    @property
    def finished(self) -> bool:
        """Whether it takes no more waiters."""
        return self.machine.finished

    async def wait(self, want: Want, outranks: Outranks) -> Answer:
        """Wait for an answer. Cancelling this tells the machine that the client has left."""
        number, answer = self.join(want, outranks)
        try:
            return await answer
        finally:
            self.leave(number)

    def join(self, want: Want, outranks: Outranks) -> tuple[int, "asyncio.Future[Answer]"]:
        """A place among those who wait, for those who do more than wait; it must be given up by ``leave``."""
        number = self._next_waiter
        self._next_waiter += 1
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiters[number] = answer
        self._feed(Joined(number, want, outranks))
        return number, answer

    def leave(self, number: int) -> None:
        """Who had this place wants no answer any more; harmless after the answer."""
        if self._waiters.pop(number, None) is not None:
            self._feed(Left(number))

    def refuse(self, error: RequestError) -> None:
        """Ask nobody any further, and tell all who wait that there is no answer to be had."""
        self.machine.finished = True
        for answer in self._waiters.values():
            answer.set_exception(error)
        self._waiters.clear()
        for task in (*self._tasks.values(), *self._seconds.values()):
            task.cancel()
        self._end()

    async def stop(self) -> None:
        """Cancel everything, and return when the asks have ended; whoever still waits is cancelled too."""
        # or the farewells of those who wait would set it in motion again
        self.machine.finished = True
        self._end()
        for answer in self._waiters.values():
            answer.cancel()
        await cancel_and_wait(*self._tasks.values(), *self._seconds.values())

    def _feed(self, event: FanoutEvent) -> None:
        for command in self.machine.handle(event, self.clock.monotonic()):
            match command:
                case Ask(endpoint):
                    self._tasks[endpoint] = spawn(self._ask(endpoint), name=f"ask {endpoint}")
                case AskAgain(endpoint):
                    self._ask_again(endpoint)
                case Cancel(endpoint):
                    self._cancel(endpoint)
                case WakeAt(at_s):
                    self._wake_at(at_s)
                case Answer() as answer:
                    self._answer(answer)
                case Finished():
                    self._end()

    async def _ask(self, endpoint: EndpointId) -> None:
        started_s = self.clock.monotonic()

        def part(entries: Sequence[Entry]) -> None:
            if endpoint in self._tasks:  # else the second one speaks
                self._drop_second(endpoint)
                self._part(endpoint, entries, started_s)

        observation = await self._observe(endpoint, part)
        if self._tasks.pop(endpoint, None) is not None:
            self._drop_second(endpoint)
            self._hear(endpoint, observation, started_s)

    def _ask_again(self, endpoint: EndpointId) -> None:
        if self.hooks.again.may(endpoint):
            again = self._second(endpoint, self.machine.started_s)
            self._seconds[endpoint] = spawn(again, name=f"ask {endpoint} again")
        else:
            self.hooks.again.ended(endpoint, Second.WITHHELD)

    async def _second(self, endpoint: EndpointId, started_s: float) -> None:
        """The same question on another connection. Its time counts from the first one's start: so long was the endpoint silent."""

        def part(entries: Sequence[Entry]) -> None:
            self._take_over(endpoint)
            if endpoint in self._seconds:
                self._part(endpoint, entries, started_s)

        observation = await self._observe(endpoint, part)
        speaks = endpoint not in self._tasks
        if not speaks and isinstance(observation, Unknown):
            if self._seconds.pop(endpoint, None) is not None:
                self.hooks.again.ended(endpoint, Second.FAILED)
            return
        self._take_over(endpoint)
        if self._seconds.pop(endpoint, None) is not None:
            self._hear(endpoint, observation, started_s)

    def _take_over(self, endpoint: EndpointId) -> None:
        """The second one was quicker."""
        if endpoint in self._seconds and (first := self._tasks.pop(endpoint, None)) is not None:
            first.cancel()
            self.hooks.again.ended(endpoint, Second.WON)

    def _drop_second(self, endpoint: EndpointId) -> None:
        """The first one was quicker, or nobody wants to know any more."""
        if (second := self._seconds.pop(endpoint, None)) is not None:
            second.cancel()
            self.hooks.again.ended(endpoint, Second.LOST)

    async def _observe(self, endpoint: EndpointId, part: Parts) -> Observation:
        try:
            return await self.ask(endpoint, part)
        except Exception as error:  # noqa: BLE001 - a defect in one kind must not take the others' answers along
            what = f"internal error: {type(error).__name__}"
            return Unknown(Cause.FAILED, what, inside=f"{what}: {error}")

    def _part(self, endpoint: EndpointId, entries: Sequence[Entry], started_s: float) -> None:
        self._begin(endpoint, started_s)
        self._feed(ListingPart(endpoint, entries))
        self.hooks.then.grown(self)

    def _hear(self, endpoint: EndpointId, observation: Observation, started_s: float) -> None:
        if not isinstance(observation, Unknown):
            self._begin(endpoint, started_s)
        self.hooks.heard(endpoint, observation, self.clock.monotonic() - started_s)
        self._feed(Heard(endpoint, observation))
        if not self.finished:
            self.hooks.then.learned(self)
            self.hooks.then.grown(self)

    def _begin(self, endpoint: EndpointId, started_s: float) -> None:
        """Its first usable word has come; how soon it failed, or was given up, says nothing about its pace."""
        if endpoint not in self._began:
            self._began.add(endpoint)
            self.hooks.began(endpoint, self.clock.monotonic() - started_s)

    def _cancel(self, endpoint: EndpointId) -> None:
        speaks = self._tasks.pop(endpoint, None) or self._seconds.pop(endpoint, None)
        if speaks is not None:
            speaks.cancel()
        self._drop_second(endpoint)
        sighting = self.machine.knowledge.get(endpoint)
        if sighting is not None:  # it ran into a deadline
            self.hooks.heard(endpoint, sighting.observation, sighting.at_s - self.machine.started_s)
            self.hooks.then.grown(self)
        else:  # nobody waits any more
            self.hooks.given_up(endpoint, self.clock.monotonic() - self.machine.started_s)

    def _answer(self, answer: Answer) -> None:
        self.hooks.then.answered(answer)
        waiting = self._waiters.pop(answer.waiter, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _wake_at(self, at_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay_s = max(SHORTEST_NAP_S, at_s - self.clock.monotonic())
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._feed, Tick())

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.hooks.then.finished(self)
