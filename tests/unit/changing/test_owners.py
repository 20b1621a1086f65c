"""Whose operation: this process's, one's that has ended, or one's whose id somebody else has now."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ugrpy.changing import owners
from ugrpy.changing.owners import is_orphan, numbered, started


@pytest.fixture(autouse=True)
def _afresh():
    yield
    owners._boot.cache_clear()


def test_an_operation_of_a_living_process_is_its_own():
    first, second = numbered(), numbered()
    assert first != second
    assert first.startswith(f"{os.getpid()}.")
    assert not is_orphan(first)


def test_an_operation_of_a_process_that_ended_is_nobodys():
    code = "from ugrpy.changing.owners import numbered; print(numbered())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    number = said.stdout.strip()
    assert number.count(".") == 2
    assert is_orphan(number)


def test_a_child_does_not_take_over_the_name_of_its_parent():
    numbered()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, numbered().encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    number = os.read(reading, 1000).decode()
    os.close(reading)
    assert number.startswith(f"{pid}.")
    assert is_orphan(number)


def test_a_process_with_the_id_of_another_is_not_taken_for_it():
    pid, start, unique = numbered().split(".")
    ticks, boot = start.split("-")
    assert not is_orphan(f"{pid}.{ticks}-{boot}.{unique}")
    assert is_orphan(f"{pid}.{int(ticks) - 1}-{boot}.{unique}")
    assert is_orphan(f"{pid}.{ticks}-00000000.{unique}")  # before the machine was started anew


@pytest.mark.parametrize(
    "number", ["", "1", "x.1-a.2", "-1.1-a.2", "².1-a.2", "999999999..5f", "."]
)
def test_what_no_process_wrote_is_nobodys(number):
    assert is_orphan(number)


@pytest.mark.parametrize(
    ("stat", "ticks"),
    [
        ("7 (a) S " + " ".join(map(str, range(4, 53))), "22"),
        ("7 (a) b) (c) S " + " ".join(map(str, range(4, 53))), "22"),
        ("7 (cut off", ""),
        ("", ""),
    ],
)
def test_the_start_is_read_behind_whatever_a_command_is_called(tmp_path, monkeypatch, stat, ticks):
    monkeypatch.setattr(owners, "PROC", tmp_path)
    boot = tmp_path / "sys/kernel/random/boot_id"
    boot.parent.mkdir(parents=True)
    boot.write_text("1f0c9a52-0000\n")
    owners._boot.cache_clear()
    (tmp_path / "7").mkdir()
    Path(tmp_path / "7" / "stat").write_text(stat)
    assert started(7) == (f"{ticks}-1f0c9a52" if ticks else "")
    assert started(8) == ""
