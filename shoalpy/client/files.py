"""How is a file of somebody else's changed so that no reader ever sees half of it?"""

import contextlib
import os
import tempfile
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Put other text into a file, which keeps its mode and owner, or make it. A link stays one. Raises ``OSError``."""
    path = path.resolve()
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    beside = Path(name)
    try:
        with os.fdopen(number, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
            file.flush()
            _dress_like(file.fileno(), path)
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()


def _dress_like(number: int, path: Path) -> None:
    try:
        old = path.stat()
    except FileNotFoundError:
        os.fchmod(number, 0o644)
        return
    made = os.fstat(number)
    if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
        os.fchown(number, old.st_uid, old.st_gid)
    os.fchmod(number, old.st_mode & 0o7777)
