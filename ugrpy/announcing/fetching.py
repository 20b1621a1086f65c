"""How is a calendar come by: from a file or by HTTP, not longer than allowed, and not again when nothing has changed?"""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from ugrpy.announcing.settings import Feed
from ugrpy.core.errors import DataError, Malformed
from ugrpy.transport.client import Reply, Transport
from ugrpy.transport.options import TransportOptions

MAX_HOPS = 3
TIMEOUT_S = 60.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_VALIDATORS = (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since"))


@dataclass(slots=True)
class Fetching:
    """One calendar as it was last read."""

    feed: Feed
    max_bytes: int
    timeout_s: float = TIMEOUT_S
    _validators: dict[str, str] = field(default_factory=dict)
    _stamp: tuple[int, int, int] | None = None

    async def fetch(self) -> bytes | None:
        """The calendar, ``None`` when it is as it was. Raises ``EndpointError``, ``OSError`` or ``DataError``."""
        if self.feed.is_remote:
            return await self._fetch_remote()
        return await asyncio.to_thread(self._read_file, Path(self.feed.source))

    def forget(self) -> None:
        """What was read could not be used: read it again next time."""
        self._validators = {}
        self._stamp = None

    def _read_file(self, path: Path) -> bytes | None:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            stamp = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
            if stamp == self._stamp:
                return None
            data = file.read(self.max_bytes + 1)
        self._check_length(len(data))
        self._stamp = stamp
        return data

    async def _fetch_remote(self) -> bytes | None:
        options = TransportOptions(
            ca_file=self.feed.ca_file, total_timeout_s=self.timeout_s, max_connections=1
        )
        transport = Transport(self.feed.called, options)
        try:
            url = self.feed.source
            for _hop in range(MAX_HOPS + 1):
                async with transport.exchange("GET", url, headers=self._validators) as reply:
                    if reply.status in _REDIRECTS:
                        url = _target(url, reply)
                        continue
                    return await self._content(reply)
            raise Malformed(f"redirected more than {MAX_HOPS} times", endpoint=self.feed.called)
        finally:
            await transport.close()

    async def _content(self, reply: Reply) -> bytes | None:
        if reply.status == 304 and self._validators:
            return None
        if reply.status != 200:
            raise Malformed(f"it answered {reply.status}", endpoint=self.feed.called)
        pieces: list[bytes] = []
        length = 0
        async for piece in reply.content.iter_any():
            length += len(piece)
            self._check_length(length)
            pieces.append(piece)
        self._validators = _validators_of(reply.headers)
        return b"".join(pieces)

    def _check_length(self, length: int) -> None:
        if length > self.max_bytes:
            raise DataError(f"it is longer than {self.max_bytes} bytes")


def _validators_of(headers: Mapping[str, str]) -> dict[str, str]:
    return {ask: headers[told] for told, ask in _VALIDATORS if told in headers}


def _target(url: str, reply: Reply) -> str:
    target = urljoin(url, reply.headers.get("Location", ""))
    if url.startswith("https:") and not target.startswith("https:"):
        raise Malformed("redirected from https to http")
    if not target.startswith(("http:", "https:")):
        raise Malformed("redirected to nowhere")
    return target
