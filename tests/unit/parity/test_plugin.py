"""Does a run of pytest become records, and are bad markers refused?

A small test file is run in a pytest of its own, under the plugin and nothing else.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.parity.records import Claim, Outcome, Record, load_records

REPOSITORY = Path(__file__).resolve().parents[3]

SAMPLE = """
import pytest
from tests.parity import peers_used

@pytest.fixture(scope="session")
def server():
    peers_used.record("nginx", "1.22")

@pytest.fixture
def indirect(server):
    return None

@pytest.mark.row("D2", "D1")
def test_indirect(indirect):
    pass

def test_asked_for_while_running(request):
    request.getfixturevalue("server")

@pytest.mark.row_partial("K1", missing="half")
def test_calls_a_client():
    peers_used.record("curl", "7")

def test_uses_nothing():
    pass

def test_fails():
    raise RuntimeError

@pytest.fixture
def broken():
    yield
    raise RuntimeError

def test_fails_in_teardown(broken):
    pass

def test_skips():
    pytest.skip("no davix here")

@pytest.mark.xfail(reason="known")
def test_expected_failure():
    raise RuntimeError
"""


def run_pytest(folder: Path, source: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    (folder / "test_sample.py").write_text(source)
    (folder / "pytest.ini").write_text(
        "[pytest]\nmarkers = row(id): claim\naddopts = --strict-markers\n"
    )
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "tests.parity.plugin",
        "-p", "no:asyncio", "-p", "no:hypothesispytest", "-p", "no:timeout", *arguments,
    ]  # fmt: skip
    environment = {"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_becomes_records(tmp_path, workers):
    done = run_pytest(tmp_path, SAMPLE, "-n", workers)
    records = load_records(tmp_path / ".pytest_cache" / "parity.json")
    none = Claim()
    nginx = {"nginx": "1.22"}
    assert records == {
        "test_sample.py::test_indirect": Record(Claim(("D1", "D2")), Outcome.PASSED, "", nginx),
        "test_sample.py::test_asked_for_while_running": Record(none, Outcome.PASSED, "", nginx),
        "test_sample.py::test_calls_a_client": Record(
            Claim((), {"K1": "half"}), Outcome.PASSED, "", {"curl": "7"}
        ),
        "test_sample.py::test_uses_nothing": Record(none, Outcome.PASSED),
        "test_sample.py::test_fails": Record(none, Outcome.FAILED),
        "test_sample.py::test_fails_in_teardown": Record(none, Outcome.FAILED),
        "test_sample.py::test_skips": Record(none, Outcome.SKIPPED, "no davix here"),
        "test_sample.py::test_expected_failure": Record(
            none, Outcome.SKIPPED, "expected to fail: known"
        ),
    }, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("workers", "code"), [("0", pytest.ExitCode.INTERRUPTED), ("2", pytest.ExitCode.TESTS_FAILED)]
)
@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ('row("D1", "D999")', "no such row in tests/rows.toml: D999"),
        ('row_partial("X1", missing="a")', "no such row in tests/rows.toml: X1"),
        ('row_partial("D1")', 'write row_partial("ID", missing="...")'),
    ],
)
def test_a_bad_claim_stops_the_collection(tmp_path, marker, words, workers, code):
    source = f"import pytest\n@pytest.mark.{marker}\ndef test_it(): pass\n"
    done = run_pytest(tmp_path, source, "-n", workers)
    assert done.returncode == code
    assert words in done.stderr + done.stdout
    assert not (tmp_path / ".pytest_cache" / "parity.json").exists() or not load_records(
        tmp_path / ".pytest_cache" / "parity.json"
    )


def test_a_worker_that_dies_leaves_what_it_had_proved_and_one_failure(tmp_path):
    source = (
        "import os\ndef test_well(): pass\ndef test_dies(): os._exit(9)\ndef test_next(): pass\n"
    )
    run_pytest(tmp_path, source, "-n", "1")
    assert load_records(tmp_path / ".pytest_cache" / "parity.json") == {
        "test_sample.py::test_well": Record(Claim(), Outcome.PASSED),
        "test_sample.py::test_dies": Record(Claim(), Outcome.FAILED),
        "test_sample.py::test_next": Record(Claim(), Outcome.PASSED),
    }


def test_a_run_that_is_to_leave_nothing_leaves_no_records(tmp_path):
    run_pytest(tmp_path, SAMPLE, "-p", "no:cacheprovider")
    assert not (tmp_path / ".pytest_cache").exists()


def test_collecting_alone_records_nothing(tmp_path):
    run_pytest(tmp_path, SAMPLE, "--collect-only")
    assert not (tmp_path / ".pytest_cache" / "parity.json").exists()
