"""Shares of a few places: whatever comes and goes, nobody waits while there is room, and nobody waits for a flood."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ugrpy.load.rates import Rates
from ugrpy.load.share import Admitted, Begun, Limit, Refused, Room, Share, Waits

NETWORKS = st.sampled_from("abcde")
LANES = {"stat": None, "list": 3}
ROOMS = st.builds(
    Room,
    places=st.integers(1, 5),
    reserve=st.integers(0, 3),
    waiting=st.integers(0, 6),
    flow_places=st.sampled_from([0, 0, 2]),
    flow_waiting=st.sampled_from([0, 0, 2]),
)


class ShareMachine(RuleBasedStateMachine):
    """Against a plain list of who is at work and who waits, in order of arrival."""

    def __init__(self) -> None:
        super().__init__()
        self.share: Share[str, int] = Share(Room(1))
        self.at_work: list[tuple[str, str]] = []
        self.waiting: list[tuple[str, int, str]] = []
        self.number = 0

    @precondition(lambda self: not self.number)
    @rule(room=ROOMS)
    def made(self, room: Room) -> None:
        self.share = Share(room, LANES)
        self.number = 1

    @precondition(lambda self: self.number)
    @rule(network=NETWORKS, lane=st.sampled_from(sorted(LANES)))
    def arrive(self, network: str, lane: str) -> None:
        self.number += 1
        room, before = self.share.room, self.share.at_work
        lengths = Counter((name, where) for name, _, where in self.waiting)
        match self.share.arrive(network, self.number, lane):
            case Admitted():
                self.at_work.append((network, lane))
            case Waits(evicted):
                if evicted is not None:
                    (lost,) = [one for one in self.waiting if one[1] == evicted]
                    assert lengths[lost[0], lost[2]] == max(lengths.values())
                    self.waiting.remove(lost)
                self.waiting.append((network, self.number, lane))
            case Refused(Limit.FULL):
                assert before >= room.places or self._limited(network, lane)
                assert len(self.waiting) >= room.waiting
                assert lengths[network, lane] + 1 >= max(lengths.values(), default=0)
            case Refused(limit):
                assert limit is Limit.NETWORK_FULL
                assert 0 < room.flow_waiting <= lengths[network, lane]

    @precondition(lambda self: self.at_work)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        network, lane = data.draw(st.sampled_from(self.at_work))
        self.at_work.remove((network, lane))
        self._begin(self.share.leave(network, lane))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(self.waiting))
        self.waiting.remove(gone)
        waited, begun = self.share.withdraw(gone[0], gone[1], gone[2])
        assert waited
        self._begin(begun)

    def _begin(self, begun: list[Begun[str, int]]) -> None:
        for one in begun:
            held = Counter(self.at_work)
            in_lane = [other for other in self.waiting if other[2] == one.lane]
            least = min(held[name, one.lane] for name, _, _ in in_lane)
            assert held[one.flow, one.lane] == least, "another flow of the lane has less at work"
            mine = [number for name, number, _ in in_lane if name == one.flow]
            assert one.item == min(mine), "one that came earlier still waits"
            self.waiting.remove((one.flow, one.item, one.lane))
            self.at_work.append((one.flow, one.lane))

    def _limited(self, network: str, lane: str) -> bool:
        limit = LANES[lane]
        in_lane = sum(where == lane for _, where in self.at_work)
        own = self.at_work.count((network, lane))
        return (limit is not None and in_lane >= limit) or 0 < self.share.room.flow_places <= own

    @invariant()
    def nobody_waits_while_there_is_room(self) -> None:
        if len(self.at_work) < self.share.room.places:
            assert all(self._limited(name, lane) for name, _, lane in self.waiting)

    @invariant()
    def nothing_is_lost_and_nothing_is_too_much(self) -> None:
        room = self.share.room
        assert (self.share.at_work, self.share.waiting) == (len(self.at_work), len(self.waiting))
        assert len(self.at_work) <= room.whole
        assert len(self.waiting) <= room.waiting
        known = {name for name, _ in self.at_work} | {name for name, _, _ in self.waiting}
        assert set(self.share) == known


ShareMachine.TestCase.settings = settings(stateful_step_count=60)
TestShare = ShareMachine.TestCase


@given(flood=st.integers(0, 200), places=st.integers(1, 8), others=st.integers(1, 4))
def test_a_network_waits_for_as_many_as_want_as_little_however_long_the_flood(
    flood, places, others
):
    """All places are held by a flood that has more waiting; who comes then has a place after one has ended for each like him."""
    share: Share[str, str] = Share(Room(places, waiting=1000))
    for number in range(places + flood):
        share.arrive("flood", f"flood {number}")
    comers = [f"other {number}" for number in range(others)]
    for name in comers:
        assert isinstance(share.arrive(name, name), Waits)
    begun: list[str] = []
    for _ in range(min(others, places)):
        begun += [one.flow for one in share.leave("flood")]
    assert begun == comers[:places]


@given(
    rate=st.integers(1, 50),
    burst=st.integers(1, 20),
    gaps_ms=st.lists(st.integers(0, 500), min_size=1, max_size=60),
)
def test_no_network_asks_more_often_than_it_may(rate, burst, gaps_ms):
    rates = Rates(rate, burst)
    now, allowed = 0.0, 0
    for gap_ms in gaps_ms:
        now += gap_ms / 1000
        wait_s = rates.take("a", now)
        allowed += wait_s == 0.0
        assert allowed <= burst + rate * now + 1e-6
        if wait_s:
            assert 0 < wait_s <= 1 / rate
