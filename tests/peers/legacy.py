"""Programs of others that are written in Python, as their users install them: from the package index, each in an environment of its own.

They stay beside our own environment from run to run, and go with it.
"""

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parity import peers_used

_HOME = Path(__file__).resolve().parents[2] / ".venv" / "peers"
_INSTALL_S = 300


def installed(requirement: str) -> Path:
    """The folder with the commands of e.g. ``shoal-client==1.0.4``; installed the first time it is asked for. Says that it takes part.

    Where the index cannot be reached the test is skipped; with ``CI=true`` it fails.
    """
    folder = _HOME / re.sub(r"[^A-Za-z0-9.-]+", "-", requirement)
    done = folder / ".installed"
    _HOME.mkdir(parents=True, exist_ok=True)
    with (_HOME / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not done.exists():
            _install(requirement, folder)
            done.touch()
    name, _, version = requirement.partition("==")
    peers_used.record(name, version)
    return folder / "bin"


def _install(requirement: str, folder: Path) -> None:
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(folder / "bin" / "pip"), "install", "--quiet", requirement],
    ):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_INSTALL_S, check=False
        )
        if done.returncode != 0:
            message = f"{requirement} cannot be installed: {done.stderr[-500:]}"
            if os.environ.get("CI") == "true":
                pytest.fail(message, pytrace=False)
            pytest.skip(message)
