"""One look at one cache: what to ask next, and when is it clear what the cache is? (reference section 7.2)

It is asked for its targets one after another, in an order that is drawn, so that servers share the work. It passes when ``needed`` of
them were right, for each upstream that it must be good for. It fails at once when nobody can connect to it or it says that we may not
use it, and otherwise when more than ``tolerated`` answers were wrong: a stratum-1 may be down without any fault of the cache.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from shoalpy.targets import Answer, Ask, Outcome, judge

Draw = Callable[[], float]

ALL_WELL = "All systems OK!"
_UNREACHABLE = "The cache firewall blocks the external access"
_DENIES = "The cache is configured to prevent external access"
_ERROR = "Error during verification"

# A cache that says nothing to so many requests, and nothing to any before them, is dead: each more would cost a time-out.
_SILENT_IS_DEAD = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at a cache has found."""

    outcome: Outcome
    message: str
    rtt_s: float | None = None


@dataclass(slots=True)
class _Round:
    asks: Sequence[Ask]
    needed: int
    passed: int = 0
    wrong: int = 0
    at: int = 0


@dataclass(slots=True)
class Look:
    """One look at one cache, as it goes on: ``next_ask`` until that gives none, each answer to ``heard``."""

    tolerated: int
    rounds: Sequence[_Round]
    finding: Finding | None = None
    _spoke: bool = False
    _rtt_s: float | None = None

    def next_ask(self) -> Ask | None:
        """What to ask now; ``None`` when it is clear what the cache is, and ``finding`` says it."""
        if self.finding is not None:
            return None
        for one in self.rounds:
            if one.passed < one.needed:
                return one.asks[one.at]
        self.finding = Finding(Outcome.PASSED, ALL_WELL, self._rtt_s)
        return None

    def heard(self, ask: Ask, answer: Answer) -> None:
        """Take the answer to what ``next_ask`` gave last."""
        now = next(one for one in self.rounds if one.passed < one.needed)
        now.at += 1
        if answer.rtt_s is not None:
            self._rtt_s = min(answer.rtt_s, self._rtt_s or answer.rtt_s)
        outcome = judge(ask, answer)
        if outcome is Outcome.PASSED:
            now.passed += 1
            self._spoke = True
            return
        now.wrong += 1
        self._spoke = self._spoke or outcome in (Outcome.WRONG, Outcome.DENIED)
        if self._is_enough(now, outcome):
            self.finding = Finding(outcome, self._message(ask, answer, outcome))

    def _is_enough(self, now: _Round, outcome: Outcome) -> bool:
        if outcome in (Outcome.DENIED, Outcome.NO_CONNECTION):
            return True
        if outcome is Outcome.SILENT and not self._spoke and now.wrong >= _SILENT_IS_DEAD:
            return True
        left = len(now.asks) - now.at
        return now.wrong > self.tolerated or now.passed + left < now.needed

    def _message(self, ask: Ask, answer: Answer, outcome: Outcome) -> str:
        # people see the file asked for, and never what a stranger's server wrote
        asked = f"asked for {ask.url if ask.proxy else urlsplit(ask.url).path}"
        if outcome is Outcome.DENIED:
            return f"{_DENIES}: {asked}, it answered that access is denied"
        if outcome is Outcome.NO_CONNECTION or (outcome is Outcome.SILENT and not self._spoke):
            return f"{_UNREACHABLE}: {answer.detail}"
        if answer.failed is not None:
            return f"{_ERROR}: {asked}, {answer.detail}"
        if answer.status != 200:
            return f"{_ERROR}: {asked}, it answered {answer.status}"
        return f"{_ERROR}: {asked}, it answered with something else"


def begin(rounds: Sequence[Sequence[Ask]], *, needed: int, tolerated: int, draw: Draw) -> Look:
    """A look that will ask for these, a list for each upstream, each list in an order that is drawn."""
    return Look(
        tolerated,
        [_Round(_shuffled(asks, draw), min(needed, len(asks))) for asks in rounds],
    )


def _shuffled(asks: Sequence[Ask], draw: Draw) -> Sequence[Ask]:
    return [ask for _, ask in sorted(((draw(), ask) for ask in asks), key=lambda pair: pair[0])]
