"""Who may be asked about a path, how is a question put, and what follows for the health of those who were asked?

What names and listings have in common. Everything an endpoint says, or fails to say, is counted and reported to the health
board here, and nowhere else.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ugrpy.core.clock import Clock, SystemClock
from ugrpy.core.errors import RequestError, Unavailable
from ugrpy.core.meter import Meter, NullMeter
from ugrpy.federation.counts import Counts
from ugrpy.federation.expecting import Expecting
from ugrpy.federation.known import KnownName
from ugrpy.federation.members import Members
from ugrpy.federation.memory import Memory
from ugrpy.federation.question import Again, AskEndpoint, Hooks, Pacing, Question, Then
from ugrpy.federation.sharing import Sharing
from ugrpy.federation.turns import InTurn
from ugrpy.health.board import HealthBoard
from ugrpy.health.states import IN_SERVICE_STATES, Transition
from ugrpy.load.settings import LoadSettings
from ugrpy.load.turns import Turns
from ugrpy.locality.ranker import Ranker
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.credit import Credit
from ugrpy.namespace.disagreements import Disagreements
from ugrpy.namespace.fanout import FanoutPolicy
from ugrpy.namespace.learnt import LearntDigests
from ugrpy.namespace.merge import Knowledge, Merged, summarise
from ugrpy.namespace.model import Cause, EndpointId, Observation, Unknown
from ugrpy.namespace.overlay import Overlay
from ugrpy.namespace.verdict import OutOfService, refusal


def _ignore(*_what: object) -> None:
    """For those who do not watch."""


Clashes = Callable[[str, Sequence[Merged]], None]
"""Hears of a path, or of a collection, and of the names there whose replicas disagree."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a federation needs from the process around it. ``draw`` returns numbers in [0, 1) and breaks ties."""

    draw: Callable[[], float]
    clock: Clock = field(default_factory=SystemClock)
    meter: Meter = field(default_factory=NullMeter)
    on_transition: Callable[[Transition], None] = _ignore
    on_clash: Clashes = _ignore


# A name that is being written is asked for again soon.
REPLACED_RETRY_S = 2.0


