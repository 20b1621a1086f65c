"""What did benchmarks find, by the results that are kept in ``benchmarks/results``?

Tests never assert speed, so a row about speed takes its proof from a kept result. Of several files that hold a benchmark the one of the
latest version counts, even when an earlier one said better. A benchmark that failed, was measured too briefly or while others used the machine
proves nothing: what slows both sides of a ratio alike makes any bound easy to meet.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from tests.parity.bounds import Bound

RESULTS = Path("benchmarks") / "results"  # below the root of the repository
# A median of fewer rounds, or of shorter ones, is chance.
LEAST_ROUNDS, LEAST_SECONDS = 3, 1.0


class Found(StrEnum):
    """What a figure is worth."""

    MET = "met"
    MISSED = "missed"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Document:
    """A kept run: its file below the root, the version that names it, the commit that was measured, how, and the results by benchmark."""

    file: str
    version: Version
    commit: str
    rounds: int
    seconds: float
    results: Mapping[str, Mapping[str, Any]]

    def weakness(self) -> str:
        """Why it proves nothing, in words; empty when it does."""
        if self.rounds >= LEAST_ROUNDS and self.seconds >= LEAST_SECONDS:
            return ""
        return f"{self.rounds} rounds of {self.seconds:g} s are too few or too short"


@dataclass(frozen=True, slots=True)
class Finding:
    """A bound compared with a result: what came of it, in words, and the real programs (name to version) that took part."""

    found: Found
    text: str
    peers: Mapping[str, str] = field(default_factory=dict)


def compare(bound: Bound, documents: Sequence[Document]) -> Finding:
    """What the latest of these documents that knows the benchmark says to the bound."""
    knowing = [one for one in documents if bound.benchmark in one.results]
    if not knowing:
        return Finding(Found.NOTHING, f"{bound.name} {bound.wanted}: no result is kept")
    latest = max(knowing, key=lambda one: one.version)
    result = latest.results[bound.benchmark]
    where = f"{latest.file} ({latest.version} at {latest.commit})"
    if why := str(result.get("error", "")) or latest.weakness() or _disturbance(result):
        return Finding(Found.NOTHING, f"{bound.name} {bound.wanted}: {why} in {where}")
    value = _median(result, bound.figure)
    if value is None:
        return Finding(Found.NOTHING, f"{bound.name} {bound.wanted}: not in {where}")
    return Finding(
        Found.MET if bound.is_met_by(value) else Found.MISSED,
        f"{bound.name} {value:g} {bound.wanted} in {where}",
        result.get("peers", {}),
    )


def load_documents(root: Path) -> list[Document]:
    """All results that are kept below this root. Raises ``ValueError`` for a file that is none, by its name."""
    return [_document(path, root) for path in sorted((root / RESULTS).glob("*.json"))]


def _document(path: Path, root: Path) -> Document:
    try:
        said = json.loads(path.read_text("utf-8"))
        return Document(
            str(path.relative_to(root)),
            Version(path.stem),
            str(said["environment"]["commit"]),
            int(said["settings"]["repeat"]),
            float(said["settings"]["seconds"]),
            dict(said["results"]),
        )
    except (InvalidVersion, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} is no result named for a version: {error!r}") from error


def _median(result: Mapping[str, Any], figure: tuple[str, str, str]) -> float | None:
    table, row, metric = figure
    spread = result.get(table, {}).get(row, {}).get(metric)
    return None if spread is None else float(spread["median"])


def _disturbance(result: Mapping[str, Any]) -> str:
    """What the benchmark itself said against its figures."""
    return next((note for note in result.get("notes", ()) if note.startswith("DISTURBED")), "")
