"""How do tests claim rows, and how does a run become records?

``@pytest.mark.row("D25", ...)`` claims rows, ``@pytest.mark.row_partial("D25", missing="...")`` claims one
and says what the test does not show. An unknown id stops the collection. The records of a run are merged into
``.pytest_cache/parity.json``.
"""

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.parity.claims import claim_of
from tests.parity.peers_used import tracker
from tests.parity.records import RECORDS, Claim, Outcome, Record, merge_into
from tests.parity.rows import load_rows

_records = pytest.StashKey[dict[str, Record]]()
_claim = pytest.StashKey[Claim]()
_peers = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the second marker and start with no records."""
    config.addinivalue_line(
        "markers", "row_partial(id, missing): proves this row except for what is missing"
    )
    config.stash[_records] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse claims of rows that do not exist."""
    rows = load_rows()
    for item in items:
        item.stash[_claim] = claim_of(item, rows)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
    """Let the tracker know whose set-up runs."""
    tracker.begin_fixture(fixturedef.argname)
    try:
        return (yield)
    finally:
        tracker.end_fixture()


@pytest.fixture(autouse=True)
def _note_peers(request: pytest.FixtureRequest) -> Iterator[None]:
    tracker.begin_test()
    yield
    # after the test this list also holds the fixtures it asked for while running
    request.node.stash[_peers] = tracker.of_test(request.fixturenames)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note how each phase of a test ended; the worst of them counts."""
    report = yield
    records = item.config.stash[_records]
    before = records.get(item.nodeid)
    if before is None or report.when == "setup":
        before = Record(item.stash.get(_claim, Claim()), Outcome.PASSED)
    records[item.nodeid] = _after_phase(before, report, item.stash.get(_peers, {}))
    return report


def _after_phase(before: Record, report: pytest.TestReport, peers: dict[str, str]) -> Record:
    outcome, reason = before.outcome, before.reason
    if report.failed:
        outcome = Outcome.FAILED
    elif report.skipped and outcome is Outcome.PASSED:
        outcome, reason = Outcome.SKIPPED, _skip_reason(report)
    return Record(before.claim, outcome, reason, peers)


def _skip_reason(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}"
    longrepr = report.longrepr
    reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return reason.removeprefix("Skipped: ")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep what this run saw."""
    records = session.config.stash[_records]
    if not session.config.option.collectonly:
        merge_into(session.config.rootpath / RECORDS, records)
