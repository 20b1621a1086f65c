"""Who is let in, who waits, who is turned away: as stories, and once with very many networks."""

import pytest

from ugrpy.load.flows import Flows, Ranks
from ugrpy.load.share import Admitted, Begun, Limit, Refused, Room, Share, Waits


def arriving(share: Share[str, str], *items: str, lane: str = "") -> list[object]:
    """Items named after their flow (``a1``); what became of each."""
    return [share.arrive(item[0], item, lane) for item in items]


def names(begun: list[Begun[str, str]]) -> list[str]:
    return [one.item for one in begun]


def a_share(places: int = 2, **more: int) -> Share[str, str]:
    return Share(Room(places, **{"waiting": 100, **more}))


def test_while_there_is_room_one_flow_may_have_all_of_it():
    share = a_share(places=1000)
    assert arriving(share, *(f"a{n}" for n in range(1000))) == [Admitted()] * 1000
    assert share.at_work == 1000
    assert arriving(share, "a-more") == [Waits()]


def test_the_flow_with_least_at_work_is_next():
    share = a_share(places=3)
    arriving(share, "a1", "a2", "b1")
    assert arriving(share, "a3", "a4", "b2", "c1", "b3") == [Waits()] * 5
    assert names(share.leave("a")) == ["c1"]  # a has 1, b has 1, c has none
    assert names(share.leave("b")) == ["b2"]  # a and c have one each, b none
    assert names(share.leave("c")) == [
        "a3"
    ]  # a and b have one each; a has had as little for longer


def test_flows_with_as_little_take_turns():
    share = a_share(places=1)
    arriving(share, "a1", "a2", "a3", "b1", "b2", "c1")
    order = []
    running = "a1"
    while share.waiting:
        (running,) = names(share.leave(running[0]))
        order.append(running)
    assert order == ["b1", "c1", "a2", "b2", "a3"]


def test_the_reserve_is_for_those_with_less_than_an_equal_share():
    share = a_share(places=4, reserve=2)
    assert arriving(share, *(f"a{n}" for n in range(6))) == [Admitted()] * 4 + [Waits()] * 2
    assert arriving(share, "b1", "b2", "b3") == [Admitted(), Admitted(), Waits()]
    assert (share.at_work, share.waiting) == (6, 3)
    assert arriving(share, "c1") == [Waits()]  # nothing is left, not even in the reserve
    assert names(share.leave("a")) == ["c1"]


def test_who_leaves_the_reserve_lets_in_only_those_it_is_for():
    share = a_share(places=2, reserve=1)
    arriving(share, "a1", "a2", "a3", "b1")
    assert share.at_work == 3
    assert names(share.leave("b")) == []
    assert names(share.leave("a")) == ["a3"]


def test_a_full_queue_loses_the_newest_of_the_longest():
    share = a_share(places=1, waiting=3)
    arriving(share, "x", "a1", "a2", "a3")
    assert arriving(share, "a4") == [Refused(Limit.FULL)]
    assert arriving(share, "b1") == [Waits("a3")]
    assert arriving(share, "b2") == [Refused(Limit.FULL)]  # it would only change places
    assert arriving(share, "c1") == [Waits("a2")]
    assert [share.of(flow)[1] for flow in "abc"] == [1, 1, 1]


def test_no_queue_refuses_what_finds_no_room():
    share = a_share(places=1, waiting=0)
    assert arriving(share, "a1", "b1") == [Admitted(), Refused(Limit.FULL)]


def test_an_operator_may_limit_each_flow():
    share = a_share(places=10, flow_places=2, flow_waiting=1)
    assert arriving(share, "a1", "a2", "a3", "a4") == [
        Admitted(),
        Admitted(),
        Waits(),
        Refused(Limit.NETWORK_FULL),
    ]
    assert arriving(share, "b1") == [Admitted()]
    assert names(share.leave("a")) == ["a3"]


