"""One endpoint in trouble, whatever is asked of it: who is harmed? Nobody who reads what a healthy one holds alone.

The gateway under these tests would wait for a minute. What is answered long before was answered without the endpoint in
trouble: a name that is found is not held up by anybody, but for the moment that a nearer endpoint is given.
"""

import asyncio
import json

import pytest

from tests.faults.cases import HEALTHY, HEALTHY_CHILDREN, HOLDS, VERBS, Case, Company, Verb, fronts
from tests.faults.catalogue import FAMILIES, Trouble
from tests.faults.oracle import Outcome
from tests.faults.stage import Stage, ask, client
from tests.functional.helpers.answers import parse_multistatus
from tests.peers.ask import ask as ask_plainly
from tests.peers.gateway import GatewayStarter
from ugrpy.testing import Faults
from ugrpy.testing.dialects import NGINX, PLAIN

pytestmark = [pytest.mark.fault, pytest.mark.functional]

DEADLINE_S = 60.0
# a fifth of what waiting for the endpoint in trouble would cost
LIMIT_S = DEADLINE_S / 5
SINGLE = tuple(verb for verb in VERBS if verb.id in ("GET", "HEAD", "stat-file"))


@pytest.fixture(scope="module")
def stage():
    with Stage() as stage:
        yield stage


@pytest.fixture(scope="module")
def gateway(stage, tmp_path_factory):
    folder = tmp_path_factory.mktemp("neighbours")
    with GatewayStarter(folder) as start:
        yield start(config=stage.config(folder, deadline_s=DEADLINE_S))


def neighbour(trouble: Trouble, verb: Verb, front: str) -> Case:
    """A question for ``h``, which only the healthy endpoint holds."""
    target = verb.target.replace("c/f", "c/h")
    asked = Verb(verb.id, verb.method, target, verb.headers)
    return Case(trouble, asked, front, Company.HOLDER)


def wrongs(stage: Stage, case: Case, outcome: Outcome) -> list[str]:
    """What is wrong with the answer."""
    size = HEALTHY_CHILDREN["h"]
    expected, told = {
        "GET": (302, outcome.headers.get("location")),
        "HEAD": (200, outcome.headers.get("content-length")),
        "stat-file": (207, outcome.status == 207 and parse_multistatus(outcome.body)[0].size_bytes),
    }[case.verb.id]
    truth = {
        "GET": f"{stage.base_urls[HOLDS]}{case.folder}/c/h",
        "HEAD": str(size),
        "stat-file": size,
    }[case.verb.id]
    found = []
    if (outcome.status, told) != (expected, truth):
        found.append(f"{case.id}: {outcome.status} {told} {outcome.error}")
    if outcome.took_s > LIMIT_S:
        found.append(f"{case.id}: after {outcome.took_s:.1f} s")
    if not outcome.missing <= {case.front}:
        found.append(f"{case.id}: blames {outcome.missing}")
    return found


async def ask_neighbours(
    stage: Stage, gateway_url: str, trouble: Trouble, front: str
) -> list[tuple[Case, Outcome]]:
    """All verbs at once, while everything that the endpoint is asked goes wrong."""
    cases = [neighbour(trouble, verb, front) for verb in SINGLE]
    element = stage.elements.get(front)
    if element is not None:
        element.faults = stage.faults_of(trouble)
    async with client() as session:
        outcomes = await asyncio.gather(*(ask(session, case, gateway_url) for case in cases))
    if element is not None:
        element.faults = Faults()
    return list(zip(cases, outcomes, strict=True))


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_names_of_the_healthy_are_answered_right_and_at_once(stage, gateway, family):
    wrong = []
    for trouble in family.troubles:
        for front in fronts(trouble):
            if front in (NGINX.name, PLAIN.name) or family.name == "doors":
                asked = stage.do(ask_neighbours(stage, gateway.url, trouble, front))
                wrong += [line for case, outcome in asked for line in wrongs(stage, case, outcome)]
    assert not wrong, "\n".join(wrong[:40])
    listed = json.loads(ask_plainly("GET", f"{gateway.admin_url}/v1/endpoints").body)
    assert {one["endpoint"]: one["failed"] for one in listed if one["endpoint"] in HEALTHY} == (
        dict.fromkeys(HEALTHY, 0)
    )
