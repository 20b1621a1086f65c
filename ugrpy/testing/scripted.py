"""What does the caller do when storage behaves like *this*? An endpoint that follows a script, in memory.

::

    uvic = ScriptedEndpoint("uvic", latency_s=0.02)
    uvic.add_file("/atlas/f", size_bytes=10)             # stat, and the listings of /atlas and of /
    uvic.on("/slow", Reply(Found(entry), after_s=3.0))
    uvic.on("/flaky", Reply(error=TimedOut("...")), Reply(Absent()))   # first this, then always that
    uvic.on("/dead", HANG)
    uvic.everything(HANG)                                # from now on, whatever is asked

    uvic = ScriptedEndpoint("uvic", writable=True)       # a little tree that changes change
    uvic.acts("delete", FAILS, Act())                    # the first one is not done, those after it are
    uvic.acts("write", DONE_UNTOLD, path="/atlas/f")     # it is done, and said to be unknown
    uvic.acts("move", HANGS)                             # never done; HANGS_AFTER: done, and never told
    uvic.script.files, uvic.script.collections           # what is there now
    uvic.done                                            # what has really been done

It sleeps by ``asyncio.sleep``, so under ``VirtualLoop`` a three-second answer costs nothing. What it cannot imitate:
connections, pools, bytes on the wire, an upload that can be seen while it grows, a collection that is deleted in part, two
changes that overlap inside the storage (each is done in one step). ``StorageElement`` does the first three of those.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import NoReturn

from ugrpy.core.errors import EndpointError, Failed
from ugrpy.core.urls import join_url
from ugrpy.endpoints.base import Children, Features, Opened, Probe, ReadingOnly, Verb
from ugrpy.namespace.model import (
    Absent,
    Cause,
    Denied,
    Digest,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
    unknown_from,
)
from ugrpy.namespace.outcomes import Conflict, DigestAnswer, Done, Outcome, Space, Told
from ugrpy.testing.acting import (
    BROKEN,
    DONE_UNTOLD,
    FAILS,
    HANGS,
    HANGS_AFTER,
    Act,
    Plan,
    act_of,
    collected,
    opened,
    pieces,
)
from ugrpy.testing.clock import WALL_START_S
from ugrpy.testing.script import HANG, Reply, Script
from ugrpy.webdav.digests import Hasher

__all__ = [
    "DONE_UNTOLD",
    "FAILS",
    "HANG",
    "HANGS",
    "HANGS_AFTER",
    "Act",
    "Reply",
    "ScriptedEndpoint",
]


class ScriptedEndpoint(ReadingOnly):
    """An ``Endpoint`` in memory. What the script does not mention is absent; the root is a collection.

    ``calls`` holds (verb, path) in order of arrival with the names of the verbs;
    ``cancelled`` those that were given up by the caller; ``pending`` how many are being answered now; ``done`` the changes
    that took place, as (verb, path) or (verb, path, target). ``probe_reply`` is what ``probe`` says, ``None`` lets it hang.
    ``told_digests`` are the algorithms it can compute.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str = "",
        features: Features | None = None,
        latency_s: float = 0.0,
        writable: bool | None = None,
    ) -> None:
        self._id = EndpointId(name)
        self._base_url = base_url or f"https://{name}.example"
        self._features = features or Features(dialect="scripted")
        if writable is not None:
            self.writable = writable
        self.latency_s = latency_s
        self.calls: list[tuple[str, str]] = []
        self.cancelled: list[tuple[str, str]] = []
        self.done: list[tuple[str, ...]] = []
        self.pending = 0
        self.closed = False
        self.probe_reply: Probe | None = Probe(alive=True, latency_s=latency_s, status=200)
        self.told_digests: tuple[str, ...] = ("adler32", "md5")
        self.script = Script()
        self._plan = Plan()

    # -- the script -------------------------------------------------------------------------------

    def on(self, path: str, *replies: Reply) -> None:
        """Answer questions for ``path`` by these in turn, the last one for ever; each verb counts for itself."""
        self.script.on(path, *replies)

    def everything(self, reply: Reply | None) -> None:
        """Answer every question by this one, and refuse every change by it; ``None`` goes back to the script."""
        self.script.overriding = reply

    def acts(self, verb: str, *acts: Act, path: str | None = None) -> None:
        """Carry ``verb`` out like these in turn, the last one for ever; with a path, there and no matter what holds elsewhere.

        The verbs: ``make_collection``, ``delete``, ``move``, ``copy`` and ``write``.
        """
        self._plan.set(verb, path, acts)

    def add_file(
        self,
        path: str,
        size_bytes: int | None = 0,
        mtime_s: int | None = None,
        digests: tuple[Digest, ...] = (),
    ) -> Entry:
        """A file, listed in its collection; missing collections above it are made."""
        entry = Entry(_name(path), Kind.FILE, size_bytes, mtime_s, digests)
        self.script.put(path, entry)
        return entry

    def add_collection(self, path: str, mtime_s: int | None = None) -> Entry:
        """An empty collection, with those above it."""
        entry = Entry(_name(path), Kind.COLLECTION, mtime_s=mtime_s)
        self.script.put(path, entry)
        return entry

    @property
    def writable(self) -> bool:
        """Whether it takes changes; may be set."""
        return self._features.writable

    @writable.setter
    def writable(self, value: bool) -> None:
        self._features = replace(self._features, writable=value)

    # -- the contract: asking ---------------------------------------------------------------------

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
        """What it can do; may be set."""
        return self._features

    @features.setter
    def features(self, value: Features) -> None:
        self._features = value

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

    async def space(self) -> Space | None:
        """What is left of ``script.capacity_bytes``; ``None`` when it has none."""
        with self._recorded("space", "/"):
            await self._ready()
            capacity_bytes, used = self.script.capacity_bytes, self.script.used_bytes
            return None if capacity_bytes is None else Space(max(0, capacity_bytes - used), used)

    async def digest(self, path: str, algorithms: Sequence[str]) -> DigestAnswer:
        """The entry's own checksums, or those of ``told_digests`` computed, as far as they were asked for."""
        with self._recorded("digest", path):
            match observation := (await self._reply("digest", path)).observation:
                case Found(entry) if entry.kind is Kind.FILE:
                    return Told(self._digests(path, entry, algorithms))
                case Found():
                    return Told()
                case _:
                    return observation

    def _digests(self, path: str, entry: Entry, algorithms: Sequence[str]) -> tuple[Digest, ...]:
        own = tuple(digest for digest in entry.digests if digest.algorithm in algorithms)
        if own:
            return own
        hasher = Hasher(name for name in algorithms if name in self.told_digests)
        hasher.update(self.script.content_at(path))
        return hasher.digests()

    @asynccontextmanager
    async def open(
        self, path: str, headers: Mapping[str, str], *, idle_s: float
    ) -> AsyncIterator[Opened]:
        """GET of a file with one range at most."""
        with self._recorded("open", path):
            match (await self._reply("open", path)).observation:
                case Found(entry) if entry.kind is Kind.FILE:
                    yield opened(self.script.content_at(path), headers)
                case Found() | Absent():
                    yield Opened(404, {}, pieces(b""))
                case Denied(status):
                    yield Opened(status, {}, pieces(b""))
                case Unknown(detail=detail):
                    raise Failed(detail or "no usable answer")

    # -- the contract: changing -------------------------------------------------------------------

    async def make_collection(self, path: str) -> Outcome:
        """In the little tree, as ``acts`` say."""
        now_s = _now_s()
        return await self._change(
            ("make_collection", path), lambda: self.script.make_collection(path, now_s)
        )

    async def delete(self, path: str, kind: Kind) -> Outcome:
        """In the little tree, as ``acts`` say."""
        return await self._change(("delete", path), lambda: self.script.delete(path, kind))

    async def move(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """In the little tree, as ``acts`` say."""
        return await self._change(
            ("move", path, target),
            lambda: self.script.move(path, target, kind, overwrite=overwrite),
        )

    async def copy(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """In the little tree, as ``acts`` say."""
        return await self._change(
            ("copy", path, target),
            lambda: self.script.copy(path, target, kind, overwrite=overwrite),
        )

    async def write(
        self,
        path: str,
        body: AsyncIterable[bytes],
        *,
        size_bytes: int | None,
        idle_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """In the little tree, as ``acts`` say. Of conditions it knows ``*``."""
        if not self.writable:
            return _NOT_WRITABLE
        with self._recorded("write", path):
            act = self._next_act("write", path)
            refused = self._unmet(path, headers or {})
            if refused is not None:
                return refused
            try:
                content = await collected(body, idle_s, act.takes_bytes)
            except EndpointError as error:
                return unknown_from(error)
            if act.takes_bytes is not None:
                act = replace(act, told=act.told or BROKEN)
            elif size_bytes is not None and len(content) != size_bytes:
                return Unknown(Cause.FAILED, "the body ended early")
            return await self._carry_out(
                act, ("write", path), lambda: self.script.write(path, content, _now_s())
            )

    def _unmet(self, path: str, headers: Mapping[str, str]) -> Outcome | None:
        said = {name.lower(): value.strip() for name, value in headers.items()}
        exists = self.script.entry_at(path) is not None
        if (said.get("if-none-match") == "*" and exists) or (
            said.get("if-match") == "*" and not exists
        ):
            return Conflict(412, "the condition does not hold")
        return None

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
        reply = self.script.next_reply(verb, path)
        if reply.hangs:
            await _for_ever()
        await asyncio.sleep(self.latency_s if reply.after_s is None else reply.after_s)
        if reply.error is not None:
            raise reply.error
        return reply

    async def _ready(self) -> None:
        """The latency, or whatever ``everything`` has in its place."""
        reply = self.script.overriding or Reply()
        if reply.hangs:
            await _for_ever()
        await asyncio.sleep(self.latency_s if reply.after_s is None else reply.after_s)

    async def _change(self, what: tuple[str, ...], change: Callable[[], Outcome]) -> Outcome:
        if not self.writable:
            return _NOT_WRITABLE
        with self._recorded(what[0], what[1]):
            return await self._carry_out(self._next_act(what[0], what[1]), what, change)

    async def _carry_out(
        self, act: Act, what: tuple[str, ...], change: Callable[[], Outcome]
    ) -> Outcome:
        await asyncio.sleep(self.latency_s if act.after_s is None else act.after_s)
        outcome: Outcome = BROKEN
        if act.done:
            outcome = change()
            if isinstance(outcome, Done):
                self.done.append(what)
        if act.hangs:
            await _for_ever()
        await asyncio.sleep(act.until_told_s)
        if act.error is not None:
            raise act.error
        return outcome if act.told is None else act.told

    def _next_act(self, verb: str, path: str) -> Act:
        reply = self.script.overriding
        return self._plan.next(verb, path) if reply is None else act_of(reply)

    def __repr__(self) -> str:
        return (
            f"<ScriptedEndpoint {self._id}: {len(self.script.replies)} names, {len(self.calls)} calls, "
            f"{self.pending} pending, {len(self.cancelled)} cancelled>"
        )


_NOT_WRITABLE = Conflict(501, "this endpoint takes no changes")


def _now_s() -> int:
    return int(WALL_START_S + asyncio.get_running_loop().time())


def _name(path: str) -> str:
    if not path.startswith("/") or path == "/" or path.endswith("/"):
        raise ValueError(f"not the path of a name below the root: {path!r}")
    return path.rpartition("/")[2]


async def _for_ever() -> NoReturn:
    # A bare future: under VirtualLoop a caller without a deadline is then found out as a deadlock.
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody completes this future")