class Asking:
    """The shared ground of one federation's questions.

    ``overlay`` has the changes under way, which every answer is seen through; ``learnt`` what is known of replicas beyond what storages
    say of them in passing; ``disagreements`` which replicas were outvoted, ``credit`` whose word counts less for that; ``sharing`` the
    store that gateways share, if there is one.
    """

    def __init__(
        self,
        members: Members,
        board: HealthBoard,
        ranker: Ranker,
        memory: Memory,
        policy: FanoutPolicy,
        around: Surroundings,
        load: LoadSettings,
    ) -> None:
        self.members = members
        self.board = board
        self.ranker = ranker
        self.memory = memory
        self.policy = policy
        self.overlay = Overlay()
        self.learnt = LearntDigests()
        self.disagreements = Disagreements()
        self.sharing: Sharing | None = None
        self.credit = Credit()
        self.clock = around.clock
        self.heard_at_s = float("-inf")
        """When an endpoint last gave an answer that can be used."""
        names = [member.id for member in members]
        self.counts = Counts(around.meter, names)
        memory.names.over = self.learnt.over
        memory.names.tiers.on_unpacked = self.counts.unpacked.add
        memory.names.tiers.on_evicted = self.counts.names_evicted.add
        memory.listings.on_evicted = self.counts.listings_evicted.add
        self.expecting = Expecting(names, policy, self._has_room)
        if len(members) == 1:  # who asks has nobody else to turn to: let him wait
            load = replace(load, endpoint_share=1.0)
        self.turns = {
            member.id: Turns(
                member.connections,
                load,
                wait_s=policy.deadline_s / 2,
                now=around.clock.monotonic,
            )
            for member in members
        }
        self._on_transition = around.on_transition
        self._on_clash = around.on_clash
        self._again = Again(
            lambda name: self.expecting.may_ask_again(name, self.clock.monotonic()),
            self.counts.asked_again,
        )

    def admitted(self, path: str) -> dict[EndpointId, str]:
        """The endpoints to ask about ``path``: those in service, and those whose turn it is for a trial."""
        now = self.clock.monotonic()
        return {
            name: remote
            for name, remote in self.members.covering(path).items()
            if self.board.admit(name, now)
        }

    def question(
        self, covering: Mapping[EndpointId, str], ask: AskEndpoint, verb: str, then: Then
    ) -> Question:
        """A question to these endpoints that nobody waits for yet; ``verb`` is ``stat`` or ``list``."""
        in_turn = InTurn(self.turns, ask, verb, self.clock)

        def heard(name: EndpointId, observation: Observation, took_s: float) -> None:
            if in_turn.held_back(name):
                self.counts.held_back[name].add()
                return
            took_s -= in_turn.waited_s(name)
            self.counts.heard(name, verb, observation, took_s)
            if not isinstance(observation, Unknown):
                self.heard_at_s = self.clock.monotonic()
            self.expecting.heard(name, observation)
            self.credit.note(name, bad=is_nonsense(observation))
            # a listing takes as long as it is, which says little about how fast the endpoint answers
            if not in_turn.had_too_little_time(name, observation, self.policy.deadline_s):
                self.note_health(name, observation, None if verb == "list" else took_s)

        def given_up(name: EndpointId, waited_s: float) -> None:
            # a hanging endpoint whose clients always leave first would never be heard to fail; of a listing it says nothing
            waited_s -= in_turn.waited_s(name)
            if verb != "list" and waited_s >= self.policy.hedge_s and not in_turn.held_back(name):
                self.note_stall(name)

        def began(name: EndpointId, waited_s: float) -> None:
            if not in_turn.held_back(name):
                waited_s -= in_turn.waited_s(name)
                self.expecting.began(name, verb, waited_s, self.clock.monotonic())

        self.expecting.asked(covering, self.clock.monotonic())
        patience_s = {name: self.board.patience_s(name, self.policy.hedge_s) for name in covering}
        return Question.start(
            tuple(covering),
            self.policy,
            Pacing(patience_s, self.expecting.of(covering, verb)),
            ask=in_turn.ask,
            hooks=Hooks(heard, in_turn.watched(then), given_up, began, self._again),
            clock=self.clock,
        )

    def _has_room(self, name: EndpointId) -> bool:
        """Whether an endpoint is well, and one question more would not have to wait for its turn or a connection."""
        health = self.board[name]
        if not health.in_service or health.sluggish or self.turns[name].waiting:
            return False
        spare = self.members[name].endpoint.spare_connections
        return spare is None or spare > 0

    def known(
        self, path: str, knowledge: Knowledge, silent: frozenset[EndpointId], at_s: float
    ) -> KnownName:
        """What these sightings amount to, together with who could not be asked."""
        unasked = [n for n in self.members.covering(path) if n not in knowledge and n not in silent]
        out = self.out_of_service(path, unasked)
        summary = summarise(self.learnt.over(path, knowledge), self.credit.doubted)
        return KnownName(path, summary, knowledge, silent, out, at_s)

    def expect(self, known: KnownName) -> Merged:
        """The merged entry. Raises ``NotFound``, ``Forbidden`` or ``Unavailable`` by the absence rule."""
        if known.merged is None:
            raise self._refusal(known)
        return known.merged

    def keep_name(self, known: KnownName) -> None:
        """Remember a finished question, and what it means for the listing around the name; but not while the name is being written."""
        if self.overlay.upload(known.path) is not None:
            return
        now = self.clock.monotonic()
        self.memory.keep_name(known, now)
        self.memory.tell_parent(known, now)
        if self.sharing is not None:
            self.sharing.keep_name(known)

    def keep_for_now(self, known: KnownName, until_s: float) -> None:
        """Remember what is known of a question still under way; but not while the name is being written."""
        if self.overlay.upload(known.path) is None:
            self.memory.keep_for_now(known, until_s, self.clock.monotonic())

    def _refusal(self, known: KnownName) -> RequestError:
        if self.overlay.replaces(known.path):
            return Unavailable(
                f"{known.path} is being replaced, and the new copy is not complete yet",
                retry_after_s=REPLACED_RETRY_S,
                missing=known.missing,
            )
        error = refusal(known.path, known.summary, known.out)
        if known.out and error.status == 404:
            self.counts.absent_with_missing.add()
        return error

    def out_of_service(
        self, path: str, names: Sequence[EndpointId]
    ) -> dict[EndpointId, OutOfService]:
        """Why each of ``names`` is not asked, and whether it is remembered to hold ``path``, or may have got it since."""
        if not names:
            return {}
        now = self.clock.monotonic()
        holders = self.memory.holders(path)
        upload = self.overlay.upload(path)
        written_to = None if upload is None else upload.target
        return {
            name: OutOfService(
                reason=self.board.why_unfit(name, 0, now) or "was not asked",
                retry_after_s=self.board[name].retry_after_s(now),
                known=name == written_to or (name in holders and not self.overlay.gone(path, name)),
                strict=self.members[name].strict,
            )
            for name in names
        }

    def regained(self, out: Mapping[EndpointId, OutOfService]) -> bool:
        """Whether an endpoint that could not be asked then is back now, and may know more (row D116)."""
        return any(self.board.in_service(name) for name in out)

    def note_look(self, known: KnownName) -> None:
        """What a finished question about one name says of its replicas."""
        if known.merged is not None:
            self._note_clash(known.path, (known.merged,))
            self._note_outvoted(known.merged)
        if known.complete and not known.out:
            self.disagreements.note_name(known.path, known.merged, self.clock.wall())

    def note_listed(self, path: str, clashing: Sequence[Merged], *, whole: bool) -> None:
        """The same of a listing."""
        self._note_clash(path, clashing)
        self.disagreements.note_listing(path, clashing, self.clock.wall(), whole=whole)

    def _note_outvoted(self, merged: Merged) -> None:
        """Against whom several agree, for once."""
        if len(merged.holders) > len(merged.conflicts):
            for conflict in merged.conflicts:
                self.credit.note(conflict.endpoint, bad=True)

    def merged_anew(self, known: KnownName) -> Merged | None:
        """The merged entry as it would be today, when more is known of whose word counts."""
        if known.merged is None or not known.merged.conflicts or not self.credit.doubted:
            return known.merged
        return summarise(self.learnt.over(known.path, known.knowledge), self.credit.doubted).merged

    def _note_clash(self, path: str, among: Iterable[Merged]) -> None:
        """Replicas that disagree are counted and told to whoever watches (row D57)."""
        clashing = [one for one in among if one.conflicts]
        if not clashing:
            return
        for one in clashing:
            for about in {conflict.about for conflict in one.conflicts}:
                self.counts.clash(about)
        self._on_clash(path, clashing)

    def note_stall(self, name: EndpointId) -> None:
        """A client was answered without waiting for this endpoint, which might have been the better choice."""
        self.board.stalled(name, self.clock.monotonic(), cap_s=self.policy.hedge_s)
        self._note_pace(name)

    def note_transition(self, change: Transition) -> None:
        """An endpoint has left or entered service: ranking and whoever watches hear of it."""
        if change.after in IN_SERVICE_STATES and change.before not in IN_SERVICE_STATES:
            self.expecting.forget(change.endpoint)
        self._note_pace(change.endpoint)
        self._on_transition(change)

    def note_health(self, name: EndpointId, observation: Observation, took_s: float | None) -> None:
        """What an endpoint said, or did not say, counts for its health."""
        now = self.clock.monotonic()
        if isinstance(observation, Unknown):
            change = self.board.heard(
                name,
                observation.cause,
                took_s,
                now,
                observation.detail,
                wish_s=observation.retry_after_s,
            )
        else:
            change = self.board.heard(name, None, took_s, now)
        if change is not None:
            self.note_transition(change)
        else:
            self._note_pace(name)

    def outranks(self, zone: Zone, silent: EndpointId, holder: EndpointId) -> bool:
        """Whether an endpoint that has not spoken yet would be a better choice than one that holds the name."""
        reserved = self.board.reserved
        if reserved and (silent in reserved) is not (holder in reserved):
            return holder in reserved
        return self.ranker.outranks(zone, silent, holder)

    def note_weights(self) -> None:
        """Time passes: what has been back for longer gets more (slow start), and who is at risk may have changed."""
        for name in self.board:
            self._note_pace(name)

    def _note_pace(self, name: EndpointId) -> None:
        breaker = self.board[name]
        behind = breaker.sluggish or breaker.holding.stands.at_risk is not None
        load = 1.0 - breaker.share(self.clock.monotonic())
        self.ranker.note(name, load=load, sluggish=behind)


def is_nonsense(observation: Observation) -> bool:
    """Whether the endpoint answered, and it made no sense."""
    return isinstance(observation, Unknown) and observation.cause is Cause.MALFORMED
