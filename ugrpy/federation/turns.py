"""One question puts itself to its endpoints, each in its turn: who waits, who was never asked, and how long did it take to be asked?

Waiting for a turn is our own doing: it counts neither as the endpoint's time nor against its health.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ugrpy.core.clock import Clock
from ugrpy.federation.question import AskEndpoint, Parts, Then
from ugrpy.load.asker import current_network
from ugrpy.load.turns import HeldBack, Turns, Work
from ugrpy.namespace.fanout import Answer
from ugrpy.namespace.model import Cause, EndpointId, Entry, Observation, Unknown

# When nobody else says when to come back: by then a turn is likely to be had.
BUSY_RETRY_S = 5.0
# An endpoint that was asked so late in a question, as a share of its deadline, has not had the time to answer.
_LATE_SHARE = 0.25
_NO_SIGN = (Cause.TIMEOUT, Cause.UNREACHABLE)


class InTurn:
    """The turns of one question."""

    def __init__(
        self, turns: Mapping[EndpointId, Turns], ask: AskEndpoint, verb: str, clock: Clock
    ) -> None:
        self._turns = turns
        self._ask = ask
        self._work = Work(verb)
        self._clock = clock
        self._asked: set[EndpointId] = set()
        self._waited_s: dict[EndpointId, float] = {}

    def __repr__(self) -> str:
        return f"<InTurn {self._work}, asked {sorted(self._asked)}>"

    async def ask(self, name: EndpointId, part: Parts) -> Observation:
        """Ask when it is our turn; *unknown* when none is to be had."""
        turns, network = self._turns[name], current_network()
        began_s = self._clock.monotonic()
        try:
            await turns.enter(network, self._work)
        except HeldBack as why:
            return Unknown(Cause.BUSY, str(why), BUSY_RETRY_S)
        self._asked.add(name)
        # it may be asked a second time, which concerns its first word only
        self._waited_s.setdefault(name, self._clock.monotonic() - began_s)
        try:
            return await self._put(name, part, turns)
        finally:
            turns.leave(network, self._work)

    async def _put(self, name: EndpointId, part: Parts, turns: Turns) -> Observation:
        def heard_part(children: Sequence[Entry]) -> None:
            turns.heard()
            part(children)

        said = await self._ask(name, heard_part)
        if not (isinstance(said, Unknown) and said.cause in _NO_SIGN):
            turns.heard()
        return said

    def held_back(self, name: EndpointId) -> bool:
        """Whether this endpoint was not asked: there was no turn, or none yet."""
        return name not in self._asked

    def waited_s(self, name: EndpointId) -> float:
        """For how long the question waited until it was this endpoint's."""
        return self._waited_s.get(name, 0.0)

    def had_too_little_time(self, name: EndpointId, said: Observation, deadline_s: float) -> bool:
        """Whether it was silent until the deadline only because it was asked late."""
        is_silence = isinstance(said, Unknown) and said.cause is Cause.TIMEOUT
        return is_silence and self.waited_s(name) > _LATE_SHARE * deadline_s

    def watched(self, then: Then) -> Then:
        """As ``then``, but nobody is told to have stalled who has not been asked."""

        def answered(answer: Answer) -> None:
            if not answer.stalled <= self._asked:
                answer = replace(answer, stalled=answer.stalled & self._asked)
            then.answered(answer)

        return replace(then, answered=answered)
