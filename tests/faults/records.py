"""What does the table's last run say? Counts by verdict, kept until ``make reliability`` writes the page.

The file is JSON: ``{"deadline_s": ..., "counts": [[trouble, verb, front, verdict, count], ...]}``. A family of troubles that
runs again replaces what was kept of it; the others stay.
"""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.faults.cases import Case
from tests.faults.oracle import Verdict

RECORDS = Path(".pytest_cache") / "reliability.json"  # below the root of the repository

# (trouble, verb, front, verdict) to the number of cases
Key = tuple[str, str, str, str]


def load(path: Path) -> Counter[Key]:
    """The counts of the runs so far; none when there was no run or the file is not ours."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return Counter({(t, v, f, said): count for t, v, f, said, count in raw["counts"]})
    except (OSError, ValueError, KeyError, TypeError):
        return Counter()


def merge_into(path: Path, verdicts: Iterable[tuple[Case, Verdict]]) -> None:
    """Keep these verdicts in the place of older ones about the same troubles."""
    fresh: Counter[Key] = Counter(
        (case.trouble.id, case.verb.id, case.front, verdict.value) for case, verdict in verdicts
    )
    renewed = {trouble for trouble, *_ in fresh}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = {key: count for key, count in load(path).items() if key[0] not in renewed}
        counts = sorted([*key, count] for key, count in {**kept, **fresh}.items())
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps({"counts": counts}) + "\n", encoding="utf-8")
        os.replace(temporary, path)
