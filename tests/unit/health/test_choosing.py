"""Who suits a transfer: operator, calendar and endpoint in one decision."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ugrpy.health.choosing import (
    FREE,
    Fitness,
    Suitability,
    TransferTimes,
    best_class,
    suitability,
)
from ugrpy.health.notices import NOTHING, Notice, NoticeKind, Standing

TIMES = TransferTimes(assumed_bytes_per_s=1e6, predrain_s=60.0, unknown_size_s=3600.0)
NOW = 1000.0
AHEAD = Notice(NoticeKind.OUTAGE, start_s=NOW + 660.0, end_s=inf)
DRAINED = Notice(NoticeKind.DRAINED, "new disks")


@pytest.mark.parametrize(
    ("size_bytes", "needed_s"), [(0, 60.0), (600_000_000, 660.0), (None, 3660.0)]
)
def test_how_long_a_transfer_is_taken_to_last(size_bytes, needed_s):
    assert TIMES.needed_s(size_bytes) == needed_s


@pytest.mark.parametrize(
    ("stands", "busy_until_s", "size_bytes", "fitness", "reason"),
    [
        (NOTHING, -inf, 10**12, Fitness.FREE, ""),
        (NOTHING, NOW, 0, Fitness.FREE, ""),
        (NOTHING, NOW + 30, 0, Fitness.BUSY, "it asked to be left alone for another 30 s"),
        (Standing(ahead=AHEAD), -inf, 600_000_000, Fitness.FREE, ""),
        (
            Standing(ahead=AHEAD),
            -inf,
            600_000_001,
            Fitness.TOO_SHORT,
            "a downtime begins in 11 min, and this transfer may take 11 min",
        ),
        (
            Standing(ahead=AHEAD),
            -inf,
            None,
            Fitness.TOO_SHORT,
            "a downtime begins in 11 min, and this transfer may take 61 min",
        ),
        (
            Standing(drained=DRAINED),
            NOW + 30,
            0,
            Fitness.DRAINED,
            "drained by the operator: new disks",
        ),
        (
            Standing(drained=Notice(NoticeKind.DRAINED), ahead=AHEAD),
            -inf,
            0,
            Fitness.DRAINED,
            "drained by the operator",
        ),
        (Standing(at_risk=Notice(NoticeKind.AT_RISK)), -inf, 0, Fitness.FREE, ""),
    ],
)
def test_the_worst_that_is_said_counts(stands, busy_until_s, size_bytes, fitness, reason):
    found = suitability(stands, busy_until_s, TIMES.needed_s(size_bytes), NOW)
    assert found == Suitability(fitness, reason)


@given(st.lists(st.sampled_from(Fitness)))
def test_somebody_is_taken_if_there_is_anybody(fitnesses):
    names = [f"e{number}" for number in range(len(fitnesses))]
    taken = best_class(names, [Suitability(one) for one in fitnesses])
    assert bool(taken) == bool(names)
    assert list(taken) == [n for n, f in zip(names, fitnesses, strict=True) if f == min(fitnesses)]
    assert best_class(["a"], [FREE]) == ("a",)
