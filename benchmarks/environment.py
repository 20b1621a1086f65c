"""Where did these numbers come from? Versions, commit and class of machine; no host names, no paths."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from ugrpy import __version__

LIBRARIES = ("aiohttp", "lxml", "uvloop", "yarl")
# What is measured, and what measures: a change to either that is in no commit is told.
MEASURED = ("ugrpy", "shoalpy", "glintpy", "schedpy", "benchmarks/*.py", "benchmarks/*/*.py")


def describe() -> dict[str, object]:
    """Plain data for the report."""
    return {
        "version": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "nginx": nginx_version(),
        "kernel": platform.release().partition("-")[0],
        "machine": f"{_cpu_model()}, {platform.machine()}, {len(os.sched_getaffinity(0))} cores",
    }


def nginx_version() -> str:
    """Of the one that would be started; empty when there is none."""
    return _first_line("nginx", "-v").rpartition("/")[2]


def _commit() -> str:
    commit = _first_line("git", "rev-parse", "--short=12", "HEAD")
    changed = _first_line("git", "status", "--porcelain", "--untracked-files=no", "--", *MEASURED)
    return f"{commit} with changes" if changed else commit


def _first_line(*command: str) -> str:
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        return ""
    done = subprocess.run(
        [program, *command[1:]], capture_output=True, text=True, check=False, timeout=20
    )
    # nginx prints its version to standard error
    return (done.stdout or done.stderr).partition("\n")[0].strip()


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown processor"
