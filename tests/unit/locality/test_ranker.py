"""The ranker's memory: zones are shared, plans are renewed when health changes. Equality with rank: tests/properties."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from ugrpy.locality import ranker as ranker_module
from ugrpy.locality.model import (
    UNKNOWN_PLACE,
    Candidate,
    Choice,
    LocalityError,
    Place,
    Position,
    PreferenceRule,
    Rejection,
)
from ugrpy.locality.rank import RankPolicy
from ugrpy.locality.ranker import Ranker

VICTORIA, GENEVA = Position(48.46, -123.31), Position(46.2, 6.15)
CANDIDATES = (
    Candidate("uvic", Place(VICTORIA)),
    Candidate("cern", Place(GENEVA)),
    Candidate("cern2", Place(GENEVA)),
    Candidate("old", Place(GENEVA), excluded="retired"),
)
RULES = (
    PreferenceRule(asns=(559,), prefer=("cern2",)),
    PreferenceRule((ip_network("10.1.0.0/16"),), prefer=("cern",)),
)


def locate(address):
    places = {
        "10": Place(VICTORIA, "CA"),
        "11": Place(VICTORIA, "CA", 559),
        "12": Place(GENEVA, "CH"),
    }
    return (
        UNKNOWN_PLACE if address is None else places.get(str(address).split(".")[0], UNKNOWN_PLACE)
    )


def never() -> float:
    raise AssertionError("nothing to draw")


@pytest.fixture
def ranker():
    return Ranker(CANDIDATES, RULES, RankPolicy(), locate)


def test_clients_that_cannot_be_told_apart_share_a_zone(ranker):
    zone = ranker.zone_of("10.9.0.1")
    assert ranker.zone_of(ip_address("10.9.0.2")) is zone
    assert ranker.zone_of("::ffff:10.9.0.3") is zone
    assert ranker.zone_of(ip_address("::ffff:10.9.0.3")) is zone
    assert ranker.zone_of("10.1.0.1") is not zone  # another rule
    assert ranker.zone_of("12.0.0.1") is not zone  # another place


def test_clients_without_an_address_share_the_unknown_zone(ranker):
    zone = ranker.zone_of(None)
    assert zone.place == UNKNOWN_PLACE
    assert zone.rule is None
    assert ranker.zone_of("/run/ugrpy.sock") is zone
    assert ranker.zone_of("2001:db8::1") is zone


def test_order_by_distance_rule_and_as(ranker):
    ids = ("cern", "cern2", "uvic")
    assert ranker.order(ranker.zone_of("10.9.0.1"), ids, lambda: 0.0) == ("uvic", "cern", "cern2")
    assert ranker.order(ranker.zone_of("10.1.0.1"), ids, never) == ("cern", "uvic", "cern2")
    assert ranker.order(ranker.zone_of("11.1.0.1"), ids, never) == ("cern2", "uvic", "cern")


def test_the_rule_first_in_the_list_wins_over_the_longer_prefix():
    rules = (
        PreferenceRule((ip_network("10.0.0.0/8"),), prefer=("cern",)),
        PreferenceRule((ip_network("10.1.0.0/16"),), prefer=("cern2",)),
    )
    ranker = Ranker(CANDIDATES, rules, RankPolicy(), locate)
    assert ranker.zone_of("10.1.0.1").rule is rules[0]


def test_a_single_holder_needs_no_draw(ranker):
    zone = ranker.zone_of("12.0.0.1")
    first = ranker.order(zone, ("uvic",), never)
    assert first == ("uvic",)
    assert ranker.order(zone, ("uvic",), never) is first  # the plan is kept


def test_excluded_and_strangers_are_left_out(ranker):
    zone = ranker.zone_of("10.9.0.1")
    ids = ("uvic", "stranger", "old", "cern")
    assert ranker.order(zone, ids, never) == ("uvic", "cern")
    assert ranker.order(zone, ids, never, {"uvic": "out of service"}) == ("cern",)
    explained = ranker.explain(zone, ids, never, {"uvic": "out of service"})
    assert [choice.id for choice in explained.chosen] == ["cern"]
    assert explained.rejected == (
        Rejection("old", "retired"),
        Rejection("stranger", "not among the configured ones"),
        Rejection("uvic", "out of service"),
    )


def test_excluded_without_a_reason_is_still_excluded(ranker):
    zone = ranker.zone_of(None)
    assert ranker.order(zone, ("uvic",), never, {"uvic": ""}) == ()
    assert ranker.explain(zone, ("uvic",), never, {"uvic": ""}).rejected == (
        Rejection("uvic", "excluded"),
    )


def test_explain_says_what_order_did(ranker):
    zone = ranker.zone_of("10.9.0.1")
    ids = ("cern", "cern2", "uvic")
    explained = ranker.explain(zone, ids, lambda: 0.9)
    assert tuple(choice.id for choice in explained.chosen) == ranker.order(zone, ids, lambda: 0.9)
    assert explained.chosen[1].reason.endswith("drawn 1 of 2 within 10 km")


def test_health_changes_the_next_order(ranker):
    zone = ranker.zone_of("12.0.0.1")
    ids = ("cern", "cern2")
    assert ranker.order(zone, ids, lambda: 0.0) == ("cern", "cern2")
    ranker.note("cern", load=0.0, sluggish=True)
    assert ranker.order(zone, ids, never) == ("cern2", "cern")
    ranker.note("cern", load=0.9, sluggish=False)
    assert ranker.order(zone, ids, lambda: 0.2) == ("cern2", "cern")
    ranker.note("cern", load=0.0, sluggish=False)
    assert ranker.order(zone, ids, lambda: 0.2) == ("cern", "cern2")


def test_no_change_keeps_the_plans(ranker):
    zone = ranker.zone_of("12.0.0.1")
    kept = ranker.order(zone, ("cern",), never)
    ranker.note("cern", load=0.0, sluggish=False)
    assert ranker.order(zone, ("cern",), never) is kept


def test_outranks(ranker):
    near_uvic, near_cern = ranker.zone_of("10.9.0.1"), ranker.zone_of("12.0.0.1")
    assert ranker.outranks(near_uvic, "uvic", "cern")
    assert not ranker.outranks(near_cern, "uvic", "cern")
    assert not ranker.outranks(near_cern, "cern", "cern2")
    with pytest.raises(KeyError):
        ranker.outranks(near_cern, "cern", "stranger")


def test_plans_are_bounded(ranker, monkeypatch):
    monkeypatch.setattr(ranker_module, "PLAN_LIMIT", 2)
    zone = ranker.zone_of(None)
    for ids in (("uvic",), ("cern",), ("cern2",), ("uvic",)):
        assert ranker.order(zone, ids, never) == ids
    assert repr(ranker) == "<Ranker of uvic, cern, cern2, old: 1 zones, 2 plans>"


def test_two_candidates_of_one_name():
    with pytest.raises(LocalityError, match="two candidates are called 'uvic'"):
        Ranker((CANDIDATES[0], CANDIDATES[0]), (), RankPolicy(), locate)


def test_noting_a_stranger(ranker):
    with pytest.raises(KeyError):
        ranker.note("stranger", load=0.0, sluggish=False)


# -- where a client writes --------------------------------------------------------------------------------


def ids(choices: Sequence[Choice]) -> tuple[str, ...]:
    return tuple(choice.id for choice in choices)


@pytest.mark.parametrize(
    ("rooms", "drawn", "first"),
    [
        ({"cern": 100.0, "cern2": 300.0}, 0.2499, "cern"),
        ({"cern": 100.0, "cern2": 300.0}, 0.2501, "cern2"),
        ({"cern": 300.0, "cern2": 100.0}, 0.7499, "cern"),
        ({"cern": 0.0, "cern2": 1.0}, 0.0, "cern2"),
        (
            {"cern": 5.0, "cern2": 5.0, "uvic": 1e12},
            0.0,
            "cern",
        ),  # room does not make up for distance
    ],
)
def test_equally_near_ones_are_written_to_in_proportion_to_their_room(ranker, rooms, drawn, first):
    zone = ranker.zone_of("12.0.0.1")
    assert ranker.place(zone, rooms, lambda: drawn)[0].id == first
    assert sorted(ids(ranker.place(zone, rooms, lambda: drawn))) == sorted(rooms)


def test_weight_counts_beside_room():
    heavy = Ranker(
        (Candidate("a", Place(GENEVA), weight=3.0), Candidate("b", Place(GENEVA))),
        (),
        RankPolicy(),
        locate,
    )
    zone = heavy.zone_of("12.0.0.1")
    rooms = {"a": 10.0, "b": 10.0}
    assert heavy.place(zone, rooms, lambda: 0.7499)[0].id == "a"
    assert heavy.place(zone, rooms, lambda: 0.7501)[0].id == "b"


def test_nobody_writes_to_who_is_excluded_or_unknown(ranker):
    zone = ranker.zone_of("12.0.0.1")
    assert ids(ranker.place(zone, {"old": 9.0, "stranger": 9.0, "uvic": 1.0}, never)) == ("uvic",)
    assert ids(ranker.place(zone, {}, never)) == ()


def test_why_a_client_writes_there(ranker):
    choices = ranker.place(ranker.zone_of("12.0.0.1"), {"cern": 5.0, "cern2": 5.0}, lambda: 0.0)
    assert [choice.reason.rpartition("; ")[2] for choice in choices] == [
        "drawn 1 of 2 within 10 km",
        "drawn 2 of 2 within 10 km",
    ]
    assert ranker.why_excluded("old")
    assert ranker.why_excluded("stranger") == "not among the configured ones"
    assert ranker.why_excluded("cern") == ""


def test_rules_hold_for_writing(ranker):
    zone = ranker.zone_of("10.1.0.1")  # which prefers cern
    assert ids(ranker.place(zone, {"uvic": 9.0, "cern": 1.0}, never)) == ("cern", "uvic")
