"""What do the storages, the journal and the gateway's process do in the machine of changes?

Storages fail as their mood is, the journal outlives whoever writes to it, and a process may die before and after each of its dealings with either.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import TypeVar

from ugrpy.endpoints.base import Children, Probe, ReadingOnly, Verb
from ugrpy.journal.memory import MemoryJournal
from ugrpy.namespace.changes import Operation, Record, Upload
from ugrpy.namespace.model import Cause, EndpointId, Kind, Observation, Unknown
from ugrpy.namespace.outcomes import Outcome
from ugrpy.testing import Act, ScriptedEndpoint

T = TypeVar("T")

# as the adapters' own time limit
GIVE_UP_S = 8.0
TIMED_OUT = Unknown(Cause.TIMEOUT, "silent")

Version = int | None


class Mood(Enum):
    """How a storage behaves."""

    WELL = "well"
    BEFORE = "fails before it has changed anything"
    AFTER = "changes it and then fails to say so"
    HANGS_BEFORE = "is silent, and has not changed anything"
    HANGS_AFTER = "changes it and is silent"
    DOWN = "refuses connections"
    MUTE = "answers nothing at all"


ACTS = {
    Mood.BEFORE: Act(done=False, told=Unknown(Cause.FAILED, "broken")),
    Mood.AFTER: Act(told=Unknown(Cause.FAILED, "broken")),
    Mood.HANGS_BEFORE: Act(done=False, told=TIMED_OUT, until_told_s=GIVE_UP_S),
    Mood.HANGS_AFTER: Act(told=TIMED_OUT, until_told_s=GIVE_UP_S),
    Mood.DOWN: Act(done=False, told=Unknown(Cause.UNREACHABLE, "refused")),
    Mood.MUTE: Act(done=False, told=TIMED_OUT, until_told_s=GIVE_UP_S),
}
VERBS = ("make_collection", "delete", "move", "copy")


class Storage(ScriptedEndpoint):
    """A small tree that takes changes, and behaves as its mood is."""

    def __init__(self, name: EndpointId) -> None:
        super().__init__(name, latency_s=0.01, writable=True)
        self.mood = Mood.WELL
        for folder in ("/d", "/e"):
            self.add_collection(folder)

    def become(self, mood: Mood) -> None:
        self.mood = mood
        for verb in VERBS:
            self.acts(verb, ACTS.get(mood, Act()))

    async def stat(self, path: str) -> Observation:
        return await self._mute() or await super().stat(path)

    async def list(self, path: str, children: Children) -> Observation:
        return await self._mute() or await super().list(path, children)

    async def probe(self) -> Probe:
        silence = await self._mute()
        return Probe(alive=silence is None, latency_s=0.01)

    async def _mute(self) -> Unknown | None:
        match self.mood:
            case Mood.DOWN:
                return Unknown(Cause.UNREACHABLE, "refused")
            case Mood.MUTE:
                await asyncio.sleep(GIVE_UP_S)
                return TIMED_OUT
            case _:
                return None

    def version(self, path: str) -> Version:
        """The version of a file that is really there."""
        if path not in self.script.files:
            return None
        return version_in(self.script.content_at(path))


def content_of(version: int) -> bytes:
    """The number, in as many bytes as no other version has, and no part of one."""
    return b"%06d" % version + b"." * (10 * version)


def size_of(version: int) -> int:
    """In bytes; a negative version is a part."""
    return len(content_of(abs(version))) - (3 if version < 0 else 0)


def version_in(content: bytes) -> int:
    """Negative when it is a part only."""
    version = int(content[:6])
    return version if content == content_of(version) else -version


class Process:
    """One life of the gateway. It dies after ``steps_left`` more dealings with the world outside, if that is not ``None``."""

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.steps_left: int | None = None
        self.died = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    async def step(self) -> None:
        """Called before and after each dealing with the world outside; does not return to the dead."""
        if self.steps_left == 0:
            self.died.set()
        if self.died.is_set():
            await asyncio.get_running_loop().create_future()
        if self.steps_left is not None:
            self.steps_left -= 1

    async def deal(self, work: Callable[[], Awaitable[T]]) -> T:
        """One dealing with the world outside, during which the process may die as well."""
        await self.step()
        result = await work()
        await self.step()
        return result


class Connected(ReadingOnly):
    """A storage as one process sees it."""

    def __init__(self, storage: Storage, process: Process) -> None:
        self._storage = storage
        self._deal = process.deal
        self.id = storage.id
        self.base_url = storage.base_url
        self.features = storage.features
        self.trouble = ""

    def url(self, path: str, verb: Verb = Verb.GET) -> str:
        return self._storage.url(path, verb)

    async def close(self) -> None:
        pass

    async def probe(self) -> Probe:
        return await self._storage.probe()

    async def stat(self, path: str) -> Observation:
        return await self._deal(lambda: self._storage.stat(path))

    async def list(self, path: str, children: Children) -> Observation:
        return await self._deal(lambda: self._storage.list(path, children))

    async def make_collection(self, path: str) -> Outcome:
        return await self._deal(lambda: self._storage.make_collection(path))

    async def delete(self, path: str, kind: Kind) -> Outcome:
        return await self._deal(lambda: self._storage.delete(path, kind))

    async def move(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        return await self._deal(lambda: self._storage.move(path, target, kind, overwrite=overwrite))

    async def copy(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        return await self._deal(lambda: self._storage.copy(path, target, kind, overwrite=overwrite))


class Kept(MemoryJournal):
    """The journal, which outlives the processes that write to it; ``process`` is the one that lives."""

    process: Process

    async def write(self, puts: Sequence[Record] = (), drops: Sequence[Record] = ()) -> None:
        await self.process.deal(lambda: super(Kept, self).write(puts, drops))

    async def begin(self, operation: Operation) -> Operation | None:
        return await self.process.deal(lambda: super(Kept, self).begin(operation))

    async def take(self, operation: Operation, number: str) -> bool:
        return await self.process.deal(lambda: super(Kept, self).take(operation, number))

    async def claim(self, upload: Upload, after: str) -> Upload | Operation | None:
        return await self.process.deal(lambda: super(Kept, self).claim(upload, after))
