"""Where do blocks go, so that all files together never take more than their share, and the oldest leave first?

Each worker writes files of its own, ``<worker>-<number>.flights``, one after the other, and never writes on a file that another
process has begun. Files of workers that there are no more are taken over by those that there are: worker ``w`` of ``n`` looks after the
files of every worker whose number leaves ``w`` when divided by ``n``.
"""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".flights"
# A ring of this many files forgets in steps of so small a part of what it holds.
SEGMENTS = 16
SMALLEST_SEGMENT_BYTES = 64 * 1024
_NAME = re.compile(r"(\d{1,9})-(\d{1,18})\.flights")


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the ring. ``changed_ns``: when it was written to last."""

    path: Path
    worker: int
    number: int
    size_bytes: int
    changed_ns: int


def segments_in(folder: Path) -> list[Segment]:
    """All files of the ring, the oldest first. Raises ``OSError`` when the folder cannot be read."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if (name := _NAME.fullmatch(entry.name)) is None:
                continue
            with suppress(FileNotFoundError):  # its worker may have removed it just now
                facts = entry.stat()
                found.append(
                    Segment(
                        Path(entry.path),
                        int(name[1]),
                        int(name[2]),
                        facts.st_size,
                        facts.st_mtime_ns,
                    )
                )
    return sorted(found, key=lambda one: (one.changed_ns, one.worker, one.number))


class RingWriter:
    """One worker's part of the ring: at most ``max_bytes`` altogether. Its methods block. ``on_begin`` is called before each new file."""

    def __init__(
        self,
        folder: Path,
        worker: int,
        max_bytes: int,
        *,
        workers: int = 1,
        on_begin: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder = folder
        self._worker = worker
        self._workers = workers
        self._max_bytes = max_bytes
        self._segment_bytes = min(max_bytes, max(SMALLEST_SEGMENT_BYTES, max_bytes // SEGMENTS))
        self._on_begin = on_begin
        self._file: int | None = None
        self._path = folder
        self._size = 0

    def __repr__(self) -> str:
        return f"<RingWriter {self._path.name}, {self._size} bytes>"

    def append(self, block: bytes) -> None:
        """Write a block, whole or not at all. Raises ``OSError`` when that cannot be done now; a later one may succeed."""
        if len(block) > self._max_bytes:
            raise OSError("a block larger than the ring")
        if self._file is not None and self._size + len(block) > self._segment_bytes:
            self.close()
        if self._file is None or not self._path.exists():
            self.close()
            self._begin(len(block))
        assert self._file is not None
        try:
            _write_whole(self._file, block)
        except OSError:
            self._take_back()
            raise
        self._size += len(block)

    def close(self) -> None:
        """End the file that is being written."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _begin(self, block_bytes: int) -> None:
        """A file after all others, once there is room for a whole one."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours = [one for one in segments_in(self._folder) if self._is_ours(one)]
        room_bytes = self._max_bytes - max(block_bytes, self._segment_bytes)
        total_bytes = sum(one.size_bytes for one in ours)
        for oldest in ours:
            if total_bytes <= room_bytes:
                break
            oldest.path.unlink(missing_ok=True)
            total_bytes -= oldest.size_bytes
        self._on_begin()
        numbers = [one.number for one in ours if one.worker == self._worker]
        self._path = self._folder / f"{self._worker}-{max(numbers, default=0) + 1:08d}{SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
        self._size = 0

    def _is_ours(self, segment: Segment) -> bool:
        return segment.worker % self._workers == self._worker % self._workers

    def _take_back(self) -> None:
        """What was written in part is cut off; where that fails too, the next block begins a new file."""
        assert self._file is not None
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            self.close()


def _write_whole(file: int, block: bytes) -> None:
    if os.write(file, block) != len(block):
        raise OSError("only a part of it was written")
