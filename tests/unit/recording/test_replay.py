"""What changes a decision under other rules, what does not, and how that is told and summed up."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from tests.unit.recording.decisions import EAST, HELD_BY_ALL, RULES, TOKYO, WEST, flight
from ugrpy.locality.model import UNKNOWN_PLACE, Address, NetworkPlace, Place, PreferenceRule
from ugrpy.recording.flights import Among, Flight, Scene
from ugrpy.recording.replay import NotReplayable, OtherRules, Replayed, order_of, replay
from ugrpy.recording.rules import NoRules, Rules
from ugrpy.recording.summary import replay_all
from ugrpy.recording.telling import because, facts_of_summary, reason_for, words_of


def at_west(_address: Address) -> Place:
    """Whoever asks is in the west."""
    return Place(WEST, "CA", 16462)


def with_endpoint(name: str, **changes: object) -> Rules:
    """The rules with one endpoint changed."""
    return replace(
        RULES,
        endpoints=tuple(
            replace(one, **changes) if one.name == name else one  # type: ignore[arg-type]
            for one in RULES.endpoints
        ),
    )


def again(rules: Rules, made: Flight | None = None) -> Replayed:
    """The decision under those rules."""
    return replay(made or flight(), RULES, OtherRules(rules, at_west))


def test_the_same_rules_give_the_same_order():
    one = again(RULES)
    assert one.exact
    assert order_of(one.then) == ("westby", "west", "east")
    assert not one.elsewhere
    assert not one.reordered
    assert because(one) == ""


@pytest.mark.parametrize(
    ("rules", "order", "why"),
    [
        (with_endpoint("westby", place=Place(TOKYO)), ("west", "westby", "east"), "7587 km"),
        (with_endpoint("westby", weight=0.0), ("west", "westby", "east"), "without weight"),
        (with_endpoint("westby", readable=False), ("west", "east"), "not readable"),
        (with_endpoint("westby", mounts=("/other",)), ("west", "east"), "not mounted over it"),
        (replace(RULES, endpoints=RULES.endpoints[::2]), ("west", "east"), "not among"),
        (
            replace(RULES, preferences=(PreferenceRule(asns=(16462,), prefer=("east",)),)),
            ("east", "westby", "west"),
            "rule AS16462 prefers east",
        ),
    ],
)
def test_what_sends_a_client_elsewhere_is_told(rules, order, why):
    one = again(rules)
    assert one.exact
    assert one.now is not None
    assert order_of(one.now) == order
    assert one.elsewhere
    assert why in because(one)


def test_others_may_follow_in_another_order():
    one = again(with_endpoint("west", place=Place(TOKYO)), flight(order=("westby", "west", "east")))
    assert one.now is not None
    assert order_of(one.now) == ("westby", "west", "east")
    one = again(replace(RULES, fuzz_km=10_000.0), flight(drawn=(0.75, 0.9)))
    assert one.now is not None
    # east, west, westby are level: 0.75 takes the third, 0.9 the second of those left
    assert order_of(one.now) == ("westby", "west", "east")
    one = again(replace(RULES, fuzz_km=10_000.0), flight(drawn=(0.75, 0.1)))
    assert one.reordered


def test_who_was_out_or_outvoted_then_stays_so():
    scene = replace(HELD_BY_ALL, holders=("east", "west"), absent=("westby",))
    made = flight(order=("east",), drawn=(), scene=scene, withheld={"west": "drained: maintenance"})
    one = again(RULES, made)
    assert one.exact
    assert one.now is not None
    assert order_of(one.now) == ("east",)
    assert reason_for(one.now, "west") == "drained: maintenance"
    assert reason_for(one.now, "westby") == "does not hold it"


def test_a_new_endpoint_is_not_known_to_hold_anything():
    new = replace(RULES.endpoints[0], name="new")
    one = again(replace(RULES, endpoints=(*RULES.endpoints, new)))
    assert one.now is not None
    assert not one.elsewhere
    assert reason_for(one.now, "new") == "was not asked"


def test_when_nobody_is_left_the_client_would_go_nowhere():
    one = again(replace(RULES, endpoints=()))
    assert one.elsewhere
    assert one.would_go_to == ""
    assert because(one) == "westby: not among these rules' endpoints"


def test_more_numbers_than_were_drawn_are_the_same_each_time():
    level = replace(RULES, fuzz_km=20_000.0)
    orders = {order_of(again(level, flight(drawn=())).now or again(level).then) for _ in range(5)}
    assert len(orders) == 1


def test_where_a_part_of_the_address_was_kept_the_place_of_then_serves_if_nothing_else_is_known():
    def nowhere(_address: Address) -> Place:
        return UNKNOWN_PLACE

    made = flight(client="10.1.0.0/16")
    assert not replay(made, RULES, OtherRules(RULES, nowhere)).elsewhere
    placed = replace(RULES, networks=(NetworkPlace((ip_network("10.1.0.0/16"),), EAST),))
    one = replay(made, RULES, OtherRules(placed, lambda _address: Place(EAST)))
    assert one.would_go_to == "east"
    assert replay(flight(), RULES, OtherRules(RULES, nowhere)).now is not None


def test_a_place_for_an_upload_needs_room_and_leave_to_write():
    among = Among({"west": 100.0, "westby": 1.0, "east": 50.0}, {"west": 0, "westby": 0, "east": 0})
    made = flight(order=("west", "westby", "east"), drawn=(0.5,), among=among, scene=None)
    one = again(RULES, made)
    assert one.exact
    assert one.now is not None
    assert order_of(one.now) == ("west", "westby", "east")
    one = again(with_endpoint("west", writable=False), made)
    assert one.would_go_to == "westby"
    one = again(
        RULES, replace(made, among=replace(among, ahead={"east": 0, "west": 3, "westby": 3}))
    )
    assert not one.exact
    assert order_of(one.then)[0] == "east"


@pytest.mark.parametrize(
    "made",
    [
        flight(order=(), drawn=()),
        replace(flight(), zone=replace(flight().zone, rule=7)),
        replace(flight(), zone=replace(flight().zone, standings={})),
    ],
)
def test_what_was_not_recorded_cannot_be_replayed(made):
    with pytest.raises(NotReplayable):
        again(RULES, made)


def test_many_are_summed_up():
    flights = [
        *(flight(id=f"1-{n}") for n in range(3)),
        flight(order=("west", "westby", "east"), drawn=(0.1,)),
        flight(order=("east", "west", "westby")),  # not what the rules say
        flight(order=()),
        flight(rules="gone"),
        replace(flight(), zone=replace(flight().zone, standings={})),
    ]

    def kept(version: str) -> Rules:
        if version == "gone":
            raise NoRules("the rules gone are not there")
        return RULES

    tokyo = with_endpoint("westby", place=Place(TOKYO))
    summary = replay_all(flights, kept, OtherRules(tokyo, at_west))
    assert (summary.replayed, summary.exact, summary.unusable) == (5, 4, 2)
    # the one that went east against the rules would now go west as well
    assert summary.elsewhere == 4
    assert dict(summary.moves) == {("westby", "west"): 3, ("east", "west"): 1}
    assert summary.would_go_to == {"west": 5}
    facts = facts_of_summary(summary)
    assert facts["moves"] == [
        {"from": "westby", "to": "west", "flights": 3},
        {"from": "east", "to": "west", "flights": 1},
    ]
    assert set(summary.why) == {
        "the rules gone are not there",
        "nothing is recorded of how 'west' stood",
    }
    assert replay_all(flights, kept, None, most=2).replayed == 2


def test_a_decision_is_told_in_words():
    scene = Scene(
        "/d/f",
        95.0,
        ("west",),
        silent=("east",),
        denied={"a": "401"},
        unknown={"b": "timeout"},
        out={"c": "drained"},
    )
    told = "\n".join(words_of(flight(scene=scene, withheld={"c": "drained"}, why="so it is")))
    for words in (
        "1970-01-01T00:01:40.000Z GET /d/f",
        "client: 10.1.2.3 (anonymous), at 48.43, -123.37 (CA), AS16462 by by hand",
        "answer: 302, sent to westby, after 0.125 ms, by worker 1",
        "why: so it is",
        "known from: memory, 5.0 s old",
        "held by: west",
        "silent: east",
        "refused to say: a (401)",
        "no usable answer from: b (timeout)",
        "not asked: c (drained)",
        "withheld: c (drained)",
        "drawn: 0.750000",
    ):
        assert words in told
