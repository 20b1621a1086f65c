"""Files of the ring: one process never writes on another's, a block is there whole or not at all, and what others left is looked after."""

import errno
import os
from pathlib import Path

import pytest

from ugrpy.recording.ring import SMALLEST_SEGMENT_BYTES, RingWriter, segments_in

BLOCK = b"x" * 1000
MEGABYTE = 1024 * 1024


def names(folder: Path) -> list[str]:
    """The files, by name."""
    return sorted(path.name for path in folder.iterdir())


def test_the_next_process_begins_a_file_of_its_own(tmp_path):
    for _ in range(2):
        ring = RingWriter(tmp_path, 3, MEGABYTE)
        ring.append(BLOCK)
        ring.append(BLOCK)
        ring.close()
    assert names(tmp_path) == ["3-00000001.flights", "3-00000002.flights"]
    assert {one.size_bytes for one in segments_in(tmp_path)} == {2000}


def test_two_processes_of_one_number_do_not_write_on_each_others_files(tmp_path):
    first, second = (RingWriter(tmp_path, 0, MEGABYTE) for _ in range(2))
    for ring in (first, second, first, second):
        ring.append(BLOCK)
    assert [one.size_bytes for one in segments_in(tmp_path)] == [2000, 2000]


def test_files_of_workers_that_are_no_more_go_too(tmp_path):
    for worker in range(4):
        ring = RingWriter(tmp_path, worker, MEGABYTE)
        ring.append(BLOCK)
        ring.close()
    left = RingWriter(tmp_path, 0, SMALLEST_SEGMENT_BYTES, workers=2)
    left.append(BLOCK)
    # it looks after the even ones, and has room for one file
    assert names(tmp_path) == ["0-00000002.flights", "1-00000001.flights", "3-00000001.flights"]


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "rules-00ff.json").write_text("{}")
    (tmp_path / "notes.flights").write_text("mine")
    ring = RingWriter(tmp_path, 0, 2000)
    for _ in range(5):
        ring.append(BLOCK)
    assert names(tmp_path) == ["0-00000003.flights", "notes.flights", "rules-00ff.json"]


def test_a_block_larger_than_the_ring_is_refused_and_nothing_is_lost(tmp_path):
    ring = RingWriter(tmp_path, 0, 2000)
    ring.append(BLOCK)
    with pytest.raises(OSError, match="larger"):
        ring.append(b"x" * 2001)
    assert [one.size_bytes for one in segments_in(tmp_path)] == [1000]


def test_a_block_written_in_part_is_taken_back(tmp_path, monkeypatch):
    ring = RingWriter(tmp_path, 0, MEGABYTE)
    ring.append(BLOCK)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:10]))
    with pytest.raises(OSError, match="part"):
        ring.append(BLOCK)
    monkeypatch.undo()
    assert [one.size_bytes for one in segments_in(tmp_path)] == [1000]
    ring.append(BLOCK)
    assert [one.size_bytes for one in segments_in(tmp_path)] == [2000]


def test_where_it_cannot_be_taken_back_a_new_file_is_begun(tmp_path, monkeypatch):
    ring = RingWriter(tmp_path, 0, MEGABYTE)
    ring.append(BLOCK)
    write = os.write

    def refuse(*_what: object) -> None:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:10]))
    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(OSError, match="part"):
        ring.append(BLOCK)
    monkeypatch.undo()
    ring.append(BLOCK)
    assert [one.size_bytes for one in segments_in(tmp_path)] == [1010, 1000]


def test_a_file_that_an_operator_removes_is_begun_anew(tmp_path):
    ring = RingWriter(tmp_path, 0, MEGABYTE)
    ring.append(BLOCK)
    (tmp_path / "0-00000001.flights").unlink()
    ring.append(BLOCK)
    assert [one.size_bytes for one in segments_in(tmp_path)] == [1000]
