"""What may a process believe of what it and others have remembered, when any of them may change it? (docs/discussion/coherence.md)

Two kinds of memory are asked about: this process's own (``holds``, at each request, without waiting) and the shared store (``look``). Changes go the
other way: ``changed`` before anybody is told that they are done.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from struct import Struct

import structlog

from ugrpy import telemetry
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.clock import Clock
from ugrpy.core.meter import Meter, NullMeter
from ugrpy.namespace.paths import parent_of
from ugrpy.shared.base import StoreAway
from ugrpy.shared.debts import Distrust
from ugrpy.shared.generations import BUCKETS, EPOCH_KEY, Bucket, Generation, bucket_key, bucket_of
from ugrpy.shared.ring import Ring
from ugrpy.shared.settings import SharedSettings
from ugrpy.shared.shard import SHOWN_PER_LEASE, Shard

log = structlog.get_logger("ugrpy.shared")

_GENERATION = Struct(">QQ")
# Names changed in one message: longer ones are split.
NAMES_PER_MESSAGE = 500
# More is not waiting to be written: the store cannot keep up, and can do without.
MOST_WORKING = 500
# A farewell must not hold up the end of a process.
FAREWELL_S = 1.0

OnNews = Callable[[Sequence[str], bool], None]
"""Hears which names others have changed, and whether all below them."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What the store says of a name. ``why`` there is nothing to be believed: ``miss``, ``outdated``, ``garbage``, ``distrusted`` or ``away``; else ``hit``.

    ``generation`` belongs to the ``value``.
    """

    why: str
    value: bytes = b""
    generation: Generation = (0, 0)


class Coherence:
    """One process's view. ``host`` is shared by the workers of a host, who tell each other of changes in another way."""

    def __init__(
        self,
        shards: Sequence[Shard],
        settings: SharedSettings,
        clock: Clock,
        *,
        host: str,
        on_news: OnNews,
        meter: Meter | None = None,
    ) -> None:
        by_name = {shard.name: shard for shard in shards}
        self.shards = tuple(shards)
        self.settings = settings
        self._homes = [by_name[name] for name in _homes(tuple(by_name))]
        self._lease_s = settings.lease_s
        self._clock = clock
        self._host = host
        self._on_news = on_news
        self._distrust = Distrust()
        self._working: set[asyncio.Task[None]] = set()
        self._meter = meter or NullMeter()

    def __repr__(self) -> str:
        return f"<Coherence of {', '.join(map(repr, self.shards))}>"

    # -- what is believed ---------------------------------------------------------------------------

    def holds(self, path: str, at_s: float, now: float, loaded: Generation | None) -> bool:
        """Whether what this process remembers of a path, asked for at ``at_s``, may be told without asking anybody.

        Either it is younger than a lease; or nothing in its bucket has been changed since, as of less than a lease ago. ``loaded``: the
        generation with which it came from the store, ``None`` for what this process has asked for itself.
        """
        if loaded is None and now < at_s + self._lease_s:
            return True
        number = bucket_of(path)
        shard = self._homes[number]
        bucket = shard.buckets.get(number)
        if bucket is None or not self._is_confirmed(shard, bucket.confirmed_s, now):
            return False
        if at_s < bucket.since_s if loaded is None else bucket.generation != loaded:
            return False
        if now > bucket.confirmed_s + self._lease_s / 2:
            shard.confirm_soon(bucket)
        return True

    def _is_confirmed(self, shard: Shard, asked_s: float, now: float) -> bool:
        """Whether what the store said when it was asked then is still good, and nobody owed it a change."""
        roster = shard.roster
        return (
            now < asked_s + self._lease_s
            and now < roster.trusted_until_s
            and asked_s >= roster.trusted_since_s
        )

    async def confirm(self, path: str) -> None:
        """Ask the store for the generation of a path; those who ask for the same at the same time ask once."""
        shard, bucket = self._home(path)
        with suppress(StoreAway):
            await shard.confirm(bucket)

    async def look(self, path: str, key: str) -> Looked:
        """Ask the store for the generation of a path, and for what is kept under ``key``, in one go."""
        shard, bucket = self._home(path)
        sent_s = self._clock.monotonic()
        try:
            values = await shard.read([bucket], [key])
        except StoreAway:
            return Looked("away")
        if key not in values:
            return Looked("miss")
        value = values[key]
        if len(value) < _GENERATION.size:
            return Looked("garbage")
        high, low = _GENERATION.unpack_from(value)
        if (high, low) != bucket.generation:
            return Looked("outdated")
        now = self._clock.monotonic()
        if not self._is_confirmed(shard, sent_s, now) or self._distrust.covers(path, now):
            return Looked("distrusted")
        return Looked("hit", value[_GENERATION.size :], (high, low))

    def put(self, path: str, key: str, value: bytes, at_s: float, ttl_s: float) -> None:
        """Keep in the store what the endpoints were asked for at ``at_s``; nobody waits for it."""
        shard, bucket = self._home(path)
        if bucket.generation is None or at_s < bucket.since_s:
            return  # it is not known what would make it wrong
        if len(value) + _GENERATION.size > self.settings.max_value_bytes or ttl_s <= 0:
            return
        whole = _GENERATION.pack(*bucket.generation) + value
        self._in_background(lambda: shard.store.put(key, whole, ttl_s), "keep in the shared store")

    # -- what changes -------------------------------------------------------------------------------

    async def changed(self, paths: Sequence[str], *, below: bool) -> bool:
        """These names are not what they were. Whether the store has taken it; what it has not is owed to it."""
        keys = self._keys_of_change(paths, below=below)
        taken = await asyncio.gather(*(shard.change(of_it) for shard, of_it in keys.items()))
        for start in range(0, len(paths), NAMES_PER_MESSAGE):
            some = paths[start : start + NAMES_PER_MESSAGE]
            message = json.dumps({"from": self._host, "paths": list(some), "below": below})
            for shard in self.shards:
                self._in_background(partial(shard.store.tell, message.encode()), "tell others")
        return all(taken)

    def distrust(self, paths: Sequence[str], *, below: bool) -> None:
        """The store may still have these names as they were before a change of this host."""
        now = self._clock.monotonic()
        names = paths if below else [*paths, *map(parent_of, paths)]
        self._distrust.add(names, now + self.settings.forget_s, now, below=below)

    def doubt(self, paths: Sequence[str], *, below: bool) -> None:
        """Others have changed these names: what is remembered around them is confirmed anew before it is told."""
        if below:
            for shard in self.shards:
                for bucket in shard.buckets.values():
                    bucket.doubt()
        for path in (*paths, *map(parent_of, paths)):
            self._home(path)[1].doubt()

    def _keys_of_change(self, paths: Sequence[str], *, below: bool) -> Mapping[Shard, list[str]]:
        keys: dict[Shard, list[str]] = {}
        if below:
            keys = {shard: [EPOCH_KEY] for shard in self.shards}
        numbers = {bucket_of(path) for path in (*paths, *map(parent_of, paths))}
        for number in sorted(numbers):
            keys.setdefault(self._homes[number], []).append(bucket_key(number))
        return keys

    def _home(self, path: str) -> tuple[Shard, Bucket]:
        number = bucket_of(path)
        shard = self._homes[number]
        return shard, shard.bucket(number)

    # -- what goes on beside it ---------------------------------------------------------------------

    async def run(self) -> None:
        """Keep in touch with the stores, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for shard in self.shards:
                group.create_task(self._keep_in_touch(shard))
                group.create_task(self._listen(shard))

    async def close(self) -> None:
        """Take leave, and let go of the stores."""
        await cancel_and_wait(*self._working)
        for shard in self.shards:
            try:
                async with asyncio.timeout(FAREWELL_S):
                    await shard.leave()
            except (StoreAway, TimeoutError):
                log.info("could not take leave of the shared store", store=shard.name)
            await shard.store.close()

    @property
    def down(self) -> bool:
        """Whether a store is away, so that news comes late."""
        return any(shard.away for shard in self.shards)

    def show(self) -> None:
        """Bring the gauges up to date."""
        now, instrument = self._clock.monotonic(), self._meter.instrument
        for shard in self.shards:
            name, silent = shard.name, len(shard.roster.silent(now))
            instrument(telemetry.SHARED_AWAY.name, store=name).add(float(shard.away))
            instrument(telemetry.SHARED_OWED.name, store=name).add(float(len(shard.debts)))
            members = {"silent": silent, "showing": len(shard.roster.members) - silent}
            for state, count in members.items():
                gauge = instrument(telemetry.SHARED_MEMBERS.name, store=name, state=state)
                gauge.add(float(count))

    async def _keep_in_touch(self, shard: Shard) -> None:
        step_s = self._lease_s / SHOWN_PER_LEASE
        while True:
            with suppress(StoreAway):  # counted, and told in the log once
                await shard.show()
            trusted = shard.roster.trusted_until_s > self._clock.monotonic()
            await asyncio.sleep(step_s if trusted else step_s / 4)

    async def _listen(self, shard: Shard) -> None:
        while True:
            try:
                async for message in shard.store.listen():
                    self._hear(message)
            except StoreAway:
                await asyncio.sleep(self._lease_s / SHOWN_PER_LEASE)
            else:
                return

    def _hear(self, message: bytes) -> None:
        try:
            said = json.loads(message)
            host, paths, below = said["from"], said["paths"], said["below"]
        except (ValueError, KeyError, TypeError):
            return
        if host == self._host or not isinstance(paths, list):
            return
        names = [path for path in paths if isinstance(path, str) and path.startswith("/")]
        self.doubt(names, below=bool(below))
        self._on_news(names, bool(below))

    def _in_background(self, work: Callable[[], Awaitable[object]], name: str) -> None:
        if len(self._working) < MOST_WORKING:
            task = spawn(_quietly(work), name=name)
            self._working.add(task)
            task.add_done_callback(self._working.discard)


@lru_cache(maxsize=4)
def _homes(names: tuple[str, ...]) -> tuple[str, ...]:
    """The store of each bucket."""
    ring = Ring(names)
    return tuple(ring.home(bucket_key(number)) for number in range(BUCKETS))


async def _quietly(work: Callable[[], Awaitable[object]]) -> None:
    with suppress(StoreAway):  # counted
        await work()
