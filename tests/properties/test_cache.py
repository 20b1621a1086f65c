"""The caches against a model: a list of (key, value) in order of use."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ugrpy.cache.entries import AgingCache
from ugrpy.cache.tiers import TwoTiers

MAX_ITEMS = 4
KEYS = st.sampled_from(["/", "/a", "/a/b", "/a/b/c", "/ab", "/ab/c", "/c", "/c/d"])


class CacheMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.cache: AgingCache[int] = AgingCache(MAX_ITEMS)
        self.model: dict[str, tuple[int, float]] = {}  # least recently used first
        self.now = 0.0
        self.evicted = 0
        self.reads = 0

    @rule(seconds=st.integers(0, 20))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(key=KEYS, value=st.integers(), life_s=st.integers(-1, 30))
    def put(self, key: str, value: int, life_s: int) -> None:
        self.cache.put(key, value, self.now + life_s, self.now)
        self.model.pop(key, None)
        if life_s > 0:
            self.model[key] = (value, self.now + life_s)
        if len(self.model) > MAX_ITEMS:
            del self.model[next(iter(self.model))]
            self.evicted += 1

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        self.reads += 1
        expected = self.model.pop(key, None)
        if expected is not None and expected[1] > self.now:
            self.model[key] = expected
            assert self.cache.get(key, self.now) == expected[0]
        else:
            assert self.cache.get(key, self.now) is None

    @rule(key=KEYS)
    def pop(self, key: str) -> None:
        assert self.cache.pop(key) == (self.model.pop(key, None) is not None)

    @rule(prefix=KEYS)
    def pop_prefix(self, prefix: str) -> None:
        parts = [part for part in prefix.split("/") if part]
        doomed = [
            key for key in self.model if [p for p in key.split("/") if p][: len(parts)] == parts
        ]
        for key in doomed:
            del self.model[key]
        assert self.cache.pop_prefix(prefix) == len(doomed)

    @rule()
    def clear(self) -> None:
        self.cache.clear()
        self.model.clear()

    @invariant()
    def same_contents(self) -> None:
        assert len(self.cache) == len(self.model) <= MAX_ITEMS
        assert self.cache.evicted == self.evicted
        assert self.cache.hits + self.cache.misses == self.reads
        for key, (_, expires_at) in self.model.items():
            assert self.cache.expires_at(key) == expires_at


CacheMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestCache = CacheMachine.TestCase


class TiersMachine(RuleBasedStateMachine):
    """Nothing can be told from where a value is held, but that some cannot be packed."""

    def __init__(self) -> None:
        super().__init__()
        self.tiers: TwoTiers[int] = TwoTiers(
            8, 1 << 30, lambda _path, value: str(value).encode(), _read, live_items=2
        )
        self.model: dict[str, int] = {}  # least recently used first
        self.evicted = 0

    @rule(key=KEYS | st.integers(0, 20).map(str), value=st.integers())
    def put(self, key: str, value: int) -> None:
        self.tiers.put(key, value)
        self.model.pop(key, None)
        self.model[key] = value
        if len(self.model) > 8:
            del self.model[next(iter(self.model))]
            self.evicted += 1

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        expected = self.model.pop(key, None)
        if expected is not None:
            self.model[key] = expected
        assert self.tiers.get(key) == expected

    @rule(key=KEYS)
    def peek(self, key: str) -> None:
        assert self.tiers.peek(key) == self.model.get(key)

    @rule(key=KEYS)
    def pop(self, key: str) -> None:
        assert self.tiers.pop(key) == (self.model.pop(key, None) is not None)

    @rule(prefix=KEYS)
    def below(self, prefix: str) -> None:
        parts = [part for part in prefix.split("/") if part]
        expected = {
            key
            for key in self.model
            if key.startswith("/") and [p for p in key.split("/") if p][: len(parts)] == parts
        }
        assert sorted(self.tiers.below(prefix)) == sorted(expected)

    @rule(prefix=KEYS)
    def pop_below(self, prefix: str) -> None:
        for key in self.tiers.below(prefix):
            del self.model[key]
        assert self.tiers.pop_below(prefix) == []

    @rule()
    def clear(self) -> None:
        self.tiers.clear()
        self.model.clear()

    @invariant()
    def same_contents(self) -> None:
        assert list(self.tiers.paths()) == list(self.model)
        assert self.tiers.evicted == self.evicted
        assert self.tiers.live_count <= 2
        assert self.tiers.bytes_held >= 0


def _read(path: str, data: bytes, start: int) -> int:
    assert data[:start].endswith(path.encode())
    return int(data[start:])


TiersMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestTiers = TiersMachine.TestCase
