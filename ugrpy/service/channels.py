"""What may the workers of one host tell each other, and who hears it?

One bus carries several kinds of message; whoever has a part in one registers for its kind, by a short ASCII word. A message of a kind that
nobody here has a part in is confirmed and forgotten. A process that is alone has nobody to tell, and telling costs it nothing.
"""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from ugrpy.core.errors import DataError
from ugrpy.service.bus import Bus, Hear
from ugrpy.service.supervisor import SHARED_DIR

_END_OF_KIND = b"\n"


class Channels:
    """One worker's place among the others. ``folder`` is that of the bus, ``None`` for a process that is alone."""

    def __init__(self, folder: Path | None) -> None:
        self._hearing: dict[str, Hear] = {}
        self._bus = None if folder is None else Bus(folder, self._heard)

    def __repr__(self) -> str:
        return f"<Channels {', '.join(self._hearing)} on {self._bus!r}>"

    @property
    def alone(self) -> bool:
        """Whether there is nobody to tell."""
        return self._bus is None

    @contextmanager
    def hearing(self, kind: str, hear: Hear) -> Iterator[None]:
        """Hear messages of this kind inside the block. When ``hear`` fails, the process ends itself: see ``Bus``."""
        if kind in self._hearing or not kind.isascii() or not kind.isalnum():
            raise ValueError(f"{kind!r} is taken, or no word")
        self._hearing[kind] = hear
        try:
            yield
        finally:
            del self._hearing[kind]

    async def tell(self, kind: str, message: bytes) -> None:
        """Tell all other workers; returns when each has acted on it and confirmed, or is gone."""
        if self._bus is not None:
            await self._bus.tell(kind.encode() + _END_OF_KIND + message)

    async def mention(self, kind: str, message: bytes) -> None:
        """Tell all other workers what they would find out by themselves; returns at once, and one that does not confirm is left in peace."""
        if self._bus is not None:
            await self._bus.mention(kind.encode() + _END_OF_KIND + message)

    async def open(self) -> None:
        """Be heard from now on."""
        if self._bus is not None:
            await self._bus.open()

    async def close(self) -> None:
        """Leave."""
        if self._bus is not None:
            await self._bus.close()

    async def _heard(self, message: bytes) -> None:
        kind, end, content = message.partition(_END_OF_KIND)
        if not end:
            raise DataError("a message between workers is of no kind")
        hear = self._hearing.get(kind.decode("ascii", "replace"))
        if hear is not None:
            await hear(content)


@asynccontextmanager
async def channels_of_host(environ: Mapping[str, str] = os.environ) -> AsyncIterator[Channels]:
    """The place of this process among the workers that the supervisor started with it."""
    shared = environ.get(SHARED_DIR)
    channels = Channels(Path(shared) if shared else None)
    await channels.open()
    try:
        yield channels
    finally:
        await channels.close()
