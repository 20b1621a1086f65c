"""What has a process cost so far? Read from /proc, for a process and all its descendants."""

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and all its living descendants."""
    found = [pid]
    for parent in found:  # grows while we walk it
        try:
            tasks = os.listdir(f"/proc/{parent}/task")
            for task in tasks:
                text = Path(f"/proc/{parent}/task/{task}/children").read_text()
                found.extend(int(word) for word in text.split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds (user and system) used by the living members of the family so far."""
    return sum(_cpu_of_one_s(one) for one in family(pid))


def _cpu_of_one_s(pid: int) -> float:
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        # first field of schedstat: nanoseconds on a CPU; /proc/PID/stat counts in ticks of 10 ms
        return sum(
            int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0]) for task in tasks
        ) / 1e9 or _ticks_s(pid)
    except (FileNotFoundError, ProcessLookupError):
        return _ticks_s(pid)


def _ticks_s(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    fields = text.rpartition(")")[2].split()  # the name in brackets may hold spaces
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def peak_rss_bytes(pid: int) -> int:
    """The sum of the largest resident sizes the members of the family have had."""
    return _status_bytes(pid, "VmHWM:")


def rss_bytes(pid: int) -> int:
    """The sum of the resident sizes of the family now."""
    return _status_bytes(pid, "VmRSS:")


def _status_bytes(pid: int, field: str) -> int:
    total = 0
    for one in family(pid):
        try:
            status = Path(f"/proc/{one}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for line in status.splitlines():
            if line.startswith(field):
                total += int(line.split()[1]) * 1024
    return total


def machine_busy_s() -> float:
    """CPU seconds all processes of the machine have used since it started, on all cores (ticks of 10 ms)."""
    fields = Path("/proc/stat").read_text().partition("\n")[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(word) for word in fields[:8])
    return (user + nice + system + irq + softirq + steal) / _TICKS_PER_S
