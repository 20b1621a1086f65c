"""The squid tour on real processes: right, wrong, and cut short."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from shoalpy.demo.caches import find_program
from tests.peers.programs import require
from ugrpy.service.tour.processes import python_module, wait_until

pytestmark = pytest.mark.functional

TOUR_TIMEOUT_S = 100.0  # about 12 s on two idle cores


@contextmanager
def touring(tmp_path: Path, command: list[str]):
    """A tour in an empty directory with a temporary directory of its own; both must be empty at its end."""
    work, log = tmp_path / "work", tmp_path / "output"
    work.mkdir()
    # not below pytest's own directory, which is closed to the user that squid becomes
    temporary = Path(tempfile.mkdtemp(prefix="shoalpy-tour-"))
    temporary.chmod(0o755)
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=work,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, log
    finally:
        if process.poll() is None:
            process.terminate()  # it stops its servers
            process.wait(30)
        left = [path.name for path in temporary.iterdir()]
        shutil.rmtree(temporary)
    assert left == []
    assert list(work.iterdir()) == []
    assert servers_left(log.read_text()) == []


def tour(tmp_path: Path, command: list[str]) -> tuple[int, str]:
    """Exit code and output of a whole tour."""
    with touring(tmp_path, command) as (process, log):
        code = process.wait(TOUR_TIMEOUT_S)
        return code, log.read_text()


def servers_left(output: str) -> list[str]:
    """What the tour named as address:port that still answers."""
    left = []
    for address, port in set(re.findall(r"(127\.0\.\d+\.\d+):(\d+)", output)):
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex((address, int(port))) == 0:
                left.append(f"{address}:{port}")
    return left


def in_python(call: str) -> list[str]:
    """A tour with what the command line has no option for."""
    return [
        sys.executable,
        "-c",
        f"import signal, sys\nfrom pathlib import Path\nfrom shoalpy.demo.tour import run_demo\n{call}",
    ]


def test_the_tour_holds_with_squid(tmp_path):
    require("squid")
    code, output = tour(tmp_path, python_module("shoalpy", "demo", "--once"))
    assert code == 0, output
    assert "All 6 steps held." in output
    assert "✗" not in output
    assert "(squid/" in output


@pytest.mark.slow
def test_the_tour_holds_without_squid_and_says_so(tmp_path):
    folder = tmp_path / "kept"
    call = f"sys.exit(run_demo(once=True, ours=True, keep=Path({str(folder)!r})))"
    code, output = tour(tmp_path, in_python(call))
    assert code == 0, output
    assert "a small forward proxy of ours" in output
    assert "All 6 steps held." in output
    assert "(squid/" not in output
    # a folder that was named stays
    assert "inactive_s" in (folder / "shoalpy.toml").read_text()
    assert (folder / "keys").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_the_tour_notices_a_cache_that_lets_nobody_through(tmp_path):
    """Verification sees it, so Tokyo's VM is not told of its cache, and the tour must say that this is wrong."""
    script = """
def spoil(folder):
    (folder / "tokyo" / "access.conf").write_text("http_access deny all\\n")

sys.exit(run_demo(once=True, on_laid=spoil))
"""
    code, output = tour(tmp_path, in_python(script))
    assert code == 1, output
    assert (
        "✗ every cache has shown that it works (2 of 3): Tokyo: The cache is configured" in output
    )
    assert "✗ each VM is sent to the cache of its own place (2 of 3)" in output
    assert "✓ signed heartbeats are taken (3 of 3)" in output
    assert re.search(r"Only \d of 6 steps held\.", output)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_in_the_middle_stops_everything(tmp_path, number, code):
    # in the background of a shell Ctrl-C is ignored by all that is started, and so by the tests
    heeds = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = in_python(f"{heeds}\nsys.exit(run_demo(once=False, ours=True))")
    with touring(tmp_path, command) as (process, log):
        assert wait_until(lambda: "2 of 6" in log.read_text(), 60.0), log.read_text()
        process.send_signal(number)
        assert process.wait(30) == code
        assert re.search(r"127\.0\.2\.2:\d+", log.read_text())


def test_squid_is_found_or_a_proxy_of_ours_is_taken():
    assert find_program(ours=True).path is None
    assert find_program().name.startswith("squid ")
