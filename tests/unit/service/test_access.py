"""One line per request: what it says, what it escapes, when it is written, and that it never costs a request."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ugrpy.core.errors import ConfigError
from ugrpy.service import access
from ugrpy.service.access import FLUSH_BYTES, Access, AccessLog, opened_log
from ugrpy.testing import FakeClock

# The log writes to its file from the loop, on purpose: these tests are plain functions and run loops of their own.


def an_access(**changes) -> Access:
    facts = {
        "id": "3f2a-1c",
        "client": "192.0.2.7",
        "method": "GET",
        "target": "/atlas/f%201?x",
        "status": 302,
        "size_bytes": 0,
        "took_s": 0.0002144,
    }
    return Access(**{**facts, **changes})


def written(tmp_path: Path, *accesses: Access) -> str:
    """What is in the file after these lines and the end of the service."""

    async def use() -> None:
        log = AccessLog(str(tmp_path / "access.log"), FakeClock())
        for one in accesses:
            log.write(one)
        log.close()

    asyncio.run(use())
    return (tmp_path / "access.log").read_text()


def test_the_line_exactly(tmp_path):
    line = written(
        tmp_path, an_access(cache="hit", endpoint="uvic", agent="davix/0.8.4 libcurl/7.88")
    )
    assert line == (
        "time=2023-11-14T22:13:20.000Z id=3f2a-1c client=192.0.2.7 method=GET "
        'path="/atlas/f%201?x" status=302 bytes=0 ms=0.214 cache=hit endpoint=uvic '
        'agent="davix/0.8.4 libcurl/7.88"\n'
    )


def test_what_played_no_part_is_left_out(tmp_path):
    line = written(tmp_path, an_access(status=404, size_bytes=187, took_s=1.5))
    assert line.endswith(' path="/atlas/f%201?x" status=404 bytes=187 ms=1500.000\n')


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ('say "hello"', r"say \"hello\""),
        ("back\\slash", r"back\\slash"),
        ("two\r\nlines", r"two\x0d\x0alines"),
        ("\x1b[31mred\x7f\x00", r"\x1b[31mred\x7f\x00"),
        ("café ☃", "café ☃"),
        ("a\x85b\u2028c\u2029d\x9b", r"a\x85b\u2028c\u2029d\x9b"),
        ("\udcff", r"\udcff"),
    ],
)
def test_a_client_cannot_write_lines_of_its_own(tmp_path, sent, logged):
    line = written(tmp_path, an_access(target=f"/{sent}", agent=sent))
    assert f'path="/{logged}" ' in line
    assert line.endswith(f'agent="{logged}"\n')
    assert line.count("\n") == 1


def test_a_method_is_escaped_too(tmp_path):
    assert r'method=G\"ET path="' in written(tmp_path, an_access(method='G"ET'))


def test_the_stamp_follows_the_clock(tmp_path):
    clock = FakeClock()

    async def use() -> None:
        log = AccessLog(str(tmp_path / "log"), clock)
        log.write(an_access())
        clock.advance(0.25)
        log.write(an_access())
        clock.advance(60)
        log.write(an_access())
        log.close()

    asyncio.run(use())
    stamps = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert stamps == [
        "time=2023-11-14T22:13:20.000Z",
        "time=2023-11-14T22:13:20.250Z",
        "time=2023-11-14T22:14:20.250Z",
    ]


def test_lines_are_written_soon_and_together(tmp_path, monkeypatch):
    monkeypatch.setattr(access, "FLUSH_S", 0.02)
    path = tmp_path / "log"

    async def use() -> tuple[int, int]:
        log = AccessLog(str(path), FakeClock())
        log.write(an_access())
        log.write(an_access())
        at_once = path.stat().st_size
        async with asyncio.timeout(5):
            while path.stat().st_size == 0:
                await asyncio.sleep(0.005)
        soon = len(path.read_text().splitlines())
        log.close()
        return at_once, soon

    assert asyncio.run(use()) == (0, 2)


def test_many_lines_do_not_wait(tmp_path):
    path = tmp_path / "log"
    line = len(written(tmp_path, an_access()))

    async def use() -> None:
        log = AccessLog(str(path), FakeClock())
        enough = -(-FLUSH_BYTES // line)
        for _ in range(enough - 1):
            log.write(an_access())
        assert path.stat().st_size == 0
        log.write(an_access())
        assert path.stat().st_size == enough * line
        log.close()

    asyncio.run(use())
    assert path.stat().st_size >= FLUSH_BYTES


def test_lines_are_added_to_what_is_there(tmp_path):
    (tmp_path / "access.log").write_text("before\n")
    assert written(tmp_path, an_access()).startswith("before\ntime=")


def test_a_full_disk_loses_lines_and_nothing_else():
    async def use() -> None:
        log = AccessLog("/dev/full", FakeClock())
        log.write(an_access())
        log.flush()
        log.write(an_access())
        log.close()

    asyncio.run(use())


def test_a_closed_file_loses_lines_and_nothing_else(tmp_path):
    async def use() -> None:
        log = AccessLog(str(tmp_path / "log"), FakeClock())
        log.close()
        log.write(an_access())
        log.flush()
        log.close()

    asyncio.run(use())
    assert (tmp_path / "log").read_text() == ""


def test_a_reader_that_left_loses_lines_and_nothing_else(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def use(reader: int) -> None:
        log = AccessLog(str(fifo), FakeClock())
        os.close(reader)
        log.write(an_access())
        log.close()

    asyncio.run(use(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)))


def test_it_says_when_it_cannot_be_opened(tmp_path):
    with pytest.raises(ConfigError, match=r"service\.access_log: cannot open .*: Is a directory"):
        AccessLog(str(tmp_path), FakeClock())


def test_a_dash_is_stderr():
    code = (
        "import asyncio\n"
        "from tests.unit.service.test_access import an_access\n"
        "from ugrpy.service.access import AccessLog\n"
        "from ugrpy.testing import FakeClock\n"
        "async def use():\n"
        "    log = AccessLog('-', FakeClock()); log.write(an_access()); log.close()\n"
        "asyncio.run(use()); import sys; print('still open', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    first, second = done.stderr.splitlines()
    assert first.startswith("time=2023-11-14T22:13:20.000Z id=3f2a-1c ")
    assert second == "still open"


def test_a_log_is_opened_for_as_long_as_it_is_needed(tmp_path):
    where = tmp_path / "access.log"

    async def use() -> None:
        with opened_log(str(where), FakeClock()) as log:
            assert log is not None
            log.write(an_access())

    asyncio.run(use())
    assert where.read_text().count("\n") == 1


def test_without_a_file_there_is_no_log():
    with opened_log("", FakeClock()) as log:
        assert log is None


def test_a_log_that_cannot_be_opened_is_told(tmp_path):
    with (
        pytest.raises(ConfigError, match=r"service\.access_log"),
        opened_log(str(tmp_path), FakeClock()),
    ):
        pass
