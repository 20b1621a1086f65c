"""Where does an upload go?

Among the endpoints that take changes of the name and are in service: first those that hold it already, so that the name stays readable
while it is replaced; then those that whoever uploads prefers; then as reading is ranked, the room that is left deciding among equally near ones. Missing collections above the name
are made there; an endpoint that will not make them is passed over for the next.
"""

from contextlib import suppress

from ugrpy.cache.entries import AgingCache
from ugrpy.changing.ground import Ground
from ugrpy.changing.looking import Look, look, visible_collection
from ugrpy.changing.room import Rooms, fits
from ugrpy.changing.verdicts import none_did
from ugrpy.changing.weighing import Site, Weighing, Wish
from ugrpy.core.errors import Clash, NotFound
from ugrpy.core.trouble import Reason
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.model import Absent, Denied, EndpointId, Found, Kind, Observation
from ugrpy.namespace.outcomes import Conflict, Done, Full, Outcome
from ugrpy.namespace.paths import parent_of

# Collections known to be at an endpoint are not looked for again for so long.
COLLECTION_TTL_S = 30.0
COLLECTIONS_KEPT = 50_000


class Placing:
    """Finds a place, and prepares it."""

    def __init__(self, ground: Ground, rooms: Rooms) -> None:
        self._ground = ground
        self._rooms = rooms
        self.weighing = Weighing(ground, rooms)
        self._collections: AgingCache[bool] = AgingCache(COLLECTIONS_KEPT)

    def forget(self) -> None:
        """Collections have been removed or moved."""
        self._collections.clear()

    async def find(
        self,
        seen: Look,
        zone: Zone,
        size_bytes: int | None,
        preferred: frozenset[EndpointId] = frozenset(),
    ) -> Site:
        """The place for a name, with the collections above it; its room is held until ``let_go``.

        Raises ``Forbidden``, ``Unavailable``, ``NoRoom`` or ``Clash``.
        """
        await self.check_parent(seen.path)
        weighed = await self.weighing.weigh(seen, Wish(zone, size_bytes, preferred))
        if weighed.refusal is not None:
            raise weighed.refusal
        refused: dict[EndpointId, Outcome] = {}
        for site in weighed.chosen:
            outcome = await self._prepared(site, seen.path, size_bytes)
            if isinstance(outcome, Done):
                return site
            refused[site.endpoint] = outcome
        reasons = {str(name): _why(outcome) for name, outcome in refused.items()}
        raise none_did(seen.path, "placed", refused, reasons)

    async def _prepared(self, site: Site, path: str, size_bytes: int | None) -> Outcome:
        """The place with its room held and the collections made; neither when it is not *done*."""
        if not fits(self._rooms.left_bytes(site.endpoint, but=path), size_bytes):
            return Full("its room went to other uploads")
        self._rooms.hold(site.endpoint, size_bytes)
        outcome: Outcome = Full()
        try:
            outcome = await self.make_parents(site, path)
        finally:
            if not isinstance(outcome, Done):
                self.let_go(site, size_bytes)
        return outcome

    def let_go(self, site: Site, size_bytes: int | None) -> None:
        """The upload is written down, so that its room is counted there; or it does not begin."""
        self._rooms.release(site.endpoint, size_bytes)

    async def check_parent(self, path: str, *, strictly: bool = False) -> None:
        """Raises ``Clash`` when what is above the name is a file, or nothing and that is not allowed (RFC 4918 section 9.7.1)."""
        parent = parent_of(path)
        if not (strictly or self._ground.settings.require_parent):
            return
        above = await look(self._ground, parent)
        if visible_collection(above) is not None:
            return
        if above.kind is None:
            with suppress(NotFound):  # any other reason says that it is not known
                self._ground.asking.expect(above.known)
        raise Clash(f"{path}: there is no collection {parent}")

    # -- who ----------------------------------------------------------------------------------------

    def in_service(self, path: str, what: str) -> dict[EndpointId, str]:
        """The endpoints that take new things now. Raises ``Forbidden`` when none ever does, ``Unavailable`` when none can."""
        weighed = self.weighing.serving(path, what)
        if weighed.refusal is not None:
            raise weighed.refusal
        return {site.endpoint: site.remote for site in weighed.chosen}

    # -- the collections above ----------------------------------------------------------------------

    async def make_parents(self, site: Site, path: str) -> Outcome:
        """Have all collections above the name at the endpoint; *done* as well when that is left to the storage."""
        if not self._ground.member(site.endpoint).create_parents:
            return Done()
        missing: list[tuple[str, str]] = []
        remote, federated = parent_of(site.remote), parent_of(path)
        while remote != "/" and not self._is_known(site.endpoint, remote):
            said = await self._ground.member(site.endpoint).endpoint.stat(remote)
            if not isinstance(said, Absent):
                if (obstacle := _obstacle(said)) is not None:
                    return obstacle
                break
            missing.append((remote, federated))
            remote, federated = parent_of(remote), parent_of(federated)
        self._note(site.endpoint, remote)
        return await self._make(site.endpoint, missing)

    async def _make(self, name: EndpointId, missing: list[tuple[str, str]]) -> Outcome:
        outcome: Outcome = Done()
        for remote, _federated in reversed(missing):
            outcome = await self._ground.member(name).endpoint.make_collection(remote)
            if not (isinstance(outcome, Done) or outcome_is_there(outcome)):
                break
            self._note(name, remote)
            outcome = Done(created=True)
        if missing:  # one that failed may have been made all the same
            await self._ground.forgotten(*(federated for _remote, federated in missing))
        return outcome

    def _is_known(self, name: EndpointId, remote: str) -> bool:
        now = self._ground.clock.monotonic()
        return self._collections.get(f"{remote}\0{name}", now) is not None

    def _note(self, name: EndpointId, remote: str) -> None:
        now = self._ground.clock.monotonic()
        self._collections.put(f"{remote}\0{name}", True, now + COLLECTION_TTL_S, now)


def outcome_is_there(outcome: Outcome) -> bool:
    """Whether a collection was not made because something of that name exists (RFC 4918 section 9.3.1: 405)."""
    return isinstance(outcome, Conflict) and outcome.status == 405


def _obstacle(said: Observation) -> Outcome | None:
    match said:
        case Found(entry):
            above = "a file stands where a collection is needed"
            return None if entry.kind is Kind.COLLECTION else Conflict(409, above)
        case Denied() as denied:
            return denied
        case Absent():
            return None
        case unknown:
            return unknown


def _why(outcome: Outcome) -> Reason:
    match outcome:
        case Full(detail) | Conflict(_, detail) if detail:
            return Reason(detail, None)
        case _:
            return Reason("the collections above it could not be made")
