"""Is a row proved?

``fail``: a test that claims it failed. ``open``: no test, or one that was skipped or not run, or the passing tests
together did not use every program the row needs. ``partial``: all is well except what a ``row_partial``
marker says is missing. ``pass``: otherwise. The first that holds, in this order, is the status.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

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

    ``tests`` are node ids without parameters, ``peers`` are "name version", both sorted. ``missing`` says in words
    what keeps the row from passing.
    """

    status: Status
    tests: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    missing: str = ""


def judge(row: Row, records: Mapping[str, Record]) -> Verdict:
    """The verdict on one row from the records of all tests that exist."""
    mine = {
        nodeid: record
        for nodeid, record in records.items()
        if row.id in record.claim.rows or row.id in record.claim.partial
    }
    status, missing = _status(row, mine)
    peers = {
        f"{name} {version}".strip()
        for record in mine.values()
        if record.outcome is Outcome.PASSED
        for name, version in record.peers.items()
    }
    return Verdict(status, _names(mine), tuple(sorted(peers)), missing)


def _status(row: Row, mine: Mapping[str, Record]) -> tuple[Status, str]:
    if not mine:
        return Status.OPEN, "no test"
    if failed := _with(mine, Outcome.FAILED):
        return Status.FAIL, "failed: " + ", ".join(_names(failed))
    if skipped := _with(mine, Outcome.SKIPPED):
        reasons = sorted({record.reason or "no reason given" for record in skipped.values()})
        return Status.OPEN, "skipped: " + "; ".join(reasons)
    if not_run := _with(mine, Outcome.NOT_RUN):
        return Status.OPEN, "not run: " + ", ".join(_names(not_run))
    used = {peer for record in mine.values() for peer in record.peers}
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


def _names(records: Mapping[str, Record]) -> tuple[str, ...]:
    return tuple(sorted({nodeid.partition("[")[0] for nodeid in records}))
