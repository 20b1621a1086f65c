"""What does this worker's federation have of the store that gateways share?

Names and listings that it does not remember are looked up there before endpoints are asked; what endpoints have said is put there; and what it remembers is
confirmed there from time to time. Whether something may be believed is for ``shared.coherence`` to say. With the store away, all of it comes
down to asking the endpoints.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import blake2b
from typing import Any, TypeVar

from ugrpy.core.aio import spawn
from ugrpy.core.clock import Clock
from ugrpy.core.errors import DataError
from ugrpy.core.meter import Meter, NullMeter
from ugrpy.federation import codec
from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.federation.members import Members
from ugrpy.federation.memory import Memory
from ugrpy.namespace.learnt import LearntDigests
from ugrpy.namespace.origin import Origin
from ugrpy.namespace.overlay import Overlay
from ugrpy.namespace.paths import parent_of
from ugrpy.shared.coherence import Coherence, Looked
from ugrpy.shared.generations import Generation
from ugrpy.telemetry import SHARED_LOOKUPS

K = TypeVar("K", KnownName, KnownListing)
NAME, LISTING = "n", "l"
"""What keys begin with."""

# Writing and reading longer listings would hold up everybody else for more than a few milliseconds.
MOST_CHILDREN = 1000
# What is kept packed loses some of the digits of its time.
SAME_TIME_S = 0.001
_OUTCOMES = ("hit", "miss", "outdated", "garbage", "distrusted", "away")


class Sharing:
    """The federation's side of the store."""

    def __init__(
        self,
        coherence: Coherence,
        memory: Memory,
        members: Members,
        overlay: Overlay,
        learnt: LearntDigests,
        clock: Clock,
        meter: Meter | None = None,
    ) -> None:
        self.coherence = coherence
        self._memory = memory
        self._members = members
        self._overlay = overlay
        self._learnt = learnt
        self._clock = clock
        self._looking: dict[str, asyncio.Task[Any]] = {}
        self._mark = fingerprint(members)
        self._names = Loaded(memory.policy.max_items)
        self._listings = Loaded(memory.policy.max_items)
        meter = meter or NullMeter()
        self._counts = {
            (cache, outcome): meter.instrument(SHARED_LOOKUPS.name, cache=cache, outcome=outcome)
            for cache in ("entry", "listing")
            for outcome in _OUTCOMES
        }

    def __repr__(self) -> str:
        return f"<Sharing {self.coherence!r}, {len(self._looking)} looking>"

    def holds_name(self, known: KnownName, now: float) -> bool:
        """Whether what is remembered may be told without asking anybody."""
        return self.coherence.holds(known.path, known.at_s, now, self._names.of(known))

    def holds_listing(self, known: KnownListing, now: float) -> bool:
        """The same for the contents of a collection."""
        return self.coherence.holds(known.path, known.at_s, now, self._listings.of(known))

    # -- looking ------------------------------------------------------------------------------------

    async def find_name(self, path: str) -> KnownName | None:
        """What is remembered here, when nothing has changed since, or else what the store has."""
        if (
            known := await self._confirmed(path, self._memory.names.peek, self.holds_name)
        ) is not None:
            return known
        if self._overlay.touches(path):
            return None  # what others see of it is not what is to be seen here
        return await self._found(self._key(NAME, path), path, self._look_for_name)

    async def find_listing(self, path: str) -> KnownListing | None:
        """The same for the contents of a collection."""
        if (
            known := await self._confirmed(path, self._memory.listings.peek, self.holds_listing)
        ) is not None:
            return known
        if self._overlay.touches(path) or self._overlay.touches_inside(path):
            return None
        return await self._found(self._key(LISTING, path), path, self._look_for_listing)

    async def _confirmed(
        self,
        path: str,
        peek: Callable[[str, float], K | None],
        holds: Callable[[K, float], bool],
    ) -> K | None:
        if peek(path, self._clock.monotonic()) is None:
            return None
        await self.coherence.confirm(path)
        now = self._clock.monotonic()
        known = peek(path, now)
        if known is None or not holds(known, now):
            return None
        return replace(known, origin=Origin.MEMORY)

    async def _found(
        self, key: str, path: str, look: Callable[[str, str], Awaitable[K | None]]
    ) -> K | None:
        """One look for all who want to know the same at the same time."""
        task: asyncio.Task[K | None] | None = self._looking.get(key)
        if task is None:
            task = spawn(self._looked(key, look(path, key)), name="look in the shared store")
            self._looking[key] = task
        return await asyncio.shield(task)

    async def _looked(self, key: str, looking: Awaitable[K | None]) -> K | None:
        try:
            return await looking
        finally:
            if self._is_current(key):
                del self._looking[key]

    async def _look_for_name(self, path: str, key: str) -> KnownName | None:
        looked = await self.coherence.look(path, key)
        known = self._read("entry", looked, path, self._decoded_name)
        # when the name was changed since, it is good for those who waited, and not to be remembered
        if known is not None and self._is_current(key):
            self._memory.keep_name(known, self._clock.monotonic())
            self._names.put(known, looked.generation)
        return known

    async def _look_for_listing(self, path: str, key: str) -> KnownListing | None:
        looked = await self.coherence.look(path, key)
        known = self._read("listing", looked, path, self._decoded_listing)
        if known is not None and self._is_current(key):
            self._memory.keep_listing(known, self._clock.monotonic())
            self._listings.put(known, looked.generation)
        return known

    def _is_current(self, key: str) -> bool:
        return self._looking.get(key) is asyncio.current_task()

    def _read(
        self, cache: str, looked: Looked, path: str, decode: Callable[[bytes], K]
    ) -> K | None:
        known: K | None = None
        why = looked.why
        if why == "hit":
            try:
                known = decode(looked.value)
            except DataError:
                why = "garbage"
            else:
                if known.path != path:
                    known, why = None, "garbage"
        self._counts[cache, why].add()
        return known

    def _decoded_name(self, value: bytes) -> KnownName:
        clock = self._clock
        known = codec.decode_name(value, clock.wall(), clock.monotonic(), self._learnt.over)
        told = known.knowledge.keys() | known.out.keys() | known.silent
        if told != self._members.covering(known.path).keys():
            raise DataError("it is of other endpoints")
        return replace(known, origin=Origin.SHARED)

    def _decoded_listing(self, value: bytes) -> KnownListing:
        clock = self._clock
        known = codec.decode_listing(
            value, clock.wall(), clock.monotonic(), most_children=MOST_CHILDREN
        )
        return replace(known, origin=Origin.SHARED)

    # -- keeping ------------------------------------------------------------------------------------

    def keep_name(self, known: KnownName) -> None:
        """Others may have the use of a finished question. What somebody who is missing may change is not passed on."""
        if known.complete and not known.out:
            value = codec.encode_name(known, self._clock.wall(), self._clock.monotonic())
            self._put(known, self._key(NAME, known.path), value)

    def keep_listing(self, known: KnownListing) -> None:
        """The same for the contents of a collection."""
        if known.complete and len(known.children) <= MOST_CHILDREN:
            value = codec.encode_listing(known, self._clock.wall(), self._clock.monotonic())
            self._put(known, self._key(LISTING, known.path), value)

    def _put(self, known: KnownName | KnownListing, key: str, value: bytes | None) -> None:
        if value is None or known.fresh_until_s is None:
            return
        ttl_s = min(self.coherence.settings.ttl_s, known.fresh_until_s - self._clock.monotonic())
        self.coherence.put(known.path, key, value, known.at_s, ttl_s)

    # -- changes ------------------------------------------------------------------------------------

    def forget(self, path: str) -> None:
        """A name has been changed: looks under way are not remembered."""
        if self._looking:
            for kind, name in ((NAME, path), (LISTING, path), (LISTING, parent_of(path))):
                self._looking.pop(self._key(kind, name), None)

    def forget_below(self) -> None:
        """The same for many names."""
        self._looking.clear()

    def _key(self, kind: str, path: str) -> str:
        octets = path.encode("utf-8", "surrogatepass")
        return kind + blake2b(octets, digest_size=20, key=self._mark).hexdigest()


class Loaded:
    """The generations of what this worker remembers and did not ask for itself."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._loaded: OrderedDict[str, tuple[Generation, float]] = OrderedDict()

    def put(self, known: KnownName | KnownListing, generation: Generation) -> None:
        """It came from the store, with this generation."""
        self._loaded.pop(known.path, None)
        self._loaded[known.path] = (generation, known.at_s)
        if len(self._loaded) > self._most:
            self._loaded.popitem(last=False)

    def of(self, known: KnownName | KnownListing) -> Generation | None:
        """The generation it came with; ``None`` when it has been asked for since."""
        loaded = self._loaded.get(known.path)
        if loaded is None or abs(loaded[1] - known.at_s) > SAME_TIME_S:
            return None
        return loaded[0]


def fingerprint(members: Members) -> bytes:
    """What tells the entries of this set of endpoints from those of others, such as the same gateways before their last configuration."""
    marks = [
        f"{member.id} {member.endpoint.base_url} {member.readable} {member.listable} {member.mounts!r}"
        for member in members
    ]
    return blake2b("\n".join(sorted(marks)).encode(), digest_size=16).digest()
