"""One line per request, in ``key=value`` form that grep and awk read.

::

    time=2026-03-01T12:00:00.123Z id=3f2a-1c client=192.0.2.7 method=GET path="/atlas/f 1" status=302 bytes=0
    ms=0.214 cache=hit endpoint=uvic agent="davix/0.8.4"          (on one line)

Lines are gathered and written every ``FLUSH_S`` or ``FLUSH_BYTES``, because a system call per line would cost more than the
answer. What a client sends is quoted, and control characters are escaped, so a line is always a line.
"""

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from ugrpy.core.clock import Clock
from ugrpy.core.errors import ConfigError

FLUSH_S = 0.5
FLUSH_BYTES = 32 * 1024
# Some programs end a line at other characters than the line feed, and terminals obey those of the second block of controls.
_SPECIAL = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029"\\]')
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    0x2028: "\\u2028",
    0x2029: "\\u2029",
    ord('"'): '\\"',
    ord("\\"): "\\\\",
}


@dataclass(slots=True)
class Access:
    """What is said of one request; ``endpoint`` and ``cache`` are empty when they played no part."""

    id: str
    client: str
    method: str
    target: str
    status: int
    size_bytes: int
    took_s: float
    cache: str = ""
    endpoint: str = ""
    agent: str = ""


class AccessLog:
    """Writes access lines to a file, or to stderr for ``-``. Raises ``ConfigError`` when it cannot be opened."""

    def __init__(self, where: str, clock: Clock) -> None:
        self._clock = clock
        self._pending: list[str] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self._second = -1
        self._stamp = ""
        self._file: BinaryIO
        if where == "-":
            self._file = sys.stderr.buffer
        else:
            try:
                self._file = Path(where).open("ab", buffering=0)  # noqa: SIM115 - lives as long as the service
            except OSError as error:
                raise ConfigError(
                    f"cannot open {where}: {error.strerror}", where="service.access_log"
                ) from error

    def write(self, access: Access) -> None:
        """Remember a line; it is in the file within half a second."""
        line = self._line(access)
        self._pending.append(line)
        self._size += len(line)
        if self._size >= FLUSH_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self.flush)

    def flush(self) -> None:
        """Write what is pending. A full disk or a closed pipe loses lines, never requests."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        data = "".join(self._pending).encode("utf-8", "backslashreplace")
        self._pending.clear()
        self._size = 0
        try:
            os.write(self._file.fileno(), data)
        except (OSError, ValueError):
            return

    def close(self) -> None:
        """Write what is pending and close the file."""
        self.flush()
        if self._file is not sys.stderr.buffer:
            self._file.close()

    def _line(self, access: Access) -> str:
        now = self._clock.wall()
        second = int(now)
        if second != self._second:
            self._second, self._stamp = second, _utc(second)
        method, target, agent = access.method, access.target, access.agent
        if _SPECIAL.search(method + target + agent):
            method, target, agent = _quoted(method), _quoted(target), _quoted(agent)
        cache = f" cache={access.cache}" if access.cache else ""
        endpoint = f" endpoint={access.endpoint}" if access.endpoint else ""
        agent = f' agent="{agent}"' if agent else ""
        return (
            f"time={self._stamp}.{int(now * 1000) % 1000:03d}Z id={access.id} client={access.client} "
            f'method={method} path="{target}" status={access.status} '
            f"bytes={access.size_bytes} ms={access.took_s * 1000:.3f}{cache}{endpoint}{agent}\n"
        )


@contextmanager
def opened_log(where: str, clock: Clock) -> Iterator[AccessLog | None]:
    """The log at ``where``, closed at the end; ``None`` for ``""``. Raises ``ConfigError`` when it cannot be opened."""
    if not where:
        yield None
        return
    access_log = AccessLog(where, clock)
    try:
        yield access_log
    finally:
        access_log.close()


def _quoted(text: str) -> str:
    return text.translate(_ESCAPES)


def _utc(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
