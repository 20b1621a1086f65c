"""Which caches are there? A table kept by heartbeats, as a value that changes only by its methods.

What an agent says of its cache may change with each beat: port, addresses, capacity. Who it is may not: the key it gave
itself names the cache, and the first signer to use a key owns it until the cache has gone (row S33). Beats nobody signed can never
speak for a cache that a signed one has registered; a signed one takes over what nobody has signed for, so that nobody is kept out by
strangers who were there first.

Old agents give themselves a new key at each start. A beat with a new key for a host, address and port that a cache of the same signer
already stands at is that cache started anew: it takes the old one's place instead of standing beside it (row S31).

A cache that does not say goodbye is dropped ``inactive_s`` after its last beat; those who only look see it gone at that very moment,
whenever the table is swept (row S29).
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Annotated

from pydantic import Field

from shoalpy.model import Address, Cache, Health, Heartbeat, Verification
from shoalpy.wire import BadBeat, Reason
from ugrpy.locality.facts import GeoFacts


@dataclass(frozen=True, slots=True)
class RegistryPolicy:
    """What is taken in, and for how long it stays."""

    inactive_s: Annotated[
        float, Field(gt=0, description="seconds without a heartbeat after which a cache is dropped")
    ] = 180.0
    drift_s: Annotated[
        float, Field(gt=0, description="seconds a cache's clock may be wrong before that is shown")
    ] = 10.0
    future_s: Annotated[
        float,
        Field(
            gt=0, description="seconds a heartbeat may come from the future before it is dropped"
        ),
    ] = 180.0
    max_caches: Annotated[
        int, Field(ge=1, description="most caches tracked; beats of further ones are dropped")
    ] = 100_000
    need_place: Annotated[
        bool,
        Field(
            description="drop caches of which no database knows the place; otherwise they rank behind all others"
        ),
    ] = False


# So many changes are told one by one; after more, all is looked at anew.
_SHAPES = 1024

_beyond_load = attrgetter(
    *(one.name for one in fields(Heartbeat) if one.name not in ("sent_at_s", "load_kbps"))
)

_Stand = tuple[str, Address | None, Address | None, int]


@dataclass(slots=True)
class Registry:
    """The caches by key. ``version`` grows with every change that an answer can show, ``loads`` with new loads, ``shape`` with all beyond a load.

    ``unverified`` is what is known of a cache before it is looked at: that it is not verified yet, or that nobody will look.

    Most heartbeats bring nothing but a load; what was ranked before them is still nearly right, and names no cache that has gone.
    """

    policy: RegistryPolicy = field(default_factory=RegistryPolicy)
    unverified: Verification = field(default_factory=Verification)
    version: int = 0
    loads: int = 0
    shape: int = 0
    _caches: dict[str, Cache] = field(default_factory=dict)
    _stands_at: dict[_Stand, str] = field(default_factory=dict)
    # the caches that gave the table its last shapes, one for each
    _shaped_by: deque[str] = field(default_factory=lambda: deque(maxlen=_SHAPES))

    def __repr__(self) -> str:
        return f"<Registry {len(self._caches)} caches, version {self.version}>"

    def __len__(self) -> int:
        return len(self._caches)

    def apply(self, beat: Heartbeat, facts: GeoFacts, now_s: float) -> Cache:
        """Take a heartbeat in; the cache as it is known now. Raises ``BadBeat`` when it must not count.

        ``facts`` are those of the beat's reachable address.
        """
        self._check_time(beat, now_s)
        known, there = self._whose(beat, now_s)
        if known is None:
            self._check_new(beat, facts, now_s)
            drift_s = beat.sent_at_s - now_s
            cache = Cache(beat, now_s, now_s, facts, drift_s, self.unverified)
        else:
            self._check_order(known, beat)
            same_beat = _says_the_same(known.beat, beat)
            still = same_beat or _is_where_it_was(known, beat)
            cache = Cache(
                beat,
                known.created_s,
                now_s,
                facts,
                beat.sent_at_s - now_s,
                known.verification if still else self.unverified,
            )
            if same_beat and (known.facts is facts or known.facts == facts):
                self._caches[cache.key] = cache
                self.version += 1
                self.loads += known.beat.load_kbps != beat.load_kbps
                return cache
        if there is not None and there.key != cache.key:
            self._drop(there)
        self._put(cache)
        return cache

    def goodbye(self, key: str, signer: str) -> bool:
        """The agent ends and says so; whether its cache was there. Raises ``BadBeat`` when it is another's."""
        known = self._caches.get(key)
        if known is None:
            return False
        _check_signer(known, signer)
        self._drop(known)
        return True

    def remove(self, key: str) -> bool:
        """The operator drops a cache; whether it was there."""
        known = self._caches.get(key)
        if known is None:
            return False
        self._drop(known)
        return True

    def verified(self, key: str, verification: Verification) -> Cache | None:
        """Note what a check found; ``None`` when the cache has gone meanwhile."""
        known = self._caches.get(key)
        if known is None:
            return None
        cache = known.with_verification(verification)
        self._put(cache)
        return cache

    def place_anew(self, facts_of: Callable[[Heartbeat], GeoFacts]) -> None:
        """More or other things are known of addresses now."""
        for key, cache in list(self._caches.items()):
            self._caches[key] = replace(cache, facts=facts_of(cache.beat))
        self.version += 1
        self.shape += 1
        self._shaped_by.clear()

    def changed_since(self, shape: int) -> Sequence[str] | None:
        """The caches that came, went or became others since the table had this shape; ``None`` when too much has happened to tell."""
        count = self.shape - shape
        by = self._shaped_by
        return None if count > len(by) else [by[-number] for number in range(1, count + 1)]

    def expire(self, now_s: float) -> list[Cache]:
        """Drop those not heard of for too long; which they were."""
        gone = [cache for cache in self._caches.values() if not self._is_live(cache, now_s)]
        for cache in gone:
            self._drop(cache)
        return gone

    def restore(self, caches: Iterable[Cache], now_s: float) -> int:
        """Take back what was known before a restart; how many still count."""
        before = len(self._caches)
        for cache in caches:
            if self._is_live(cache, now_s) and cache.key not in self._caches:
                self._put(cache)
        return len(self._caches) - before

    def get(self, key: str, now_s: float) -> Cache | None:
        """One cache, if it is there and live."""
        cache = self._caches.get(key)
        return cache if cache is not None and self._is_live(cache, now_s) else None

    def tracked(self, key: str) -> Cache | None:
        """One cache, also if it has not been heard of for too long and nothing was swept yet."""
        return self._caches.get(key)

    def all_tracked(self) -> Iterator[Cache]:
        """All of them, in the order of their first beats."""
        return iter(list(self._caches.values()))

    def finder(self, now_s: float) -> Callable[[str], Cache | None]:
        """``get`` for many keys at one time."""
        known, inactive_s = self._caches.get, self.policy.inactive_s

        def find(key: str) -> Cache | None:
            cache = known(key)
            live = cache is not None and now_s - cache.last_active_s < inactive_s
            return cache if live else None

        return find

    def live(self, now_s: float) -> Iterator[Cache]:
        """All live caches in the order of their first beats."""
        return (cache for cache in list(self._caches.values()) if self._is_live(cache, now_s))

    def next_expiry_s(self, now_s: float) -> float:
        """When the first of the live caches will be gone unless it is heard of; infinite when there is none."""
        oldest_s = min((cache.last_active_s for cache in self.live(now_s)), default=math.inf)
        return oldest_s + self.policy.inactive_s

    def counts(self, now_s: float) -> Mapping[Health, int]:
        """How many live caches there are by what verification found."""
        counted = dict.fromkeys(Health, 0)
        for cache in self.live(now_s):
            counted[cache.verification.health] += 1
        return counted

    def drifts(self, cache: Cache) -> bool:
        """Whether the cache's clock is wrong enough to be shown."""
        return abs(cache.drift_s) > self.policy.drift_s

    def _is_live(self, cache: Cache, now_s: float) -> bool:
        return now_s - cache.last_active_s < self.policy.inactive_s

    def _check_time(self, beat: Heartbeat, now_s: float) -> None:
        age_s = now_s - beat.sent_at_s
        if age_s >= self.policy.inactive_s:
            raise BadBeat(
                Reason.TOO_OLD, f"sent {age_s:.0f} s ago; {self.policy.inactive_s:g} s are allowed"
            )
        if -age_s >= self.policy.future_s:
            raise BadBeat(Reason.FROM_THE_FUTURE, f"its clock is {-age_s:.0f} s ahead")

    def _check_new(self, beat: Heartbeat, facts: GeoFacts, now_s: float) -> None:
        if self.policy.need_place and facts.place.position is None:
            raise BadBeat(
                Reason.UNKNOWN_PLACE, f"no database knows the place of {beat.reachable_ip}"
            )
        if len(self._caches) >= self.policy.max_caches:
            self.expire(now_s)
        if len(self._caches) >= self.policy.max_caches:
            raise BadBeat(Reason.TOO_MANY, f"{self.policy.max_caches} caches are tracked already")

    def _check_order(self, known: Cache, beat: Heartbeat) -> None:
        """What somebody else sent before does not count here."""
        same_sender = known.beat.signer == beat.signer
        if same_sender and beat.sent_at_s <= known.beat.sent_at_s - self.policy.drift_s:
            raise BadBeat(Reason.REPLAYED, f"{known.key} has sent a later heartbeat already")

    def _whose(self, beat: Heartbeat, now_s: float) -> tuple[Cache | None, Cache | None]:
        """The cache that the beat is of, and the one that stands now where it says it stands."""
        key = self._stands_at.get(_stand(beat))
        there = None if key is None else self.get(key, now_s)
        known = self.get(beat.key, now_s)
        for one in (known, there):
            if one is not None:
                _check_signer(one, beat.signer)
        return known or there, there

    def _put(self, cache: Cache) -> None:
        before = self._caches.get(cache.key)
        if before is not None:
            self._leave(before)
        self._caches[cache.key] = cache
        self._stands_at[_stand(cache.beat)] = cache.key
        self._shape_anew(cache)

    def _drop(self, cache: Cache) -> None:
        del self._caches[cache.key]
        self._leave(cache)
        self._shape_anew(cache)

    def _shape_anew(self, cache: Cache) -> None:
        self.version += 1
        self.shape += 1
        self._shaped_by.append(cache.key)

    def _leave(self, cache: Cache) -> None:
        stand = _stand(cache.beat)
        if self._stands_at.get(stand) == cache.key:
            del self._stands_at[stand]


def _check_signer(known: Cache, signer: str) -> None:
    if known.beat.signer not in ("", signer):
        raise BadBeat(Reason.NOT_THE_OWNER, f"{known.key} belongs to another signer")


def _stand(beat: Heartbeat) -> _Stand:
    return beat.hostname, beat.reachable_ip, beat.private_ip, beat.port


def _says_the_same(before: Heartbeat, beat: Heartbeat) -> bool:
    """Whether nothing but load and times is new."""
    return _beyond_load(before) == _beyond_load(beat)


def differs_by_load(before: Cache, cache: Cache) -> bool:
    """Whether of two states of a cache nothing differs but load and times, and how far its clock is ahead."""
    return (
        before.facts is cache.facts
        and before.verification is cache.verification
        and before.created_s == cache.created_s
        and _says_the_same(before.beat, cache.beat)
    )


def _is_where_it_was(known: Cache, beat: Heartbeat) -> bool:
    """Whether a verdict still holds: another address, port or kind is a new cache to verification."""
    before = known.beat
    return (
        before.port == beat.port
        and before.reachable_ip == beat.reachable_ip
        and before.private_ip == beat.private_ip
        and before.cache_type is beat.cache_type
        and before.upstream is beat.upstream
    )
