"""Who writes the records that DynaFed's dashboard reads, and when? The one worker of a gateway that does what one has to do for all."""

import asyncio

import structlog

from ugrpy.compat.monitor import COUNTER, KEPT_S, monitor_record, record_key
from ugrpy.core.clock import Clock
from ugrpy.health.board import HealthBoard
from ugrpy.shared.base import SharedStore, StoreAway
from ugrpy.wiring.leading import Leading

log = structlog.get_logger("ugrpy.health")


class MonitorRecords:
    """Writes a record each ``every_s`` to a store without a namespace: the tools know none."""

    def __init__(
        self, store: SharedStore, board: HealthBoard, clock: Clock, every_s: float
    ) -> None:
        self._store = store
        self._board = board
        self._clock = clock
        self._every_s = every_s
        self._away = False

    def __repr__(self) -> str:
        return f"<MonitorRecords to {self._store!r}>"

    async def run(self, lead: Leading) -> None:
        """Write until cancelled."""
        try:
            while True:
                if lead.leads():
                    await self._try()
                await asyncio.sleep(self._every_s)
        finally:
            await self._store.close()

    async def _try(self) -> None:
        try:
            await self.write()
        except StoreAway as error:
            if not self._away:
                log.warning("cannot write what the dashboard reads", reason=str(error))
            self._away = True
        else:
            self._away = False

    async def write(self) -> int:
        """Write one record; its number. Raises ``StoreAway``."""
        number = await self._next()
        snapshots = self._board.snapshots(self._clock.monotonic())
        record = monitor_record(snapshots, self._clock.wall())
        await self._store.put(record_key(number), record, KEPT_S)
        return number

    async def _next(self) -> int:
        """Several gateways may count on one server."""
        number = await self._store.increase(COUNTER)
        if number is None:
            await self._store.add(COUNTER, b"0", KEPT_S)
            number = await self._store.increase(COUNTER)
        if number is None:
            raise StoreAway("the counter does not stay")
        return number
