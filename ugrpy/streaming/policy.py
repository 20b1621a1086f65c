"""Does the gateway pass the bytes of this request on itself, or is the client sent to the storage?

Off by default: a redirected client reads at the storage's own speed, and a streamed one at what is left of the gateway's. Three lists say
for whom it is on; a request that fits any of them is streamed:

``paths``     names at and below these, for everybody
``networks``  clients with an address there
``agents``    clients that call themselves so, which is known of programs that follow no redirect; only these are never sent on

What is beyond ``max_at_once`` is not made to wait in a queue that nobody sees: who may be able to follow is redirected for reading, and
everybody else is told to come back. A quarter more are for client networks that have less than an equal share, so that one network with slow
readers never has all of them.
"""

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated

from pydantic import Field

from ugrpy.namespace.paths import is_within

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


class Direction(StrEnum):
    """Where the bytes go."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class StreamingSettings:
    """Whom the gateway streams for, and how much of it."""

    paths: tuple[str, ...] = ()
    networks: Annotated[
        tuple[Network, ...], Field(description="networks whose clients are streamed for")
    ] = ()
    agents: Annotated[
        tuple[str, ...],
        Field(
            description='clients that cannot follow redirects, by their User-Agent in any case of letters, with * and ?: "cadaver*", "litmus*", "rclone*"'
        ),
    ] = ()
    methods: Annotated[
        tuple[Direction, ...],
        Field(
            min_length=1,
            description="what is streamed: read (GET), write (PUT), or both; the rest is redirected as usual",
        ),
    ] = (Direction.READ, Direction.WRITE)
    idle_s: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="a storage element, or a client that uploads, may be silent for so many seconds in the middle of a transfer",
        ),
    ] = 30.0
    max_at_once: Annotated[
        int,
        Field(
            ge=1,
            description="most transfers through each worker at a time; beyond them clients are redirected for reading, unless they are in `agents`, and else answered 503, or 429 when their network alone has too many. A quarter more is for networks with less than an equal share",
        ),
    ] = 64

    @property
    def is_on(self) -> bool:
        """Whether anything can be streamed at all."""
        return bool(self.paths or self.agents or self.networks)


@dataclass(frozen=True, slots=True)
class Asked:
    """The facts of one request. ``path`` is the federated one."""

    direction: Direction
    path: str
    agent: str = ""
    address: Address | None = None


class Way(StrEnum):
    """How the bytes of a request go."""

    REDIRECT = "redirect"
    STREAM = "stream"
    BUSY = "busy"


def streams(settings: StreamingSettings, asked: Asked) -> bool:
    """Whether this request is one that the gateway streams."""
    if asked.direction not in settings.methods:
        return False
    return (
        any(is_within(asked.path, prefix) for prefix in settings.paths)
        or _follows_not(settings, asked)
        or any(asked.address in network for network in settings.networks if asked.address)
    )


def way(settings: StreamingSettings, asked: Asked, *, has_room: bool) -> Way:
    """How the bytes go; ``has_room``: this process may take one transfer more from this client's network."""
    if not streams(settings, asked):
        return Way.REDIRECT
    if has_room:
        return Way.STREAM
    if asked.direction is Direction.READ and not _follows_not(settings, asked):
        return Way.REDIRECT
    return Way.BUSY


def _follows_not(settings: StreamingSettings, asked: Asked) -> bool:
    agent = asked.agent.lower()
    return any(fnmatchcase(agent, pattern.lower()) for pattern in settings.agents)
