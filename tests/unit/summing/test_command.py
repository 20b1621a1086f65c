"""What an external program says, and what becomes of one that says it wrongly or never."""

import asyncio
import os
import sys

import pytest

from ugrpy.namespace.model import Digest, Unknown
from ugrpy.namespace.outcomes import Told
from ugrpy.summing.command import MOST_BYTES, ask_command, parse_hash

URL = "http://storage.example/f?signature=s3cr;t&$(x)"


@pytest.mark.parametrize(
    ("output", "algorithm", "value"),
    [
        (b">>>>> HASH 03da0195\n", "adler32", "03da0195"),
        (b">>>>> HASH 3DA0195", "adler32", "03da0195"),
        (b"fetching\n>>>>> HASH kAFQmDzST7DWlj99KOF/cg==\ndone\n", "md5", "900150983cd24fb0d6963f7d28e17f72"),
        (b">>>>> HASH 00000001\n>>>>> HASH 00000002\r\n", "adler32", "00000002"),
        (b"x >>>>> HASH 00000001\n", "adler32", None),
        (b">>>>> HASH\n", "adler32", None),
        (b">>>>> HASH 00000001\n", "md5", None),
        (b">>>>> HASH \xff\xff\n", "adler32", None),
        (b"", "adler32", None),
    ],
)  # fmt: skip
def test_the_line_it_prints(output, algorithm, value):
    assert parse_hash(output, algorithm) == (None if value is None else Digest(algorithm, value))


async def test_it_is_given_the_url_and_the_algorithm_and_no_shell():
    program = (
        "import sys; assert sys.argv[2:] == ['md5'], sys.argv; print('>>>>> HASH', sys.argv[1])"
    )
    url = "900150983cd24fb0d6963f7d28e17f72"
    assert await ask_command((sys.executable, "-c", program), url, "md5") == Told(
        (Digest("md5", url),)
    )
    same = f"import sys; sys.argv[1] == {URL!r} and print('>>>>> HASH 1')"
    said = await ask_command((sys.executable, "-c", same), URL, "adler32")
    assert said == Told((Digest("adler32", "00000001"),))


async def test_it_does_not_see_what_is_not_its_business(monkeypatch):
    monkeypatch.setenv("UGRPY_SECRET", "x")
    program = "import os, sys; 'UGRPY_SECRET' in os.environ and sys.exit(1); print('>>>>> HASH 1')"
    assert await ask_command((sys.executable, "-c", program), URL, "adler32") == Told(
        (Digest("adler32", "00000001"),)
    )


@pytest.mark.parametrize(
    "program",
    [
        "import sys; print('>>>>> HASH 1'); sys.exit(2)",
        "print('nothing')",
        f"print('>>>>> HASH 1'); print('x' * {MOST_BYTES})",
        "import sys; sys.stderr.write('x' * 10**6); sys.exit(1)",
    ],
)
async def test_what_it_says_wrongly_is_no_checksum(program):
    said = await ask_command((sys.executable, "-c", program), URL, "adler32")
    assert isinstance(said, Unknown)
    assert "storage.example" not in said.detail


async def test_a_program_that_is_not_there():
    said = await ask_command(("/no/such/program",), URL, "adler32")
    assert said == Unknown(said.cause, "the checksum command cannot be started")  # type: ignore[union-attr]


async def test_who_waits_no_longer_ends_it_with_all_it_has_started(tmp_path):
    pid_file = tmp_path / "pid"
    program = f"echo $$ > {pid_file}; sleep 600 & sleep 600"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await ask_command(("/bin/sh", "-c", program), URL, "adler32")
    group = int(pid_file.read_text())
    for _ in range(500):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the group still lives")
