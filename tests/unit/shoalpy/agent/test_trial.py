"""What does a cache front, by what it can be asked for?"""

import pytest

from shoalpy.agent.trial import Trial, sum_up, to_try
from shoalpy.looking import Finding
from shoalpy.model import CacheType, Upstream
from shoalpy.targets import Outcome

CVMFS, FRONTIER, BOTH = Upstream.CVMFS, Upstream.FRONTIER, Upstream.BOTH
GOOD = Finding(Outcome.PASSED, "All systems OK!")
SILENT = Finding(Outcome.NO_CONNECTION, "nobody listens")
WRONG = Finding(Outcome.WRONG, "it says something else")


@pytest.mark.parametrize("kind", CacheType)
@pytest.mark.parametrize("told", Upstream)
def test_what_the_operator_says_is_tested(kind, told):
    assert to_try(kind, told) == (told,)


def test_a_squid_fronts_all_and_a_varnish_is_tried_for_each():
    assert to_try(CacheType.SQUID, None) == (BOTH,)
    assert to_try(CacheType.VARNISH, None) == (CVMFS, FRONTIER)


@pytest.mark.parametrize(
    ("cvmfs", "frontier", "fronts"),
    [(GOOD, WRONG, CVMFS), (SILENT, GOOD, FRONTIER), (GOOD, GOOD, BOTH)],
)
def test_it_works_if_it_fronts_anything(cvmfs, frontier, fronts):
    assert sum_up({CVMFS: cvmfs, FRONTIER: frontier}) == Trial(True, GOOD.message, fronts)


def test_what_is_said_of_one_that_fronts_nothing():
    silent = sum_up({CVMFS: SILENT, FRONTIER: SILENT})
    assert silent == Trial(False, "nobody listens", None)
    mixed = sum_up({CVMFS: WRONG, FRONTIER: SILENT})
    assert mixed == Trial(False, "it says something else; nobody listens", None)


def test_one_that_is_known_to_front_both_must_pass_as_such():
    assert sum_up({BOTH: GOOD}) == Trial(True, GOOD.message, BOTH)
    assert sum_up({BOTH: WRONG}).fronts is None
