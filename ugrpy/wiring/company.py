"""How is it brought about that many processes do not probe the same endpoint many times (row D124)?

Among the workers of a host one probes and tells the others by the bus; what any of them concludes from its own traffic, that an endpoint
is out or back, it tells likewise, and one that has its doubts asks for a probe. Among hosts the store that gateways share has a
record of each endpoint: one that is fresh saves the probe, and a claim beside it keeps two from probing at the same moment. Nothing
of this is needed: without bus, leader or store a worker probes by itself.
"""

import json
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from types import MappingProxyType

from ugrpy.core.clock import Clock
from ugrpy.core.errors import DataError
from ugrpy.health.board import HealthBoard
from ugrpy.health.sightings import (
    Sighting,
    counts_as_probe,
    facts_of,
    parse_sighting,
    render_sighting,
    sighting,
    sighting_of,
)
from ugrpy.health.states import WELL_STATES, ProbeReport, State, Transition
from ugrpy.namespace.model import EndpointId
from ugrpy.service.channels import Channels
from ugrpy.shared.base import SharedStore, StoreAway
from ugrpy.wiring.leading import Leading

CHANNEL = "health"
NO_STORES: Mapping[EndpointId, SharedStore] = MappingProxyType({})
# Of a leader that has probed nothing for so many intervals it is taken that its loop hangs.
PATIENCE_INTERVALS = 2.0
# One that doubts an endpoint does not ask for a probe more often.
ASK_AGAIN_S = 1.0
# A record outlives the next probe by so many intervals, so that it is there when others look.
KEPT_INTERVALS = 3.0


