"""Which of the endpoints in service should a client be sent to at all?

What operators say, what calendars announce and what an endpoint itself asks for are weighed as one: of the classes below the best that anybody
is in is taken, and ranking chooses inside it. So nobody is refused who could be served, a drained endpoint serves what only it holds, and before a
downtime long transfers go elsewhere while short ones go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, TypeVar

from pydantic import Field

from ugrpy.core.durations import phrase_duration
from ugrpy.health.notices import Standing

Name = TypeVar("Name", bound=str)


class Fitness(IntEnum):
    """How well an endpoint in service suits one transfer, the best first."""

    FREE = 0
    BUSY = 1
    """It has asked to be left alone for a while (``Retry-After``)."""
    DRAINED = 2
    TOO_SHORT = 3
    """Its downtime would begin before the transfer has ended."""


@dataclass(frozen=True, slots=True)
class TransferTimes:
    """How long a transfer is taken to last: nobody tells a gateway that has redirected a client."""

    assumed_bytes_per_s: Annotated[
        float,
        Field(
            gt=0,
            description="how fast a transfer is taken to be: one that would not end before a downtime goes to another endpoint",
        ),
    ] = 10e6
    predrain_s: Annotated[
        float,
        Field(
            ge=0,
            description="seconds before a downtime by which transfers should have ended; a client takes some until it begins",
        ),
    ] = 60.0
    unknown_size_s: Annotated[
        float, Field(ge=0, description="how long a transfer of unknown size is taken to last")
    ] = 3600.0

    def needed_s(self, size_bytes: int | None) -> float:
        """From now until the transfer should have ended, the time before the downtime included."""
        lasts_s = (
            self.unknown_size_s if size_bytes is None else size_bytes / self.assumed_bytes_per_s
        )
        return lasts_s + self.predrain_s


@dataclass(frozen=True, slots=True)
class Suitability:
    """One endpoint's class for one transfer, and why, in words that clients may read."""

    fitness: Fitness
    reason: str = ""


FREE = Suitability(Fitness.FREE)


def suitability(stands: Standing, busy_until_s: float, needed_s: float, now: float) -> Suitability:
    """The one decision: the worst of what operator, calendar and endpoint say."""
    ahead = stands.ahead
    if ahead is not None and now + needed_s > ahead.start_s:
        begins, takes = phrase_duration(ahead.start_s - now), phrase_duration(needed_s)
        why = f"a downtime begins in {begins}, and this transfer may take {takes}"
        return Suitability(Fitness.TOO_SHORT, why)
    if stands.drained is not None:
        why = stands.drained.told_clients
        return Suitability(Fitness.DRAINED, "drained by the operator" + (f": {why}" if why else ""))
    if busy_until_s > now:
        left = phrase_duration(busy_until_s - now)
        return Suitability(Fitness.BUSY, f"it asked to be left alone for another {left}")
    return FREE


def best_class(names: Sequence[Name], suits: Sequence[Suitability]) -> tuple[Name, ...]:
    """Those in the best class that anybody is in, in the order they came."""
    best = min((one.fitness for one in suits), default=None)
    return tuple(name for name, one in zip(names, suits, strict=True) if one.fitness is best)
