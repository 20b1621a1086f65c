"""How much room has each endpoint that takes uploads?

What the storage says (RFC 4331), asked for now and then; else the operator's figure. Since then, what was written is taken off, and what is
on its way there is held back (row M12). An endpoint of which nothing is known is taken to have room.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass

from ugrpy import telemetry
from ugrpy.changing.ground import Ground
from ugrpy.core.aio import spawn
from ugrpy.namespace.model import EndpointId

# The first upload does not wait longer than this for the storages to say how much room they have.
FIRST_ASK_S = 1.0


@dataclass(slots=True)
class _Room:
    free_bytes: int | None
    written_bytes: int = 0


class Rooms:
    """What is known of the room at each endpoint; ``run`` keeps it current."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._rooms = {
            member.id: _Room(member.free_bytes)
            for member in ground.federation.members
            if member.takes_changes
        }
        self._gauges = {
            name: ground.meter.instrument(telemetry.ENDPOINT_FREE_BYTES.name, endpoint=name)
            for name in self._rooms
        }
        self._held_bytes: Counter[EndpointId] = Counter()
        self._asked: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Rooms {self._rooms}>"

    def left_bytes(self, name: EndpointId, *, but: str = "") -> int | None:
        """What an upload may take there, ``None`` when nobody knows. What is on its way for the name ``but`` is not held back."""
        room = self._rooms[name]
        if room.free_bytes is None:
            return None
        held = room.written_bytes + self._held_bytes[name]
        held += self._ground.overlay.reserved_bytes(name, but=but)
        return room.free_bytes - held - self._ground.settings.keep_free_bytes

    def account(self, name: EndpointId, *, but: str = "") -> str:
        """How ``left_bytes`` comes about, in words for operators."""
        room, left = self._rooms[name], self.left_bytes(name, but=but)
        if room.free_bytes is None or left is None:
            return "nobody knows how much room it has"
        under_way = self._held_bytes[name] + self._ground.overlay.reserved_bytes(name, but=but)
        parts = (
            (room.written_bytes, "written since it was asked"),
            (under_way, "held for uploads under way"),
            (self._ground.settings.keep_free_bytes, "to be kept free"),
        )
        taken = [f"{size_bytes} {what}" for size_bytes, what in parts if size_bytes]
        return f"{left} bytes left: {', '.join((f'{room.free_bytes} free', *taken))}"

    def hold(self, name: EndpointId, size_bytes: int | None) -> None:
        """An upload is about to begin there; until others can see it, its room is held back here."""
        self._held_bytes[name] += size_bytes or 0

    def release(self, name: EndpointId, size_bytes: int | None) -> None:
        """It has begun, or will not."""
        self._held_bytes[name] -= size_bytes or 0

    def written(self, name: EndpointId, size_bytes: int) -> None:
        """So much was written there since the storage was last asked."""
        if name in self._rooms:
            self._rooms[name].written_bytes += size_bytes

    async def refresh(self) -> None:
        """Ask every endpoint in service."""
        board = self._ground.federation.board
        await asyncio.gather(*(self._ask(name) for name in self._rooms if board.in_service(name)))

    async def once(self) -> None:
        """Have asked at least once, if that is quick."""
        if self._asked is None:
            self._asked = spawn(self.refresh(), name="ask for room")
        if not self._asked.done():
            await asyncio.wait([self._asked], timeout=FIRST_ASK_S)

    async def run(self) -> None:
        """Ask for as long as the service runs."""
        while True:
            await self.refresh()
            self.show()
            await asyncio.sleep(self._ground.settings.space_interval_s)

    def show(self) -> None:
        """Bring the gauges up to date."""
        for name, gauge in self._gauges.items():
            left = self.left_bytes(name)
            gauge.add(-1.0 if left is None else float(max(0, left)))

    async def _ask(self, name: EndpointId) -> None:
        member = self._ground.member(name)
        try:
            async with asyncio.timeout(self._ground.asking.policy.deadline_s):
                space = await member.endpoint.space()
        except TimeoutError:
            return
        if space is not None and space.free_bytes is not None:
            self._rooms[name] = _Room(space.free_bytes)


def fits(left_bytes: int | None, size_bytes: int | None) -> bool:
    """Whether so much can be written where so much is left, as far as either is known."""
    return left_bytes is None or left_bytes >= max(1, size_bytes or 1)
