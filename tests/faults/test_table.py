"""The table of faults: every trouble, every reading verb, every dialect, in every company, against a gateway process.

What each answer is worth is said by ``oracle``, which knows the case and nothing of the gateway. None may be wrong.
docs/reliability.md is written from what is recorded here (``make reliability``).
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.cases import HEALTHY, Case, cases_of
from tests.faults.catalogue import FAMILIES, Effect, Family
from tests.faults.oracle import Outcome, Verdict
from tests.faults.records import RECORDS, merge_into
from tests.faults.stage import PATIENT_S, Stage
from tests.peers.ask import ask
from tests.peers.gateway import Gateway, GatewayStarter

pytestmark = [pytest.mark.fault, pytest.mark.functional]

DEADLINE_S = 2.0
LIMIT_S = 5 * DEADLINE_S

CASES = {
    family.name: [case for trouble in family.troubles for case in cases_of(trouble)]
    for family in FAMILIES
}
# Those that last until the deadline are asked in the background, a steady stream of them, while the others are tried.
LATE = [case for cases in CASES.values() for case in cases if case.trouble.late]

IN_ORDER = sorted(FAMILIES, key=lambda family: sum(one.late for one in family.troubles))

Late = Future[dict[str, Outcome]]


@pytest.fixture(scope="module")
def stage():
    with Stage() as stage:
        yield stage


@pytest.fixture(scope="module")
def gateway(stage, tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    with GatewayStarter(folder) as start:
        yield start(config=stage.config(folder, deadline_s=DEADLINE_S))


@pytest.fixture(scope="module")
def late(stage, gateway) -> Iterator[Late]:
    with background(stage, gateway, LATE) as asked:
        yield asked


@contextmanager
def background(stage: Stage, gateway: Gateway, cases: list[Case]) -> Iterator[Late]:
    asked = asyncio.run_coroutine_threadsafe(
        stage.ask_steadily(gateway.url, cases), stage.running_loop
    )
    try:
        yield asked
    finally:
        asked.cancel()


def failures(gateway: Gateway) -> Counter[str]:
    """How often each endpoint has failed, as operators see it."""
    listed = json.loads(ask("GET", f"{gateway.admin_url}/v1/endpoints").body)
    return Counter({one["endpoint"]: one["failed"] for one in listed})


@pytest.mark.parametrize("family", IN_ORDER, ids=[family.name for family in IN_ORDER])
def test_every_answer_is_right_or_honest(stage, gateway, late, family: Family, pytestconfig):
    cases = CASES[family.name]
    before = failures(gateway)
    outcomes = stage.do(
        stage.ask_all(gateway.url, [case for case in cases if not case.trouble.late])
    )
    if any(case.trouble.late for case in cases):
        outcomes |= late.result(PATIENT_S)
        before = Counter[str]()  # they were under way already
    after = failures(gateway)
    judged = [(case, stage.judge(case, outcomes[case.id], LIMIT_S)) for case in cases]
    merge_into(Path(pytestconfig.rootpath) / RECORDS, [(case, one.verdict) for case, one in judged])
    wrong = [one.why for _case, one in judged if one.verdict is Verdict.WRONG]
    assert not wrong, f"{len(wrong)} of {len(cases)} are wrong:\n" + "\n".join(wrong[:40])
    failing = Counter(case.front for case in cases if case.trouble.effect is Effect.UNKNOWN)
    for front, count in failing.items():
        assert after[front] - before[front] >= count, f"{front}: not every failure was counted"
    for name in HEALTHY:
        assert after[name] == 0, f"{name} is blamed for what others did"


def test_the_gateway_is_well_after_all_that(gateway, late):
    assert ask("GET", f"{gateway.url}/readyz").status == 200
    log = gateway.log_text()
    assert "Traceback" not in log, log[-4000:]
    assert "request failed" not in log
