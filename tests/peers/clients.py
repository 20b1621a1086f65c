"""How are the real clients called? Each in a clean environment, with a time limit, and recorded as used.

The calls block. A test that serves from its own event loop uses ``asyncio.to_thread``.
"""

import importlib.metadata
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.parity import peers_used
from tests.peers.programs import GFAL_ENVIRONMENT, SEARCH_PATH, require


@dataclass(frozen=True, slots=True)
class Finished:
    """A call that ended. ``timed_out``: by us, after its limit; ``code`` is then that of the kill."""

    argv: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False

    @property
    def text(self) -> str:
        """What it printed on standard output."""
        return self.stdout.decode(errors="replace")

    @property
    def errors(self) -> str:
        """What it printed on standard error."""
        return self.stderr.decode(errors="replace")

    def check(self) -> "Finished":
        """This call, if it succeeded. Raises ``AssertionError`` with all it said otherwise."""
        if self.code or self.timed_out:
            state = "timed out" if self.timed_out else f"status {self.code}"
            raise AssertionError(f"{' '.join(self.argv)}: {state}\n{self.text}\n{self.errors}")
        return self


@dataclass(frozen=True, slots=True)
class Client:
    """A real client, callable. ``home`` is its HOME and working directory.

    A family of commands has a ``prefix``: ``davix("get", url)`` runs ``davix-get url``. A single one has none:
    ``curl("-sS", url)``.
    """

    name: str
    home: Path
    prefix: str = ""
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self,
        *arguments: str,
        timeout_s: float = 30.0,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        cwd: Path | None = None,
    ) -> Finished:
        """Run it to its end or its limit. Skips the test (fails it in CI) when the program is not installed."""
        installed = require(self.name)
        peers_used.record(self.name, installed.version)
        if self.prefix:
            argv = (self.prefix + arguments[0], *arguments[1:])
        else:
            argv = (installed.path, *arguments)
        clean = {
            "PATH": SEARCH_PATH,
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.home),
        }
        return _run(argv, {**clean, **self.env, **(env or {})}, stdin, cwd or self.home, timeout_s)


def _run(
    argv: tuple[str, ...],
    env: Mapping[str, str],
    stdin: bytes | None,
    cwd: Path,
    timeout_s: float,
) -> Finished:
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=cwd,
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout_s)
            timed_out = False
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            timed_out = True
    return Finished(argv, process.returncode, stdout, stderr, timed_out)


def curl(home: Path) -> Client:
    """``curl(...)``."""
    return Client("curl", home)


def davix(home: Path) -> Client:
    """``davix("get" | "put" | "ls" | "mkdir" | "rm" | "mv" | "http" | "cp", ...)``."""
    return Client("davix", home, "davix-")


def gfal(home: Path) -> Client:
    """``gfal("ls" | "stat" | "copy" | "cat" | "sum" | "mkdir" | "rm" | "rename" | "save", ...)``."""
    return Client("gfal2", home, "gfal-", GFAL_ENVIRONMENT)


def xrd(home: Path) -> Client:
    """``xrd("cp", ...)`` and ``xrd("fs", ...)``, also for http URLs, which xrdcp refuses unless told otherwise."""
    return Client("xrootd-client", home, "xrd", {"XRDCP_ALLOW_HTTP": "1"})


def aria2(home: Path) -> Client:
    """``aria2(...)`` runs aria2c, without its console summary."""
    return Client("aria2", home)


def rclone(home: Path) -> Client:
    """``rclone("ls", ":http:", env={"RCLONE_HTTP_URL": url})``; URLs go into the environment, not into the remote."""
    return Client("rclone", home, env={"RCLONE_CONFIG": str(home / "rclone.conf")})


def wget2(home: Path) -> Client:
    """``wget2(...)``."""
    return Client("wget2", home)


def cadaver(home: Path) -> Client:
    """``cadaver(url, stdin=b"ls\\nquit\\n")``: it reads commands and echoes them, and ends with 0 whatever happened."""
    return Client("cadaver", home, env={"TERM": "dumb"})


def litmus(home: Path) -> Client:
    """``litmus("-k", url, env={"TESTS": "basic copymove"})``: the test suite of WebDAV servers."""
    return Client("litmus", home)


def read_root_branch(url: str, tree: str, branch: str) -> list[float]:
    """One branch of a tree in a ROOT file over HTTP, by uproot in this process."""
    import uproot

    peers_used.record("uproot", importlib.metadata.version("uproot"))
    with uproot.open(url) as file:
        return [float(value) for value in file[tree][branch].array(library="np")]
