"""How long is an answer remembered, and which one is dropped when there are too many?

Three rules, each the cure of a known defect of the system this replaces:

- Age counts from the moment of the put and is never renewed by a read, or a constantly requested name lives for
  ever with its stale size and its expired signature (reference row D112).
- The bound on what is held is kept by every put, not at the next sweep (D113).
- What was not found, and what was put together while an endpoint was missing, is kept for a shorter time than what is
  known for certain (D111, D116); the caller chooses the life, ``CachePolicy`` names the lives.

There is no sweeper: an expired entry goes when it is asked for or when it has become the least recently used one.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from pydantic import Field

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How much is remembered and for how long: the ``[cache]`` table of the configuration."""

    max_items: Annotated[
        int, Field(gt=0, description="Entries kept per worker; the least recently used one goes.")
    ] = 200_000
    max_bytes: Annotated[
        int,
        Field(
            ge=1_000_000,
            description="Bytes that the names may take per worker, and the listings as many again; the least recently used ones go.",
        ),
    ] = 256_000_000
    ttl_s: Annotated[
        float, Field(gt=0, description="Seconds that a name with its replicas is remembered.")
    ] = 300.0
    negative_ttl_s: Annotated[
        float, Field(ge=0, description="Seconds that a name nobody holds is remembered as absent.")
    ] = 10.0
    listing_ttl_s: Annotated[
        float, Field(ge=0, description="Seconds that the contents of a collection are remembered.")
    ] = 60.0
    refresh_ahead: Annotated[
        float,
        Field(
            ge=0,
            le=0.9,
            description="A file that is asked for in this last part of its life is asked for anew at the endpoints, so that names in use are always remembered; 0: never.",
        ),
    ] = 0.2
    incomplete_ttl_s: Annotated[
        float,
        Field(ge=0, description="Seconds for an answer to which an endpoint did not contribute."),
    ] = 5.0
    stale_max_s: Annotated[
        float,
        Field(
            ge=0,
            description="When no endpoint can say, what was known last is told, marked as stale, if it is no older than so many seconds; 0: never. It is written down in the state folder, where the configuration or systemd names one, and so outlives a restart.",
        ),
    ] = 604_800.0
    stale_after_s: Annotated[
        float,
        Field(
            ge=0,
            description="Seconds that clients wait after a start, as long as no endpoint has said anything, before they are told what was known last.",
        ),
    ] = 1.0


def _one(_value: object) -> int:
    return 1


def _unheeded() -> None:
    """For owners who do not count."""


class AgingCache(Generic[V]):
    """At most ``max_items`` values by path, each gone at a time fixed when it was put.

    Paths are decoded and start with a slash. Values are anything but ``None``. ``now`` and ``expires_at`` are
    readings of one monotonic clock, in seconds. ``hits``, ``misses`` and ``evicted`` only grow; an expired entry
    that is asked for counts as a miss, and ``evicted`` counts what went for want of room only. With ``weigh`` a value may
    count as several items; it must weigh the same as long as it is held.
    """

    __slots__ = (
        "_items",
        "_weigh",
        "_weight",
        "evicted",
        "hits",
        "max_items",
        "misses",
        "on_evicted",
    )

    def __init__(self, max_items: int, weigh: Callable[[V], int] = _one) -> None:
        if max_items < 1:
            raise ValueError(f"max_items must be at least 1, not {max_items}")
        self.max_items = max_items
        self._weigh = weigh
        self._weight = 0
        self.hits = 0
        self.misses = 0
        self.evicted = 0
        self.on_evicted: Callable[[], None] = _unheeded
        # An OrderedDict, since finding the oldest key of a plain dict walks over all the holes that
        # earlier deletions left at its front.
        self._items: OrderedDict[str, tuple[float, V]] = OrderedDict()

    def get(self, key: str, now: float) -> V | None:
        """The value, or ``None`` when there is none or its time is over."""
        item = self._items.get(key)
        if item is None:
            self.misses += 1
            return None
        if item[0] <= now:
            self.pop(key)
            self.misses += 1
            return None
        self._items.move_to_end(key)
        self.hits += 1
        return item[1]

    def peek(self, key: str, now: float) -> V | None:
        """As ``get``, but it counts as no use of the entry."""
        item = self._items.get(key)
        return None if item is None or item[0] <= now else item[1]

    def expires_at(self, key: str) -> float | None:
        """When the entry goes, or ``None`` when there is none; counts as no use of it."""
        item = self._items.get(key)
        return None if item is None else item[0]

    def put(self, key: str, value: V, expires_at: float, now: float) -> None:
        """Remember ``value`` until ``expires_at``, replacing what was known of ``key``.

        A value whose time is already over, or that alone is too heavy, is not stored, and the older one goes all the same.
        """
        items = self._items
        self.pop(key)
        weight = self._weigh(value)
        if expires_at <= now or weight > self.max_items:
            return
        items[key] = (expires_at, value)
        self._weight += weight
        while self._weight > self.max_items:
            _key, (_expires_at, oldest) = items.popitem(last=False)
            self._weight -= self._weigh(oldest)
            self.evicted += 1
            self.on_evicted()

    def pop(self, key: str) -> bool:
        """Forget one name; whether anything was known of it."""
        item = self._items.pop(key, None)
        if item is None:
            return False
        self._weight -= self._weigh(item[1])
        return True

    def pop_prefix(self, path_prefix: str) -> int:
        """Forget a path and all below it, by whole components; how many entries went.

        Walks over every key (some tens of milliseconds for 200,000), which suits an operator's flush; a per-directory index would
        cost memory and time on every put.
        """
        doomed = self.below(path_prefix)
        for key in doomed:
            self.pop(key)
        return len(doomed)

    def below(self, path_prefix: str) -> list[str]:
        """The keys that are a path or lie below it; walks over every key."""
        path = path_prefix.rstrip("/")
        below = path + "/"
        return [key for key in self._items if key == path or key.startswith(below)]

    def clear(self) -> None:
        """Forget everything; the counters stay."""
        self._items.clear()
        self._weight = 0

    def __len__(self) -> int:
        """How many entries are held, expired ones that nobody has asked for included."""
        return len(self._items)

    def __repr__(self) -> str:
        return (
            f"<AgingCache {len(self._items)}/{self.max_items} items, {self.hits} hits, "
            f"{self.misses} misses, {self.evicted} evicted>"
        )
