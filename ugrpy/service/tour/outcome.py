"""What a step of a tour is: it is given the scene, shows something, and says which of its claims held."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")
"""The scene: what the steps of one tour may use."""


@dataclass(frozen=True, slots=True)
class Check:
    """One claim. ``detail`` says what was seen instead when it failed."""

    claim: str
    held: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table to show. ``columns`` are its headers; every row has as many cells. All of it is plain text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """What a command printed, under the command itself."""

    command: str
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step shows: a sentence for the viewer, the evidence, and the claims."""

    sentence: str
    evidence: Grid | Quote
    checks: tuple[Check, ...]

    @property
    def held(self) -> bool:
        """Whether every claim held. A step that claims nothing has not shown anything."""
        return bool(self.checks) and all(check.held for check in self.checks)


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """A section of the tour."""

    title: str
    run: Callable[[S], Outcome]


def all_of(claim: str, wrong: list[str], total: int) -> Check:
    """A claim about many cases: held when none is wrong and there were any; the first few wrong ones are named."""
    shown = "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    return Check(f"{claim} ({total - len(wrong)} of {total})", not wrong and total > 0, shown)
