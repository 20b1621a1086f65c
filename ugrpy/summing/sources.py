"""Who can tell a checksum that is not known yet, and in which order are they asked?

First the storages, the one that is best for the client before the others, since one of them may only have to look it up. Then the external
command, then the bytes themselves. All of it takes long, so it is bounded: so many commands and readings at once and no more.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum

from ugrpy.endpoints.base import Verb
from ugrpy.federation.members import Members
from ugrpy.namespace.model import Absent, Denied, Digest, Unknown
from ugrpy.namespace.outcomes import DigestAnswer, Told
from ugrpy.summing.command import ask_command
from ugrpy.summing.computing import compute
from ugrpy.summing.copies import Copy
from ugrpy.summing.settings import SumSettings

# A storage that sends nothing for so long while a file is read from it will not send the rest either.
IDLE_S = 30.0
# A storage that computes keeps the connection busy for so long; the others of its connections stay free for questions that are quick.
MOST_AT_A_STORAGE = 16


class Source(StrEnum):
    """Where a checksum comes from."""

    KNOWN = "known"
    STORAGE = "storage"
    COMMAND = "command"
    COMPUTED = "computed"
    NONE = "none"


class Sources:
    """Asks them. Of what is slow and ours, ``at_once`` may go on for clients, and one more for ``comparing`` while no client needs it."""

    def __init__(self, members: Members, settings: SumSettings) -> None:
        self._members = members
        self._settings = settings
        self._room = asyncio.Semaphore(settings.at_once)
        self._at_storage = {member.id: asyncio.Semaphore(MOST_AT_A_STORAGE) for member in members}
        self._wanted = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __repr__(self) -> str:
        return f"<Sources, {self._wanted} files read or waiting>"

    @property
    def offered(self) -> tuple[Source, ...]:
        """Those that there are, in the order in which they are asked."""
        return (
            Source.STORAGE,
            *((Source.COMMAND,) if self._settings.command else ()),
            *((Source.COMPUTED,) if self._settings.compute else ()),
        )

    async def ask(
        self, source: Source, copy: Copy, wanted: Sequence[str], *, comparing: bool = False
    ) -> DigestAnswer:
        """What this source says of this copy."""
        if source is Source.STORAGE:
            return await self._storage(copy, wanted)
        async with self._turn(comparing=comparing):
            for algorithm in wanted:
                if source is Source.COMMAND:
                    said = await self._command(copy, algorithm)
                else:
                    endpoint = self._members[copy.endpoint].endpoint
                    said = await compute(endpoint, copy, algorithm, idle_s=IDLE_S)
                if said != Told():
                    return said
        return Told()

    async def _storage(self, copy: Copy, wanted: Sequence[str]) -> DigestAnswer:
        member = self._members[copy.endpoint]
        if not member.tells_checksums:
            return Told()
        async with self._at_storage[copy.endpoint]:
            return await member.endpoint.digest(copy.remote, wanted)

    async def _command(self, copy: Copy, algorithm: str) -> DigestAnswer:
        url = self._members[copy.endpoint].endpoint.url(copy.remote, Verb.GET)
        return await ask_command(self._settings.command, url, algorithm)

    @asynccontextmanager
    async def _turn(self, *, comparing: bool) -> AsyncIterator[None]:
        if comparing:
            await self._idle.wait()
            yield
            return
        self._wanted += 1
        self._idle.clear()
        try:
            async with self._room:
                yield
        finally:
            self._wanted -= 1
            if not self._wanted:
                self._idle.set()


def told(said: DigestAnswer) -> tuple[Digest, ...]:
    """The checksums in an answer."""
    return said.digests if isinstance(said, Told) else ()


def reason(said: DigestAnswer) -> str:
    """Why there are none in it, for clients; empty when the source merely has none to tell."""
    match said:
        case Unknown(detail=detail) | Denied(detail=detail):
            return detail or "no usable answer"
        case Absent():
            return "the file has gone"
        case Told():
            return ""
