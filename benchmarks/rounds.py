"""How are servers compared? One after the other in every round, A B A B, so that a drifting machine cancels out."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from benchmarks import procfs
from benchmarks.load import Plan
from benchmarks.model import WrongAnswer
from benchmarks.series import Spread, ratios, spread
from benchmarks.topology import CannotRun, Topology, python

# Reported for every subject, in this order.
METRICS = ("rate", "cpu_us", "p50_us", "p99_us", "busy", "load_busy", "other_busy", "peak_rss_mb")

# What neighbours may use, in cores, before a round of a hot run counts as disturbed.
CALM_CORES = 0.2


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures of one subject in one round, as the load generator names them."""

    figures: Mapping[str, float]
    statuses: Mapping[str, int]


Round = Mapping[str, Sample]


def load(topology: Topology, plan: Plan) -> Sample:
    """Run the load generator once. Raises ``WrongAnswer`` unless every request got the status it should."""
    generator = topology.start("load", python("-m", "benchmarks.load"), topology.other_cores)
    limit_s = 60 + 3 * plan.seconds
    out, _ = generator.communicate(plan.as_json(), timeout=limit_s)
    if generator.returncode != 0:
        raise CannotRun(topology.log_tail("load"))
    raw = json.loads(out)
    if raw["wrong"] or raw["unanswered"]:
        raise WrongAnswer(
            f"{raw['wrong']} wrong and {raw['unanswered']} missing of {raw['requests']} answers; "
            f"first: {raw['first_wrong'] or 'none'}"
        )
    figures = {key: float(raw[key]) for key in METRICS if key in raw}
    figures["requests"] = raw["requests"]
    figures["max_us"] = raw["max_us"]
    figures["peak_rss_mb"] = procfs.peak_rss_bytes(plan.server_pid) / 1e6
    return Sample(figures, raw["statuses"])


@dataclass(frozen=True, slots=True)
class Rounds:
    """All samples: for each subject one a round."""

    samples: Mapping[str, Sequence[Sample]]

    @classmethod
    def of(cls, rounds: Sequence[Round]) -> Self:
        """From one table a round."""
        return cls({subject: [one[subject] for one in rounds] for subject in rounds[0]})

    def values(self, subject: str, metric: str) -> list[float]:
        """One figure in every round."""
        return [sample.figures[metric] for sample in self.samples[subject]]

    def table(self) -> dict[str, dict[str, Spread]]:
        """For ``Result.subjects``."""
        return {
            subject: {metric: spread(self.values(subject, metric)) for metric in METRICS}
            for subject in self.samples
        }

    def statuses(self) -> dict[str, dict[str, int]]:
        """For ``Result.statuses``: summed over the rounds."""
        table: dict[str, dict[str, int]] = {}
        for subject, samples in self.samples.items():
            counts = table.setdefault(subject, {})
            for sample in samples:
                for status, count in sample.statuses.items():
                    counts[status] = counts.get(status, 0) + count
        return table

    def disturbed(self) -> tuple[str, ...]:
        """For ``Result.notes`` of a hot run: a warning when neighbours worked during what is counted."""
        worst = max(max(self.values(subject, "other_busy")) for subject in self.samples)
        if worst <= CALM_CORES:
            return ()
        return (f"DISTURBED: other processes used up to {worst:.2f} cores; measure again",)

    def against(self, subject: str, yardstick: str) -> dict[str, Spread]:
        """How many times the yardstick's speed, by ``rate`` as it was and by ``cpu``: what a request costs on one core."""
        return {
            "rate": spread(ratios(self.values(subject, "rate"), self.values(yardstick, "rate"))),
            "cpu": spread(ratios(self.values(yardstick, "cpu_us"), self.values(subject, "cpu_us"))),
        }

    def all_against(self, yardstick: str) -> dict[str, dict[str, Spread]]:
        """For ``Result.ratios``: every other subject over the yardstick."""
        return {
            f"{subject} / {yardstick}": self.against(subject, yardstick)
            for subject in self.samples
            if subject != yardstick
        }


def interleave(
    topology: Topology, plans: Mapping[str, Callable[[int], Plan]], repeat: int
) -> Rounds:
    """Measure every subject once a round. A plan is made for each round, so that cold ones can take fresh names."""
    return Rounds.of([_round(topology, plans, number) for number in range(repeat)])


def interleave_calm(
    topology: Topology, plans: Mapping[str, Callable[[int], Plan]], repeat: int
) -> Rounds:
    """As ``interleave``, for runs in which nobody but server and generator has work to do.

    A round that neighbours disturbed is made up for, up to twice as many in all; then the calmest count. They are chosen by
    what the neighbours did and not by what was measured, so the result stays what it would be without them.
    """
    return calmest(lambda number: _round(topology, plans, number), repeat, disturbance)


def calmest(
    measure: Callable[[int], Round], repeat: int, disturbed_by: Callable[[Round], float]
) -> Rounds:
    """So many calm rounds, or the calmest of twice as many; ``disturbed_by`` says how many cores neighbours used."""
    rounds: list[Round] = []
    while len(rounds) < 2 * repeat:
        rounds.append(measure(len(rounds)))
        if sum(disturbed_by(one) <= CALM_CORES for one in rounds) >= repeat:
            break
    return Rounds.of(sorted(rounds, key=disturbed_by)[:repeat])


def disturbance(one: Round) -> float:
    """The most that neighbours used during a sample of the round, in cores."""
    return max(sample.figures["other_busy"] for sample in one.values())


def _round(topology: Topology, plans: Mapping[str, Callable[[int], Plan]], number: int) -> Round:
    samples: dict[str, Sample] = {}
    for subject, plan in plans.items():
        try:
            samples[subject] = load(topology, plan(number))
        except WrongAnswer as error:
            raise WrongAnswer(f"{subject}: {error}") from error
    return samples


def same_every_round(plan: Plan) -> Callable[[int], Plan]:
    """For hot runs: only the seed of the load moves on."""
    return lambda number: replace(plan, seed=plan.seed + number)
