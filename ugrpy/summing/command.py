"""What does an external program say a file's checksum is?

The contract is that of DynaFed's checksum script (``reference`` row D91): its last two arguments are a URL that the file can be read from,
signed where the storage signs, and the name of the algorithm; it prints a line ::

    >>>>> HASH 03da0195

and exits with 0. No shell is involved. The program leads a process group of its own, which is killed as a whole when it takes too long or
says too much, so that what it has started does not outlive it.
"""

import asyncio
import os
import re
import signal
from collections.abc import Sequence
from contextlib import suppress

import structlog

from ugrpy.namespace.model import Cause, Digest, Unknown
from ugrpy.namespace.outcomes import DigestAnswer, Told
from ugrpy.webdav.checksums import parse_checksums

log = structlog.get_logger("ugrpy.checksums")

MOST_BYTES = 64 * 1024
_TAIL_BYTES = 500
_STANDARD_ERROR = 2
# What was killed is gone at once, unless the kernel cannot let go of it.
_KILLED_S = 5.0
_HASH = re.compile(rb"^>>>>> HASH (\S{1,200})\s*$", re.MULTILINE)
# what programs need to find their way; secrets of ours are not among it
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "X509_CERT_DIR",
)


def parse_hash(output: bytes, algorithm: str) -> Digest | None:
    """What the last line of the agreed form says; ``None`` when there is none, or no checksum of that algorithm in it."""
    said = _HASH.findall(output)
    value = said[-1].decode("ascii", "replace") if said else ""
    return next((one for one in parse_checksums(f"{algorithm}={value}")), None)


class _Saying(asyncio.SubprocessProtocol):
    """What a program says until it and all that hold its output have ended, or until it says too much."""

    def __init__(self) -> None:
        self.output = b""
        self.errors = b""
        self.too_much = False
        loop = asyncio.get_running_loop()
        self.said: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Of errors only the last are of interest."""
        if fd == _STANDARD_ERROR:
            self.errors = (self.errors + data)[-_TAIL_BYTES:]
        elif len(self.output) + len(data) > MOST_BYTES:
            self.too_much = True
            self._end()
        else:
            self.output += data

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self.gone.set_result(None)
        self._end()

    def _end(self) -> None:
        if not self.said.done():
            self.said.set_result(None)


async def ask_command(command: Sequence[str], url: str, algorithm: str) -> DigestAnswer:
    """Run it once. The caller sets the time; cancelling this ends the program."""
    try:
        transport, saying = await asyncio.get_running_loop().subprocess_exec(
            _Saying,
            *(*command, url, algorithm),
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        )
    except (OSError, ValueError) as error:
        log.warning("checksum command cannot be started", command=command[0], error=str(error))
        return Unknown(Cause.FAILED, "the checksum command cannot be started")
    try:
        await saying.said
    finally:
        if not saying.gone.done():
            _kill_group(transport.get_pid())
        transport.close()
        await asyncio.wait({saying.gone}, timeout=_KILLED_S)
    status = transport.get_returncode()
    digest = None if saying.too_much or status else parse_hash(saying.output, algorithm)
    if digest is not None:
        return Told((digest,))
    log.warning(
        "checksum command gives no checksum",
        command=command[0],
        algorithm=algorithm,
        status=status,
        too_much=saying.too_much,
        said=saying.output[-_TAIL_BYTES:].decode("utf-8", "replace"),
        errors=saying.errors.decode("utf-8", "replace"),
    )
    return Unknown(Cause.FAILED, "the checksum command gives no checksum")


def _kill_group(pid: int) -> None:
    """As long as somebody holds its output open, somebody in the group lives, and the number is nobody else's."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
