"""What may be expected of each endpoint, and may it be asked once more when it keeps somebody waiting?

Usual waits and the budget are kept per endpoint, those waits by verb as well: to look one name up and to begin a listing are different work.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ugrpy.health.budget import Budget
from ugrpy.health.usual import ENOUGH, WINDOW, Usual
from ugrpy.namespace.fanout import Expected, FanoutPolicy
from ugrpy.namespace.model import EndpointId, Observation, Unknown

# An endpoint that has been silent for so many times what nineteen in twenty of its answers take has most likely lost the question.
GIVE_UP_TIMES = 20
# Half of its answers take longer than the median, so that a second question before twice that would be one to an endpoint that is merely slow.
TWICE = 2
_VERBS = ("stat", "list")
# What is expected follows the answers at this distance, so that a question costs a look at it and no more.
_RENEWED_EVERY = 8
_UNKNOWN = Expected()


@dataclass(slots=True)
class _Pace:
    """One endpoint and verb."""

    usual: Usual = field(default_factory=Usual)
    expected: Expected = _UNKNOWN
    since: int = 0


@dataclass(slots=True)
class _Standing:
    """One endpoint. ``usable``: its last word was one; before it has said anything, and while it fails, nobody asks it twice."""

    budget: Budget
    paces: dict[str, _Pace]
    usable: bool = False


class Expecting:
    """``may_be_asked`` says whether an endpoint is well and has room for one question more."""

    def __init__(
        self,
        endpoints: Iterable[EndpointId],
        policy: FanoutPolicy,
        may_be_asked: Callable[[EndpointId], bool],
    ) -> None:
        self._policy = policy
        self._may_be_asked = may_be_asked
        self._standings = {
            name: _Standing(Budget(policy.again_share), {verb: _Pace() for verb in _VERBS})
            for name in endpoints
        }

    def __repr__(self) -> str:
        usual = {name: one.paces["stat"].usual for name, one in self._standings.items()}
        return f"<Expecting {usual!r}>"

    def of(self, names: Iterable[EndpointId], verb: str) -> dict[EndpointId, Expected]:
        """What these mean by a silence."""
        return {name: self._standings[name].paces[verb].expected for name in names}

    def usual(self, name: EndpointId, verb: str) -> Usual:
        """How long this one usually takes."""
        return self._standings[name].paces[verb].usual

    def shown(self, name: EndpointId) -> dict[str, dict[str, float | None]]:
        """The seconds that it usually takes, for operators; ``None`` when it has not been asked."""
        paces = self._standings[name].paces
        return {
            verb: {"p50": pace.usual.quantile_s(0.5), "p95": pace.usual.quantile_s(0.95)}
            for verb, pace in paces.items()
        }

    def asked(self, names: Iterable[EndpointId], now_s: float) -> None:
        """A question is put to these."""
        for name in names:
            self._standings[name].budget.asked(now_s)

    def began(self, name: EndpointId, verb: str, waited_s: float, now_s: float) -> None:
        """The first word has come after so long."""
        pace = self._standings[name].paces[verb]
        pace.usual.note(waited_s, now_s)
        pace.since += 1
        if pace.since >= _RENEWED_EVERY or pace.usual.count < WINDOW:
            pace.since = 0
            pace.expected = self._expected(pace.usual)

    def heard(self, name: EndpointId, observation: Observation) -> None:
        """The final word."""
        self._standings[name].usable = not isinstance(observation, Unknown)

    def may_ask_again(self, name: EndpointId, now_s: float) -> bool:
        """Whether this one may be asked a second time now; if so it is counted."""
        standing = self._standings[name]
        return standing.usable and self._may_be_asked(name) and standing.budget.grant(now_s)

    def forget(self, name: EndpointId) -> None:
        """What was usual for this one dates from before an outage."""
        standing = self._standings[name]
        standing.paces = {verb: _Pace() for verb in _VERBS}
        standing.usable = False

    def _expected(self, usual: Usual) -> Expected:
        policy = self._policy
        half_s, tail_s = usual.quantile_s(0.5) or 0.0, usual.quantile_s(0.95) or 0.0
        if usual.count < ENOUGH:
            return Expected(max(policy.again_cap_s, TWICE * half_s))
        again_s = min(policy.again_cap_s, max(policy.again_floor_s, tail_s))
        return Expected(
            max(again_s, TWICE * half_s), max(policy.give_up_floor_s, GIVE_UP_TIMES * tail_s)
        )
