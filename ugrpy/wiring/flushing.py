"""How does an operator look into what all workers of a host remember, and have them forget it?

Each worker takes part, whether the gateway takes changes or not. Flushing is what happens after a change, without the change: other gateways are told first,
since any worker may learn from the store they share what was true before; then everybody forgets, and what was known last is taken off the disk. But for what
endpoints hold that are out of service: nobody can ask them anew, and a flush must not make a missing site look like deleted data.
"""

import itertools
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ugrpy.changing import News
from ugrpy.changing.news import parse_news, render_news
from ugrpy.federation import Federation
from ugrpy.federation.past import Past
from ugrpy.federation.remembered import (
    Facts,
    facts_of_listing,
    facts_of_memory,
    facts_of_name,
    facts_of_path,
)
from ugrpy.service.channels import Channels

FLUSH, LOOK, SEEN = "flush", "look", "seen"


class Flushing:
    """One worker's part; any may ask all."""

    def __init__(self, federation: Federation, channels: Channels) -> None:
        self._federation = federation
        self._channels = channels
        self._numbers = itertools.count(1)
        self._seen: dict[str, list[Facts]] = {}

    async def flush(self, path: str, *, below: bool) -> None:
        """When this returns, no worker of this host remembers the path, or anything below it."""
        told = await self._federation.announce([path], below=below)
        news = News((path,), below=below, reload=False, distrust=not told)
        self._forget(news)
        await self._channels.tell(FLUSH, render_news(news))

    async def look(self, path: str | None) -> list[Facts]:
        """What each worker remembers of a path, or how much altogether; the one that was asked comes first."""
        number = f"{os.getpid()}-{next(self._numbers)}"
        self._seen[number] = []
        try:
            await self._channels.tell(LOOK, json.dumps([number, path]).encode())
            return [self._facts(path), *self._seen[number]]
        finally:
            del self._seen[number]

    async def last_known(self, path: str) -> Facts:
        """What is written down of a path for the time when no endpoint can say."""
        past: Past = self._federation.memory.past
        now = self._federation.clock.monotonic()
        name, listing = await past.name(path), await past.listing(path)
        return {
            "name": None if name is None else facts_of_name(name, now),
            "listing": None if listing is None else facts_of_listing(listing, now),
        }

    async def hear_flush(self, message: bytes) -> None:
        """Another worker was told to have everybody forget."""
        self._forget(parse_news(message))

    async def hear_look(self, message: bytes) -> None:
        """Another worker wants to know."""
        number, path = json.loads(message)
        await self._channels.tell(SEEN, json.dumps([number, self._facts(path)]).encode())

    async def hear_seen(self, message: bytes) -> None:
        """Another worker says what it remembers, to whoever asked."""
        number, facts = json.loads(message)
        if number in self._seen:
            self._seen[number].append(facts)

    def _forget(self, news: News) -> None:
        federation = self._federation
        if news.distrust:
            federation.distrust(news.paths, below=news.below)
        for path in news.paths:
            if news.below:
                federation.forget_below(path)
            else:
                federation.forget(path)

    def _facts(self, path: str | None) -> Facts:
        federation = self._federation
        facts = facts_of_memory(federation) if path is None else facts_of_path(federation, path)
        return {"worker": os.getpid(), **facts}


@asynccontextmanager
async def flushing(federation: Federation, channels: Channels) -> AsyncIterator[Flushing]:
    """Take part inside the block."""
    part = Flushing(federation, channels)
    with (
        channels.hearing(FLUSH, part.hear_flush),
        channels.hearing(LOOK, part.hear_look),
        channels.hearing(SEEN, part.hear_seen),
    ):
        yield part
