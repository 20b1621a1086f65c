"""What can be set of a process that serves HTTP, whatever it serves? Each service's table extends ``ServingSettings`` with what is its own.

``ugrpy.service.runner.options_for`` makes of it what a process serves by.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field, PlainValidator

from ugrpy.core.listen import Listen, UnixSocket
from ugrpy.settings.values import parse_admin, parse_listen

Network = IPv4Network | IPv6Network

ListenAddresses = Annotated[
    tuple[Annotated[Listen, PlainValidator(parse_listen)], ...],
    Field(min_length=1, description="addresses for clients: host:port or [v6]:port"),
]
AdminAddress = Annotated[
    Listen | UnixSocket | None,
    PlainValidator(parse_admin),
    Field(
        description='where health and metrics are served to whoever can connect, and what else is for operators only: a loopback address, "unix:/path", or "" for none'
    ),
]
AccessLogFile = Annotated[
    str, Field(description='a line per request: "-" for stderr, a file, or "" for none')
]
_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


class LogLevel(StrEnum):
    """The least severe message that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ServingSettings:
    """Listeners, logs, and how long clients are waited for. A service has addresses and an access log of its own."""

    listen: ListenAddresses = (Listen("127.0.0.1", 8080),)
    admin: AdminAddress = None
    trusted_proxies: Annotated[
        tuple[Network, ...],
        Field(description="networks whose X-Forwarded-For and Forwarded are believed"),
    ] = ()
    metrics_from: Annotated[
        tuple[Network, ...],
        Field(description="networks that may read /metrics on the clients' listener"),
    ] = _LOOPBACK
    access_log: AccessLogFile = "-"
    log_level: Annotated[LogLevel, Field(description="the least severe message that is logged")] = (
        LogLevel.INFO
    )
    shutdown_s: Annotated[
        float,
        Field(ge=0, le=3600, description="seconds that requests in flight have when we stop"),
    ] = 10.0
    head_timeout_s: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="a request's head must be complete so many seconds after its first byte, and a connection begin one in that time",
        ),
    ] = 30.0
    body_timeout_s: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="seconds for the content of a request that we read; the content of a refused request is waited for at most 10 s",
        ),
    ] = 30.0
    send_timeout_s: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="a client that takes none of its answer for so many seconds is cut off; a slow one is not",
        ),
    ] = 60.0
    keepalive_s: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="seconds a connection may be idle between requests; a proxy in front should keep it for less",
        ),
    ] = 75.0
    max_connections: Annotated[
        int,
        Field(
            ge=0,
            description="most connections of clients for each process and address; more are answered 503; 0 means any number",
        ),
    ] = 0
    max_connections_per_network: Annotated[
        int,
        Field(
            ge=0,
            description="most connections from one client network (IPv4 /24, IPv6 /56) for each process and address, those of trusted proxies not counted; more are answered 429; 0 means any number",
        ),
    ] = 0
    backlog: Annotated[
        int,
        Field(
            ge=1,
            le=65535,
            description="most connections that wait to be accepted, for each address; the kernel's net.core.somaxconn may be less",
        ),
    ] = 1024
