"""How long does one function take? The runner of micro benchmarks.

A micro benchmark is a module with ``prepare(seed, size) -> Work``: it builds a fixed corpus and returns what to call. Each
round times it next to a yardstick in plain Python, so that results from different machines and busy minutes can be compared.
The unit tests call ``prepare`` with a tiny size, run the work once and let it check its own result, so none can rot.
"""

import gc
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.model import Benchmark, Result, Settings
from benchmarks.series import ratios, spread

# Size of the corpus; what it counts is said by each benchmark.
FULL_SIZE = 1000
# Each round is split into slices of about this length, work and yardstick in turn; the fastest slice counts.
SLICE_S = 0.05


@dataclass(frozen=True, slots=True)
class Work:
    """What is timed: ``run`` does ``operations`` of them, and ``check`` raises unless its result is right."""

    run: Callable[[], object]
    operations: int
    check: Callable[[object], None]


Prepare = Callable[[int, int], Work]


def yardstick() -> int:
    """A thousand additions: what the interpreter does in this minute."""
    total = 0
    for number in range(1000):
        total += number
    return total


def timed(prepare: Prepare) -> Benchmark:
    """The benchmark that times a work."""

    def run(settings: Settings) -> Result:
        work = prepare(settings.seed, FULL_SIZE)
        work.check(work.run())
        gc.collect()
        counts = {
            "work": (work.run, calls_for(work.run, SLICE_S), work.operations),
            "additions": (yardstick, calls_for(yardstick, SLICE_S), 1),
        }
        times: dict[str, list[float]] = {name: [] for name in counts}
        for _ in range(settings.repeat):
            best = dict.fromkeys(counts, float("inf"))
            for _ in range(max(1, round(settings.seconds / (2 * SLICE_S)))):
                for name, (call, number, operations) in counts.items():
                    best[name] = min(best[name], time_calls(call, number) / number / operations)
            for name in counts:
                times[name].append(best[name] * 1e9)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        return Result(
            {
                "work": {"ns": spread(times["work"]), "peak_rss_mb": spread([peak_mb])},
                "additions": {"ns": spread(times["additions"])},
            },
            {"work / additions": {"time": spread(ratios(times["work"], times["additions"]))}},
            notes=(f"{work.operations} operations a call",),
        )

    return run


def calls_for(call: Callable[[], object], seconds: float) -> int:
    """How many calls take about ``seconds``; at least one."""
    number = 1
    while (took := time_calls(call, number)) < seconds / 5:
        number *= 2
    return max(1, round(number * seconds / took))


def time_calls(call: Callable[[], object], number: int) -> float:
    """Seconds that ``number`` calls take. The collector runs, as it does in the server."""
    started = time.perf_counter()
    for _ in range(number):
        call()
    return time.perf_counter() - started
