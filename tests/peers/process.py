"""How does a server run as a process of its own, from a free port to its certain end?"""

import contextlib
import fcntl
import functools
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

POLL_S = 0.01
STOP_S = 5.0  # after this a server that ignores TERM is killed
LOG_TAIL_BYTES = 2000


class ServerFailed(AssertionError):
    """A server did not come up; the message ends with the tail of its log."""


# Below the range from which the system takes the ports of outgoing connections (32768 on), any of which would be in the way.
_PORTS = range(15_000, 32_000)
_given: set[int] = set()
_random = random.SystemRandom()


def free_port(address: str) -> int:
    """A TCP port nobody listens on at this address, and that no living test process of this user was given before.

    A stranger may take it before it is used; callers try again.
    """
    while True:
        port = _random.choice(_PORTS)
        if port in _given or not _claim(port):
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return port


def _claim(port: int) -> bool:
    """Whether the port is ours from now on.

    The probe alone leaves a gap until the server listens, in which another worker may find the same port free; two gateways
    that share their port would both come up. The claim is a lock on one byte of a file; it ends with this process.
    """
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except BlockingIOError:
        return False
    _given.add(port)
    return True


@functools.cache
def _claims() -> int:
    """The file with a byte for every port. Never closed: closing it anywhere in the process ends all claims."""
    path = os.path.join(tempfile.gettempdir(), f"ugrpy-test-ports-{os.getuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


class ServerProcess:
    """A server in its own session, so that it and its children are signalled together and nothing else is.

    ``command`` makes the argument vector from the port; it also writes the configuration file where there is one.
    ``ready`` is asked until it says yes; by default a connection is enough. Output of the process goes to ``log``.
    """

    def __init__(
        self,
        command: Callable[[int], Sequence[str]],
        *,
        address: str,
        log: Path,
        env: Mapping[str, str] | None = None,
        ready: Callable[[str, int], bool] | None = None,
        limit_s: float = 20.0,
    ) -> None:
        self.address = address
        self.port = 0
        self.log = log
        self._command = command
        self._env = env
        self._ready = ready or accepts_connections
        self._limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        state = "stopped" if self._process is None else f"pid {self._process.pid}"
        return f"<ServerProcess {self.address}:{self.port}, {state}>"

    @property
    def pid(self) -> int:
        """The process that was started. Raises ``ServerFailed`` when it is not running."""
        if self._process is None:
            raise ServerFailed(f"{self} is not running")
        return self._process.pid

    def start(self) -> None:
        """Run it: on a free port the first time, on the same one later. Raises ``ServerFailed``."""
        if self.port:
            self._launch(self.port)
            return
        port = free_port(self.address)
        try:
            self._launch(port)
        except ServerFailed:
            port = free_port(self.address)  # somebody was quicker
            self._launch(port)
        self.port = port

    def _launch(self, port: int) -> None:
        argv = list(self._command(port))
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._env,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._process, port, argv[0])
        except BaseException:  # an interrupted wait must not leave the server behind either
            self.stop()
            raise

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]", port: int, name: str) -> None:
        deadline = time.monotonic() + self._limit_s
        while time.monotonic() < deadline:
            if (status := _end_of(process)) is not None:
                raise ServerFailed(f"{name} ended with status {status}\n{self.log_tail()}")
            # somebody else may answer on the port while ours fails to get it: ours must be alive after the answer
            if self._ready(self.address, port) and _end_of(process) is None:
                return
            time.sleep(POLL_S)
        raise ServerFailed(f"{name} was not ready after {self._limit_s:g} s\n{self.log_tail()}")

    def log_text(self) -> str:
        """All it has printed since its first start."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self) -> str:
        """The last of what it has printed."""
        return self.log_text()[-LOG_TAIL_BYTES:]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and its children; harmless when it has ended."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def pause(self) -> None:
        """Stop the clock of the whole group: connections are accepted by the kernel and never answered."""
        if self._process is None:
            return
        self.signal(signal.SIGSTOP)
        # a thread that runs on another processor goes on until the signal has reached it there
        deadline = time.monotonic() + STOP_S
        while not _stands_still(self._process.pid):
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self} does not stand still")
            time.sleep(POLL_S)

    def resume(self) -> None:
        """Undo ``pause``."""
        self.signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it: politely, then by force, so that nothing is left. Can be called again."""
        if self._process is None:
            return
        self.signal(signal.SIGTERM)
        self.resume()  # a stopped process hears TERM only then
        deadline = time.monotonic() + STOP_S
        while _end_of(self._process) is None and time.monotonic() < deadline:
            time.sleep(POLL_S)
        self.kill()

    def kill(self) -> None:
        """End it and the children it may have left behind, without a word of warning."""
        if self._process is None:
            return
        self.signal(signal.SIGKILL)
        self._process.wait(STOP_S)
        self._process = None


def _end_of(process: "subprocess.Popen[bytes]") -> int | None:
    """The status it ended with, without reaping it: until then its id cannot become another group's."""
    ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return None if ended is None else ended.si_status


def _stands_still(group: int) -> bool:
    """Whether each thread of the process group is stopped or dead."""
    states: list[str] = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it may end while we look
            if os.getpgid(int(pid)) == group:
                tasks = f"/proc/{pid}/task"
                stats = [Path(tasks, thread, "stat").read_text() for thread in os.listdir(tasks)]
                states += [stat.rpartition(")")[2].split()[0] for stat in stats]
    return all(state in "TtZX" for state in states)


def accepts_connections(address: str, port: int) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


def answers_http(address: str, port: int) -> bool:
    """Whether somebody there speaks HTTP, whatever the answer."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1) as wire:
        wire.sendall(b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return wire.recv(5) == b"HTTP/"
    return False
