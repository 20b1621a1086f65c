"""What can happen to a question, and what is then to be done? The words between the fan-out machine and those who work for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated

from pydantic import Field

from ugrpy.namespace.merge import Knowledge
from ugrpy.namespace.model import EndpointId, Entry, Observation


@dataclass(frozen=True, slots=True)
class FanoutPolicy:
    """How long a question may take."""

    deadline_s: Annotated[
        float, Field(gt=0, le=600, description="seconds after which every question is answered")
    ] = 10.0
    hedge_s: Annotated[
        float,
        Field(
            ge=0,
            le=60,
            description="most seconds a found file waits for a silent endpoint nearer by",
        ),
    ] = 0.25
    again_share: Annotated[
        float,
        Field(
            ge=0,
            le=0.2,
            description="share of the questions to an endpoint that may be put a second time when its answer takes unusually long and nobody "
            "else's can replace it; 0: none",
        ),
    ] = 0.05
    again_floor_s: Annotated[
        float,
        Field(ge=0, le=60, description="seconds before which no question is put a second time"),
    ] = 0.02
    again_cap_s: Annotated[
        float,
        Field(
            gt=0,
            le=60,
            description="seconds after which an unanswered question may be put a second time however slow the endpoint usually is",
        ),
    ] = 1.0
    give_up_floor_s: Annotated[
        float,
        Field(
            gt=0,
            le=600,
            description="seconds for which every endpoint is waited for; one that is silent for much longer than usual is then given up where "
            "the answer is true without it; deadline_s or more: it never is",
        ),
    ] = 1.0


class Want(Enum):
    """How much a waiter needs to know."""

    ANY = auto()
    BEST = auto()
    MOST = auto()
    """All that answer in about the time they usually take, once one has it."""
    ALL = auto()


@dataclass(frozen=True, slots=True)
class Expected:
    """What an endpoint's usual pace means for a question: in so many seconds it is worth being asked again, and should have answered long ago.

    ``None``: its pace is not known.
    """

    again_s: float | None = None
    give_up_s: float | None = None


# Could the first endpoint be a strictly better choice than the second for this waiter?
Outranks = Callable[[EndpointId, EndpointId], bool]


def no_preference(_silent: EndpointId, _holder: EndpointId) -> bool:
    """For waiters who do not care where."""
    return False


# -- events ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Joined:
    """A client waits for the answer. ``waiter`` is any number not used before on this machine."""

    waiter: int
    want: Want
    outranks: Outranks = no_preference


@dataclass(frozen=True, slots=True)
class Left:
    """The client has gone away."""

    waiter: int


@dataclass(frozen=True, slots=True)
class ListingPart:
    """Children that an endpoint has named so far."""

    endpoint: EndpointId
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Heard:
    """An endpoint has given its final word."""

    endpoint: EndpointId
    observation: Observation


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed. Event loops round their timers, so it may come a little before the time asked for."""


Event = Joined | Left | ListingPart | Heard | Tick

# -- commands -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Put the question to this endpoint."""

    endpoint: EndpointId


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Put the question to this endpoint once more beside the first time, if that may be done; the word that comes first counts."""

    endpoint: EndpointId


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop asking this endpoint; nobody needs its word any more."""

    endpoint: EndpointId


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Send a ``Tick`` at this time unless a later ``WakeAt`` replaces it."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """This waiter's answer: all that is known now. ``silent`` endpoints had not spoken yet.

    ``stalled`` are those among them that could have improved the answer and whose patience ran out.
    """

    waiter: int
    knowledge: Knowledge
    silent: frozenset[EndpointId]
    stalled: frozenset[EndpointId] = frozenset()


@dataclass(frozen=True, slots=True)
class Finished:
    """Everybody has spoken or been cancelled; the machine takes no more events."""


Command = Ask | AskAgain | Cancel | WakeAt | Answer | Finished
