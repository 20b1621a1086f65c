"""Whose operation is this, and is that process still at work?

An operation's number begins with who carries it out: the process's id and when it started, so that a later process with the same id is not
taken for it. What nobody alive carries out is to be completed by the steward.
"""

import os
from functools import lru_cache
from pathlib import Path

from ugrpy.changing.ground import new_number

# In /proc/PID/stat behind the command's closing bracket; field 22 counts from the process id.
_START_TIME_AFTER_COMMAND = 19


@lru_cache(maxsize=8)
def _token(pid: int) -> str:
    return f"{pid}.{started(pid)}"


def numbered() -> str:
    """The number of an operation of this process."""
    return f"{_token(os.getpid())}.{new_number()}"


def is_orphan(number: str) -> bool:
    """Whether the process that carried this operation out has ended."""
    pid, _, rest = number.partition(".")
    start, _, _unique = rest.partition(".")
    return not pid.isdigit() or started(int(pid)) != start


def started(pid: int) -> str:
    """When a process started, in the kernel's ticks since boot; empty when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return fields[_START_TIME_AFTER_COMMAND] if len(fields) > _START_TIME_AFTER_COMMAND else ""
