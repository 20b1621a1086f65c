"""The contract every kind of endpoint keeps.

Three verbs are required. ``path`` is always the decoded, normalised path on the endpoint itself: mounts and
name translation have been applied. The odd cases, which ``tests/conformance/endpoint_suite.py`` checks:

- ``stat`` says *absent* only when the storage said so. A 404 is *absent*; 401 and 403 are *denied*; a time-out, a
  reset, a 5xx, a body that cannot be read are *unknown* with their cause. It never raises ``EndpointError``.
- ``stat("/")`` is the endpoint's root collection.
- ``list`` hands children over in pieces while they arrive, never the collection itself (a child that the storage names twice
  may come twice: merging counts the first), and then returns an observation of the path itself: *found* with a collection when the listing is whole, *found* with a file
  when the path is a file (no children are then handed over), *absent*, *denied*; *unknown* when it broke off, and then
  what was handed over until there is still true. A child that the storage names without describing it (no properties, or
  a status of its own such as 403) is handed over without metadata; only one that it says is gone is left out. One whose name
  cannot be told or asked for is counted in ``Found.left_out``.
- ``url`` is synchronous, does no I/O and never fails for a path that ``stat`` accepts.
- No ``detail`` names a host, a path on the endpoint or a credential: clients read it. ``trouble`` is for operators.

Cancellation passes through every method untouched and leaves no connection behind.

Kinds that take changes have four more, and two that move bytes for clients that cannot be redirected. The others inherit
``ReadingOnly``, which refuses them:

- ``make_collection``, ``delete``, ``move``, ``copy`` and ``write`` return an ``Outcome`` and never raise ``EndpointError``. *Done*
  is said only when the storage said so; *unknown* means that it may have happened. They act on this one name (and what is
  below a collection) and ask no question first.
- ``delete`` of a collection takes all with it, also where the storage removes only empty ones.
- ``move`` and ``copy`` stay within the endpoint. Without ``overwrite`` an existing target is *conflict* 412.
- ``write`` with a body that breaks off leaves the old content, or is *unknown*; it is never *done*.
- ``digest`` asks for checksums by the names of ``Digest.algorithm`` and may take as long as the storage needs to compute one.
- ``open`` raises ``EndpointError``; the statuses 200, 206, 304, 403, 404, 412 and 416 are the caller's.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ugrpy.core.errors import Failed
from ugrpy.namespace.model import EndpointId, Entry, Kind, Observation
from ugrpy.namespace.outcomes import Conflict, DigestAnswer, Outcome, Space, Told
from ugrpy.webdav.quirks import Quirk

__all__ = [
    "Children",
    "Endpoint",
    "Features",
    "Opened",
    "Probe",
    "Quirk",
    "ReadingOnly",
    "Verb",
]

Children = Callable[[Sequence[Entry]], None]


class Verb(StrEnum):
    """What a redirected client is going to do at the endpoint."""

    GET = "GET"
    PUT = "PUT"
    COPY = "COPY"


@dataclass(frozen=True, slots=True)
class Features:
    """Facts about a kind or an instance, as far as is known now; the federation reads these and never asks for a class.

    ``listable``: it can say what is in a collection. ``writable``: it takes uploads. ``signs``: ``url`` mints a
    credential, so its result is not kept. ``dialect``: the storage's name for logs and explanations. ``quirks``: the
    habits met so far and made equal here.
    """

    listable: bool = True
    writable: bool = False
    signs: bool = False
    dialect: str = "generic"
    quirks: frozenset[Quirk] = frozenset()


@dataclass(frozen=True, slots=True)
class Probe:
    """What a health probe saw. ``refusing``: it is alive but rejects our credential (401, 403).

    ``alive`` is true for every answer that shows a working server, a 404 included. ``latency_s`` is the time to the
    response head. ``detail`` is for people.
    """

    alive: bool
    latency_s: float
    refusing: bool = False
    status: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """How an operator wants an endpoint probed, in place of its kind's own way.

    ``method``: ``None`` for the kind's own. ``path`` is below the base URL. ``statuses``: those that are a sign of life, in place of
    all below 500; a refused credential stays one. ``size_bytes``: how long the body of a GET has to be.
    """

    method: str | None = None
    path: str = "/"
    statuses: tuple[int, ...] = ()
    size_bytes: int | None = None

    def fault(self, method: str, status: int, size_bytes: int | None) -> str:
        """What is wrong with an answer; empty when nothing is. ``size_bytes`` is what came, if it was read."""
        if self.statuses and status not in self.statuses and status not in (401, 403):
            expected = " or ".join(str(one) for one in self.statuses)
            return f"{method} answered {status}, expected was {expected}"
        if size_bytes is not None and size_bytes != self.size_bytes:
            return f"{method} gave {size_bytes} bytes, expected were {self.size_bytes}"
        return ""


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose body is read in pieces. ``headers`` are the storage's own, to be looked up in any case of letters."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class Endpoint(Protocol):
    """One storage element."""

    @property
    def id(self) -> EndpointId:
        """The configured name."""
        ...

    @property
    def base_url(self) -> str:
        """Where it is, without a trailing slash; for people, for GeoIP and for loop checks."""
        ...

    @property
    def features(self) -> Features:
        """What it can do, and what was learnt about it."""
        ...

    @property
    def trouble(self) -> str:
        """What last went wrong, for operators only: with hosts and paths. Empty when nothing has."""
        ...

    @property
    def spare_connections(self) -> int | None:
        """How many more questions can be put now without one waiting for another; ``None``: any number."""
        ...

    async def stat(self, path: str) -> Observation:
        """What the endpoint says of one name."""
        ...

    async def list(self, path: str, children: Children) -> Observation:
        """Hand the children of a collection to ``children`` in pieces; return what the path itself is."""
        ...

    def url(self, path: str, verb: Verb = Verb.GET) -> str:
        """Where a client is sent for this name: absolute, ASCII, percent-encoded."""
        ...

    async def probe(self) -> Probe:
        """A cheap sign of life. Never raises ``EndpointError``."""
        ...

    async def make_collection(self, path: str) -> Outcome:
        """Make one collection. *Conflict* 405 when the name exists, 409 when its parent does not."""
        ...

    async def delete(self, path: str, kind: Kind) -> Outcome:
        """Remove a name, and all below it."""
        ...

    async def move(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """Give a name another one."""
        ...

    async def copy(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """Make a second one of it, with all below it."""
        ...

    async def space(self) -> Space | None:
        """How much room there is; ``None`` when the storage does not say, or gives no usable answer."""
        ...

    async def digest(self, path: str, algorithms: Sequence[str]) -> DigestAnswer:
        """The checksums of a file that the storage tells when asked for these."""
        ...

    def open(
        self, path: str, headers: Mapping[str, str], *, idle_s: float
    ) -> AbstractAsyncContextManager[Opened]:
        """GET with the client's own ``Range`` and conditions; no piece takes longer than ``idle_s``."""
        ...

    async def write(
        self,
        path: str,
        body: AsyncIterable[bytes],
        *,
        size_bytes: int | None,
        idle_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """PUT of a body that is still arriving, of a known length or in chunks; no piece takes longer than ``idle_s``."""
        ...

    async def close(self) -> None:
        """Let go of connections; afterwards the endpoint is not used any more."""
        ...


_NOT_OFFERED = Conflict(501, "this kind of storage takes no changes through the gateway")


class ReadingOnly:
    """The verbs of a kind that takes no changes: each is refused. It has no connections that could run out."""

    @property
    def spare_connections(self) -> int | None:
        """Any number."""
        return None

    async def make_collection(self, path: str) -> Outcome:
        """Not offered."""
        return _NOT_OFFERED

    async def delete(self, path: str, kind: Kind) -> Outcome:
        """Not offered."""
        return _NOT_OFFERED

    async def move(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """Not offered."""
        return _NOT_OFFERED

    async def copy(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """Not offered."""
        return _NOT_OFFERED

    async def space(self) -> Space | None:
        """Not told."""
        return None

    async def digest(self, path: str, algorithms: Sequence[str]) -> DigestAnswer:
        """None is told."""
        return Told()

    def open(
        self, path: str, headers: Mapping[str, str], *, idle_s: float
    ) -> AbstractAsyncContextManager[Opened]:
        """Not offered."""
        raise Failed("this kind of storage is not read through the gateway")

    async def write(
        self,
        path: str,
        body: AsyncIterable[bytes],
        *,
        size_bytes: int | None,
        idle_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Not offered."""
        return _NOT_OFFERED
