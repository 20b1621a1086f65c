"""Laws of remembered names: packed or live they are the same, no use prolongs a life, and holders outlive it."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ugrpy.federation.known import KnownName
from ugrpy.federation.names import Names
from ugrpy.namespace.merge import Sighting, summarise
from ugrpy.namespace.model import (  # fmt: skip
    Absent,
    Cause,
    Digest,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
)
from ugrpy.namespace.paths import name_of
from ugrpy.namespace.verdict import OutOfService

ENDPOINTS = tuple(EndpointId(name) for name in ("uvic", "triumf", "cern"))
PATHS = st.sampled_from(["/", "/a", "/a/b", "/a/c", "/ab", "/é"])
SOME = st.sets(st.sampled_from(ENDPOINTS)).map(frozenset)
SAID = st.sampled_from(
    [
        Found(Entry("", Kind.FILE, 10, 7, (Digest("md5", "00ff"),))),
        Found(Entry("", Kind.FILE, 11)),
        Found(Entry("", Kind.COLLECTION)),
        Absent(),
        Unknown(Cause.TIMEOUT, "no answer"),
        None,
    ]
)


class NamesMachine(RuleBasedStateMachine):
    """One of two memories packs nearly everything, the other nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.packing = Names(1000, 1 << 40, ahead=0.2, live_items=1)
        self.plain = Names(1000, 1 << 40, ahead=0.2, live_items=200)
        self.late: list[list[str]] = [[], []]
        self.packing.on_late_use = self.late[0].append
        self.plain.on_late_use = self.late[1].append
        self.now = 1000.0

    @property
    def both(self) -> tuple[Names, Names]:
        return self.packing, self.plain

    @rule(seconds=st.integers(0, 20))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(path=PATHS, said=st.tuples(SAID, SAID, SAID), life_s=st.integers(-1, 30), final=st.booleans())  # fmt: skip
    def learn(
        self, path: str, said: tuple[Observation | None, ...], life_s: int, final: bool
    ) -> None:
        knowledge = {
            endpoint: Sighting(_named(one, path), self.now)
            for endpoint, one in zip(ENDPOINTS, said, strict=True)
            if one is not None
        }
        out = {name: OutOfService("drained") for name in ENDPOINTS if name not in knowledge}
        summary = summarise(knowledge)
        for names in self.both:
            known = KnownName(path, summary, knowledge, frozenset(), out, self.now)
            known.fresh_until(self.now + life_s)
            if final:
                names.keep(known, self.now + life_s, self.now)
            else:
                names.put(known, self.now + life_s, self.now)

    @rule(path=PATHS, name=st.sampled_from(ENDPOINTS))
    def write(self, path: str, name: EndpointId) -> None:
        for names in self.both:
            names.note_holder(path, name, Entry(name_of(path), Kind.FILE, 12))

    @rule(path=PATHS, away=SOME)
    def change(self, path: str, away: frozenset[EndpointId]) -> None:
        before = self.plain.holders(path)
        for names in self.both:
            names.forget(path, away)
            assert names.holders(path).keys() == before.keys() & away
            assert names.peek(path, self.now) is None

    @rule(path=PATHS, away=SOME)
    def change_all(self, path: str, away: frozenset[EndpointId]) -> None:
        before = {one: self.plain.holders(one) for one in self.plain.below(path)}
        for names in self.both:
            names.forget_below(path, away)
            for one, holders in before.items():
                assert names.holders(one).keys() == holders.keys() & away
                assert names.peek(one, self.now) is None

    @rule(path=PATHS)
    def use(self, path: str) -> None:
        until_s = self.plain.expires_at(path)
        used, same = (names.get(path, self.now) for names in self.both)
        assert used == same
        if used is not None:
            assert same is not None
            assert until_s is not None
            assert self.now < until_s
            assert used.fresh_until_s == same.fresh_until_s == until_s
            assert self.plain.expires_at(path) == until_s, "a use prolongs nothing"
        # a name that was packed in between may be told once more
        assert set(self.late[0]) == set(self.late[1])

    @rule(path=PATHS)
    def below(self, path: str) -> None:
        assert sorted(self.packing.below(path)) == sorted(self.plain.below(path))

    @invariant()
    def nothing_tells_them_apart(self) -> None:
        one, other = self.both
        assert len(one) == len(other)
        assert (one.hits, one.misses) == (other.hits, other.misses)
        for path in ("/", "/a", "/a/b", "/a/c", "/ab", "/é"):
            assert one.peek(path, self.now) == other.peek(path, self.now)
            assert one.holders(path) == other.holders(path)
            assert one.expires_at(path) == other.expires_at(path)
            assert one.last(path) == other.last(path)


def _named(said: Observation, path: str) -> Observation:
    if not isinstance(said, Found):
        return said
    entry = said.entry
    named = Entry(name_of(path), entry.kind, entry.size_bytes, entry.mtime_s, entry.digests)
    return Found(named)


NamesMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestNames = NamesMachine.TestCase
