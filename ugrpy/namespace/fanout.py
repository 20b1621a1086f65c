"""When has a federated question been answered well enough?

A question ("what is /a/b?", "what is in /a?") goes to every endpoint that may know, all at once. The hard part is
when to stop listening. Three wishes pull at it:

- the client wants its answer as soon as nothing better can come;
- a slow or dead endpoint must not cost anybody more than a moment;
- "not found" may only be said when everybody has said so.

Ways that were weighed. *Wait for all* (what DynaFed does to locate replicas) makes every redirect as slow as the slowest
site. *First answer wins* (its stat) sends Geneva's clients to Tokyo whenever Tokyo is quick. *Ask in order of rank, one after
the other with a hedge timer* (RFC 8305 for addresses) costs two round trips when the best site does not hold the file,
which is the ordinary case in a federation. So: ask all at once, and let each waiting client say which of the still
silent endpoints could improve its answer. It is answered

- at the first *found*, if it only asks whether the name exists (``Want.ANY``: HEAD, PROPFIND Depth 0);
- when no silent endpoint could still outrank the best holder known, or when those that could have used up the patience
  they deserve, counted from the first *found* (``Want.BEST``: a redirect);
- when everybody has answered or the deadline has passed (``Want.ALL``: metalinks, listings; and every miss).

Order of preference decides while patience lasts, order of arrival afterwards. Patience is given per endpoint, since a
site that usually answers within 40 ms and has been silent for 250 is unlikely to be worth another wait; ``health``
knows what is usual.

This file is a machine without I/O and without a clock. ``handle`` takes one event and returns commands; the federation
carries them out and has no opinion. Several clients may wait on one machine: identical questions in flight share their
asks (row D39), and each waiter has its own preferences, because clients stand in different places. After a waiter
has been answered the remaining asks go on until the deadline, and what they say still enriches the cache (row D40); a
reply once given is never changed. When all waiters leave before any was answered, the asks are cancelled.

Invariants, checked by properties: each endpoint is asked at most once; each waiter is answered at most once, and
exactly once unless it leaves; nothing is commanded after ``Finished``; a deadline never turns silence into absence.

The deadline is for silence. Who is naming the children of a long collection is not silent, and earns a second more for
every thousand names (``NAMES_PER_S``): enough for a server that works, nothing for one that dribbles.

Sources: Dean and Barroso, "The Tail at Scale" (2013) on hedging; RFC 8305 section 5 on staggered attempts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Annotated

from pydantic import Field

from ugrpy.namespace.gather import Gathering
from ugrpy.namespace.merge import Knowledge, Sighting, merge_entries
from ugrpy.namespace.model import Cause, EndpointId, Entry, Found, Kind, Observation, Unknown

# Slower than any storage we met lists (XRootD: some 20,000 names in a second), faster than anybody who only wants to hold us.
NAMES_PER_S = 1000


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


class Want(Enum):
    """How much a waiter needs to know."""

    ANY = auto()
    BEST = auto()
    ALL = auto()


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


Command = Ask | Cancel | WakeAt | Answer | Finished


# -- the machine ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Waiter:
    want: Want
    outranks: Outranks


@dataclass(slots=True)
class Fanout:
    """One question to several endpoints. ``patience_s`` says how long each may keep a found file waiting."""

    endpoints: Sequence[EndpointId]
    policy: FanoutPolicy
    started_s: float
    patience_s: Mapping[EndpointId, float] = field(default_factory=dict)
    finished: bool = False
    knowledge: dict[EndpointId, Sighting] = field(default_factory=dict)
    gathered: Gathering | None = None
    _waiting: dict[int, _Waiter] = field(default_factory=dict)
    _first_found_s: float | None = None
    _answered: bool = False
    _asked: bool = False
    _wake_at_s: float | None = None

    def __repr__(self) -> str:
        heard = ", ".join(
            f"{name}: {type(s.observation).__name__}" for name, s in self.knowledge.items()
        )
        return (
            f"Fanout(heard {{{heard}}}, silent {sorted(self.silent)}, "
            f"{len(self._waiting)} waiting{', finished' if self.finished else ''})"
        )

    @property
    def silent(self) -> frozenset[EndpointId]:
        """The endpoints that have not given their final word."""
        return frozenset(name for name in self.endpoints if name not in self.knowledge)

    @property
    def deadline_s(self) -> float:
        """When everybody is answered, whatever is known; those who list may take longer."""
        return self.started_s + self.policy.deadline_s

    def _deadline_of(self, endpoint: EndpointId) -> float:
        named = self.gathered.named_by[endpoint] if self.gathered is not None else 0
        return (
            self.deadline_s + named // NAMES_PER_S
        )  # whole seconds, or each name would wind the timer

    def handle(self, event: Event, now_s: float) -> list[Command]:
        """Take one event; return what is to be done, in order."""
        if self.finished:
            return []
        commands = self._take(event, now_s)
        commands += self._answer_waiters(now_s)
        return commands + self._what_next(now_s)

    def _take(self, event: Event, now_s: float) -> list[Command]:
        """Change the state as the event says; return what follows from it whatever the waiters think."""
        match event:
            case Joined(waiter, want, outranks):
                self._waiting[waiter] = _Waiter(want, outranks)
                return self._ask_once()
            case Left(waiter):
                self._waiting.pop(waiter, None)
                if not self._waiting and not self._answered:
                    return self._abandon()
            case ListingPart(endpoint, entries):
                if endpoint in self.endpoints and endpoint not in self.knowledge:
                    self._gather(endpoint, entries)
            case Heard(endpoint, observation):
                if endpoint in self.endpoints and endpoint not in self.knowledge:
                    self._hear(endpoint, observation, now_s)
            case Tick():
                self._wake_at_s = None  # spent, even when it rang too early
                if now_s >= self.deadline_s:
                    return self._give_up(now_s)
        return []

    def _gather(self, endpoint: EndpointId, entries: Sequence[Entry]) -> None:
        if self.gathered is None:
            self.gathered = Gathering(self.endpoints)
            for name in self.knowledge:
                self.gathered.end(name)
        self.gathered.add(endpoint, entries)

    def _ask_once(self) -> list[Command]:
        if self._asked:
            return []
        self._asked = True
        return [Ask(endpoint) for endpoint in self.endpoints]

    def _hear(self, endpoint: EndpointId, observation: Observation, now_s: float) -> None:
        self.knowledge[endpoint] = Sighting(observation, now_s)
        if self.gathered is not None:
            self.gathered.end(endpoint)
        if isinstance(observation, Found) and self._first_found_s is None:
            self._first_found_s = now_s

    def _abandon(self) -> list[Command]:
        self.finished = True
        return [*(Cancel(endpoint) for endpoint in sorted(self.silent)), Finished()]

    def _give_up(self, now_s: float) -> list[Command]:
        late = sorted(name for name in self.silent if now_s >= self._deadline_of(name))
        for endpoint in late:
            whole_s = self._deadline_of(endpoint) - self.started_s
            what = "no answer" if whole_s == self.policy.deadline_s else "not finished"
            detail = f"{what} within {whole_s:g} s"
            self._hear(endpoint, Unknown(Cause.TIMEOUT, detail), now_s)
        return [Cancel(endpoint) for endpoint in late]

    def _answer_waiters(self, now_s: float) -> list[Command]:
        silent = self.silent
        answers: list[Command] = []
        for number, waiter in list(self._waiting.items()):
            rivals = self._worth_waiting_for(waiter, silent)
            if rivals and not self._patience_over(rivals, waiter, now_s):
                continue
            del self._waiting[number]
            self._answered = True
            stalled = frozenset(rivals) if waiter.want is Want.BEST else frozenset()
            answers.append(Answer(number, dict(self.knowledge), silent, stalled))
        return answers

    def _worth_waiting_for(
        self, waiter: _Waiter, silent: frozenset[EndpointId]
    ) -> list[EndpointId]:
        """The silent endpoints whose word could still change this waiter's answer for the better."""
        if self._first_found_s is None or waiter.want is Want.ALL:
            return sorted(silent)
        if waiter.want is Want.ANY:
            return []
        found = {
            name: sighting.observation.entry
            for name, sighting in self.knowledge.items()
            if isinstance(sighting.observation, Found)
        }
        merged = merge_entries(found)
        if merged.entry.kind is Kind.COLLECTION:
            return []
        best = _best(merged.holders, waiter.outranks)
        return sorted(name for name in silent if waiter.outranks(name, best))

    def _patience_over(self, rivals: Sequence[EndpointId], waiter: _Waiter, now_s: float) -> bool:
        until_s = self._patient_until_s(rivals, waiter)
        return until_s is not None and now_s >= until_s

    def _patient_until_s(self, rivals: Sequence[EndpointId], waiter: _Waiter) -> float | None:
        """When a waiter for the best is answered although rivals are silent; ``None``: not before the deadline."""
        if waiter.want is not Want.BEST or self._first_found_s is None:
            return None
        return self._first_found_s + max(
            min(self.policy.hedge_s, self.patience_s.get(name, self.policy.hedge_s))
            for name in rivals
        )

    def _what_next(self, now_s: float) -> list[Command]:
        if self.finished:
            return []
        silent = self.silent
        if not silent:
            self.finished = True
            return [Finished()]
        at_s = min(self._deadline_of(name) for name in silent)
        for waiter in self._waiting.values():
            until_s = self._patient_until_s(self._worth_waiting_for(waiter, silent), waiter)
            if until_s is not None:
                at_s = min(at_s, until_s)
        at_s = max(at_s, now_s)
        if at_s == self._wake_at_s:
            return []
        self._wake_at_s = at_s
        return [WakeAt(at_s)]


def _best(holders: Sequence[EndpointId], outranks: Outranks) -> EndpointId:
    best = holders[0]
    for holder in holders[1:]:
        if outranks(holder, best):
            best = holder
    return best
