"""The tour on real processes: its storage elements, its care for them, and the whole of it, right and wrong."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ugrpy.core.errors import UgrError
from ugrpy.core.urls import encode_path
from ugrpy.demo.client import ask, parse_listing
from ugrpy.demo.data import PLAN, content_of, lay_out, paths_on
from ugrpy.demo.sites import GENEVA, SITES
from ugrpy.demo.stage import storage_child
from ugrpy.service.tour.processes import Child, free_port, python_module, wait_until

pytestmark = pytest.mark.functional

CLIENT = GENEVA.client_address
TOUR_TIMEOUT_S = 100.0  # about 15 s on two idle cores


@pytest.fixture
def storage(tmp_path):
    lay_out(tmp_path)
    logs = tmp_path / "logs"
    logs.mkdir()
    child = storage_child(GENEVA, tmp_path / GENEVA.name, logs, 0)
    child.start()
    yield child
    child.stop()


def url(child: Child, path: str) -> str:
    return f"http://{child.address}:{child.port}{encode_path(path)}"


def test_a_storage_element_serves_its_files_under_their_odd_names(storage):
    reply = ask("PROPFIND", url(storage, "/"), source=CLIENT, headers={"Depth": "infinity"})
    assert reply.status == 207
    listed = {entry.path for entry in parse_listing(reply.body) if not entry.collection}
    assert listed == paths_on(GENEVA)
    for row in PLAN:
        if GENEVA in row.holders and row.size_bytes is not None:
            got = ask("GET", url(storage, row.path), source=CLIENT)
            assert (got.status, got.body) == (200, content_of(row.path, row.size_bytes))


def test_a_storage_element_serves_ranges_and_refuses_writing(storage):
    path = next(row.path for row in PLAN if row.path.endswith("run-0102.dat"))
    ranged = ask("GET", url(storage, path), source=CLIENT, headers={"Range": "bytes=10-19"})
    assert ranged.status == 206
    assert ranged.body == content_of(path, 20)[10:]
    assert ask("DELETE", url(storage, path), source=CLIENT).status == 403
    assert ask("GET", url(storage, path), source=CLIENT).status == 200


def test_killed_and_started_again_on_the_same_port(storage):
    first = storage.pid
    storage.kill()
    with pytest.raises(ConnectionRefusedError):
        ask("GET", url(storage, "/README.txt"), source=CLIENT)
    storage.start()
    assert storage.pid not in (None, first)
    assert ask("GET", url(storage, "/README.txt"), source=CLIENT).status == 200


def test_a_storage_element_ends_quietly_when_asked(storage):
    storage.stop()
    assert not storage.running
    assert storage.log.read_text() == ""
    storage.stop()  # again: nothing happens


def test_a_taken_port_is_said_and_another_is_found(storage, tmp_path):
    rival = storage_child(GENEVA, tmp_path / GENEVA.name, tmp_path / "logs", storage.port)
    assert rival.port != storage.port
    rival.command = storage.command
    rival.address, rival.port = storage.address, free_port(GENEVA.storage_address, 0)
    with pytest.raises(UgrError, match=r"ended at once(.|\n)*cannot listen on 127\.0\.2\.1"):
        rival.start()
    assert not rival.running


def test_an_address_that_is_not_ours_comes_with_a_hint():
    with pytest.raises(UgrError, match=r"cannot listen on 192\.0\.2\.1") as caught:
        free_port("192.0.2.1", 0)
    assert "ifconfig" in caught.value.hint


def test_a_process_that_never_answers_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("ugrpy.service.tour.processes.START_TIMEOUT_S", 0.3)
    port = free_port("127.0.0.1", 0)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    child = Child("sleeper", command, "127.0.0.1", port, tmp_path / "log")
    with pytest.raises(UgrError, match="does not answer"):
        child.start()
    assert not child.running


def run_tour(tmp_path: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run in an empty directory with a temporary directory of its own; both must be empty afterwards."""
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    with subprocess.Popen(
        command,
        cwd=work,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=TOUR_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.terminate()  # it stops its servers
            raise
    assert list(work.iterdir()) == []
    assert list(temporary.iterdir()) == []
    return subprocess.CompletedProcess(command, process.returncode, output, "")


def servers_left(output: str) -> list[str]:
    """The URLs the tour named that still answer."""
    left = []
    for word in output.split():
        host, _, port = word.removeprefix("http://").rstrip("/").partition(":")
        if word.startswith("http://127.0.") and port.isdigit():
            with socket.socket() as probe:
                probe.settimeout(1.0)
                if probe.connect_ex((host, int(port))) == 0:
                    left.append(word)
    return left


def test_the_tour_holds(tmp_path):
    done = run_tour(tmp_path, python_module("ugrpy", "demo", "--once"))
    assert done.returncode == 0, done.stdout
    assert "All 9 steps held." in done.stdout
    assert "✗" not in done.stdout
    assert servers_left(done.stdout) == []


def test_the_tour_notices_a_replica_with_other_bytes(tmp_path):
    """One byte of one replica is changed: the merge cannot see it (same size), the tour must."""
    script = """
import os, sys
from ugrpy.demo.tour import run_demo

def spoil(data):
    path = data / "geneva" / "conditions" / "geometry.txt"
    times = path.stat()
    path.write_bytes(b"X" + path.read_bytes()[1:])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

sys.exit(run_demo(once=True, on_laid=spoil))
"""
    done = run_tour(tmp_path, [sys.executable, "-c", script])
    assert done.returncode == 1, done.stdout
    assert "✗ what is then downloaded is that file, byte for byte" in done.stdout
    assert "steps held." in done.stdout


def test_sigterm_stops_the_servers_and_removes_the_folder(tmp_path):
    log = tmp_path / "output"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with log.open("w") as output:
        process = subprocess.Popen(
            python_module("ugrpy", "demo"),
            cwd=temporary,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        assert wait_until(lambda: "2 of 9" in log.read_text(), 60.0), log.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert process.returncode == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []
    assert len(SITES) < len(log.read_text().splitlines())
    assert servers_left(log.read_text()) == []
