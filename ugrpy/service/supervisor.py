"""Several worker processes on one port: start them, keep them running, stop them.

Workers are forked before any event loop or thread exists, and share nothing but the port and the directory in which
prometheus-client adds up their numbers. A worker that dies is replaced after a pause that doubles while it keeps dying
young, so a configuration that cannot work does not burn the machine.
"""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import structlog

from ugrpy.core.clock import Clock, SystemClock

log = structlog.get_logger("ugrpy.service")

# as in ugrpy.service.metrics, which must not be imported before the variable is set
SHARED_DIR = "PROMETHEUS_MULTIPROC_DIR"
YOUNG_S = 10.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
# Workers that leave with this status could not start at all (EX_CONFIG of sysexits.h); restarting would not help.
CANNOT_START = 78
KILL_AFTER_S = 5.0


class Supervisor:
    """Runs ``work(index)`` in ``count`` processes until told to stop by SIGTERM or SIGINT.

    ``grace_s`` is what the workers allow themselves to stop; ``KILL_AFTER_S`` later they are killed.
    """

    def __init__(
        self, work: Callable[[int], int], count: int, grace_s: float, clock: Clock | None = None
    ) -> None:
        self._work = work
        self._count = count
        self._grace_s = grace_s
        self._clock = clock or SystemClock()
        self._pids: dict[int, int] = {}
        self._born_s: dict[int, float] = {}
        self._pause_s: dict[int, float] = {}
        self._due_s: dict[int, float] = {}
        self._stopping = False
        self._status = 0

    def run(self) -> int:
        """Return the exit status when all workers have ended."""
        shared = Path(tempfile.mkdtemp(prefix="ugrpy-workers-"))
        os.environ[SHARED_DIR] = str(shared)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        # blocked, so that sigtimedwait finds the death of a child even when it comes between two waits
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        try:
            for index in range(self._count):
                self._start(index)
            while not self._stopping:
                self._reap(shared)
                self._start_due()
                self._wait()
            self._stop_all()
        finally:
            shutil.rmtree(shared, ignore_errors=True)
        return self._status

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _wait(self) -> None:
        """Sleep until a signal arrives or it is time to look again."""
        if not self._stopping:
            signal.sigtimedwait([signal.SIGCHLD], 0.2)

    def _start(self, index: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
                status = self._work(index)
            except Exception:
                log.exception("worker failed", worker=index)
            finally:
                sys.stderr.flush()
                os._exit(status)
        self._pids[pid] = index
        self._born_s[index] = self._clock.monotonic()
        log.info("worker started", worker=index, pid=pid)

    def _start_due(self) -> None:
        now = self._clock.monotonic()
        for index, due_s in list(self._due_s.items()):
            if now >= due_s and not self._stopping:
                del self._due_s[index]
                self._start(index)

    def _reap(self, shared: Path) -> None:
        while self._pids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            index = self._pids.pop(pid, None)
            if index is not None:
                self._ended(index, pid, os.waitstatus_to_exitcode(status), shared)

    def _ended(self, index: int, pid: int, code: int, shared: Path) -> None:
        from ugrpy.service.metrics import forget_worker  # noqa: PLC0415 - after the workers were forked

        forget_worker(pid, shared)
        if code == CANNOT_START:
            self._status, self._stopping = code, True
            return
        now = self._clock.monotonic()
        young = now - self._born_s[index] < YOUNG_S
        pause_s = (
            min(LONGEST_PAUSE_S, 2 * self._pause_s.get(index, FIRST_PAUSE_S / 2)) if young else 0.0
        )
        self._pause_s[index] = pause_s or FIRST_PAUSE_S / 2
        self._due_s[index] = now + pause_s
        log.error("worker died", worker=index, pid=pid, code=code, restart_in_s=pause_s)

    def _stop_all(self) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)
        deadline_s = self._clock.monotonic() + self._grace_s + KILL_AFTER_S
        while self._pids and self._clock.monotonic() < deadline_s:
            pid, _status = os.waitpid(-1, os.WNOHANG)
            if pid:
                self._pids.pop(pid, None)
            else:
                signal.sigtimedwait([signal.SIGCHLD], 0.05)
        for pid in self._pids:
            log.error("worker does not stop, killed", pid=pid)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
