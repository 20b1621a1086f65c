"""What does the caller do when storage behaves like *this*? An endpoint that follows a script, in memory.

::

    uvic = ScriptedEndpoint("uvic", latency_s=0.02)
    uvic.add_file("/atlas/f", size_bytes=10)             # stat, and the listings of /atlas and of /
    uvic.on("/slow", Reply(Found(entry), after_s=3.0))
    uvic.on("/flaky", Reply(error=TimedOut("...")), Reply(Absent()))   # first this, then always that
    uvic.on("/dead", HANG)
    uvic.everything(HANG)                                # from now on, whatever is asked

It sleeps by ``asyncio.sleep``, so under ``VirtualLoop`` a three-second answer costs nothing. What it cannot imitate:
connections, pools, bytes on the wire. ``StorageElement`` does those.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from ugrpy.core.urls import join_url
from ugrpy.endpoints.base import Children, Features, Probe, ReadingOnly, Verb
from ugrpy.namespace.model import Absent, Digest, EndpointId, Entry, Found, Kind, Observation

_ROOT = Entry("", Kind.COLLECTION)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: after ``after_s`` (``None``: the endpoint's latency) an observation, or ``error`` raised, or nothing ever.

    A listing hands ``children`` over in pieces of ``piece_size`` (0: all at once), ``gap_s`` after each, before the
    observation is returned; with an *unknown* observation that is a listing that breaks off.
    """

    observation: Observation = field(default_factory=Absent)
    children: tuple[Entry, ...] = ()
    after_s: float | None = None
    error: BaseException | None = None
    hangs: bool = False
    piece_size: int = 0
    gap_s: float = 0.0

    def pieces(self) -> Iterator[Sequence[Entry]]:
        """The children as they are handed over."""
        step = self.piece_size or max(1, len(self.children))
        for start in range(0, len(self.children), step):
            yield self.children[start : start + step]


HANG = Reply(hangs=True)


class ScriptedEndpoint(ReadingOnly):
    """An ``Endpoint`` in memory. What the script does not mention is absent; the root is a collection.

    ``calls`` holds (verb, path) in order of arrival with the verbs ``stat``, ``list``, ``probe`` and ``url``;
    ``cancelled`` those that were given up by the caller; ``pending`` how many are being answered now.
    ``probe_reply`` is what ``probe`` says, ``None`` lets it hang.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str = "",
        features: Features | None = None,
        latency_s: float = 0.0,
    ) -> None:
        self._id = EndpointId(name)
        self._base_url = base_url or f"https://{name}.example"
        self._features = features or Features(dialect="scripted")
        self.latency_s = latency_s
        self.calls: list[tuple[str, str]] = []
        self.cancelled: list[tuple[str, str]] = []
        self.pending = 0
        self.closed = False
        self.probe_reply: Probe | None = Probe(alive=True, latency_s=latency_s, status=200)
        self._replies: dict[str, list[Reply]] = {"/": [Reply(Found(_ROOT))]}
        self._overriding: Reply | None = None
        self._asked: Counter[tuple[str, str]] = Counter()

    # -- the script -------------------------------------------------------------------------------

    def on(self, path: str, *replies: Reply) -> None:
        """Answer questions for ``path`` by these in turn, the last one for ever; each verb counts for itself."""
        if not replies:
            raise ValueError("at least one reply is needed")
        self._replies[path] = list(replies)
        for verb in ("stat", "list"):
            self._asked.pop((verb, path), None)

    def everything(self, reply: Reply | None) -> None:
        """Answer every question by this one; ``None`` goes back to the script."""
        self._overriding = reply

    def add_file(
        self,
        path: str,
        size_bytes: int | None = 0,
        mtime_s: int | None = None,
        digests: tuple[Digest, ...] = (),
    ) -> Entry:
        """A file, listed in its collection; missing collections above it are made."""
        entry = Entry(_name(path), Kind.FILE, size_bytes, mtime_s, digests)
        self._add(path, entry)
        return entry

    def add_collection(self, path: str, mtime_s: int | None = None) -> Entry:
        """An empty collection, with those above it."""
        entry = Entry(_name(path), Kind.COLLECTION, mtime_s=mtime_s)
        self._add(path, entry)
        return entry

    def _add(self, path: str, entry: Entry) -> None:
        self.on(path, Reply(Found(entry)))
        parent = path.rpartition("/")[0] or "/"
        if parent not in self._replies:
            self.add_collection(parent)
        last = self._replies[parent][-1]
        siblings = tuple(child for child in last.children if child.name != entry.name)
        self.on(parent, Reply(last.observation, (*siblings, entry)))

    # -- the contract -----------------------------------------------------------------------------

    @property
    def id(self) -> EndpointId:
        """The configured name."""
        return self._id

    @property
    def base_url(self) -> str:
        """``https://NAME.example`` unless told otherwise."""
        return self._base_url

    @property
    def features(self) -> Features:
        """What it can do."""
        return self._features

    @property
    def trouble(self) -> str:
        """Whatever goes wrong here was scripted."""
        return ""

    async def stat(self, path: str) -> Observation:
        """As scripted."""
        with self._recorded("stat", path):
            return (await self._reply("stat", path)).observation

    async def list(self, path: str, children: Children) -> Observation:
        """As scripted: first the children in their pieces, then the observation."""
        with self._recorded("list", path):
            reply = await self._reply("list", path)
            for piece in reply.pieces():
                children(piece)
                await asyncio.sleep(reply.gap_s)
            return reply.observation

    def url(self, path: str, verb: Verb = Verb.GET) -> str:
        """The base URL with the encoded path; the verb makes no difference."""
        self.calls.append(("url", path))
        return join_url(self._base_url, path)

    async def probe(self) -> Probe:
        """``probe_reply`` after the endpoint's latency."""
        with self._recorded("probe", "/"):
            reply = self.probe_reply
            if reply is None:
                await _for_ever()
            await asyncio.sleep(self.latency_s)
            return reply

    async def close(self) -> None:
        """Remembered in ``closed``."""
        self.closed = True

    # -- inside -----------------------------------------------------------------------------------

    @contextmanager
    def _recorded(self, verb: str, path: str) -> Iterator[None]:
        self.calls.append((verb, path))
        self.pending += 1
        try:
            yield
        except asyncio.CancelledError:
            self.cancelled.append((verb, path))
            raise
        finally:
            self.pending -= 1

    async def _reply(self, verb: str, path: str) -> Reply:
        reply = self._next_reply(verb, path)
        if reply.hangs:
            await _for_ever()
        await asyncio.sleep(self.latency_s if reply.after_s is None else reply.after_s)
        if reply.error is not None:
            raise reply.error
        return reply

    def _next_reply(self, verb: str, path: str) -> Reply:
        if self._overriding is not None:
            return self._overriding
        replies = self._replies.get(path, [Reply()])
        nth = self._asked[verb, path]
        self._asked[verb, path] += 1
        return replies[min(nth, len(replies) - 1)]

    def __repr__(self) -> str:
        return (
            f"<ScriptedEndpoint {self._id}: {len(self._replies)} names, {len(self.calls)} calls, "
            f"{self.pending} pending, {len(self.cancelled)} cancelled>"
        )


def _name(path: str) -> str:
    if not path.startswith("/") or path == "/" or path.endswith("/"):
        raise ValueError(f"not the path of a name below the root: {path!r}")
    return path.rpartition("/")[2]


async def _for_ever() -> NoReturn:
    # A bare future: under VirtualLoop a caller without a deadline is then found out as a deadlock.
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody completes this future")
