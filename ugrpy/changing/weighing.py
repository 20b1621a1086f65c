"""Which endpoints may an upload go to, in which order, and why not to the others?

Every endpoint is in the answer, with its reason, so that what is done and what is explained come from one decision. A refusal is part of it
as well: when nobody is left, it says what the client is told.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ugrpy.changing.ground import Ground
from ugrpy.changing.looking import Look
from ugrpy.changing.room import Rooms, fits
from ugrpy.core.errors import Forbidden, NoRoom, RequestError, Unavailable
from ugrpy.core.trouble import Reason
from ugrpy.locality.drawn import Drawn
from ugrpy.locality.model import Candidate
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.model import Absent, Denied, EndpointId, Found, Kind, Observation, Unknown
from ugrpy.namespace.verdict import DEFAULT_RETRY_AFTER_S, missing_reasons

# Where nothing is known of anybody's room, all are alike.
UNKNOWN_ROOM = 1.0


@dataclass(frozen=True, slots=True)
class Site:
    """An endpoint that an upload may go to, and its own path for the name. ``ranking``: how it came to be this one."""

    endpoint: EndpointId
    remote: str
    ranking: "PlaceRanking | None" = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PlaceRanking:
    """What a ranking of places saw and gave, for whoever writes it down.

    ``order`` is who is tried one after the other, for the numbers ``drawn``; ``rooms`` is what each could take, ``ahead`` the group of each, lower ones being tried first.
    """

    order: tuple[EndpointId, ...]
    drawn: tuple[float, ...]
    rooms: Mapping[str, float]
    ahead: Mapping[str, int]
    candidates: Mapping[str, Candidate]
    withheld: frozenset[EndpointId]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be placed: for a client of ``zone``, so long, rather at endpoints that are ``preferred``."""

    zone: Zone
    size_bytes: int | None = None
    preferred: frozenset[EndpointId] = frozenset()


@dataclass(frozen=True, slots=True)
class Weighed:
    """``chosen`` is in the order in which they are tried, with ``reasons``; ``refusal`` is there when it is empty."""

    chosen: tuple[Site, ...]
    reasons: Mapping[EndpointId, str]
    rejected: Mapping[EndpointId, str]
    refusal: RequestError | None = None


class Weighing:
    """Decides where uploads may go; changes nothing."""

    def __init__(self, ground: Ground, rooms: Rooms) -> None:
        self._ground = ground
        self._rooms = rooms

    def serving(self, path: str, what: str) -> Weighed:
        """The endpoints that take new things now. ``what`` is what they are to take: "uploads"."""
        ground = self._ground
        board = ground.federation.board
        writable = ground.writable(path)
        sites = tuple(Site(n, remote) for n, remote in writable.items() if board.takes_new(n))
        rejected = {
            member.id: "takes no changes"
            if member.mounts.translate(path) is not None
            else f"mounted at {', '.join(member.mounts.prefixes)}"
            for member in ground.federation.members
            if member.id not in writable
        }
        kept_out = tuple(name for name in writable if not board.takes_new(name))
        out = ground.asking.out_of_service(path, kept_out)
        rejected |= {name: state.reason for name, state in out.items()}
        refusal: RequestError | None = None
        if not writable:
            refusal = Forbidden(f"{path}: no storage element takes {what} here")
        elif not sites:
            refusal = Unavailable(
                f"{path}: every storage element that takes {what} here is out of service",
                retry_after_s=min(s.retry_after_s for s in out.values()) or DEFAULT_RETRY_AFTER_S,
                missing=missing_reasons({}, out),
            )
        return Weighed(sites, {}, rejected, refusal)

    async def weigh(self, seen: Look, wish: Wish) -> Weighed:
        """Where this upload may go."""
        serving = self.serving(seen.path, "uploads")
        rejected = dict(serving.rejected)
        if serving.refusal is not None:
            return serving
        sites = {site.endpoint: site for site in serving.chosen}
        unusable = {name: said_of(seen.said.get(name)) for name in sites if not takes(seen, name)}
        rejected |= unusable
        usable = [name for name in sites if name not in unusable]
        if not usable:
            refusal: RequestError = Unavailable(
                f"{seen.path}: no storage element that takes uploads here gave a usable answer",
                missing={str(name): why for name, why in unusable.items()},
                retry_after_s=DEFAULT_RETRY_AFTER_S,
            )
            return Weighed((), {}, rejected, refusal)
        await self._rooms.once()
        left = {name: self._rooms.left_bytes(name, but=seen.path) for name in usable}
        fitting = [name for name in usable if fits(left[name], wish.size_bytes)]
        full = {name: self._rooms.account(name, but=seen.path) for name in usable}
        rejected |= {name: full[name] for name in usable if name not in fitting}
        if not fitting:
            refusal = NoRoom(
                f"{seen.path}: no storage element in service has room for it",
                missing={str(n): Reason(f"{room} bytes left", None) for n, room in left.items()},
            )
            return Weighed((), {}, rejected, refusal)
        return self._ordered(seen, wish, {name: left[name] for name in fitting}, sites, rejected)

    def _ordered(
        self,
        seen: Look,
        wish: Wish,
        left: Mapping[EndpointId, int | None],
        sites: Mapping[EndpointId, Site],
        rejected: dict[EndpointId, str],
    ) -> Weighed:
        ground = self._ground
        board, now = ground.federation.board, ground.clock.monotonic()
        fittest = set(board.fittest(sorted(left), wish.size_bytes, now))
        for name in left.keys() - fittest:
            rejected[name] = board.why_unfit(name, wish.size_bytes, now)
        rooms = _rooms({name: left[name] for name in sorted(fittest)})
        ranker, draw = ground.federation.ranker, Drawn(ground.federation.draw)
        ranked = ranker.place(wish.zone, rooms, draw)
        upload = ground.overlay.upload(seen.path)
        first = None if upload is None else upload.target
        holders = () if seen.merged is None else seen.merged.holders
        by_rank = [EndpointId(choice.id) for choice in ranked]
        order = placing_order(by_rank, first, holders, wish.preferred)
        for name in fittest - set(order):
            rejected[name] = ranker.why_excluded(name)
        how = {EndpointId(choice.id): choice.reason for choice in ranked}
        where = Standing(first, holders, wish.preferred)
        reasons = {name: "; ".join((*where.words(name), how[name])) for name in order}
        ranking = PlaceRanking(
            tuple(order),
            tuple(draw.numbers),
            rooms,
            groups(order, first, holders, wish.preferred),
            ranker.candidates,
            board.withheld,
        )
        chosen = tuple(replace(sites[name], ranking=ranking) for name in order)
        return Weighed(chosen, reasons, rejected)


