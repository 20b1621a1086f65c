"""Six processes that open the journal of a new folder at the same instant; says how many could.

``python -m tests.unit.journal.openers FOLDER``
"""

import os
import sys
from pathlib import Path

from ugrpy.core.errors import ConfigError
from ugrpy.journal.store import SqliteJournal

COUNT = 6


def open_one(folder: Path, gate: int) -> int:
    os.read(gate, 1)  # returns when the other end is closed
    try:
        SqliteJournal(folder)
    except ConfigError as error:
        print(error, flush=True)
        return 1
    return 0


def main(folder: Path) -> int:
    gate, opener = os.pipe()
    children: list[int] = []
    for _ in range(COUNT):
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            os._exit(open_one(folder, gate))
        children.append(pid)
    os.close(opener)
    return sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 for pid in children)


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
