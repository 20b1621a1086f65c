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
- when everybody has answered, or has been silent for much longer than usual while others have it (``Want.MOST``: metalinks);
- when everybody has answered or the deadline has passed (``Want.ALL``: listings, changes; and every miss).

Order of preference decides while patience lasts, order of arrival afterwards. Patience is given per endpoint, since a
site that usually answers within 40 ms and has been silent for 250 is unlikely to be worth another wait; ``health``
knows what is usual.

A question that got lost (a connection that died unnoticed, a server that stumbled over this one request) is not answered by more waiting. When
one silent endpoint alone keeps a waiter waiting, longer than nineteen in twenty of its answers take, it is worth being asked again
(``AskAgain``). While several are silent it is not: then it is the gateway or the network that is slow, and would be
asked to do more. Whether it may be done is not decided here: that depends on how the endpoint is, and on how often it was done of late.

Nor does more waiting help with an endpoint that has been silent for many times what is usual for it. When somebody has the file and nobody
who waits needs the word of all, that endpoint is given up then, and what it holds is *unknown*, as at the deadline: it gets its connection
back, and ``health`` hears of it within a second and not within ten. A miss and a listing are another matter: nothing true can be said without
that endpoint, so they wait for it until the deadline, however quick it usually is.

This file is a machine without I/O and without a clock. ``handle`` takes one event and returns commands; the federation
carries them out and has no opinion. Several clients may wait on one machine: identical questions in flight share their
asks (row D39), and each waiter has its own preferences, because clients stand in different places. After a waiter
has been answered the remaining asks go on for as long as is said above, and what they say still enriches the cache (row D40); a
reply once given is never changed. When all waiters leave before any was answered, the asks are cancelled.

Invariants, checked by properties: each endpoint is asked at most once, and once more at most; each waiter is answered at most once, and
exactly once unless it leaves; nothing is commanded after ``Finished``; a deadline never turns silence into absence.

The deadline is for silence. Who is naming the children of a long collection is not silent, and earns a second more for
every thousand names (``NAMES_PER_S``): enough for a server that works, nothing for one that dribbles.

Sources: Dean and Barroso, "The Tail at Scale" (2013) on hedging; RFC 8305 section 5 on staggered attempts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ugrpy.namespace.fanout_words import (
    Answer,
    Ask,
    AskAgain,
    Cancel,
    Command,
    Event,
    Expected,
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
    no_preference,
)
from ugrpy.namespace.gather import Gathering
from ugrpy.namespace.merge import Sighting, merge_entries
from ugrpy.namespace.model import Cause, EndpointId, Entry, Found, Kind, Observation, Unknown

__all__ = [
    "Answer",
    "Ask",
    "AskAgain",
    "Cancel",
    "Command",
    "Event",
    "Expected",
    "Fanout",
    "FanoutPolicy",
    "Finished",
    "Heard",
    "Joined",
    "Left",
    "ListingPart",
    "Outranks",
    "Tick",
    "WakeAt",
    "Want",
    "no_preference",
]

# Slower than any storage we met lists (XRootD: some 20,000 names in a second), faster than anybody who only wants to hold us.
NAMES_PER_S = 1000


# -- the machine ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Waiter:
    want: Want
    outranks: Outranks


@dataclass(slots=True)
class Fanout:
    """One question to several endpoints. ``patience_s`` says how long each may keep a found file waiting, ``expected`` what is usual for it."""

    endpoints: Sequence[EndpointId]
    policy: FanoutPolicy
    started_s: float
    patience_s: Mapping[EndpointId, float] = field(default_factory=dict)
    expected: Mapping[EndpointId, Expected] = field(default_factory=dict)
    finished: bool = False
    knowledge: dict[EndpointId, Sighting] = field(default_factory=dict)
    gathered: Gathering | None = None
    _waiting: dict[int, _Waiter] = field(default_factory=dict)
    _asked_again: set[EndpointId] = field(default_factory=set)
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
        if self._true_without_some:
            expected = self.expected.get(endpoint)
            if expected is not None and expected.give_up_s is not None:
                return self.started_s + min(expected.give_up_s, self.policy.deadline_s)
        # whole seconds, or each name would wind the timer
        return self.deadline_s + self._named_by(endpoint) // NAMES_PER_S

    def _earliest_deadline_s(self, silent: frozenset[EndpointId]) -> float:
        if self.gathered is None and not self._true_without_some:
            return self.deadline_s  # that of each of them
        return min(self._deadline_of(name) for name in silent)

    def _named_by(self, endpoint: EndpointId) -> int:
        return self.gathered.named_by[endpoint] if self.gathered is not None else 0

    @property
    def _true_without_some(self) -> bool:
        """Whether all that is going to be said is true without those who are silent: somebody has it, and nobody waits for every word."""
        return (
            self._first_found_s is not None
            and self.gathered is None
            and not any(waiter.want is Want.ALL for waiter in self._waiting.values())
        )

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
            what = "no answer" if whole_s <= self.policy.deadline_s else "not finished"
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
        if self._first_found_s is None or waiter.want in (Want.ALL, Want.MOST):
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
        commands: list[Command] = []
        at_s = self._earliest_deadline_s(silent)
        for waiter in self._waiting.values():
            rivals = self._worth_waiting_for(waiter, silent)
            until_s = self._patient_until_s(rivals, waiter)
            if until_s is not None:
                at_s = min(at_s, until_s)
            again_s = self._worth_asking_again_s(rivals)
            if again_s is not None and again_s <= now_s:
                self._asked_again.add(rivals[0])
                commands.append(AskAgain(rivals[0]))
            elif again_s is not None:
                at_s = min(at_s, again_s)
        at_s = max(at_s, now_s)
        if at_s != self._wake_at_s:
            self._wake_at_s = at_s
            commands.append(WakeAt(at_s))
        return commands

    def _worth_asking_again_s(self, rivals: Sequence[EndpointId]) -> float | None:
        """When the only one who is waited for is worth a second question; ``None``: there are others, or it has begun to answer."""
        if len(rivals) != 1 or rivals[0] in self._asked_again or self._named_by(rivals[0]):
            return None
        expected = self.expected.get(rivals[0])
        if expected is None or expected.again_s is None:
            return None
        return self.started_s + expected.again_s


def _best(holders: Sequence[EndpointId], outranks: Outranks) -> EndpointId:
    best = holders[0]
    for holder in holders[1:]:
        if outranks(holder, best):
            best = holder
    return best
