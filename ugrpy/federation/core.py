"""Stat, locate and list over all endpoints: the memory first, one shared fan-out otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from ugrpy.cache.entries import CachePolicy
from ugrpy.core.errors import Unavailable
from ugrpy.core.meter import Meter
from ugrpy.endpoints.base import Verb
from ugrpy.federation.asking import Asking, Surroundings
from ugrpy.federation.known import KnownListing, KnownName, Replica
from ugrpy.federation.lastknown import LastKnown
from ugrpy.federation.listing import Follower, Listing
from ugrpy.federation.locating import Locating
from ugrpy.federation.members import Member, Members
from ugrpy.federation.memory import Memory
from ugrpy.federation.past import Past
from ugrpy.federation.sharing import Sharing
from ugrpy.health.board import HealthBoard
from ugrpy.health.states import Transition
from ugrpy.load.settings import LoadSettings
from ugrpy.locality.drawn import Drawn
from ugrpy.locality.ranker import Ranker
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.fanout import FanoutPolicy, Want
from ugrpy.namespace.learnt import Learnt
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId
from ugrpy.namespace.verdict import missing_reasons
from ugrpy.shared.coherence import Coherence


@dataclass(frozen=True, slots=True)
class Policies:
    """The knobs of one federation. ``max_list_items``: longer collections are not listed; 0 means all are."""

    fanout: FanoutPolicy = field(default_factory=FanoutPolicy)
    cache: CachePolicy = field(default_factory=CachePolicy)
    max_list_items: int = 0
    load: LoadSettings = field(default_factory=LoadSettings)


class Federation:
    """One namespace over many endpoints. All methods belong to the loop in which it was made.

    ``lots`` has the numbers that the latest ``order`` drew, if it ranked several.
    """

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
        self.clock = around.clock
        self.draw = around.draw
        self.lots = Drawn(around.draw)
        self.asking = Asking(
            self.members, board, ranker, self.memory, policies.fanout, around, policies.load
        )
        self._last = LastKnown(self.asking)
        self._locating = Locating(self.asking, self._last)
        self._listing = Listing(self.asking, self._last, policies.max_list_items)

    def __repr__(self) -> str:
        return (
            f"<Federation {self.members!r}, {self._locating!r}, {self._listing!r}, {self.memory!r}>"
        )

    def share(self, coherence: Coherence, meter: Meter | None = None) -> None:
        """From now on what is learnt is shared with other gateways, and what they change is heard of."""
        asking = self.asking
        asking.sharing = Sharing(
            coherence,
            self.memory,
            self.members,
            asking.overlay,
            asking.learnt,
            self.clock,
            meter,
        )

    @property
    def shared_down(self) -> bool:
        """Whether the store that gateways share is away: what others have changed is learnt after ``lease_s`` at the latest."""
        sharing = self.asking.sharing
        return sharing is not None and sharing.coherence.down

    def recall(
        self, path: str, want: Want = Want.BEST, zone: Zone | None = None
    ) -> KnownName | None:
        """What is remembered of ``path``, if that suffices for this want and zone; no endpoint is asked."""
        return self._locating.recall(path, want, zone)

    async def locate(
        self, path: str, want: Want = Want.BEST, zone: Zone | None = None
    ) -> KnownName:
        """What the federation knows of ``path``, asking the endpoints if it does not remember.

        The result may be a miss; ``expect`` turns that into the error it amounts to. ``zone`` decides which silent
        endpoints are worth a moment's wait when ``want`` is the best replica.
        """
        return await self._locating.locate(path, want, zone)

    async def inquire(self, path: str, want: Want, zone: Zone | None = None) -> KnownName:
        """As ``locate``, for those who have just asked ``recall`` in vain."""
        return await self._locating.inquire(path, want, zone)

    def why_forward(self, path: str) -> str:
        """Why the endpoints must be asked about a name that ``recall`` does not know well enough, in a word of RFC 9211 section 2.2."""
        now = self.clock.monotonic()
        if self.memory.names.peek(path, now) is not None:
            return "request"  # it is remembered, and this client needs more
        return "stale" if self.memory.holders(path) else "miss"

    def expect(self, known: KnownName) -> Merged:
        """The merged entry. Raises ``NotFound``, ``Forbidden`` or ``Unavailable`` by the absence rule."""
        return self.asking.expect(known)

    def order(self, known: KnownName, zone: Zone) -> tuple[EndpointId, ...]:
        """The holders to send a client in ``zone`` to, best first; only those in service and not outvoted, and of those
        that may be drained or near a downtime only the fittest (see ``health.choosing``).

        Empty for a collection that only mounts make. Raises ``Unavailable`` (503) when all holders are out of
        service, and as ``expect`` does.
        """
        merged = known.merged or self.expect(known)
        holders = merged.holders
        if (withheld := self.board.withheld) and not withheld.isdisjoint(holders):
            size_bytes, now = merged.entry.size_bytes, self.clock.monotonic()
            if not (holders := self.board.fittest(holders, size_bytes, now)):
                holders = self._believed_instead(known)
        if len(holders) < 2:
            return holders
        lots = self.lots
        lots.numbers.clear()
        return cast("tuple[EndpointId, ...]", self.ranker.order(zone, holders, lots))

    def replicas(
        self, known: KnownName, order: Sequence[EndpointId], verb: Verb = Verb.GET
    ) -> tuple[Replica, ...]:
        """The replicas at these endpoints, in this order."""
        return tuple(self._replica(known, name, verb) for name in order)

    async def list(self, path: str) -> KnownListing:
        """The merged contents of a collection; of a file, the file itself and no children.

        Raises ``NotFound``, ``Forbidden`` or ``Unavailable`` when nobody holds the path, ``TooManyItems`` beyond ``max_list_items``.
        """
        return await self._listing.list(path)

    async def inquire_listing(self, path: str) -> KnownListing:
        """As ``list``, for those who have just asked ``recall_listing`` in vain."""
        return await self._listing.inquire(path)

    async def open_listing(self, path: str) -> KnownListing | Follower:
        """As ``inquire_listing``, but a very long listing is handed out while it grows, in no order; it must be closed."""
        return await self._listing.open(path)

    def recall_listing(self, path: str) -> KnownListing | None:
        """The listing that is remembered, if any; raises as ``list`` when a miss is remembered."""
        return self._listing.recall(path)

    def learn(self, learnt: Learnt, *, written: bool = False) -> None:
        """The checksums of one replica: from now on it is merged with the others by them. ``written``: they are written down already."""
        self._locating.learn(learnt, written=written)

    def keep_past(self, past: Past) -> None:
        """From now on what is known is written down there, and asked for when no endpoint can say."""
        self.memory.past = self._last.past = past

    async def announce(self, paths: Sequence[str], *, below: bool) -> bool:
        """Other gateways hear that these names have been changed. Whether they do: if not, ``distrust`` follows on this host."""
        sharing = self.asking.sharing
        return sharing is None or await sharing.coherence.changed(paths, below=below)

    def distrust(self, paths: Sequence[str], *, below: bool) -> None:
        """The store that gateways share may still say what was true of these names before."""
        if (sharing := self.asking.sharing) is not None:
            sharing.coherence.distrust(paths, below=below)

    async def found_stale(self, path: str) -> None:
        """What is remembered of a name was seen to be wrong, here and wherever it is shared."""
        self.forget(path)
        if not await self.announce([path], below=False):
            self.distrust([path], below=False)

    def forget(self, path: str) -> None:
        """A name has been changed: what was known of it, and of the collection around it, counts no more."""
        self.asking.learnt.forget(path)
        self.memory.forget(path, self.board.absent)
        self._locating.forget(path)
        self._listing.forget(path)
        if self.asking.sharing is not None:
            self.asking.sharing.forget(path)

    def forget_below(self, path: str) -> None:
        """The same for a name and all below it."""
        self.asking.learnt.forget_below(path)
        self.memory.forget_below(path, self.board.absent)
        self._locating.forget_below(path)
        self._listing.forget_below(path)
        if self.asking.sharing is not None:
            self.asking.sharing.forget_below()

    def note_transition(self, change: Transition) -> None:
        """The prober has seen an endpoint change."""
        self.asking.note_transition(change)

    async def close(self) -> None:
        """Stop all questions and close the endpoints."""
        await self._last.close()
        await self._locating.close()
        for question in self._listing.questions:
            await question.stop()
        for member in self.members:
            await member.endpoint.close()

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

    def _believed_instead(self, known: KnownName) -> tuple[EndpointId, ...]:
        """When all holders are out of service: those whom they were believed against, if they would not be by now."""
        merged = self.asking.merged_anew(known)
        assert merged is not None, "somebody holds it"
        size_bytes, now = merged.entry.size_bytes, self.clock.monotonic()
        if not (holders := self.board.fittest(merged.holders, size_bytes, now)):
            raise self._no_holder(known.path, merged)
        return holders

    def _no_holder(self, path: str, merged: Merged) -> Unavailable:
        out = self.asking.out_of_service(path, merged.holders)
        return Unavailable(
            f"{path}: every storage element that holds it is out of service",
            retry_after_s=min(state.retry_after_s for state in out.values()),
            missing=missing_reasons({}, out),
        )
