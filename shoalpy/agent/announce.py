"""How does the local network hear of the cache? By a broadcast each minute while it works (row S56); the packet is in ``announcement``."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from shoalpy.announcement import Announcement, port_for, render_announcement
from ugrpy.core.errors import ConfigError

LEAST_SECRET_BYTES = 16


@dataclass(frozen=True, slots=True)
class AnnouncePolicy:
    """Broadcasts to the local network."""

    enabled: Annotated[bool, Field(description="tell the local network of the cache")] = True
    every_s: Annotated[float, Field(gt=0, le=3600, description="seconds between two")] = 60.0
    address: Annotated[
        str, Field(min_length=1, description="IPv4 broadcast address they are sent to")
    ] = "255.255.255.255"
    port: Annotated[
        int,
        Field(
            ge=0,
            le=65535,
            description="UDP port; 0 is that of the kind of cache: 50000 for squid, 50001 for varnish before CVMFS, 50002 for other varnish",
        ),
    ] = 0
    secret_file: Annotated[
        str, Field(description="file with a secret that they are signed with; not signed without")
    ] = ""


def read_secret(policy: AnnouncePolicy) -> bytes:
    """The secret; empty for none. Raises ``ConfigError``."""
    if not policy.secret_file:
        return b""
    try:
        secret = Path(policy.secret_file).read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error}", where="announce.secret_file") from None
    if len(secret) < LEAST_SECRET_BYTES:
        raise ConfigError(
            f"a secret has at least {LEAST_SECRET_BYTES} bytes", where="announce.secret_file"
        )
    return secret


def broadcast(policy: AnnouncePolicy, said: Announcement, secret: bytes, now_s: float) -> None:
    """Send one packet; it does not wait. Raises ``OSError``."""
    packet = render_announcement(said, secret=secret, now_s=now_s)
    port = policy.port or port_for(said.cache_type, said.upstream)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setblocking(False)
        out.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        out.sendto(packet, (policy.address, port))
