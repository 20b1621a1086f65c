"""Stat, locate and list over all endpoints: the memory first, one shared fan-out otherwise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from ugrpy.cache.entries import CachePolicy
from ugrpy.core.clock import Clock, SystemClock
from ugrpy.core.errors import RequestError, Unavailable
from ugrpy.core.meter import Meter, NullMeter
from ugrpy.endpoints.base import Verb
from ugrpy.federation.counts import Counts
from ugrpy.federation.known import KnownListing, KnownName, Replica
from ugrpy.federation.members import Member, Members
from ugrpy.federation.memory import Memory
from ugrpy.federation.question import AskEndpoint, Hooks, Parts, Question
from ugrpy.health.board import HealthBoard
from ugrpy.health.states import Transition
from ugrpy.locality.ranker import Ranker
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.fanout import Answer, FanoutPolicy, Want, no_preference
from ugrpy.namespace.merge import Knowledge, Merged, Summary, merge_listings, summarise
from ugrpy.namespace.model import Denied, EndpointId, Entry, Found, Kind, Observation, Unknown
from ugrpy.namespace.paths import name_of
from ugrpy.namespace.verdict import OutOfService, missing_reasons, refusal


@dataclass(frozen=True, slots=True)
class Policies:
    """The knobs of one federation."""

    fanout: FanoutPolicy = field(default_factory=FanoutPolicy)
    cache: CachePolicy = field(default_factory=CachePolicy)


def _ignore(_transition: Transition) -> None:
    """For those who do not watch."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a federation needs from the process around it. ``draw`` returns numbers in [0, 1) and breaks ties."""

    draw: Callable[[], float]
    clock: Clock = field(default_factory=SystemClock)
    meter: Meter = field(default_factory=NullMeter)
    on_transition: Callable[[Transition], None] = _ignore


