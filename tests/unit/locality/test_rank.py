"""The ranking, told as cases an operator would recognise. The laws are in tests/properties/test_rank.py."""

from ipaddress import ip_address, ip_network

import pytest

from ugrpy.locality.model import (
    Candidate,
    Choice,
    Client,
    Place,
    Position,
    PreferenceRule,
    Ranked,
    Rejection,
)
from ugrpy.locality.rank import RankPolicy, first_rule, outranks, rank

VICTORIA, GENEVA, TOKYO = Position(48.46, -123.31), Position(46.2, 6.15), Position(35.68, 139.69)
VANCOUVER = Position(49.25, -123.1)  # 89 km from Victoria

UVIC, CERN, KEK = (
    Candidate("uvic", Place(VICTORIA)),
    Candidate("cern", Place(GENEVA)),
    Candidate("kek", Place(TOKYO)),
)
NOWHERE = Candidate("nowhere")
IN_VICTORIA = Client(ip_address("10.1.2.3"), Place(VICTORIA, "CA", 16462))
TO_KEK = PreferenceRule((ip_network("10.1.0.0/16"),), (), ("kek", "cern"))


def never() -> float:
    raise AssertionError("nothing to draw")


def ids(ranked: Ranked) -> list[str]:
    return [choice.id for choice in ranked.chosen]


@pytest.mark.row("D25", "D27")
def test_nearest_first():
    ranked = rank(IN_VICTORIA, [CERN, KEK, UVIC], (), RankPolicy(fuzz_km=0), never)
    assert ids(ranked) == ["uvic", "kek", "cern"]
    assert [choice.tier for choice in ranked.chosen] == [0, 1, 2]
    assert ranked.chosen[0].reason == "0 km from the client"
    assert ranked.chosen[1].reason == f"{ranked.chosen[1].distance_km:.0f} km from the client"
    assert ranked.rejected == ()


@pytest.mark.row("D25")
def test_unknown_candidates_are_last_and_not_in_the_gulf_of_guinea():
    gulf = Client(None, Place(Position(0, 0)))
    ranked = rank(gulf, [NOWHERE, KEK], (), RankPolicy(), never)
    assert ids(ranked) == ["kek", "nowhere"]
    assert ranked.chosen[1] == Choice("nowhere", None, 1, "its position is unknown")


@pytest.mark.row("D28")
def test_without_the_clients_position_all_are_one_tier():
    ranked = rank(Client(), [UVIC, CERN, NOWHERE], (), RankPolicy(), lambda: 0.999)
    assert ids(ranked) == ["uvic", "nowhere", "cern"]
    assert {choice.tier for choice in ranked.chosen} == {0}
    assert ranked.chosen[0].reason == "the client's position is unknown; drawn 1 of 3"


@pytest.mark.row("D26")
def test_equals_within_the_fuzz_are_drawn():
    triumf = Candidate("triumf", Place(VANCOUVER))
    first = rank(IN_VICTORIA, [UVIC, triumf, CERN], (), RankPolicy(100), lambda: 0.0)
    second = rank(IN_VICTORIA, [UVIC, triumf, CERN], (), RankPolicy(100), lambda: 0.7)
    assert ids(first) == ["triumf", "uvic", "cern"]
    assert ids(second) == ["uvic", "triumf", "cern"]
    assert first.chosen[0].reason == "89 km from the client; drawn 1 of 2 within 100 km"
    assert first.chosen[1].reason == "0 km from the client; drawn 2 of 2 within 100 km"
    # the fuzz means the same far away: 89 km more than 10,000 km is still 89 km
    assert ids(rank(IN_VICTORIA, [UVIC, triumf], (), RankPolicy(80), never)) == ["uvic", "triumf"]


def test_rules_come_before_distance():
    ranked = rank(IN_VICTORIA, [UVIC, CERN, KEK], [TO_KEK], RankPolicy(), never)
    assert ids(ranked) == ["kek", "cern", "uvic"]
    reasons = [choice.reason.split("; ")[0] for choice in ranked.chosen]
    assert reasons == [
        "rule 10.1.0.0/16 prefers kek",
        "rule 10.1.0.0/16 prefers cern",
        "not named by rule 10.1.0.0/16",
    ]


