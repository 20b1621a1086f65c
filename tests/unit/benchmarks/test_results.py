"""From samples to what is reported."""

import json
from typing import Any

import pytest

from benchmarks import report
from benchmarks import rounds as rounds_module
from benchmarks.load import Plan, Tally, figures, plan_from_json
from benchmarks.model import Check, Result, at_least, at_most
from benchmarks.rounds import CALM_CORES, METRICS, Rounds, Sample, interleave_calm, same_every_round
from benchmarks.series import Spread, ratios, significant, spread
from benchmarks.workload import Ask


def sample(rate: float, cpu_us: float) -> Sample:
    return Sample(dict.fromkeys(METRICS, 1.0) | {"rate": rate, "cpu_us": cpu_us}, {"302": 10})


def test_spread_and_ratios():
    assert spread([3, 1, 2, 10]) == Spread(1, 2.5, 10)
    assert ratios([2, 9], [4, 3]) == [0.5, 3]
    with pytest.raises(ValueError, match="zip"):
        ratios([1], [1, 2])
    assert significant(123456.7) == 123460
    assert Spread(1 / 3, 1, 2).as_json() == {"min": 0.33333, "median": 1, "max": 2}


def test_ratios_are_formed_within_a_round():
    rounds = Rounds(
        {"nginx": [sample(100, 8), sample(50, 9)], "gateway": [sample(20, 40), sample(10, 45)]}
    )
    ratio = rounds.all_against("nginx")
    assert list(ratio) == ["gateway / nginx"]
    # the machine was half as fast in the second round, and that does not show
    assert ratio["gateway / nginx"] == {"rate": Spread(0.2, 0.2, 0.2), "cpu": Spread(0.2, 0.2, 0.2)}
    assert rounds.table()["nginx"]["rate"] == Spread(50, 75, 100)
    assert rounds.statuses() == {"nginx": {"302": 20}, "gateway": {"302": 20}}


@pytest.mark.parametrize(
    ("busy", "kept"),
    [
        ([0.1, 0.0, 0.9], [0, 1]),  # calm from the start: no third round
        ([0.9, 0.1, 0.5, 0.2, 0.0], [1, 3]),  # disturbed ones are made up for
        ([0.9, 0.8, 0.6, 0.7, 0.0], [2, 3]),  # never calm: the least disturbed of twice as many
    ],
)
def test_disturbed_rounds_do_not_count(monkeypatch, busy, kept):
    def load(_topology: object, number: int) -> Sample:
        return Sample({"other_busy": busy[number], "number": number}, {})

    monkeypatch.setattr(rounds_module, "load", load)
    nothing: Any = None
    plan: Any = lambda number: number  # noqa: E731 - stands for a plan: load is ours here
    rounds = interleave_calm(nothing, {"gateway": plan}, 2)
    assert sorted(rounds.values("gateway", "number")) == kept
    assert bool(rounds.disturbed()) == (max(busy[number] for number in kept) > CALM_CORES)


def test_figures_of_a_tally():
    tally = Tally([0.003, 0.001, 0.002], {b"302": 3}, seconds=1.5)
    found = figures(tally, server_s=0.3, own_s=0.15, other_s=1.5)
    assert found["rate"] == 2
    assert found["cpu_us"] == pytest.approx(100_000)
    assert (found["busy"], found["load_busy"]) == (pytest.approx(0.2), pytest.approx(0.1))
    assert (found["p50_us"], found["p99_us"], found["max_us"]) == (2000, 3000, 3000)
    assert found["other_busy"] == 1
    assert found["statuses"] == {"302": 3}
    with pytest.raises(SystemExit):
        figures(Tally(), 0, 0, 0)


def test_a_wrong_answer_is_counted_and_the_first_is_told():
    tally = Tally()
    tally.note_wrong(b"GET /a HTTP/1.1\r\n\r\n", b"500", b"302")
    tally.note_wrong(b"GET /b HTTP/1.1\r\n\r\n", b"404", b"302")
    assert tally.wrong == 2
    assert tally.first_wrong == "GET /a HTTP/1.1: 500 instead of 302"


def test_a_plan_survives_the_way_to_the_generator():
    plan = Plan("127.0.0.1", 80, 1, Ask("fixed", {"seed": 1}), sources=["127.0.11.1"], rate=5.0)
    assert plan_from_json(plan.as_json()) == plan
    assert same_every_round(plan)(2).seed == plan.seed + 2


def test_checks_say_whether_they_hold():
    assert at_least("speed", 0.2, 0.18) == Check("speed >= 0.18", 0.2, 0.18, True)
    assert not at_least("speed", 0.17, 0.18).holds
    assert at_most("delay", 1.4, 1.5).holds
    assert not at_most("delay", 1.6, 1.5).holds


def test_the_report_shows_every_part():
    result = Result(
        {"nginx": {"rate": Spread(1, 2, 3)}, "gateway": {"rate": Spread(5000, 5000, 5000)}},
        {"gateway / nginx": {"rate": Spread(0.1, 0.2, 0.3)}},
        {"gateway": {"302": 95, "404": 5}},
        (at_least("speed", 0.2, 0.18), at_most("delay", 2, 1)),
        ("a note",),
    )
    plain = json.loads(json.dumps(result.as_json()))
    text = "\n".join(report.lines("redirect_hot", plain))
    for part in (
        "== redirect_hot",
        "2 (1..3)",
        "5000",
        "gateway / nginx: 0.2 (0.1..0.3) by rate",
        "gateway answered 302:95 404:5, all as they should be",
        "holds  speed >= 0.18: 0.2",
        "MISSED delay <= 1: 2",
        "a note",
    ):
        assert part in text


def test_the_report_of_a_failure_is_the_reason():
    assert list(report.lines("x", {"error": "no nginx"})) == ["== x", "   FAILED: no nginx"]
