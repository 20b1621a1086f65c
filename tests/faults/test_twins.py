"""The table of faults in virtual time: the same cases, the same oracle, and every answer at the very moment it is due."""

import pytest

from tests.faults.cases import cases_of
from tests.faults.catalogue import FAMILIES, TROUBLES
from tests.faults.oracle import Verdict, judge
from tests.faults.twins import DEADLINE_S, expected_s, play, twins_of

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_every_answer_is_right_or_honest_and_in_time(family):
    wrong = []
    for trouble in family.troubles:
        for case in twins_of(trouble):
            outcome, urls = play(case)
            judgement = judge(case, outcome, urls, DEADLINE_S)
            if judgement.verdict is Verdict.WRONG:
                wrong.append(judgement.why)
            if outcome.took_s != pytest.approx(expected_s(case), abs=1e-6):
                wrong.append(f"{case.id}: {outcome.took_s} s instead of {expected_s(case)} s")
    assert not wrong, f"{len(wrong)} are wrong:\n" + "\n".join(wrong[:40])


def test_no_case_lacks_its_twin():
    real = {
        (case.trouble.id, case.verb.id, case.company)
        for trouble in TROUBLES
        for case in cases_of(trouble)
    }
    virtual = {
        (case.trouble.id, case.verb.id, case.company)
        for trouble in TROUBLES
        for case in twins_of(trouble)
    }
    assert real == virtual
    assert len({trouble.id for trouble in TROUBLES}) == len(TROUBLES)
