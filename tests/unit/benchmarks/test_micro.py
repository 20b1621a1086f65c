"""Every micro benchmark works on a tiny corpus and checks its own result, so none can rot."""

from importlib import import_module

import pytest

from benchmarks.catalogue import catalogue

NAMES = [item.name for item in catalogue().values() if item.kind == "micro"]


@pytest.mark.parametrize("name", NAMES)
def test_the_work_is_done_rightly_and_again(name):
    module = import_module(f"benchmarks.micro.{name}")
    work = module.prepare(seed=7, size=12)
    assert work.operations >= 1
    for _ in range(2):
        work.check(work.run())


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_result_would_be_noticed(name):
    work = import_module(f"benchmarks.micro.{name}").prepare(seed=7, size=12)
    with pytest.raises((AssertionError, TypeError)):
        work.check(None)
