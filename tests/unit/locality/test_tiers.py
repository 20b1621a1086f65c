"""Where a tier ends, and how a lot is drawn."""

from itertools import count

import pytest

from ugrpy.locality.model import Candidate, Place, Position
from ugrpy.locality.tiers import Lot, Standing, better, draw_lot, tiers_of, zone_for

# one degree of longitude on the equator is 111.195 km
HERE = Place(Position(0, 0))


def at(name: str, longitude_deg: float, **more) -> Candidate:
    return Candidate(name, Place(Position(0, longitude_deg)), **more)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 9000.0), (1, 1.0), True),
        ((1, 1.0), (0, None), False),
        ((0, 100.0), (0, 110.0), False),
        ((0, 100.0), (0, 110.1), True),
        ((0, 110.1), (0, 100.0), False),
        ((0, 20000.0), (0, None), True),
        ((0, None), (0, 1.0), False),
        ((0, None), (0, None), False),
    ],
)
def test_better(a, b, expected):
    assert better(Standing(*a), Standing(*b), fuzz_km=10.0) is expected


def test_a_tier_reaches_from_its_first_member_and_does_not_chain():
    # 0, 89, 178 km with a fuzz of 100: the third is near the second, but not near the first
    candidates = [at("c", 1.6), at("a", 0), at("b", 0.8)]
    tiers = tiers_of(zone_for(HERE, None, candidates), candidates, 100.0)
    assert [tier.brisk.drawn for tier in tiers] == [("a", "b"), ("c",)]


def test_sluggish_and_weightless_keep_their_tier():
    candidates = [
        at("a", 0, sluggish=True),
        at("b", 0),
        at("c", 0, weight=0),
        at("d", 0, load=1),
        at("e", 9),
    ]
    near, far = tiers_of(zone_for(HERE, None, candidates), candidates, 10.0)
    assert near.brisk == Lot(("b",), (1.0,), ("c", "d"))
    assert near.slow == Lot(("a",), (1.0,), ())
    assert far.brisk.drawn == ("e",)


def test_weight_and_load_make_the_share():
    candidates = [at("a", 0, weight=3, load=0.5), at("b", 0)]
    (tier,) = tiers_of(zone_for(HERE, None, candidates), candidates, 10.0)
    assert tier.brisk.weights == (1.5, 1.0)


def test_the_draw_follows_the_numbers():
    lot = Lot(("a", "b", "c"), (1.0, 2.0, 1.0), ("z",))
    numbers = iter([0.5, 0.9])  # 0.5 of 4 falls to b; then 0.9 of 2 to c
    assert list(draw_lot(lot, lambda: next(numbers))) == ["b", "c", "a", "z"]


def test_one_number_less_than_members():
    calls = count()

    def draw() -> float:
        next(calls)
        return 0.0

    assert list(draw_lot(Lot(("a", "b", "c"), (1.0, 1.0, 1.0), ()), draw)) == ["a", "b", "c"]
    assert next(calls) == 2


def test_a_lone_member_is_not_drawn():
    def draw() -> float:
        raise AssertionError("nothing to draw")

    assert list(draw_lot(Lot(("a",), (0.1,), ("b",)), draw)) == ["a", "b"]
    assert list(draw_lot(Lot((), (), ()), draw)) == []


def test_rounding_at_the_upper_end_takes_the_last():
    assert list(draw_lot(Lot(("a", "b"), (0.1, 0.2), ()), lambda: 1.0)) == ["b", "a"]
