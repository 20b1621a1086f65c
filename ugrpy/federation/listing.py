"""One collection: what do all endpoints together hold in it, and what is missing from the answer?"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from weakref import WeakSet

from ugrpy.core.aio import first_of, next_turn
from ugrpy.core.errors import TooManyItems
from ugrpy.core.trouble import Reason
from ugrpy.federation.asking import Asking
from ugrpy.federation.contents import LOOSE
from ugrpy.federation.growing import BATCH, Growing
from ugrpy.federation.known import Children, KnownListing, KnownName
from ugrpy.federation.lastknown import LastKnown, nobody_said
from ugrpy.federation.locating import named
from ugrpy.federation.question import Parts, Question, Then
from ugrpy.namespace.fanout import Answer, Want, no_preference
from ugrpy.namespace.merge import Merged, synthetic_collection
from ugrpy.namespace.model import Denied, EndpointId, Entry, Found, Kind, Observation
from ugrpy.namespace.paths import is_within, join, parent_of


class Listing:
    """Collections that are known, and those being asked for. ``max_items``: longer ones are refused; 0 means none is."""

    def __init__(self, asking: Asking, last: LastKnown, max_items: int) -> None:
        self._asking = asking
        self._last = last
        self._max_items = max_items
        self._underway: dict[str, Growing] = {}
        self._ended: WeakSet[Growing] = WeakSet()
        """Those that have ended, for as long as somebody who waited may still come to remember them."""

    def __repr__(self) -> str:
        return f"<Listing {len(self._underway)} collections under way>"

    @property
    def questions(self) -> list[Question]:
        """The questions under way."""
        return [growing.question for growing in self._underway.values()]

    def recall(self, path: str) -> KnownListing | None:
        """The listing that is remembered; no endpoint is asked.

        Raises what ``list`` raises when it is remembered that nobody holds the path, or that there is too much in it.
        """
        asking = self._asking
        if asking.overlay.uploads_into(path):
            asking.counts.listing_miss.add()
            return None
        now = asking.clock.monotonic()
        known = asking.memory.listings.get(path, now)
        if known is not None and self._holds(known, now):
            asking.counts.listing_hit.add()
            return known
        if (too_long := asking.memory.too_long.get(path, now)) is not None:
            asking.counts.listing_hit.add()
            raise _too_many(too_long)
        asking.counts.listing_miss.add()
        name = asking.memory.names.peek(path, now)
        if (
            name is not None
            and name.merged is None
            and not name.silent
            and not asking.regained(name.out)
            and (asking.sharing is None or asking.sharing.holds_name(name, now))
        ):
            asking.expect(name)
        return None

    def _holds(self, known: KnownListing, now: float) -> bool:
        sharing = self._asking.sharing
        return sharing is None or sharing.holds_listing(known, now)

    async def _shared(self, path: str) -> KnownListing | None:
        """The listing that is confirmed, or found, in the store that gateways share."""
        sharing = self._asking.sharing
        if sharing is None or self._asking.overlay.uploads_into(path):
            return None
        return await sharing.find_listing(path)

    def forget(self, path: str) -> None:
        """Those who ask from now on want answers from now on; whoever reads still gets those of his own time."""
        for name in (path, parent_of(path)):
            if (growing := self._underway.pop(name, None)) is not None:
                growing.outdated = True
            for ended in self._ended:
                ended.outdated |= ended.path == name

    def forget_below(self, path: str) -> None:
        """The same for a name and all below it."""
        for name in [one for one in self._underway if is_within(one, path)]:
            self.forget(name)
        for ended in self._ended:
            ended.outdated |= is_within(ended.path, path)
        self.forget(path)

    async def list(self, path: str) -> KnownListing:
        """The merged contents of a collection; of a file, the file itself and no children."""
        return self.recall(path) or await self.inquire(path)

    async def inquire(self, path: str) -> KnownListing:
        """As ``list``, when memory has been asked already."""
        if (known := await self._shared(path)) is not None:
            return known
        growing = self._ask(path)
        if growing is None:
            return await self._last.listing(path) or self._unasked(path)
        number, answer = growing.question.join(Want.ALL, no_preference)
        try:
            return await self._last_of(growing, answer) or await self._whole(growing, await answer)
        finally:
            growing.question.leave(number)

    async def open(self, path: str) -> "KnownListing | Follower":
        """As ``inquire``, but a long listing is handed out while it grows."""
        if self._max_items:
            return await self.inquire(
                path
            )  # it may yet turn out to be too long, and must then be refused
        if (known := await self._shared(path)) is not None:
            return known
        growing = self._ask(path)
        if growing is None:
            return await self._last.listing(path) or self._unasked(path)
        number, answer = growing.question.join(Want.ALL, no_preference)
        try:
            if (last := await self._last_of(growing, answer)) is not None:
                growing.question.leave(number)
                return last
            await first_of(answer, growing.readable)
            if not growing.readable.done():
                return await self._whole(growing, answer.result())
        except BaseException:
            growing.question.leave(number)
            raise
        return Follower(self, growing, number, answer)

    async def _last_of(
        self, growing: Growing, answer: "asyncio.Future[Answer]"
    ) -> KnownListing | None:
        """What was known last, when those who are asked now all keep silent."""
        if not await self._last.mute(growing.question, answer, growing.readable):
            return None
        if (last := await self._last.listing(growing.path)) is not None:
            self._last.see_through(growing.question)
        return last

    async def _whole(self, growing: Growing, answer: Answer) -> KnownListing:
        """What they say, or what was known last when that is nothing."""
        mute = nobody_said(answer.knowledge) and not growing.count
        if mute and (last := await self._last.listing(growing.path)) is not None:
            return last
        return await self.finish(growing, answer)

    def missing_so_far(self, growing: Growing) -> Mapping[str, str]:
        """Who is known by now not to contribute."""
        machine = growing.question.machine
        known = self._asking.known(
            growing.path, dict(machine.knowledge), machine.silent, machine.started_s
        )
        return known.missing | self._not_listed(known)

    async def finish(self, growing: Growing, answer: Answer) -> KnownListing:
        """The whole listing, remembered; made once for all who wait for it."""
        while growing.move() == BATCH:
            await next_turn()  # a long listing is not worth the wait of everybody else
        if growing.listing is None:
            asking = self._asking
            known = asking.known(
                growing.path,
                answer.knowledge,
                answer.silent,
                growing.question.machine.started_s,
            )
            # all have spoken, so it is also known what the path itself is: misses and files are asked for again soon;
            # what mounts make exists whatever anybody says
            keep = not growing.outdated and not asking.overlay.uploads_into(growing.path)
            if keep and not asking.members.synthetic.holds(growing.path):
                asking.keep_name(known)
            growing.listing = self._made_of(known, growing)
            if keep:
                asking.memory.keep_listing(growing.listing, asking.clock.monotonic())
                if asking.sharing is not None:
                    asking.sharing.keep_listing(growing.listing)
        return growing.listing

    def _ask(self, path: str) -> Growing | None:
        """The question under way, or a new one; ``None`` when there is nobody to ask."""
        growing = self._underway.get(path)
        if (
            growing is None
            or growing.question.finished
            # of a collection that is being written into nobody wants an answer from before his question
            or self._asking.overlay.uploads_into(path)
        ):
            covering = self._asking.admitted(path)
            growing = self._start(path, covering) if covering else None
        return growing

    def _start(self, path: str, covering: Mapping[EndpointId, str]) -> Growing:
        asking = self._asking

        async def ask(name: EndpointId, part: Parts) -> Observation:
            endpoint = asking.members[name].endpoint

            def visible(children: Sequence[Entry]) -> None:
                part(
                    asking.learnt.over_children(
                        path, name, asking.overlay.seen_children(path, name, children)
                    )
                )

            if self._lists(name):
                said = await endpoint.list(covering[name], visible)
            else:
                said = await endpoint.stat(covering[name])
            return asking.overlay.seen(path, name, named(said, path))

        def grown(_question: Question) -> None:
            growing.grown()
            if 0 < self._max_items < growing.count:
                self._refuse(growing)

        def finished(_question: Question) -> None:
            growing.grown()
            if self._underway.get(path) is growing:
                del self._underway[path]
                self._ended.add(growing)

        question = asking.question(covering, ask, "list", Then(grown=grown, finished=finished))
        growing = Growing(path, question)
        self._underway[path] = growing
        return growing

    def _refuse(self, growing: Growing) -> None:
        why = (
            f"{growing.path} holds more than {self._max_items} items, the most that are listed here"
        )
        asking = self._asking
        asking.memory.keep_too_long(growing.path, why, asking.clock.monotonic())
        growing.question.refuse(_too_many(why))

    def _unasked(self, path: str) -> KnownListing:
        known = self._asking.known(path, {}, frozenset(), self._asking.clock.monotonic())
        return self._made_of(known, None)

    def _made_of(self, known: KnownName, growing: Growing | None) -> KnownListing:
        asking = self._asking
        if asking.members.synthetic.holds(known.path) and not known.is_collection:
            itself = synthetic_collection(known.path)
        else:
            itself = asking.expect(known)
        missing = known.missing | self._not_listed(known)
        if itself.entry.kind is Kind.FILE:
            return KnownListing(known.path, itself, (), missing, known.at_s, known.parts)
        if missing:
            asking.counts.partial.add()
        children = self._children(known.path, growing)
        if growing is not None:
            asking.note_listed(known.path, growing.clashing, whole=not missing)
        return KnownListing(known.path, itself, children, missing, known.at_s, known.parts)

    def _children(self, path: str, growing: Growing | None) -> Children:
        """All children, those that mounts make included; in the order of the names unless there are very many."""
        gathered = None if growing is None else growing.gathered
        made = [
            synthetic_collection(join(path, name))
            for name in self._asking.members.synthetic.children(path)
            if gathered is None or not gathered.holds(name)
        ]
        if growing is None:
            return tuple(made)
        growing.children.extend(made)
        if len(growing.children) <= LOOSE:
            return tuple(sorted(growing.children, key=lambda child: child.entry.name))
        growing.children.seal()
        return growing.children

    def _not_listed(self, known: KnownName) -> dict[str, str]:
        """Endpoints that gave their word on the collection, and whose children are unknown all the same, or some of them."""
        reasons: dict[str, str] = {}
        for name, sighting in known.knowledge.items():
            match sighting.observation:
                case Denied() as denied:
                    reasons[name] = denied.reason
                case Found(entry) if entry.kind is Kind.COLLECTION and not self._lists(name):
                    reasons[name] = Reason("holds the collection and cannot list it", None)
                case Found(_, left_out) if left_out:
                    reasons[name] = Reason(f"{left_out} of its names cannot be asked for", None)
        return reasons

    def _lists(self, name: EndpointId) -> bool:
        member = self._asking.members[name]
        return member.listable and member.endpoint.features.listable


def _too_many(why: str) -> TooManyItems:
    return TooManyItems(why, hint="each item can still be asked for by its name")


class Follower:
    """Reads one long listing while it grows. ``close`` it, or the endpoints go on for nobody.

    ``missing`` is who was known not to contribute when the reading began, and at its end who really did not.
    """

    def __init__(
        self, listing: Listing, growing: Growing, number: int, answer: "asyncio.Future[Answer]"
    ) -> None:
        self._listing = listing
        self._growing = growing
        self._number = number
        self._answer = answer
        self.itself: Merged = synthetic_collection(growing.path)
        self.missing = listing.missing_so_far(growing)

    async def pieces(self) -> AsyncIterator[Sequence[Merged]]:
        """The children, each once, as they are settled; waits for the endpoints in between.

        Raises ``Unavailable`` when it turns out that nobody holds the collection for certain: who named children broke off.
        """
        growing, place = self._growing, 0
        while True:
            children, place = growing.children.after(place)
            if children:
                yield children
            elif not growing.move():
                if self._answer.done() and growing.listing is not None:
                    return
                await self._more()

    async def _more(self) -> None:
        if self._answer.done():
            self.missing = (
                await self._listing.finish(self._growing, self._answer.result())
            ).missing
        else:
            await self._growing.news()

    def close(self) -> None:
        """The client has all it wanted, or has left."""
        self._growing.question.leave(self._number)
