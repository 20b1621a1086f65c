"""The memory's size for each name, in small: all comes back as it was, and what does not is noticed."""

from itertools import count

import pytest

from benchmarks.macro import memory_per_name
from benchmarks.model import Settings, WrongAnswer

NAMES = 300


def test_a_small_memory():
    result = memory_per_name.run(Settings(), names=NAMES)
    assert 0 < result.subjects["memory"]["estimate_per_name"].median < 2000
    assert len(result.checks) == 1


def test_a_name_that_came_back_changed_would_be_noticed(monkeypatch):
    calls, known_name = count(), memory_per_name.known_name
    monkeypatch.setattr(
        memory_per_name, "known_name", lambda number: known_name(number + (next(calls) >= NAMES))
    )
    with pytest.raises(WrongAnswer):
        memory_per_name.run(Settings(), names=NAMES)
