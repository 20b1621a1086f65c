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
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ugrpy.namespace.model import EndpointId, Entry, Observation
from ugrpy.webdav.quirks import Quirk

__all__ = ["Children", "Endpoint", "Features", "Probe", "Quirk", "Verb"]

Children = Callable[[Sequence[Entry]], None]


class Verb(StrEnum):
    """What a redirected client is going to do at the endpoint."""

    GET = "GET"
    PUT = "PUT"


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

    async def close(self) -> None:
        """Let go of connections; afterwards the endpoint is not used any more."""
        ...