def test_a_name_given_twice_counts_where_it_stands_first():
    twice = PreferenceRule(asns=(16462,), prefer=("kek", "cern", "kek"))
    assert ids(rank(IN_VICTORIA, [UVIC, CERN, KEK], [twice], RankPolicy(), never)) == [
        "kek",
        "cern",
        "uvic",
    ]


def test_a_rule_that_prefers_nobody_changes_nothing():
    exempt = PreferenceRule((ip_network("10.1.2.0/24"),))
    ranked = rank(IN_VICTORIA, [CERN, UVIC], [exempt, TO_KEK], RankPolicy(), never)
    assert ids(ranked) == ["uvic", "cern"]
    assert ranked.chosen[0].reason == "0 km from the client"


def test_slow_and_weightless_ones_give_way_to_their_equals_only():
    slow = Candidate("a-slow", Place(VICTORIA), sluggish=True)
    idle = Candidate("b-idle", Place(VICTORIA), weight=0)
    ranked = rank(IN_VICTORIA, [slow, idle, UVIC, CERN], (), RankPolicy(), never)
    assert ids(ranked) == ["uvic", "b-idle", "a-slow", "cern"]
    assert ranked.chosen[1].reason == "0 km from the client; without weight, so behind its equals"
    assert (
        ranked.chosen[2].reason == "0 km from the client; slow or at risk now, so behind its equals"
    )


def test_a_slow_or_weightless_one_alone_is_simply_taken():
    for alone in (
        Candidate("a", Place(VICTORIA), sluggish=True),
        Candidate("a", Place(VICTORIA), weight=0),
    ):
        (choice,) = rank(IN_VICTORIA, [alone], (), RankPolicy(), never).chosen
        assert choice == Choice("a", 0.0, 0, "0 km from the client")


def test_the_excluded_are_rejected_with_their_reason():
    out = Candidate("b", Place(VICTORIA), excluded="outvoted: size 3 against 4")
    down = Candidate("a", Place(VICTORIA), excluded="out of service")
    ranked = rank(IN_VICTORIA, [out, CERN, down], (), RankPolicy(), never)
    assert ids(ranked) == ["cern"]
    assert ranked.rejected == (
        Rejection("a", "out of service"),
        Rejection("b", "outvoted: size 3 against 4"),
    )


def test_nobody_to_choose_from():
    ranked = rank(IN_VICTORIA, [], (), RankPolicy(), never)
    assert (ranked.chosen, ranked.rejected) == ((), ())


class TestFirstRule:
    other = PreferenceRule((ip_network("10.0.0.0/8"),), (), ("cern",))
    by_as = PreferenceRule(asns=(16462,), prefer=("uvic",))

    def test_the_first_that_matches_holds_not_the_narrowest(self):
        assert first_rule(IN_VICTORIA, [self.other, TO_KEK]) is self.other
        assert first_rule(IN_VICTORIA, [TO_KEK, self.other]) is TO_KEK

    def test_by_autonomous_system(self):
        assert first_rule(IN_VICTORIA, [self.by_as, TO_KEK]) is self.by_as
        assert first_rule(Client(None, Place(asn=16462)), [TO_KEK, self.by_as]) is self.by_as

    def test_nobody_knows_the_client(self):
        assert first_rule(Client(), [TO_KEK, self.by_as]) is None

    @pytest.mark.row("D30")
    def test_both_families(self):
        assert first_rule(Client(ip_address("::ffff:10.1.0.9")), [TO_KEK]) is TO_KEK
        assert first_rule(Client(ip_address("2001:db8::1")), [TO_KEK]) is None
        mapped = PreferenceRule((ip_network("::ffff:10.1.0.0/112"),))
        assert first_rule(IN_VICTORIA, [mapped]) is mapped


def test_outranks_by_class_alone():
    policy = RankPolicy(100)
    busy = Candidate("uvic", Place(VICTORIA), weight=0, load=1, sluggish=True)
    triumf = Candidate("triumf", Place(VANCOUVER))
    assert outranks(IN_VICTORIA, busy, CERN, (), policy)
    assert not outranks(IN_VICTORIA, CERN, busy, (), policy)
    assert not outranks(IN_VICTORIA, busy, triumf, (), policy)
    assert outranks(IN_VICTORIA, busy, triumf, (), RankPolicy(80))
    assert outranks(IN_VICTORIA, KEK, busy, [TO_KEK], policy)
    assert outranks(IN_VICTORIA, CERN, NOWHERE, (), policy)
    assert not outranks(Client(), CERN, NOWHERE, (), policy)
