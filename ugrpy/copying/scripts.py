"""How does an operator's own program carry out a copy?

As DynaFed called its hooks, so that the scripts of a site go on working (row D84). Arguments, in this order::

    1 true or false       whether checksums are to be compared
    2 adler32             of which kind, <nochecksumtype> when the client names none
    3 URL                 where to read
    4 URL or path         where to write
    5                     file of a delegated proxy, empty: none is taken here
    6 Bearer ...          what the other server is to be shown (TransferHeaderAuthorization), or empty
    7 ...                 the headers of ``header_parameters``

On standard output a line says how far it is, and is passed on as a marker::

    monitor: SOURCE DESTINATION AVERAGE INSTANTANEOUS TRANSFERRED ELAPSED

Its exit status says how it ended. What it says on standard error goes where the gateway's log goes. It is started without a shell, in a
process group of its own, which ends when the client leaves.
"""

import asyncio
import os
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ugrpy.copying.job import Job
from ugrpy.copying.relaying import Moved
from ugrpy.core.aio import spawn
from ugrpy.core.errors import Unavailable
from ugrpy.webdav.digests import parse_want_digest

GRACE_S = 2.0
# Longer lines are no monitor's.
MAX_LINE_BYTES = 64 * 1024
_NO_CHECKSUM = "<nochecksumtype>"
_MONITOR = re.compile(r"monitor:\s+\S+\s+\S+\s+\S+\s+\S+\s+([0-9]{1,18})(?:\.[0-9]*)?(?:\s.*)?")


def script_arguments(
    job: Job, source: str, destination: str, parameters: Sequence[str]
) -> tuple[str, ...]:
    """What the program is given. A value with a NUL, which no argument can hold, is as good as none."""
    headers = {name.lower(): value for name, value in job.headers.items()}
    passed = {name.lower(): value for name, value in job.passed.items()}
    algorithms = parse_want_digest(headers.get("want-digest", ""))
    arguments = (
        "false" if job.asked.verify_checksum is False else "true",
        algorithms[0] if algorithms else _NO_CHECKSUM,
        source,
        destination,
        "",
        passed.get("authorization", ""),
        *(headers.get(name.lower(), "") for name in parameters),
    )
    return tuple("" if "\0" in value else value for value in arguments)


def parse_monitor(line: bytes) -> int | None:
    """The bytes that have been transferred, of a monitor's line; ``None`` for any other."""
    found = _MONITOR.fullmatch(line.decode(errors="replace").strip())
    return None if found is None else int(found[1])


def script_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The gateway's environment, but for its own settings."""
    return {name: value for name, value in environ.items() if not name.startswith("UGRPY_")}


@dataclass(frozen=True, slots=True)
class Script:
    """One run of a program."""

    program: str
    arguments: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Script({self.program}, {len(self.arguments)} arguments)"  # some are secrets

    async def __call__(self, moved: Moved) -> None:
        """Raises ``Unavailable`` when it cannot be started or says by its status that it has failed."""
        process = await self._started()
        try:
            await _follow(process, moved)
            status = await process.wait()
        finally:
            await _end(process)
        if status:
            raise Unavailable(f"the script for copies ended with status {status}", status=502)

    async def _started(self) -> asyncio.subprocess.Process:
        """The running program. Whoever is cancelled meanwhile leaves none behind, which asyncio does not see to for a whole group."""
        starting = spawn(self._start(), name="start a script", on_error=_is_raised)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait({starting})
            if starting.exception() is None:
                await _end(starting.result())
            raise
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise Unavailable(
                f"the script for copies cannot be started: {why}", status=502
            ) from error

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            self.program,
            *self.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env=script_environment(os.environ),
            start_new_session=True,
            limit=MAX_LINE_BYTES,
        )


def _is_raised(_error: BaseException) -> None:
    """Where it is waited for."""


async def _follow(process: asyncio.subprocess.Process, moved: Moved) -> None:
    assert process.stdout is not None
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:
            continue  # too long: it has been thrown away
        if not line:
            return
        if (transferred_bytes := parse_monitor(line)) is not None:
            moved.at(transferred_bytes)


async def _end(process: asyncio.subprocess.Process) -> None:
    """See that nothing of it is left, nor of what it has started."""
    _tell_group(process.pid, signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            await process.wait()
    _tell_group(process.pid, signal.SIGKILL)
    await process.wait()


def _tell_group(leader: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, number)
