"""The gateway's processes: several workers on one port, their deaths and replacements, and a stop that finishes what runs."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.peers.ask import Answer, ask
from tests.peers.gateway import is_ready
from tests.peers.process import free_port
from ugrpy.testing import Faults, StorageElement, Tree, in_thread

pytestmark = pytest.mark.functional

LIMIT_S = 30.0


class Serving:
    """A running ``ugrpy serve``; ``signal`` goes to the one process that was started, not to its children."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.port = free_port("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self._log = folder / "log"
        self.access = folder / "access"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("UGRPY_")}
        command = (
            *(sys.executable, "-m", "ugrpy", "serve", f"--listen=127.0.0.1:{self.port}"),
            *(f"--access-log={self.access}", *arguments),
        )
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**kept, "TMPDIR": str(self.temporary)},
                start_new_session=True,
            )

    def wait_until(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not what():
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def ready(self) -> "Serving":
        self.wait_until(lambda: self.process.poll() is not None or is_ready("127.0.0.1", self.port))
        assert self.process.poll() is None, self.log
        return self

    def both_listen(self) -> None:
        """The second worker may still be starting when the first is ready."""
        self.wait_until(lambda: self.log.count("event=listening") == 2)

    def workers(self) -> list[int]:
        """The process ids of the workers that live now, by what the log says of them."""
        started = [int(pid) for pid in re.findall(r'event="worker started" .*pid=(\d+)', self.log)]
        return [pid for pid in started if Path(f"/proc/{pid}").exists()]

    def pids_that_answered(self) -> Counter[int]:
        """How many requests each process has logged so far."""
        ids = re.findall(r" id=([0-9a-f]+)-", self.access.read_text())
        return Counter(int(one, 16) for one in ids)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(LIMIT_S)


@pytest.fixture
def storage() -> Iterator[StorageElement]:
    with in_thread(StorageElement(Tree({"/file": b"hello", "/slow": b"slow"}))) as element:
        yield element


@pytest.fixture
def serve(tmp_path, storage) -> Iterator[Callable[..., Serving]]:
    running: list[Serving] = []

    def start(*arguments: str) -> Serving:
        running.append(Serving(tmp_path, f"--endpoint=one={storage.base_url}", *arguments))
        return running[-1]

    yield start
    for one in running:
        one.end()


def ask_gently(url: str) -> Answer:
    """Connections that waited for a worker that was killed are reset by the kernel; nobody else may be."""
    for _ in range(3):
        with contextlib.suppress(ConnectionError, http.client.BadStatusLine):
            return ask("GET", url)
    return ask("GET", url)


def requests_counted(serving: Serving) -> float:
    page = ask("GET", f"{serving.url}/metrics").text
    return sum(
        float(value)
        for value in re.findall(r'^ugrpy_requests_total\{method="GET".*\} (\S+)$', page, re.M)
    )


def test_workers_share_the_port_and_their_numbers(serve):
    serving = serve("--workers=2").ready()
    serving.both_listen()
    asked = 0
    while asked < 400:
        assert ask("GET", f"{serving.url}/file").status == 302
        asked += 1
        if asked % 40 == 0 and len(serving.pids_that_answered()) == 2:
            break
    serving.wait_until(lambda: serving.pids_that_answered().total() == asked)
    assert set(serving.pids_that_answered()) == set(serving.workers())
    # each worker writes its numbers down once a second; whichever is asked adds them up
    serving.wait_until(lambda: requests_counted(serving) == asked)
    assert requests_counted(serving) == asked
    page = ask("GET", f"{serving.url}/metrics").text
    assert 'ugrpy_endpoint_in_service{endpoint="one"} 1.0' in page
    assert f"ugrpy_request_seconds_count {float(asked)}" in page


def test_a_killed_worker_is_replaced(serve):
    serving = serve("--workers=2").ready()
    serving.both_listen()
    victim, survivor = serving.workers()
    os.kill(victim, signal.SIGKILL)
    for _ in range(20):
        assert ask_gently(f"{serving.url}/file").status == 302
    # the dead one is there until it is reaped
    serving.wait_until(lambda: victim not in serving.workers() and len(serving.workers()) == 2)
    assert survivor in serving.workers()
    assert re.search(
        rf'level=error event="worker died" worker=\d pid={victim} code=-9 restart_in_s=0\.5\n',
        serving.log,
    )
    replacement = next(pid for pid in serving.workers() if pid != survivor)

    def the_new_one_answers() -> bool:
        assert ask_gently(f"{serving.url}/file").status == 302
        return replacement in serving.pids_that_answered()

    serving.wait_until(the_new_one_answers)


def test_told_to_stop_nothing_is_left(serve):
    serving = serve("--workers=2").ready()
    serving.both_listen()
    assert len(list(serving.temporary.iterdir())) == 1
    assert serving.stop() == 0
    assert serving.workers() == []
    assert list(serving.temporary.iterdir()) == []
    with pytest.raises(ConnectionRefusedError):
        ask("GET", f"{serving.url}/file")
    assert "worker died" not in serving.log
    assert "killed" not in serving.log


def test_workers_do_not_outlive_a_killed_supervisor(serve):
    serving = serve("--workers=2").ready()
    serving.both_listen()
    workers = serving.workers()
    serving.process.kill()
    serving.process.wait(LIMIT_S)
    serving.wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert "the supervisor is gone, stopping" in serving.log


def test_interrupted_together_they_stop_too(serve):
    """Ctrl-C goes to the whole group of the terminal."""
    serving = serve("--workers=2").ready()
    serving.both_listen()
    os.killpg(serving.process.pid, signal.SIGINT)
    assert serving.process.wait(LIMIT_S) == 0
    assert serving.workers() == []
    assert "Traceback" not in serving.log


@pytest.mark.parametrize("workers", [1, 2])
def test_what_cannot_start_is_not_started_again(serve, workers):
    with socket.socket() as rival:
        rival.bind(("127.0.0.1", 0))
        rival.listen()
        address = f"127.0.0.1:{rival.getsockname()[1]}"
        serving = serve(f"--workers={workers}", f"--listen={address}")
        assert serving.process.wait(LIMIT_S) == 78
    assert f"ugrpy: cannot listen on {address}: Address already in use\n" in serving.log
    assert "Traceback" not in serving.log
    assert "Unclosed" not in serving.log
    assert "worker died" not in serving.log
    assert serving.log.count("worker started") == (workers if workers > 1 else 0)
    assert serving.workers() == []
    assert list(serving.temporary.iterdir()) == []


# -- stopping -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--workers=2",), ("--loop=asyncio",)])
def test_a_running_request_is_finished_and_an_idle_connection_closed(serve, storage, options):
    serving = serve(*options).ready()
    storage.faults_at["/slow"] = Faults(delay_s=1.0)
    with socket.create_connection(("127.0.0.1", serving.port), timeout=LIMIT_S) as idle:
        idle.sendall(b"GET /file HTTP/1.1\r\nHost: h\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 302 ")
        answers: list[Answer] = []
        asking = threading.Thread(target=lambda: answers.append(ask("GET", f"{serving.url}/slow")))
        asking.start()
        serving.wait_until(lambda: any(path == "/slow" for _method, path in storage.counts))
        serving.process.send_signal(signal.SIGTERM)
        assert idle.recv(4096) == b""
        assert answers == []  # the idle one did not wait for the busy one
    asking.join(LIMIT_S)
    assert [answer.status for answer in answers] == [302]
    assert answers[0].headers["location"] == f"{storage.base_url}/slow"
    assert serving.process.wait(LIMIT_S) == 0
    assert "event=stopping grace_s=10.0" in serving.log
    assert 'path="/slow" status=302' in serving.access.read_text()
    assert "Traceback" not in serving.log


def test_a_request_that_never_ends_does_not_hold_the_stop(serve, storage, tmp_path):
    settings = tmp_path / "site.toml"
    settings.write_text('[service]\nshutdown_s = 0.5\nadmin = ""\n[federation]\ndeadline_s = 300\n')
    serving = serve(f"--config={settings}").ready()
    storage.faults_at["/slow"] = Faults(hang=True)
    with socket.create_connection(("127.0.0.1", serving.port), timeout=LIMIT_S) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        serving.wait_until(lambda: any(path == "/slow" for _method, path in storage.counts))
        began_s = time.monotonic()
        assert serving.stop() == 0
        assert time.monotonic() - began_s < 10
        assert client.recv(4096) == b""
    assert 'path="/slow" status=499' in serving.access.read_text()
