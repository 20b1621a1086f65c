"""Keeping workers alive: when they are replaced, how long that waits, and how they are made to end."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.functional

LIMIT_S = 30.0

# The supervisor forks, so it runs in a process of its own; times are cut short there.
SCRIPT = """
import os, signal, sys, time
from ugrpy.service import supervisor
from ugrpy.service.logs import set_up_logging
from ugrpy.service.supervisor import Supervisor
set_up_logging("info")
{settings}
def say(*words):
    # one write for a line, or the lines of several processes mingle
    os.write(1, (" ".join(map(str, words)) + chr(10)).encode())
def work(index):
    say("work", index, os.getpid())
{work}
sys.exit(Supervisor(work, {count}, grace_s=0.1).run())
"""


class Run:
    """A supervisor over the given work."""

    def __init__(self, folder: Path, work: str, *, count: int = 1, settings: str = "") -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self._output = folder / "output"
        body = "".join(f"    {line}\n" for line in work.splitlines())
        code = SCRIPT.format(work=body, count=count, settings=settings)
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(self.temporary)},
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def started(self) -> list[int]:
        """Which worker was started, in turn."""
        return [int(index) for index in re.findall(r"^work (\d)", self.output, re.M)]

    def wait_for(self, starts: int) -> None:
        self.wait_until(lambda: len(self.started()) >= starts)

    def wait_until(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not what():
            assert time.monotonic() < deadline, self.output
            assert self.process.poll() is None, self.output
            time.sleep(0.01)

    def end(self) -> int:
        """Told to stop; all of it has ended and cleaned up."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(LIMIT_S)
        finally:
            assert list(self.temporary.iterdir()) == []


@pytest.fixture
def run(tmp_path):
    running: list[Run] = []

    def start(work: str, **options) -> Run:
        running.append(Run(tmp_path, work, **options))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait(LIMIT_S)


def test_one_that_keeps_dying_young_is_replaced_more_and_more_slowly(run):
    one = run(
        "return 3",
        settings="supervisor.FIRST_PAUSE_S = 0.01; supervisor.LONGEST_PAUSE_S = 0.05",
    )
    one.wait_for(6)
    assert one.end() == 0
    pauses = re.findall(
        r'event="worker died" worker=0 pid=\d+ code=3 restart_in_s=(\S+)', one.output
    )
    assert [float(pause) for pause in pauses[:5]] == [0.01, 0.02, 0.04, 0.05, 0.05]


def test_one_that_lived_long_is_replaced_at_once(run):
    one = run("time.sleep(0.05)\nreturn 1", settings="supervisor.YOUNG_S = 0.01")
    one.wait_for(3)
    assert one.end() == 0
    pauses = re.findall(r"restart_in_s=(\S+)", one.output)
    assert {float(pause) for pause in pauses} == {0.0}


def test_only_the_one_that_died_is_replaced(run):
    one = run(
        "if index == 1: raise ValueError('broken')\ntime.sleep(60)",
        count=3,
        settings="supervisor.FIRST_PAUSE_S = 0.01",
    )
    one.wait_until(lambda: {0, 2} <= set(one.started()) and one.started().count(1) >= 3)
    assert one.end() == 0
    assert one.started().count(0) == one.started().count(2) == 1
    assert 'event="worker failed" worker=1 exception="Traceback' in one.output
    assert "ValueError: broken" in one.output
    assert re.search(r'event="worker died" worker=1 pid=\d+ code=1 ', one.output)


def test_one_that_cannot_start_ends_all(run):
    one = run("if index: return 78\ntime.sleep(60)", count=2)
    assert one.process.wait(LIMIT_S) == 78
    assert one.started().count(1) == 1
    assert "worker died" not in one.output
    assert list(one.temporary.iterdir()) == []


def test_one_that_does_not_stop_is_killed(run):
    one = run(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsay('deaf')\ntime.sleep(60)",
        settings="supervisor.KILL_AFTER_S = 0.2",
    )
    one.wait_for(1)
    one.wait_until(lambda: "deaf" in one.output)
    pid = int(re.findall(r"^work 0 (\d+)", one.output, re.M)[0])
    assert one.end() == 0
    assert f'event="worker does not stop, killed" pid={pid}' in one.output
    assert not Path(f"/proc/{pid}").exists()


def test_each_worker_shares_a_place_for_numbers(run):
    one = run(
        "say('shared', os.environ['PROMETHEUS_MULTIPROC_DIR'])\ntime.sleep(60)",
        count=2,
    )
    one.wait_for(2)
    one.wait_until(lambda: one.output.count("shared") == 2)
    places = set(re.findall(r"shared (\S+)", one.output))
    assert len(places) == 1
    assert Path(places.pop()).parent == one.temporary
    assert one.end() == 0
