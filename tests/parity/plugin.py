"""How do tests claim rows, and how does a run become records?

``@pytest.mark.row("D25", ...)`` claims rows, ``@pytest.mark.row_partial("D25", missing="...")`` claims one
and says what the test does not show. An unknown id stops the collection. The records of a run are merged into
``.pytest_cache/parity.json``.
"""

import functools
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import pytest

from tests.parity.claims import claim_of
from tests.parity.peers_used import tracker
from tests.parity.records import (
    RECORDS,
    Claim,
    Outcome,
    Record,
    merge_into,
    parse_record,
    render_record,
)
from tests.parity.rows import Row, load_rows

_NOTE = "parity_note"  # an attribute of reports: a record without outcome
_claim = pytest.StashKey[Claim]()
_peers = pytest.StashKey[dict[str, str]]()
_Made = pytest.Item | pytest.Collector | list[pytest.Item | pytest.Collector] | None


def pytest_configure(config: pytest.Config) -> None:
    """Declare the second marker; keep records, except in the workers of a run that has several."""
    config.addinivalue_line(
        "markers", "row_partial(id, missing): proves this row except for what is missing"
    )
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Recorder(config), "parity-recorder")


class _Recorder:
    """Gathers what each phase of each test says, whichever process ran it, and keeps it at the end.

    A worker that dies takes nothing with it: its tests so far have been reported, the one it died in is reported failed.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._records: dict[str, Record] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The worst phase of a test counts."""
        before = self._records.get(report.nodeid)
        if before is None or report.when == "setup":
            before = Record(Claim(), Outcome.PASSED)
        self._records[report.nodeid] = _after_phase(before, report)

    def pytest_sessionfinish(self) -> None:
        """Keep what this run saw, unless it is to leave nothing behind (``-p no:cacheprovider``)."""
        if not self._config.option.collectonly and self._config.pluginmanager.hasplugin(
            "cacheprovider"
        ):
            merge_into(self._config.rootpath / RECORDS, self._records)


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem() -> Generator[None, _Made, _Made]:
    """Refuse claims of rows that do not exist: the file that makes one cannot be collected."""
    made = yield
    for item in made if isinstance(made, list) else [made]:
        if isinstance(item, pytest.Item):
            item.stash[_claim] = claim_of(item, _rows())
    return made


@functools.cache
def _rows() -> Mapping[str, Row]:
    return load_rows()


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
    """Send along what the test claims and which programs it used, as plain values that go from process to process."""
    report = yield
    claim, peers = item.stash.get(_claim, Claim()), item.stash.get(_peers, {})
    setattr(report, _NOTE, render_record(Record(claim, peers=peers)))
    return report


def _after_phase(before: Record, report: pytest.TestReport) -> Record:
    outcome, reason = before.outcome, before.reason
    if report.failed:
        outcome = Outcome.FAILED
    elif report.skipped and outcome is Outcome.PASSED:
        outcome, reason = Outcome.SKIPPED, _skip_reason(report)
    note = getattr(report, _NOTE, None)
    says = before if note is None else parse_record(note)
    return Record(says.claim, outcome, reason, says.peers)


def _skip_reason(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}"
    longrepr = report.longrepr
    reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return reason.removeprefix("Skipped: ")
