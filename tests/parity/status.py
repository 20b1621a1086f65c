"""Is a row proved?

``fail``: a test that claims it failed, or a benchmark's kept result misses the row's bound. ``open``: neither a test nor a bound, a test that was
skipped or not run, a bound without a result, or what passed did together not use every program the row needs. ``partial``:
all is well except what a ``row_partial`` marker says is missing. ``pass``: otherwise. The first that holds, in this order,
is the status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.parity.measured import Document, Finding, Found, compare
from tests.parity.records import Outcome, Record
from tests.parity.rows import Row


class Status(StrEnum):
    """What is known of a row."""

    PASS = "pass"
    PARTIAL = "partial"
    FAIL = "fail"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row's status with its evidence.

    ``tests`` are node ids without parameters, ``peers`` are "name version", both sorted. ``figures`` are the bounds that are met, each with
    figure and file. ``missing`` says in words what keeps the row from passing.
    """

    status: Status
    tests: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    missing: str = ""
    figures: tuple[str, ...] = ()


def judge(row: Row, records: Mapping[str, Record], kept: Sequence[Document] = ()) -> Verdict:
    """The verdict on one row from the records of all tests that exist, and from the results of benchmarks that are kept."""
    mine = {
        nodeid: record
        for nodeid, record in records.items()
        if row.id in record.claim.rows or row.id in record.claim.partial
    }
    findings = [compare(bound, kept) for bound in row.measured]
    status, missing = _status(row, mine, findings)
    passed = [record.peers for record in mine.values() if record.outcome is Outcome.PASSED]
    met = [finding for finding in findings if finding.found is Found.MET]
    peers = {
        f"{name} {version}".strip()
        for used in (*passed, *(finding.peers for finding in met))
        for name, version in used.items()
    }
    figures = tuple(finding.text for finding in met)
    return Verdict(status, _names(mine), tuple(sorted(peers)), missing, figures)


def _status(
    row: Row, mine: Mapping[str, Record], findings: Sequence[Finding]
) -> tuple[Status, str]:
    if not mine and not findings:
        return Status.OPEN, "no test"
    if failed := _with(mine, Outcome.FAILED):
        return Status.FAIL, "failed: " + ", ".join(_names(failed))
    if missed := _texts(findings, Found.MISSED):
        return Status.FAIL, "missed: " + missed
    if nothing := _texts(findings, Found.NOTHING):
        return Status.OPEN, nothing
    if skipped := _with(mine, Outcome.SKIPPED):
        reasons = sorted({record.reason or "no reason given" for record in skipped.values()})
        return Status.OPEN, "skipped: " + "; ".join(reasons)
    if not_run := _with(mine, Outcome.NOT_RUN):
        return Status.OPEN, "not run: " + ", ".join(_names(not_run))
    used = {peer for record in mine.values() for peer in record.peers}
    used |= {peer for finding in findings for peer in finding.peers}
    if unused := sorted(row.needs - used):
        return Status.OPEN, "not used: " + ", ".join(unused)
    partial = {
        record.claim.partial[row.id] for record in mine.values() if row.id in record.claim.partial
    }
    if partial:
        return Status.PARTIAL, "; ".join(sorted(partial))
    return Status.PASS, ""


def _with(records: Mapping[str, Record], outcome: Outcome) -> dict[str, Record]:
    return {nodeid: record for nodeid, record in records.items() if record.outcome is outcome}


def _texts(findings: Sequence[Finding], found: Found) -> str:
    return "; ".join(finding.text for finding in findings if finding.found is found)


def _names(records: Mapping[str, Record]) -> tuple[str, ...]:
    return tuple(sorted({nodeid.partition("[")[0] for nodeid in records}))
