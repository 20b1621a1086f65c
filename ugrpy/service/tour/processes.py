"""How the tour starts, watches and ends other processes, so that none outlives it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ugrpy.core.clock import SystemClock
from ugrpy.core.errors import UgrError

START_TIMEOUT_S = 20.0
"""Until a process answers. Two busy cores need about 3 s for a gateway."""
STOP_TIMEOUT_S = 8.0
"""From SIGTERM to SIGKILL."""
POLL_S = 0.05


@dataclass(slots=True)
class Child:
    """One process with its own process group, started from ``command``, speaking on ``address:port``.

    ``log`` receives what it writes to stdout and stderr; it is kept over restarts.
    """

    name: str
    command: Sequence[str]
    address: str
    port: int
    log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and not self._ended(self._process)

    def start(self) -> None:
        """Start the process and wait until it accepts connections.

        Raises ``UgrError`` with the end of its log when it ends early or stays silent.
        """
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=clean_environment(),
                start_new_session=True,  # Ctrl-C in the terminal reaches the tour alone, which then stops them in order
            )
        if not wait_until(lambda: not self.running or self.accepts(), START_TIMEOUT_S):
            raise self._failed(f"does not answer on {self.address}:{self.port}")
        if not self.running:
            raise self._failed("ended at once")

    def accepts(self) -> bool:
        """Whether somebody accepts a connection on the address."""
        with suppress(OSError), socket.create_connection((self.address, self.port), timeout=1.0):
            return True
        return False

    def kill(self) -> None:
        """End the whole process group at once, as a crash or a power cut would."""
        if self._process is not None and self._process.returncode is None:
            self._signal(self._process, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """Ask the process to end; insist after ``STOP_TIMEOUT_S``. Does nothing when it is not running."""
        try:
            if self._process is not None and self.running:
                self._signal(self._process, signal.SIGTERM)
                wait_until(lambda: not self.running, STOP_TIMEOUT_S)
        finally:  # also when a second Ctrl-C cuts the waiting short
            self.kill()  # whoever is left in the group, and the leader's entry in the process table

    @staticmethod
    def _ended(process: subprocess.Popen[bytes]) -> bool:
        """Whether it has ended, without reaping it: until then its id cannot become another group's."""
        return process.returncode is not None or (
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        )

    @staticmethod
    def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    def _failed(self, what: str) -> UgrError:
        self.kill()
        return UgrError(
            f"{self.name} {what}\n{tail(self.log)}".rstrip(),
            hint="--keep DIR leaves the whole log behind",
        )


def python_module(*arguments: str) -> list[str]:
    """The command that runs ``python -m ARGUMENTS`` with this interpreter."""
    return [sys.executable, "-m", *arguments]


def clean_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment, without settings meant for some other server or for a proxy on the way."""
    return {
        key: value
        for key, value in environment.items()
        if not key.startswith(("UGRPY_", "SHOALPY_")) and not key.lower().endswith("_proxy")
    }


def free_port(address: str, preferred: int) -> int:
    """``preferred`` when it is free on the address, else a port the system chooses.

    Raises ``UgrError`` when the address itself cannot be used.
    """
    with suppress(OSError):
        return _bindable_port(address, preferred)
    try:
        return _bindable_port(address, 0)
    except OSError as error:
        raise UgrError(
            f"cannot listen on {address}: {error}",
            hint="the tour needs the addresses 127.0.0.1 to 127.0.3.255; Linux has them all, "
            f"elsewhere add them first (for example: ifconfig lo0 alias {address})",
        ) from error


def _bindable_port(address: str, port: int) -> int:
    with socket.socket() as probe:
        # as the servers do, so that a port in TIME_WAIT counts as free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))
        return int(probe.getsockname()[1])


def wait_until(ready: Callable[[], bool], timeout_s: float) -> bool:
    """Ask ``ready`` again and again until it says yes (true) or the time is over (false)."""
    clock = SystemClock()
    deadline = clock.monotonic() + timeout_s
    while not ready():
        if clock.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def tail(path: Path, lines: int = 12) -> str:
    """The last lines of a log, or nothing when there is none."""
    if not path.is_file():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
