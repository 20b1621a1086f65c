"""Are the other replicas of a file the same, now that the checksum of one of them is known?

Asked one after the other, nobody waiting, and not again for a while: who has no checksum to tell is not worth a question for every client.
"""

import asyncio
from contextlib import suppress

from ugrpy.cache.entries import AgingCache
from ugrpy.core.errors import RequestError
from ugrpy.federation import Federation
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.model import Kind
from ugrpy.summing.copies import Copy, copies_of
from ugrpy.summing.settings import SumSettings
from ugrpy.summing.sources import Sources, told

MOST_WAITING = 1000
AGAIN_S = 3600.0


class Comparing:
    """What is still to be compared; ``run`` does it."""

    def __init__(self, federation: Federation, sources: Sources, settings: SumSettings) -> None:
        self._federation = federation
        self._sources = sources
        self._settings = settings
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue(MOST_WAITING)
        self._done: AgingCache[bool] = AgingCache(10 * MOST_WAITING)

    def __repr__(self) -> str:
        return f"<Comparing, {self._waiting.qsize()} files waiting>"

    def want(self, path: str, algorithm: str) -> None:
        """Compare the replicas of this file by this algorithm, unless that was done not long ago or too much is waiting."""
        key, now = _key(path, algorithm), self._federation.clock.monotonic()
        if self._done.peek(key, now) is None and not self._waiting.full():
            self._done.put(key, True, now + AGAIN_S, now)
            self._waiting.put_nowait((path, algorithm))

    async def run(self) -> None:
        """Work for ever."""
        while True:
            path, algorithm = await self._waiting.get()
            with suppress(RequestError):  # it has gone meanwhile, or its storages have
                await self.compare(path, algorithm)

    async def compare(self, path: str, algorithm: str) -> None:
        """Ask those replicas of the file whose checksum is not known."""
        known = await self._federation.locate(path, Want.ALL)
        merged = self._federation.expect(known)
        if merged.entry.kind is not Kind.FILE or len(merged.holders) < 2:
            return
        for copy in copies_of(known, merged.holders, self._federation.members):
            if not copy.learnt((), self._federation.clock.wall()).certain:
                # it has just been written: nothing learnt of it now would count later
                self._done.pop(_key(path, algorithm))
            elif not self._is_known(copy, algorithm):
                await self._ask(copy, algorithm)

    def _is_known(self, copy: Copy, algorithm: str) -> bool:
        learnt = self._federation.asking.learnt.of(copy.path, copy.endpoint, copy.entry)
        return any(one.algorithm == algorithm for one in (*copy.entry.digests, *learnt))

    async def _ask(self, copy: Copy, algorithm: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.timeout_s):
                for source in self._sources.offered:
                    said = await self._sources.ask(source, copy, (algorithm,), comparing=True)
                    if digests := told(said):
                        self._federation.learn(copy.learnt(digests, self._federation.clock.wall()))
                        return


def _key(path: str, algorithm: str) -> str:
    return f"{path}?{algorithm}"
