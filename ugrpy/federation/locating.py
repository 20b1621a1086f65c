"""One name: what is known of it, and to which replicas is a client sent?"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.federation.asking import Asking
from ugrpy.federation.fromlisting import name_in
from ugrpy.federation.known import KnownName
from ugrpy.federation.lastknown import LastKnown, nobody_said
from ugrpy.federation.question import Parts, Question, Then
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.changes import Removal
from ugrpy.namespace.fanout import Answer, Want, no_preference
from ugrpy.namespace.learnt import Learnt
from ugrpy.namespace.merge import Summary, synthetic_collection
from ugrpy.namespace.model import Absent, EndpointId, Entry, Found, Observation
from ugrpy.namespace.paths import is_within, name_of, parent_of

# Names asked for ahead of their time at once: a burst of them must not be felt by those who wait.
MOST_AHEAD = 8


class Locating:
    """Names that are known, and those being asked for."""

    def __init__(self, asking: Asking, last: LastKnown) -> None:
        self._asking = asking
        self._last = last
        self._underway: dict[str, Question] = {}
        self._ahead: dict[Question, asyncio.Task[None]] = {}
        asking.memory.names.on_late_use = self._ask_ahead

    def __repr__(self) -> str:
        return f"<Locating {len(self._underway)} names under way>"

    @property
    def questions(self) -> list[Question]:
        """The questions under way."""
        return list(self._underway.values())

    def recall(self, path: str, want: Want, zone: Zone | None) -> KnownName | None:
        """What is remembered of ``path``, if that suffices; no endpoint is asked.

        While its question is still under way, what is remembered may do for one client and not for another, who
        stands near an endpoint that has not spoken yet.
        """
        asking = self._asking
        known = asking.memory.names.get(path, asking.clock.monotonic())
        if known is None and (known := self._listed(path, want)) is None:
            asking.counts.name_miss.add()
            return None
        if (not known.settled and not self._suffices(known, want, zone)) or (
            asking.sharing is not None
            and not asking.sharing.holds_name(known, asking.clock.monotonic())
        ):
            asking.counts.name_stale.add()
            return None
        asking.counts.name_hit.add()
        return known

    def _listed(self, path: str, want: Want) -> KnownName | None:
        """The name as a remembered listing has it, which is as good as remembered itself."""
        asking, around = self._asking, parent_of(path)
        now = asking.clock.monotonic()
        listing = asking.memory.listings.peek(around, now)
        if (
            listing is None
            or listing.fresh_until_s is None
            or want not in (Want.ANY, Want.BEST)
            or asking.overlay.touches(path)
            or asking.overlay.uploads_into(around)
            or (asking.sharing is not None and not asking.sharing.holds_listing(listing, now))
        ):
            return None
        covering = asking.members.covering
        known = name_in(listing, path, covering(path), covering(around))
        if known is not None:
            known.fresh_until(listing.fresh_until_s)
            asking.memory.names.keep(known, listing.fresh_until_s, now)
        return known

    def _suffices(self, known: KnownName, want: Want, zone: Zone | None) -> bool:
        return not (
            not known.suffices(want)
            or (known.out and self._asking.regained(known.out))
            or (known.silent and want is Want.BEST and self._may_improve(known, zone))
        )

    def forget(self, path: str) -> None:
        """Those who ask from now on want answers from now on; whoever waits still gets those of his own time."""
        self._underway.pop(path, None)

    def forget_below(self, path: str) -> None:
        """The same for a name and all below it."""
        for name in [one for one in self._underway if is_within(one, path)]:
            self.forget(name)

    def learn(self, learnt: Learnt, *, written: bool) -> None:
        """Something is known of one replica by now that was not when its storage last spoke of it."""
        asking = self._asking
        if not asking.learnt.put(learnt, written=written):
            return
        names, now = asking.memory.names, asking.clock.monotonic()
        known, until_s = names.peek(learnt.path, now), names.expires_at(learnt.path)
        if known is None or until_s is None:
            return
        after = asking.known(learnt.path, known.knowledge, known.silent, known.at_s)
        after.fresh_until(until_s)
        names.put(after, until_s, now)
        if not after.silent:
            asking.memory.tell_parent(after, now)
            asking.note_look(after)

    async def locate(self, path: str, want: Want, zone: Zone | None) -> KnownName:
        """What is known of ``path``, the endpoints being asked if it is not remembered."""
        return self.recall(path, want, zone) or await self.inquire(path, want, zone)

    async def inquire(self, path: str, want: Want, zone: Zone | None) -> KnownName:
        """As ``locate``, when memory has been asked already."""
        asking = self._asking
        if asking.members.synthetic.holds(path):
            summary = Summary(synthetic_collection(path), (), {}, {})
            return KnownName(path, summary, {}, frozenset(), {}, asking.clock.monotonic())
        if asking.sharing is not None:
            known = await asking.sharing.find_name(path)
            if known is not None and self._suffices(known, want, zone):
                return known
        if asking.board.absent:
            await self._last.look_up_holders(path)
        question = self._underway.get(path)
        # of a name that is being written nobody wants an answer from before his question
        if question is None or question.finished or asking.overlay.upload(path) is not None:
            covering = asking.admitted(path)
            if not covering:
                return await self._last.name(path) or asking.known(
                    path, {}, frozenset(), asking.clock.monotonic()
                )
            question = self._start(path, covering)
        answer = await self._last.answer_or_last(path, question, want, self._preference(zone))
        if isinstance(answer, KnownName):
            return answer
        if nobody_said(answer.knowledge) and (last := await self._last.name(path)) is not None:
            return last
        known = asking.known(path, answer.knowledge, answer.silent, question.machine.started_s)
        kept = asking.memory.names.peek(path, asking.clock.monotonic())
        if kept is not None and kept.at_s == known.at_s and kept.fresh_until_s is not None:
            known.fresh_until(kept.fresh_until_s)
        return known

    def _start(self, path: str, covering: Mapping[EndpointId, str]) -> Question:
        asking = self._asking
        stalled: set[EndpointId] = set()

        async def ask(name: EndpointId, _part: Parts) -> Observation:
            going = asking.overlay.removals(path)
            said = named(await asking.members[name].endpoint.stat(covering[name]), path)
            if isinstance(said, Found) and was_to_go(going, name, said.entry):
                return Absent()  # it may be gone by now, and what says so with it
            return asking.overlay.seen(path, name, said)

        def answered(answer: Answer) -> None:
            if answer.stalled:
                asking.counts.early.add()
            # many may wait for one question, and it is one stall all the same
            for name in answer.stalled - stalled:
                stalled.add(name)
                asking.note_stall(name)
            if answer.silent and self._underway.get(path) is question:
                known = asking.known(
                    path, answer.knowledge, answer.silent, question.machine.started_s
                )
                asking.keep_for_now(known, question.machine.deadline_s)

        def finished(ended: Question) -> None:
            if self._underway.get(path) is not ended:
                return  # the name has been changed since, or is asked for anew: these answers are old
            del self._underway[path]
            if not ended.machine.silent:
                self._keep(path, ended)

        then = Then(
            answered, learned=lambda underway: self._enrich(path, underway), finished=finished
        )
        question = asking.question(covering, ask, "stat", then)
        self._underway[path] = question
        return question

    def _keep(self, path: str, ended: Question) -> None:
        asking, machine = self._asking, ended.machine
        known = asking.known(path, machine.knowledge, frozenset(), machine.started_s)
        if ended in self._ahead and (not known.complete or known.out):
            return  # what is remembered is better for the rest of its life
        asking.keep_name(known)
        asking.note_look(known)

    def _ask_ahead(self, path: str) -> None:
        """A name in use is about to be forgotten: ask for it, while clients still have what is remembered."""
        asking = self._asking
        if (
            len(self._ahead) >= MOST_AHEAD
            or path in self._underway
            or asking.overlay.upload(path) is not None
            or not (covering := asking.admitted(path))
        ):
            return
        question = self._start(path, covering)
        asking.counts.ahead.add()

        async def see_through() -> None:
            await question.wait(Want.ALL, no_preference)

        task = spawn(see_through(), name="asking ahead")
        self._ahead[question] = task
        task.add_done_callback(lambda _task: self._ahead.pop(question))

    async def close(self) -> None:
        """Ask for nothing any more."""
        await cancel_and_wait(*self._ahead.values())
        for question in self.questions:
            await question.stop()

    def _enrich(self, path: str, underway: Question) -> None:
        """After an early answer, those who ask from now on have the use of each late one (row D40)."""
        asking, machine = self._asking, underway.machine
        now = asking.clock.monotonic()
        before = asking.memory.names.peek(path, now)
        if (
            before is not None
            and before.at_s == machine.started_s
            and self._underway.get(path) is underway
        ):
            known = asking.known(path, dict(machine.knowledge), machine.silent, machine.started_s)
            asking.keep_for_now(known, machine.deadline_s)

    def _may_improve(self, known: KnownName, zone: Zone | None) -> bool:
        """Whether a silent endpoint could still outrank all holders for this zone."""
        if zone is None or known.merged is None or known.path not in self._underway:
            return False
        outranks = self._asking.outranks
        return any(
            all(outranks(zone, silent, holder) for holder in known.merged.holders)
            for silent in known.silent
        )

    def _preference(self, zone: Zone | None) -> Callable[[EndpointId, EndpointId], bool]:
        if zone is None:
            return no_preference
        return lambda silent, holder: self._asking.outranks(zone, silent, holder)


def was_to_go(going: Iterable[Removal], name: EndpointId, entry: Entry) -> bool:
    """Whether that copy was on its way out already when it was asked for."""
    return any(one.endpoint == name and one.hides(entry) for one in going)


def named(said: Observation, path: str) -> Observation:
    """The observation under the name that clients use: mounts may rename a collection."""
    if isinstance(said, Found) and said.entry.name != (name := name_of(path)):
        return replace(said, entry=replace(said.entry, name=name))
    return said