class Federation:
    """One namespace over many endpoints. All methods belong to the loop in which it was made."""

    def __init__(
        self,
        members: Sequence[Member],
        board: HealthBoard,
        ranker: Ranker,
        policies: Policies,
        around: Surroundings,
    ) -> None:
        self.members = Members(members)
        self.board = board
        self.ranker = ranker
        self.memory = Memory(policies.cache)
        self.policy = policies.fanout
        self.clock = around.clock
        self.draw = around.draw
        self._on_transition = around.on_transition
        self._locating: dict[str, Question] = {}
        self._listing: dict[str, Question] = {}
        self._counts = Counts(around.meter, [member.id for member in members])

    def __repr__(self) -> str:
        return f"<Federation {self.members!r}, {len(self._locating)} names being located, {self.memory!r}>"

    # -- one name -----------------------------------------------------------------------------------

    def recall(
        self, path: str, want: Want = Want.BEST, zone: Zone | None = None
    ) -> KnownName | None:
        """What is remembered of ``path``, if that suffices; no endpoint is asked.

        While its question is still under way, what is remembered may do for one client and not for another, who
        stands near an endpoint that has not spoken yet.
        """
        known = self.memory.names.get(path, self.clock.monotonic())
        if known is None:
            self._counts.name_miss.add()
            return None
        if (
            not known.suffices(want)
            or (known.out and self._regained(known.out))
            or (known.silent and want is Want.BEST and self._may_improve(known, zone))
        ):
            self._counts.name_stale.add()
            return None
        self._counts.name_hit.add()
        return known

    async def locate(
        self, path: str, want: Want = Want.BEST, zone: Zone | None = None
    ) -> KnownName:
        """What the federation knows of ``path``, asking the endpoints if it does not remember.

        The result may be a miss; ``expect`` turns that into the error it amounts to. ``zone`` decides which silent
        endpoints are worth a moment's wait when ``want`` is the best replica.
        """
        if (known := self.recall(path, want, zone)) is not None:
            return known
        if self.members.synthetic.holds(path):
            return self._synthetic(path)
        question = self._locating.get(path)
        if question is None or question.finished:
            covering = self._admitted(path)
            if not covering:
                return self._known(path, {}, frozenset(), self.clock.monotonic())
            question = self._start_locating(path, covering)
        answer = await question.wait(want, self._preference(zone))
        return self._known(path, answer.knowledge, answer.silent, question.machine.started_s)

    def expect(self, known: KnownName) -> Merged:
        """The merged entry. Raises ``NotFound``, ``Forbidden`` or ``Unavailable`` by the absence rule."""
        if known.merged is None:
            raise self._refusal(known)
        return known.merged

    def order(self, known: KnownName, zone: Zone) -> tuple[EndpointId, ...]:
        """The holders to send a client in ``zone`` to, best first; only those in service and not outvoted.

        Raises ``Unavailable`` (503) when all holders are out of service, and as ``expect`` does.
        """
        merged = self.expect(known)
        holders = merged.holders
        for name in holders:
            if not self.board.in_service(name):
                holders = tuple(one for one in holders if self.board.in_service(one))
                break
        if not holders:
            if not merged.holders:
                return ()  # a collection that only mounts make
            raise self._no_holder(known.path, merged)
        if len(holders) == 1:
            return holders
        return cast("tuple[EndpointId, ...]", self.ranker.order(zone, holders, self.draw))

    def replicas(
        self, known: KnownName, order: Sequence[EndpointId], verb: Verb = Verb.GET
    ) -> tuple[Replica, ...]:
        """The replicas at these endpoints, in this order."""
        return tuple(self._replica(known, name, verb) for name in order)

    def _replica(self, known: KnownName, name: EndpointId, verb: Verb) -> Replica:
        if (replica := known.used.get(name)) is not None:
            return replica
        member = self.members[name]
        remote = member.mounts.translate(known.path)
        assert remote is not None, "a holder is always mounted over the path"
        replica = Replica(name, member.endpoint.url(remote, verb), member.country)
        if not member.endpoint.features.signs:
            known.used[name] = replica
        return replica

    def _start_locating(self, path: str, covering: Mapping[EndpointId, str]) -> Question:
        async def ask(name: EndpointId, _part: Parts) -> Observation:
            return await self.members[name].endpoint.stat(covering[name])

        def answered(answer: Answer) -> None:
            for name in answer.stalled:
                self.board.stalled(name, self.clock.monotonic(), cap_s=self.policy.hedge_s)
                self._note_pace(name)
            if answer.stalled:
                self._counts.early.add()
            if answer.silent:
                known = self._known(
                    path, answer.knowledge, answer.silent, question.machine.started_s
                )
                self.memory.keep_for_now(known, question.machine.deadline_s, self.clock.monotonic())

        def learned(underway: Question) -> None:
            self._enrich(path, underway)

        def finished(ended: Question) -> None:
            if self._locating.get(path) is ended:
                del self._locating[path]
            if not ended.machine.silent:
                known = self._known(
                    path, ended.machine.knowledge, frozenset(), ended.machine.started_s
                )
                self.memory.keep_name(known, self.clock.monotonic())

        question = self._question(covering, ask, "stat", (answered, learned, finished))
        self._locating[path] = question
        return question

    def _enrich(self, path: str, underway: Question) -> None:
        """After an early answer, those who ask from now on have the use of each late one (row D40)."""
        machine, now = underway.machine, self.clock.monotonic()
        before = self.memory.names.get(path, now)
        if before is not None and before.at_s == machine.started_s:
            known = self._known(path, dict(machine.knowledge), machine.silent, machine.started_s)
            self.memory.keep_for_now(known, machine.deadline_s, now)

    def _known(
        self, path: str, knowledge: Knowledge, silent: frozenset[EndpointId], at_s: float
    ) -> KnownName:
        unasked = [n for n in self.members.covering(path) if n not in knowledge and n not in silent]
        out = self._out_of_service(path, unasked)
        return KnownName(path, summarise(knowledge), knowledge, silent, out, at_s)

    def _synthetic(self, path: str) -> KnownName:
        summary = Summary(_synthetic_collection(path), (), {}, {})
        return KnownName(path, summary, {}, frozenset(), {}, self.clock.monotonic())

    def _refusal(self, known: KnownName) -> RequestError:
        error = refusal(known.path, known.summary, known.out)
        if known.out and error.status == 404:
            self._counts.absent_with_missing.add()
        return error

    def _no_holder(self, path: str, merged: Merged) -> Unavailable:
        out = self._out_of_service(path, merged.holders)
        return Unavailable(
            f"{path}: every storage element that holds it is out of service",
            retry_after_s=min(state.retry_after_s for state in out.values()),
            missing=missing_reasons({}, out),
        )

    # -- one collection -----------------------------------------------------------------------------

    async def list(self, path: str) -> KnownListing:
        """The merged contents of a collection; of a file, the file itself and no children.

        Raises ``NotFound``, ``Forbidden`` or ``Unavailable`` when nobody holds the path.
        """
        if (known := self.memory.listings.get(path, self.clock.monotonic())) is not None:
            self._counts.listing_hit.add()
            return known
        self._counts.listing_miss.add()
        question = self._listing.get(path)
        if question is None or question.finished:
            covering = self._admitted(path)
            if not covering:
                now = self.clock.monotonic()
                return self._known_listing(self._known(path, {}, frozenset(), now), {})
            question = self._start_listing(path, covering)
        answer = await question.wait(Want.ALL, no_preference)
        if (made := self._made_of(question, path)) is not None:
            return made
        name = self._known(path, answer.knowledge, answer.silent, question.machine.started_s)
        listing = self._known_listing(name, question.machine.children)
        self.memory.keep_listing(listing, self.clock.monotonic())
        return listing

    def _made_of(self, question: Question, path: str) -> KnownListing | None:
        """The listing that another who waited for the same question has made of it."""
        made = self.memory.listings.get(path, self.clock.monotonic())
        return made if made is not None and made.at_s == question.machine.started_s else None

    def _start_listing(self, path: str, covering: Mapping[EndpointId, str]) -> Question:
        async def ask(name: EndpointId, part: Parts) -> Observation:
            endpoint = self.members[name].endpoint
            if self._lists(name):
                return await endpoint.list(covering[name], part)
            return await endpoint.stat(covering[name])

        def unheeded(_happened: object) -> None:
            """Those who wait make the listing of it."""

        def finished(ended: Question) -> None:
            if self._listing.get(path) is ended:
                del self._listing[path]

        question = self._question(covering, ask, "list", (unheeded, unheeded, finished))
        self._listing[path] = question
        return question

    def _known_listing(
        self, known: KnownName, children: Mapping[EndpointId, Sequence[Entry]]
    ) -> KnownListing:
        synthetic = self.members.synthetic
        if synthetic.holds(known.path) and not known.is_collection:
            itself = _synthetic_collection(known.path)
        else:
            itself = self.expect(known)
        missing = known.missing | self._not_listed(known)
        if itself.entry.kind is Kind.FILE:
            return KnownListing(known.path, itself, (), missing, known.at_s)
        if missing:
            self._counts.partial.add()
        merged = merge_listings(children)
        present = {child.entry.name for child in merged}
        made = [name for name in synthetic.children(known.path) if name not in present]
        merged += [_synthetic_collection("/" + name) for name in made]
        if made:
            merged.sort(key=lambda child: child.entry.name)
        return KnownListing(known.path, itself, merged, missing, known.at_s)

    def _not_listed(self, known: KnownName) -> dict[str, str]:
        """Endpoints that gave their word on the collection, and whose children are unknown all the same."""
        reasons: dict[str, str] = {}
        for name, sighting in known.knowledge.items():
            match sighting.observation:
                case Denied(_, detail):
                    reasons[name] = detail or "refused"
                case Found(entry) if entry.kind is Kind.COLLECTION and not self._lists(name):
                    reasons[name] = "holds the collection and cannot list it"
        return reasons

    def _lists(self, name: EndpointId) -> bool:
        member = self.members[name]
        return member.listable and member.endpoint.features.listable

    # -- shared -------------------------------------------------------------------------------------

    def _question(
        self,
        covering: Mapping[EndpointId, str],
        ask: AskEndpoint,
        verb: str,
        then: tuple[
            Callable[[Answer], None], Callable[[Question], None], Callable[[Question], None]
        ],
    ) -> Question:
        """``then``: what to do when it has answered somebody, learned something late, finished."""

        def heard(name: EndpointId, observation: Observation, took_s: float) -> None:
            self._counts.heard(name, verb, observation, took_s)
            self._note_health(name, observation, None if verb == "list" else took_s)

        patience_s = {name: self.board.patience_s(name, self.policy.hedge_s) for name in covering}
        return Question.start(
            tuple(covering),
            self.policy,
            patience_s,
            ask=ask,
            hooks=Hooks(heard, *then),
            clock=self.clock,
        )

    def _note_health(
        self, name: EndpointId, observation: Observation, took_s: float | None
    ) -> None:
        now = self.clock.monotonic()
        if isinstance(observation, Unknown):
            change = self.board.heard(name, observation.cause, took_s, now, observation.detail)
        else:
            change = self.board.heard(name, None, took_s, now)
        self._note_pace(name)
        if change is not None:
            self._on_transition(change)

    def note_transition(self, change: Transition) -> None:
        """The prober has seen an endpoint change: what ranking knows of it is brought up to date."""
        self._note_pace(change.endpoint)
        self._on_transition(change)

    def _note_pace(self, name: EndpointId) -> None:
        self.ranker.note(name, load=0.0, sluggish=self.board[name].sluggish)

    def _admitted(self, path: str) -> dict[EndpointId, str]:
        """The endpoints to ask about ``path``: those in service, and those whose turn it is for a trial."""
        now = self.clock.monotonic()
        return {
            name: remote
            for name, remote in self.members.covering(path).items()
            if self.board.admit(name, now)
        }

    def _out_of_service(
        self, path: str, names: Sequence[EndpointId]
    ) -> dict[EndpointId, OutOfService]:
        if not names:
            return {}
        now = self.clock.monotonic()
        holders = self.memory.holders(path, now)
        return {
            name: OutOfService(
                reason=self.board[name].out_reason(now) or "was not asked",
                retry_after_s=self.board[name].retry_after_s(now),
                known=name in holders,
                strict=self.members[name].strict,
            )
            for name in names
        }

    def _regained(self, out: Mapping[EndpointId, OutOfService]) -> bool:
        """Whether an endpoint that could not be asked then is back now, and may know more (row D116)."""
        return any(self.board.in_service(name) for name in out)

    def _may_improve(self, known: KnownName, zone: Zone | None) -> bool:
        """Whether a silent endpoint could still outrank all holders for this zone."""
        if zone is None or known.merged is None or known.path not in self._locating:
            return False
        return any(
            all(self.ranker.outranks(zone, silent, holder) for holder in known.merged.holders)
            for silent in known.silent
        )

    def _preference(self, zone: Zone | None) -> Callable[[EndpointId, EndpointId], bool]:
        if zone is None:
            return no_preference
        return lambda silent, holder: self.ranker.outranks(zone, silent, holder)

    async def close(self) -> None:
        """Stop all questions and close the endpoints."""
        for question in [*self._locating.values(), *self._listing.values()]:
            await question.stop()
        for member in self.members:
            await member.endpoint.close()


def _synthetic_collection(path: str) -> Merged:
    return Merged(Entry(name_of(path), Kind.COLLECTION), ())
