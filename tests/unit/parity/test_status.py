"""Is a row judged by its tests, their outcomes and the programs they used?"""

import pytest
from packaging.version import Version

from tests.parity.bounds import Bound
from tests.parity.measured import Document
from tests.parity.records import Claim, Outcome, Record
from tests.parity.rows import Row
from tests.parity.status import Status, Verdict, judge

D1 = Row("D1", "plain")
D98 = Row("D98", "fail-over", frozenset({"davix"}))
FAST = Bound("b", ("ratios", "x / nginx", "rate"), at_least=0.1)
SMALL = Bound("b", ("ratios", "x / nginx", "size"), at_most=5)
S78 = Row("S78", "fast", frozenset({"nginx"}), (FAST, SMALL))


def kept(*, rate: float = 0.2, size: float = 3, **peers: str) -> list[Document]:
    ratios = {"x / nginx": {"rate": {"median": rate}, "size": {"median": size}}}
    results = {"b": {"ratios": ratios, "peers": peers}}
    return [Document("0.2.0.json", Version("0.2.0"), "cad8", 5, 1.0, results)]


def ran(
    *rows: str,
    outcome: Outcome = Outcome.PASSED,
    partial: dict[str, str] | None = None,
    reason: str = "",
    **peers: str,
) -> Record:
    return Record(Claim(rows, partial or {}), outcome, reason, peers)


def test_a_row_without_a_test_is_open():
    assert judge(D1, {"t.py::a": ran("D2")}) == Verdict(Status.OPEN, missing="no test")


def test_passing_tests_make_a_row_pass_and_are_named_without_parameters():
    records = {
        "t.py::a[uvloop]": ran("D1"),
        "t.py::a[asyncio]": ran("D1"),
        "t.py::b": ran("D1", "D2"),
    }
    assert judge(D1, records) == Verdict(Status.PASS, ("t.py::a", "t.py::b"))


@pytest.mark.parametrize(
    ("outcome", "status", "missing"),
    [
        (Outcome.FAILED, Status.FAIL, "failed: t.py::b"),
        (Outcome.SKIPPED, Status.OPEN, "skipped: no curl"),
        (Outcome.NOT_RUN, Status.OPEN, "not run: t.py::b"),
    ],
)
def test_one_test_that_did_not_pass_decides(outcome, status, missing):
    reason = "no curl" if outcome is Outcome.SKIPPED else ""
    records = {"t.py::a": ran("D1"), "t.py::b": ran("D1", outcome=outcome, reason=reason)}
    assert judge(D1, records) == Verdict(status, ("t.py::a", "t.py::b"), missing=missing)


def test_a_failure_weighs_more_than_a_skip():
    records = {"a": ran("D1", outcome=Outcome.SKIPPED), "b": ran("D1", outcome=Outcome.FAILED)}
    assert judge(D1, records).status is Status.FAIL


def test_a_needed_program_must_have_been_used():
    without = judge(D98, {"a": ran("D98", nginx="1.22")})
    assert (without.status, without.missing) == (Status.OPEN, "not used: davix")
    assert judge(D98, {"a": ran("D98", davix="0.8")}).status is Status.PASS


def test_needed_programs_may_be_used_by_several_tests_together():
    row = Row("D80", "both", frozenset({"davix", "azurite"}))
    records = {"a": ran("D80", davix="0.8"), "b": ran("D80", azurite="3")}
    assert judge(row, records) == Verdict(Status.PASS, ("a", "b"), ("azurite 3", "davix 0.8"))


def test_programs_of_a_test_that_did_not_pass_are_not_shown():
    records = {"a": ran("D1", outcome=Outcome.FAILED, curl="7"), "b": ran("D1", nginx="1")}
    assert judge(D1, records).peers == ("nginx 1",)


def test_a_partial_marker_claims_the_row_and_says_what_is_missing():
    records = {
        "a": ran(partial={"D1": "no IPv6"}),
        "b": ran("D1"),
        "c": ran(partial={"D1": "no TLS"}),
    }
    assert judge(D1, records) == Verdict(Status.PARTIAL, ("a", "b", "c"), missing="no IPv6; no TLS")
    assert judge(D98, {"a": ran(partial={"D98": "x"})}).status is Status.OPEN


def test_bounds_that_are_met_make_a_row_pass_and_are_shown_with_their_file():
    verdict = judge(S78, {}, kept(nginx="1.22"))
    assert (verdict.status, verdict.peers, verdict.missing) == (Status.PASS, ("nginx 1.22",), "")
    assert verdict.figures == (
        "b: x / nginx by rate 0.2 >= 0.1 in 0.2.0.json (0.2.0 at cad8)",
        "b: x / nginx by size 3 <= 5 in 0.2.0.json (0.2.0 at cad8)",
    )


def test_one_missed_bound_fails_a_row_and_is_told_with_its_figure():
    verdict = judge(S78, {}, kept(size=7, nginx="1.22"))
    assert verdict.status is Status.FAIL
    assert verdict.missing == "missed: b: x / nginx by size 7 <= 5 in 0.2.0.json (0.2.0 at cad8)"
    assert len(verdict.figures) == 1


def test_a_bound_without_a_result_leaves_a_row_open_whatever_its_tests_say():
    verdict = judge(S78, {"a": ran("S78", nginx="1.22")})
    assert verdict.status is Status.OPEN
    assert "no result is kept" in verdict.missing


def test_tests_of_a_row_with_bounds_count_as_well():
    failed = {"a": ran("S78", outcome=Outcome.FAILED)}
    assert judge(S78, failed, kept(nginx="1.22")).status is Status.FAIL
    partial = {"a": ran(partial={"S78": "no IPv6"})}
    assert judge(S78, partial, kept(nginx="1.22")).status is Status.PARTIAL


def test_a_needed_program_must_have_taken_part_in_the_benchmark():
    verdict = judge(S78, {}, kept(rabbitmq="3.10"))
    assert (verdict.status, verdict.missing) == (Status.OPEN, "not used: nginx")
