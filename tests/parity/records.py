"""What is remembered of each test, and how do several runs become one picture?

The file is JSON: ``{"tests": {nodeid: {"outcome": ..., "reason": ..., "rows": [...], "partial": {row: what is
missing}, "peers": {name: version}}}}``. A test that runs again replaces its record, all others stay, so that
the slow tests of an earlier run keep counting.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

RECORDS = Path(".pytest_cache") / "parity.json"  # below the root of the repository


class Outcome(StrEnum):
    """How a test ended. ``NOT_RUN``: it exists, but no run has recorded it."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a test's markers say. ``partial`` maps a row to what the test does not show of it."""

    rows: tuple[str, ...] = ()
    partial: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """One test: its markers, how it ended, and the programs (name to version) that really took part.

    ``reason`` is why it was skipped.
    """

    claim: Claim
    outcome: Outcome = Outcome.NOT_RUN
    reason: str = ""
    peers: Mapping[str, str] = field(default_factory=dict)


def render_record(record: Record) -> dict[str, Any]:
    """The JSON form of a record."""
    return {
        "outcome": record.outcome.value,
        "reason": record.reason,
        "rows": list(record.claim.rows),
        "partial": dict(record.claim.partial),
        "peers": dict(record.peers),
    }


def parse_record(raw: Mapping[str, Any]) -> Record:
    """A record from its JSON form. Raises ``KeyError`` or ``ValueError`` when it is none."""
    return Record(
        claim=Claim(tuple(raw["rows"]), dict(raw["partial"])),
        outcome=Outcome(raw["outcome"]),
        reason=str(raw["reason"]),
        peers=dict(raw["peers"]),
    )


def reconcile(claims: Mapping[str, Claim], records: Mapping[str, Record]) -> dict[str, Record]:
    """One record for each test that exists now (``claims``), with what the last run said of it.

    The markers of today count, not those of the run. Records of tests that are gone are dropped.
    """
    return {
        nodeid: replace(records[nodeid], claim=claim) if nodeid in records else Record(claim)
        for nodeid, claim in claims.items()
    }


def load_records(path: Path) -> dict[str, Record]:
    """The records of all runs so far; none when there was no run or the file is not ours."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return {nodeid: parse_record(record) for nodeid, record in raw["tests"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def merge_into(path: Path, fresh: Mapping[str, Record]) -> None:
    """Put the records of a run beside the older ones; safe against another run ending at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        merged = {**load_records(path), **fresh}
        text = json.dumps(
            {"tests": {nodeid: render_record(merged[nodeid]) for nodeid in sorted(merged)}},
            indent=1,
        )
        temporary = path.with_suffix(".new")
        temporary.write_text(text + "\n", encoding="utf-8")
        os.replace(temporary, path)