def _rooms(left: Mapping[EndpointId, int | None]) -> dict[str, float]:
    """What counts as the room of each; where it is not known, what the others have on average."""
    known = [room for room in left.values() if room is not None]
    usual = sum(known) / len(known) if known else UNKNOWN_ROOM
    return {str(n): float(usual if room is None else room) for n, room in left.items()}


@dataclass(frozen=True, slots=True)
class Standing:
    """What goes before the ranking, as in ``placing_order``."""

    first: EndpointId | None
    holders: Collection[EndpointId]
    preferred: Collection[EndpointId]

    def words(self, name: EndpointId) -> list[str]:
        """What speaks for this endpoint."""
        facts = (
            (name == self.first, "an upload of this name is under way there"),
            (name in self.holders, "it holds the name already"),
            (name in self.preferred, "it is preferred for this transfer"),
        )
        return [text for holds, text in facts if holds]


def placing_order(
    ranked: Sequence[EndpointId],
    first: EndpointId | None,
    holders: Collection[EndpointId],
    preferred: Collection[EndpointId],
) -> list[EndpointId]:
    """Who is tried in which order: the target of an upload under way, then holders of the name, then those preferred, each group as ranked."""
    # what is stable in Python's sort keeps the ranking within each group
    return sorted(ranked, key=groups(ranked, first, holders, preferred).__getitem__)


def groups(
    names: Sequence[EndpointId],
    first: EndpointId | None,
    holders: Collection[EndpointId],
    preferred: Collection[EndpointId],
) -> dict[str, int]:
    """The group of each, the lowest being tried first."""
    return {
        name: 4 * (name != first) + 2 * (name not in holders) + (name not in preferred)
        for name in names
    }


def takes(seen: Look, name: EndpointId) -> bool:
    """Whether what the endpoint said of the name lets it be written there."""
    match seen.said.get(name):
        case Found(entry):
            return entry.kind is Kind.FILE
        case None | Absent():
            return True
        case _:
            return False  # in trouble, or refusing us


def said_of(said: Observation | None) -> Reason:
    """What a storage said of a name, in words for clients."""
    match said:
        case Denied() as denied if denied.detail:
            return denied.reason
        case Unknown() as silence:
            return silence.reason
        case Found(entry):
            return Reason(f"holds a {entry.kind.value} of that name", None)
        case _:
            return Reason("gave no usable answer")
