"""``python -m tests.parity``: write docs/parity.md and docs/parity.json from the last run."""

import contextlib
import io
import sys
from pathlib import Path

import pytest

from tests.parity.claims import claim_of
from tests.parity.measured import load_documents
from tests.parity.records import RECORDS, Claim, load_records, reconcile
from tests.parity.report import count, render_json, render_markdown
from tests.parity.rows import load_rows
from tests.parity.status import judge

ROOT = Path(__file__).resolve().parents[2]


class _Collector:
    """Asks pytest which tests exist and what their markers claim."""

    def __init__(self) -> None:
        self.claims: dict[str, Claim] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        rows = load_rows()
        self.claims = {item.nodeid: claim_of(item, rows) for item in session.items}


def collect_claims() -> dict[str, Claim]:
    """Node id to claim for every test there is. Exits with pytest's words when the collection fails."""
    collector = _Collector()
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        arguments = ["--collect-only", "-q", "--rootdir", str(ROOT), str(ROOT / "tests")]
        code = pytest.main(arguments, plugins=[collector])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        sys.exit(output.getvalue() + "parity: the tests cannot be collected, nothing was written")
    return collector.claims


def main() -> None:
    """Judge every row, write both files, print the totals."""
    rows = load_rows()
    records = reconcile(collect_claims(), load_records(ROOT / RECORDS))
    kept = load_documents(ROOT)
    verdicts = {row_id: judge(row, records, kept) for row_id, row in rows.items()}
    docs = ROOT / "docs"
    docs.mkdir(exist_ok=True)
    (docs / "parity.md").write_text(render_markdown(rows, verdicts), encoding="utf-8")
    (docs / "parity.json").write_text(render_json(verdicts), encoding="utf-8")
    print(", ".join(f"{number} {status.value}" for status, number in count(verdicts).items()))


if __name__ == "__main__":
    main()
