"""The laws of ``tests/properties``, with as many inputs as the time allows.

Laws of values are fed random bytes, from which Hypothesis makes their inputs; what breaks one is kept in ``.hypothesis`` and
comes first, made small, when the law's own test is run next. The machines run as they do there, only longer.
"""

from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.properties import (
    test_codecs,
    test_documents,
    test_fanout,
    test_federation,
    test_federation_machine,
    test_foreign_bytes,
    test_merge,
    test_paths,
)
from tests.slow.budget import TIMEOUT_S, rounds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(TIMEOUT_S)]

BUFFER_BYTES = (64, 256, 1024, 8192)
INPUTS_A_ROUND = 40


def laws_of(module: ModuleType) -> list[Any]:
    """The tests of a module to which Hypothesis gives values."""
    return [
        law
        for name, law in vars(module).items()
        if name.startswith("test_") and hasattr(law, "hypothesis")
    ]


@pytest.mark.parametrize(
    "module",
    [test_foreign_bytes, test_codecs, test_documents, test_paths, test_merge, test_federation],
    ids=lambda module: module.__name__.rpartition(".")[2],
)
def test_laws_of_values(module):
    laws = laws_of(module)
    assert laws
    tried = 0
    for chance in rounds():
        for law in laws:
            for _ in range(INPUTS_A_ROUND // len(laws) + 1):
                data = chance.randbytes(chance.choice(BUFFER_BYTES))
                tried += law.hypothesis.fuzz_one_input(data) is not None
    assert tried > len(laws)
    print(f"{tried} inputs for {len(laws)} laws")


@pytest.mark.parametrize(
    "machine",
    [test_federation_machine.FederationMachine, test_fanout.FanoutMachine],
    ids=lambda machine: machine.__name__,
)
def test_laws_of_machines(machine: type[RuleBasedStateMachine]):
    for chance in rounds():
        longer = settings(
            max_examples=30,
            stateful_step_count=60,
            deadline=None,
            derandomize=False,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        seeded = seed(chance.randrange(2**32))(type(machine.__name__, (machine,), {}))
        run_state_machine_as_test(seeded, settings=longer)