def test_who_gives_up_is_not_called():
    share = a_share(places=1)
    arriving(share, "a1", "b1", "b2")
    assert share.withdraw("b", "b1") == (True, [])
    assert share.withdraw("b", "b1") == (False, [])
    assert names(share.leave("a")) == ["b2"]


def test_one_who_gives_up_may_make_an_equal_share_greater_for_others():
    share: Share[str, str] = Share(Room(6, reserve=1, waiting=10), {"stat": None, "list": 1})
    arriving(share, "x1", "y1", lane="list")  # y waits for the lane
    arriving(share, "a1", "a2", "a3", "a4", "b1", lane="stat")
    assert arriving(share, "b2", lane="stat") == [Waits()]  # six among four are one each
    waited, begun = share.withdraw("y", "y1", "list")
    assert (waited, names(begun)) == (True, ["b2"])


def test_a_lane_has_a_limit_of_its_own_and_the_emptier_lane_is_next():
    share: Share[str, str] = Share(Room(4, waiting=10), {"stat": None, "list": 3})
    assert arriving(share, "a1", "a2", "a3", "a4", lane="list") == [Admitted()] * 3 + [Waits()]
    assert arriving(share, "s1", "s2", lane="stat") == [Admitted(), Waits()]
    assert names(share.leave("a", "list")) == ["s2"]
    assert names(share.leave("a", "list")) == ["a4"]


def test_what_may_be_at_work_and_waiting_can_be_less_for_now():
    share = a_share(places=4)
    arriving(share, "a1", "a2", "a3")
    assert share.arrive("a", "a4", most=3, strict=True) == Refused(Limit.FULL)
    assert share.arrive("a", "a4", most=3) == Admitted()  # there is room
    assert share.arrive("a", "a5", most=4) == Refused(Limit.FULL)
    assert share.arrive("a", "a5", most=5) == Waits()
    assert share.arrive("b", "b1", most=5) == Refused(Limit.FULL)  # it would only change places
    assert share.arrive("a", "a6", most=6) == Waits()
    assert share.arrive("b", "b1", most=6) == Waits("a6")


def test_however_many_networks_come_none_leaves_anything_behind():
    share = a_share(places=8, reserve=2, waiting=16)
    at_work: list[str] = []
    for number in range(150_000):
        network = str(number)
        if isinstance(share.arrive(network, network), Admitted):
            at_work.append(network)
        if number % 3 == 0:
            at_work += [one.flow for one in share.leave(at_work.pop(0))]
        assert len(at_work) <= 10
    assert len(list(share)) == share.active <= 26
    while at_work:
        at_work += [one.flow for one in share.leave(at_work.pop(0))]
    assert (list(share), share.active, share.at_work, share.waiting) == ([], 0, 0, 0)


def test_ranks_are_by_number_and_then_by_age():
    ranks: Ranks[str] = Ranks()
    for flow, number in [("a", 2), ("b", 1), ("c", 1), ("d", 3)]:
        ranks.put(flow, number)
    assert (ranks.lowest(), ranks.highest(), ranks.count(1)) == ("b", "d", 2)
    ranks.put("b", 1)
    assert ranks.lowest() == "c"
    ranks.drop("c")
    ranks.drop("c")
    assert (ranks.lowest(), len(ranks), "c" in ranks) == ("b", 3, False)
    for flow in ("a", "b", "d"):
        ranks.drop(flow)
    assert (ranks.lowest(), ranks.highest()) == (None, None)


def test_flows_know_the_active_ones():
    flows: Flows[str, str] = Flows()
    flows.start("a")
    flows.push("a", "a2")
    flows.push("b", "b1")
    assert (sorted(flows), flows.active, flows.at_work, flows.waiting) == (["a", "b"], 2, 1, 2)
    flows.end("a")
    assert flows.active == 2
    assert flows.take("a") == "a2"
    assert flows.drop_newest("b") == "b1"
    assert (list(flows), flows.active) == ([], 0)
    with pytest.raises(KeyError):
        flows.end("a")
