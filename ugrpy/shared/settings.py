"""What can be set about the store that gateways share: the ``[shared]`` table."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

SCHEMES = ("redis", "rediss", "valkey", "valkeys", "unix")
MEMCACHED_PORT = 11211
_SERVER = re.compile(r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")


def parse_store_url(text: str) -> str:
    """A URL that the Valkey client understands. Raises ``ValueError``."""
    scheme, separator, rest = text.partition("://")
    if not text:
        return text
    if not separator or scheme not in SCHEMES or not rest:
        expected = ", ".join(f"{one}://" for one in SCHEMES)
        raise ValueError(f"a store is one of {expected}…, as in valkey://cache.example:6379/0")
    return text


def parse_server(text: str) -> tuple[str, int]:
    """Host and port of a memcached server. Raises ``ValueError``."""
    match = _SERVER.fullmatch(text)
    port = int(match["port"] or MEMCACHED_PORT) if match else 0
    if match is None or not 0 < port < 1 << 16:
        raise ValueError(f"{text!r} is no host with a port, as in cache.example:{MEMCACHED_PORT}")
    return match["host"].strip("[]"), port


def check_server(text: str) -> str:
    """As it was written, when it can be read. Raises ``ValueError``."""
    parse_server(text)
    return text


@dataclass(frozen=True, slots=True)
class SharedSettings:
    """Where what one gateway has learnt is found by the others, and for how long it may be believed."""

    url: Annotated[
        str,
        AfterValidator(parse_store_url),
        Field(
            description="a Valkey or Redis server: valkey://[user:password@]host:port/number, valkeys:// for TLS, unix:///path; the same for all workers and gateways of the federation"
        ),
    ] = ""
    memcached: Annotated[
        tuple[Annotated[str, AfterValidator(check_server)], ...],
        Field(
            description="memcached servers (host:port) instead of `url`, among which names are spread; the same list, in any order, on all gateways"
        ),
    ] = ()
    namespace: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9._-]{1,64}$",
            description="what tells this federation from others on the same server; the same on all of its gateways",
        ),
    ] = "ugrpy"
    timeout_s: Annotated[
        float,
        Field(
            gt=0,
            le=5,
            description="longest wait for the store; after that the storage elements are asked",
        ),
    ] = 0.2
    ttl_s: Annotated[
        float,
        Field(
            gt=0,
            description="longest time that anything is kept in the store; the lives of `[cache]` hold as well",
        ),
    ] = 300.0
    lease_s: Annotated[
        float,
        Field(
            gt=0,
            description="after so long at the latest other gateways know of a change, whatever has failed; the same on all of them",
        ),
    ] = 5.0
    forget_s: Annotated[
        float,
        Field(
            gt=0,
            description="a gateway that takes changes and has been silent for so long is forgotten, never before all is too old that it may have made wrong; until then the others believe nothing that is older than `lease_s`",
        ),
    ] = 600.0
    members: Annotated[
        int,
        Field(
            ge=0,
            le=128,
            description="how many worker processes take changes, on all gateways together; while fewer have shown themselves in the store nothing older than `lease_s` is believed; 0: whoever has been seen there counts",
        ),
    ] = 0
    max_value_bytes: Annotated[
        int,
        Field(gt=0, le=1 << 20, description="what takes more room is not kept in the store"),
    ] = 256 * 1024
    dashboard_every_s: Annotated[
        float,
        Field(
            ge=0,
            description="with `memcached`: seconds between the records of endpoints' states that DynaFed's dashboard reads, on the first server, under keys without a namespace as it wants them; 0: none are written",
        ),
    ] = 0.0

    @property
    def is_on(self) -> bool:
        """Whether there is a store."""
        return bool(self.url or self.memcached)
