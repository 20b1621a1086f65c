"""One collection: what do all endpoints together hold in it, and what is missing from the answer?"""

from collections.abc import Mapping

from ugrpy.federation.asking import Asking
from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.federation.locating import named
from ugrpy.federation.question import Parts, Question, Then
from ugrpy.namespace.fanout import Want, no_preference
from ugrpy.namespace.gather import Gathering
from ugrpy.namespace.merge import synthetic_collection
from ugrpy.namespace.model import Denied, EndpointId, Found, Kind, Observation
from ugrpy.namespace.paths import join


class Listing:
    """Collections that are known, and those being asked for."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._underway: dict[str, Question] = {}

    def __repr__(self) -> str:
        return f"<Listing {len(self._underway)} collections under way>"

    @property
    def questions(self) -> list[Question]:
        """The questions under way."""
        return list(self._underway.values())

    def recall(self, path: str) -> KnownListing | None:
        """The listing that is remembered; no endpoint is asked.

        Raises what ``list`` raises when it is remembered that nobody holds the path.
        """
        asking = self._asking
        now = asking.clock.monotonic()
        known = asking.memory.listings.get(path, now)
        if known is not None:
            asking.counts.listing_hit.add()
            return known
        asking.counts.listing_miss.add()
        name = asking.memory.names.peek(path, now)
        if (
            name is not None
            and name.merged is None
            and not name.silent
            and not asking.regained(name.out)
        ):
            asking.expect(name)
        return None

    async def list(self, path: str) -> KnownListing:
        """The merged contents of a collection; of a file, the file itself and no children."""
        return self.recall(path) or await self.inquire(path)

    async def inquire(self, path: str) -> KnownListing:
        """As ``list``, when memory has been asked already."""
        asking = self._asking
        question = self._underway.get(path)
        if question is None or question.finished:
            covering = asking.admitted(path)
            if not covering:
                now = asking.clock.monotonic()
                return self._made_of(asking.known(path, {}, frozenset(), now), None)
            question = self._start(path, covering)
        answer = await question.wait(Want.ALL, no_preference)
        machine = question.machine
        made = asking.memory.listings.peek(path, asking.clock.monotonic())
        if made is not None and made.at_s == machine.started_s:
            return made  # another who waited for the same question was quicker
        known = asking.known(path, answer.knowledge, answer.silent, machine.started_s)
        now = asking.clock.monotonic()
        # all have spoken, so it is also known what the path itself is: misses and files are asked for again soon;
        # what mounts make exists whatever anybody says
        if not asking.members.synthetic.holds(path):
            asking.memory.keep_name(known, now)
        listing = self._made_of(known, machine.gathered)
        asking.memory.keep_listing(listing, now)
        return listing

    def _start(self, path: str, covering: Mapping[EndpointId, str]) -> Question:
        asking = self._asking

        async def ask(name: EndpointId, part: Parts) -> Observation:
            endpoint = asking.members[name].endpoint
            if self._lists(name):
                return named(await endpoint.list(covering[name], part), path)
            return named(await endpoint.stat(covering[name]), path)

        def finished(ended: Question) -> None:
            if self._underway.get(path) is ended:
                del self._underway[path]

        question = asking.question(covering, ask, "list", Then(finished=finished))
        self._underway[path] = question
        return question

    def _made_of(self, known: KnownName, gathered: Gathering | None) -> KnownListing:
        asking = self._asking
        synthetic = asking.members.synthetic
        if synthetic.holds(known.path) and not known.is_collection:
            itself = synthetic_collection(known.path)
        else:
            itself = asking.expect(known)
        missing = known.missing | self._not_listed(known)
        if itself.entry.kind is Kind.FILE:
            return KnownListing(known.path, itself, (), missing, known.at_s)
        if missing:
            asking.counts.partial.add()
        merged = [] if gathered is None else gathered.take(gathered.count)
        merged.sort(key=lambda child: child.entry.name)
        present = {child.entry.name for child in merged}
        made = [name for name in synthetic.children(known.path) if name not in present]
        if made:
            merged += [synthetic_collection(join(known.path, name)) for name in made]
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
        member = self._asking.members[name]
        return member.listable and member.endpoint.features.listable
