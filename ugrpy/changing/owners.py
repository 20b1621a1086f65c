"""Whose operation is this, and is that process still at work?

An operation's number begins with who carries it out: the process's id, when it started and in which run of the machine, so that a later
process with the same id is not taken for it, not even after a restart that went like the one before. What nobody alive carries out is to be
completed by the steward.

    4711.153342-1f0c9a52.5f…
"""

import os
from functools import lru_cache
from pathlib import Path

from ugrpy.changing.ground import new_number

PROC = Path("/proc")
# In /proc/PID/stat behind the command's closing bracket; field 22 counts from the process id.
_START_TIME_AFTER_COMMAND = 19


def numbered() -> str:
    """The number of an operation of this process."""
    return f"{_own}.{new_number()}"


def is_orphan(number: str) -> bool:
    """Whether the process that carried this operation out has ended."""
    pid, _, rest = number.partition(".")
    start, _, _unique = rest.partition(".")
    known = pid.isascii() and pid.isdigit()
    return not known or not start or started(int(pid)) != start


def started(pid: int) -> str:
    """When a process started, in the kernel's ticks since boot, and which boot that was; empty when there is no such process."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    ticks = fields[_START_TIME_AFTER_COMMAND] if len(fields) > _START_TIME_AFTER_COMMAND else ""
    return ticks and f"{ticks}-{_boot()}"


@lru_cache(maxsize=1)
def _boot() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]


def _name_own() -> None:
    global _own  # noqa: PLW0603 - a process has one name, and a fork gets another
    _own = f"{os.getpid()}.{started(os.getpid())}"


# when it is imported, since whoever asks for a number is in an event loop
_own = ""
_name_own()
os.register_at_fork(after_in_child=_name_own)
