"""How does what one worker has learnt of replicas reach the disk, and the other workers?

By a look at the store every second: a checksum is knowledge and no promise, so nobody waits for it to be written, and another worker may offer a
replica that differs for a second longer.
"""

import asyncio

from ugrpy.core.errors import Unavailable
from ugrpy.federation import Federation
from ugrpy.summing.store import MOST_READ, Store

INTERVAL_S = 1.0


class Keeping:
    """Between the federation's memory and the store."""

    def __init__(self, federation: Federation, store: Store) -> None:
        self._federation = federation
        self._store = store
        self._last = 0

    def __repr__(self) -> str:
        return f"<Keeping {self._store!r}, read up to {self._last}>"

    async def run(self) -> None:
        """Work for ever."""
        while True:
            await self.exchange()
            await asyncio.sleep(INTERVAL_S)

    async def exchange(self) -> None:
        """Write what is new here, take up what is new elsewhere. A disk that is full or broken costs what was learnt, and nothing else."""
        asking = self._federation.asking
        mine, seen = asking.learnt.unwritten(), asking.disagreements.unwritten()
        more = True
        while more:
            try:
                written = await self._store.exchange(mine, seen, self._last)
            except Unavailable:
                return
            self._last = written.last
            for learnt in written.learnt:
                self._federation.learn(learnt, written=True)
            if written.disagreements is not None:
                asking.disagreements.take_over(written.disagreements)
            mine, seen = type(mine)(), type(seen)()
            more = len(written.learnt) == MOST_READ

    async def close(self) -> None:
        """Write what is left, and close the store."""
        await self.exchange()
        await self._store.close()
