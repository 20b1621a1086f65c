"""Which worker of the host does what one has to do for all: probing, reading calendars?

Whoever holds a lock on a file that all of them share; the kernel lets go of it when that worker ends, however it ends.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ugrpy.service.supervisor import SHARED_DIR

FILE = "first-worker.lock"


class Leading:
    """One worker's hold on the lock; ``None`` for a process that is alone and leads for ever."""

    def __init__(self, lock: int | None) -> None:
        self._lock = lock
        self._leads = lock is None

    def __repr__(self) -> str:
        return f"<Leading {self._leads}>"

    def leads(self) -> bool:
        """Whether it is this worker; it takes the place when that is free."""
        if not self._leads and self._lock is not None:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._leads = True
        return self._leads


@contextmanager
def leading(environ: Mapping[str, str] = os.environ) -> Iterator[Leading]:
    """This process's hold, let go at the end."""
    if not (shared := environ.get(SHARED_DIR)):
        yield Leading(None)
        return
    lock = os.open(Path(shared) / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield Leading(lock)
    finally:
        os.close(lock)
