"""Is what a row demands of a benchmark well formed, and compared the right way round?"""

import pytest

from tests.parity.bounds import Bound, parse_bound
from tests.parity.rows import Row, load_rows, parse_rows

SPEED = {"benchmark": "b", "figure": ["ratios", "x / nginx", "rate"], "at_least": 0.12}
BOUND = Bound("b", ("ratios", "x / nginx", "rate"), at_least=0.12)


def test_a_bound_is_read_and_named_for_people():
    assert parse_bound("S78", SPEED) == BOUND
    assert (BOUND.name, BOUND.wanted) == ("b: x / nginx by rate", ">= 0.12")
    cost = {"benchmark": "b", "figure": ["subjects", "x", "cpu_us"], "at_most": 100}
    assert parse_bound("S79", cost) == Bound("b", ("subjects", "x", "cpu_us"), at_most=100.0)
    assert parse_bound("S79", cost).wanted == "<= 100"


def test_the_bound_itself_is_enough_and_worse_is_not():
    assert [BOUND.is_met_by(value) for value in (0.1199, 0.12, 0.5)] == [False, True, True]
    slow = Bound("b", BOUND.figure, at_most=2.0)
    assert [slow.is_met_by(value) for value in (0.5, 2.0, 2.001)] == [True, True, False]
    assert not BOUND.is_met_by(float("nan"))
    assert not slow.is_met_by(float("nan"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"at_most": 1.0},  # both limits
        {"at_least": "0.12"},
        {"at_least": True},
        {"figure": ["checks", "x / nginx", "rate"]},  # a text of the benchmark's own judgement
        {"figure": ["ratios", "x / nginx"]},
        {"figure": "ratios.x.rate"},
        {"benchmark": 3},
        {"by": "rate"},
    ],
)
def test_a_malformed_bound_is_refused_with_the_row(wrong):
    with pytest.raises(ValueError, match="S78: "):
        parse_bound("S78", SPEED | wrong)
    with pytest.raises(ValueError, match="S78: "):
        parse_bound("S78", {key: value for key, value in SPEED.items() if key != "at_least"})


def test_rows_carry_their_bounds():
    toml = '[S1]\ntext="a"\nmeasured=[{benchmark="b", figure=["ratios", "x / nginx", "rate"], at_least=0.12}]'
    assert parse_rows(toml) == {"S1": Row("S1", "a", measured=(BOUND,))}
    with pytest.raises(ValueError, match="S1: "):
        parse_rows('[S1]\ntext="a"\nmeasured=["fast"]')


def test_rows_about_speed_are_judged_by_their_benchmarks():
    rows = load_rows()
    assert {bound.benchmark for bound in rows["S78"].measured} == {"shoal_nearest", "shoal_geoapi"}
    assert {bound.benchmark for bound in rows["S79"].measured} == {"shoal_intake"}
