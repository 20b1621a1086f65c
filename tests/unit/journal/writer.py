"""A process that writes numbered uploads into a journal and says each number when it is safe, until it is killed or the disk is full.

``python -m tests.unit.journal.writer FOLDER NAME [LARGEST_FILE_BYTES]``
"""

import asyncio
import resource
import signal
import sys
from pathlib import Path

from ugrpy.core.errors import Unavailable
from ugrpy.journal.store import SqliteJournal
from ugrpy.namespace.changes import Fingerprint, Removal, Upload, Why
from ugrpy.namespace.model import EndpointId

TOGETHER = 5


async def write_one(journal: SqliteJournal, name: str, number: int) -> None:
    """Two records that belong together."""
    path = f"/{name}/{number}"
    upload = Upload(path, str(number), EndpointId("cern"), 1.0, 2.0)
    removal = Removal(path, EndpointId("uvic"), Fingerprint(number, number), Why.DELETED, 1.0, 2.0)
    await journal.write([upload, removal])
    print(number, flush=True)


async def main(journal: SqliteJournal, name: str) -> None:
    for number in range(0, 100_000, TOGETHER):
        several = range(number, number + TOGETHER)
        await asyncio.gather(*(write_one(journal, name, one) for one in several))


if __name__ == "__main__":
    opened = SqliteJournal(Path(sys.argv[1]))
    if len(sys.argv) > 3:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # or the limit kills instead of EFBIG
        limit_bytes = int(sys.argv[3])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    try:
        asyncio.run(main(opened, sys.argv[2]))
    except Unavailable as error:
        print(f"full: {error.status} {error}", flush=True)
