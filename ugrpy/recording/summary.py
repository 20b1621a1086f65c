"""Of many decisions, how many would be others, and who gains and who loses by it?"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from ugrpy.core.errors import DataError
from ugrpy.recording.flights import Flight
from ugrpy.recording.replay import OtherRules, Replayed, replay
from ugrpy.recording.rules import NoRules, Rules

EXAMPLES = 10

Kept = Callable[[str], Rules]
"""The rules of that version. Raises ``NoRules``."""


@dataclass(slots=True)
class Summary:
    """``moves`` counts (from, to) of those that would go elsewhere; to nobody is ``""``. ``unusable`` could not be made again, ``why`` says so."""

    replayed: int = 0
    exact: int = 0
    elsewhere: int = 0
    reordered: int = 0
    unusable: int = 0
    went_to: Counter[str] = field(default_factory=Counter)
    would_go_to: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    why: Counter[str] = field(default_factory=Counter)
    examples: list[Replayed] = field(default_factory=list)

    def add(self, one: Replayed) -> None:
        """One decision more."""
        self.replayed += 1
        self.exact += one.exact
        self.went_to[one.went_to] += 1
        self.would_go_to[one.would_go_to] += 1
        self.reordered += one.reordered
        if one.elsewhere:
            self.elsewhere += 1
            self.moves[one.went_to, one.would_go_to] += 1
        if (one.elsewhere or not one.exact) and len(self.examples) < EXAMPLES:
            self.examples.append(one)


def replay_all(
    flights: Iterable[Flight], kept: Kept, now: OtherRules | None, most: int | None = None
) -> Summary:
    """All of them again, at most ``most``; those without an order are left out."""
    rules_of = lru_cache(maxsize=None)(_remembered(kept))
    summary = Summary()
    for flight in islice((one for one in flights if one.is_ranked), most):
        then = rules_of(flight.rules)
        if isinstance(then, str):
            _unusable(summary, then)
            continue
        try:
            summary.add(replay(flight, then, now))
        except DataError as error:
            _unusable(summary, str(error))
    return summary


def _remembered(kept: Kept) -> Callable[[str], Rules | str]:
    """The same, with the reason instead of the error, so that a miss is remembered too."""

    def rules_of(version: str) -> Rules | str:
        try:
            return kept(version)
        except NoRules as error:
            return str(error)

    return rules_of


def _unusable(summary: Summary, why: str) -> None:
    summary.unusable += 1
    summary.why[why] += 1