class Companions:
    """The other processes that watch the same endpoints. ``by`` is what this gateway is called in records, ``stores`` where those of each endpoint are."""

    def __init__(
        self,
        board: HealthBoard,
        clock: Clock,
        channels: Channels,
        lead: Leading,
        *,
        stores: Mapping[EndpointId, SharedStore] = NO_STORES,
        by: str = "",
        on_transition: Callable[[Transition], None],
    ) -> None:
        self._board = board
        self._clock = clock
        self._channels = channels
        self._lead = lead
        self._stores = stores
        self._by = by
        self._on_transition = on_transition
        self._asked_s: dict[EndpointId, float] = {}
        self._listening = False

    def __repr__(self) -> str:
        return f"<Companions {self._lead!r}, {len(self._stores)} endpoints in a store>"

    # -- whose turn it is -----------------------------------------------------------------------------

    def probes(self, endpoint: EndpointId) -> bool:
        """The leader's, or this worker's when the leader lets too much time pass."""
        if self._lead.leads():
            return True
        breaker, now = self._board[endpoint], self._clock.monotonic()
        return breaker.probe_overdue_s(now) > PATIENCE_INTERVALS * breaker.policy.probe_interval_s

    async def probed_elsewhere(self, endpoint: EndpointId) -> bool:
        """Whether another gateway has just probed it, or is at it."""
        if (store := self._stores.get(endpoint)) is None:
            return False
        try:
            seen = await self._record(store, endpoint)
            if seen is None:
                return not await self._claim(store, endpoint)
        except StoreAway:
            return False
        self._take_up(endpoint, seen)
        await self._pass_on(endpoint, seen)
        return True

    # -- telling --------------------------------------------------------------------------------------

    async def tell(self, endpoint: EndpointId, report: ProbeReport) -> None:
        """This process has probed."""
        seen = self._sighting(endpoint, report)
        await self._pass_on(endpoint, seen)
        await self._put(endpoint, seen)

    async def doubts(self) -> None:
        """Ask the leader to probe those that something was wrong with here."""
        now = self._clock.monotonic()
        for endpoint in self._board:
            asked_s = self._asked_s.get(endpoint, -ASK_AGAIN_S)
            if self._board[endpoint].rhythm.suspect and now - asked_s >= ASK_AGAIN_S:
                self._asked_s[endpoint] = now
                await self._mention({"endpoint": endpoint, "doubted": True})

    def changed(self, change: Transition) -> Coroutine[None, None, None] | None:
        """What there is to tell of a change that was seen here first; ``None`` when nothing."""
        if self._listening:
            return None
        out_of = {State.EJECTED, State.TRIAL}
        if change.after is State.EJECTED and change.before is not State.TRIAL:
            return self._ejected(change.endpoint)
        if change.before in out_of and change.after in WELL_STATES:
            return self._mention({"endpoint": change.endpoint, "returned": True})
        return None

    async def _ejected(self, endpoint: EndpointId) -> None:
        breaker = self._board[endpoint]
        why = breaker.last_error
        await self._mention({"endpoint": endpoint, "ejected": why})
        seen = Sighting(State.EJECTED, False, 0.0, False, None, why, self._clock.wall(), self._by)
        await self._put(endpoint, seen)

    async def _pass_on(self, endpoint: EndpointId, seen: Sighting) -> None:
        await self._mention({"endpoint": endpoint, "seen": facts_of(seen)})

    async def _mention(self, message: Mapping[str, object]) -> None:
        await self._channels.mention(CHANNEL, json.dumps(message).encode())

    # -- hearing --------------------------------------------------------------------------------------

    async def hear(self, message: bytes) -> None:
        """Another worker of this host has something to say. Nonsense is passed over: each can find out for itself."""
        with suppress(DataError, KeyError, TypeError, ValueError):
            said: dict[str, object] = json.loads(message)
            endpoint = EndpointId(str(said["endpoint"]))
            breaker, now = self._board[endpoint], self._clock.monotonic()
            match said:
                case {"seen": dict(facts)}:
                    self._take_up(endpoint, sighting_of(facts))
                case {"doubted": True}:
                    breaker.suspect()
                case {"ejected": str(why)}:
                    self._note(breaker.told_ejected(why, now))
                case {"returned": True}:
                    self._note(breaker.told_returned(now))
                case _:
                    pass

    def _take_up(self, endpoint: EndpointId, seen: Sighting) -> None:
        breaker, now = self._board[endpoint], self._clock.monotonic()
        if seen.state is State.EJECTED and not breaker.ejected:
            self._note(breaker.told_ejected(_why(seen), now))
            breaker.rhythm.probed(now)
        else:
            self._note(self._board.probed(endpoint, seen, now))

    def _note(self, change: Transition | None) -> None:
        if change is None:
            return
        self._listening = True  # what is told here was heard, and need not go round again
        try:
            self._on_transition(change)
        finally:
            self._listening = False

    # -- the store ------------------------------------------------------------------------------------

    async def _record(self, store: SharedStore, endpoint: EndpointId) -> Sighting | None:
        """What another gateway has found, if it is fresh and can be read."""
        key = f"h:{endpoint}"
        found = (await store.get([key])).get(key)
        if found is None:
            return None
        try:
            seen = parse_sighting(found)
        except DataError:
            return None
        breaker = self._board[endpoint]
        wall, now = self._clock.wall(), self._clock.monotonic()
        own_s = breaker.evidence_s
        fresh = counts_as_probe(
            seen,
            wall=wall,
            interval_s=breaker.policy.probe_interval_s,
            own_evidence_s=None if own_s is None else own_s + wall - now,
        )
        return seen if fresh else None

    async def _claim(self, store: SharedStore, endpoint: EndpointId) -> bool:
        policy = self._board[endpoint].policy
        ttl_s = min(policy.max_latency_s, policy.probe_interval_s)
        return await store.add(f"p:{endpoint}", self._by.encode() or b"1", ttl_s)

    async def _put(self, endpoint: EndpointId, seen: Sighting) -> None:
        if (store := self._stores.get(endpoint)) is None:
            return
        with suppress(StoreAway):
            ttl_s = KEPT_INTERVALS * self._board[endpoint].policy.probe_interval_s
            await store.put(f"h:{endpoint}", render_sighting(seen), ttl_s)
            await store.drop([f"p:{endpoint}"])

    def _sighting(self, endpoint: EndpointId, report: ProbeReport) -> Sighting:
        return sighting(report, self._board[endpoint].state, self._clock.wall(), self._by)


def _why(seen: Sighting) -> str:
    return seen.detail if seen.detail and not seen.alive else "out for another process"
