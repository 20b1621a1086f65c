"""What does a cache tell its own network by UDP broadcast (reference section 3.3)?

One packet, to port 50000 by a squid, 50001 by a varnish in front of CVMFS, 50002 by any other varnish::

    fna349fn192.0.2.7:3128:squid:both
    fna349fn192.0.2.7:3128                                                     from old agents
    fna349fn192.0.2.7:3128:squid:both:1795365733:5c1f…                         signed

Anybody in the network can send one, so it can be signed: seconds since the epoch, then HMAC-SHA256 in hexadecimal over all before
its colon, with a secret that the operator gives to agents and clients. Old clients read the first fields and no further.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

from shoalpy.model import Address, CacheType, Upstream
from ugrpy.core.errors import DataError
from ugrpy.locality import parse_address

MARK = "fna349fn"  # so that no other program's packets are taken for these
MAX_BYTES = 1024  # what old clients read
WINDOW_S = (
    120.0  # two periods: how far the clocks may be apart, and how long a packet can be repeated
)

_PACKET = re.compile(
    rf"{MARK}(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9.]+):(?P<port>[0-9]{{1,5}})"
    r"(?::(?P<kind>[a-z]+):(?P<upstream>[a-z]+)(?::(?P<signed>[0-9]{1,12}):(?P<mac>[0-9a-f]{64}))?)?"
)


class BadAnnouncement(DataError):
    """A packet that is passed over; the message says why."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A cache in this network."""

    address: Address
    port: int
    cache_type: CacheType = CacheType.SQUID
    upstream: Upstream = Upstream.BOTH


def port_for(cache_type: CacheType, upstream: Upstream) -> int:
    """Where such a cache announces itself."""
    if cache_type is CacheType.SQUID:
        return 50000
    return 50001 if upstream is Upstream.CVMFS else 50002


def render_announcement(said: Announcement, *, secret: bytes = b"", now_s: float = 0.0) -> bytes:
    """The packet, signed when there is a secret."""
    host = f"[{said.address}]" if said.address.version == 6 else str(said.address)
    text = f"{MARK}{host}:{said.port}:{said.cache_type}:{said.upstream}"
    if secret:
        text = f"{text}:{int(now_s)}"
        text = f"{text}:{_mac(secret, text)}"
    return text.encode()


def parse_announcement(data: bytes, *, secret: bytes = b"", now_s: float = 0.0) -> Announcement:
    """What it says. With a secret only what was signed with it, not long ago, is taken. Raises ``BadAnnouncement``."""
    match = _PACKET.fullmatch(data.decode("ascii", "replace")) if len(data) <= MAX_BYTES else None
    if match is None:
        raise BadAnnouncement(f"expected {MARK}address:port, found {data[:60]!a}")
    if secret:
        _check_signature(match, secret, now_s)
    address, port = parse_address(match["host"].strip("[]")), int(match["port"])
    if address is None or address.is_multicast or address.is_unspecified or not 0 < port < 65536:
        raise BadAnnouncement(f"no address and port of a cache: {ascii(match[0])[:80]}")
    try:
        kind = CacheType(match["kind"] or CacheType.SQUID)
        upstream = Upstream(match["upstream"] or Upstream.BOTH)
    except ValueError as error:
        raise BadAnnouncement(str(error)) from None
    return Announcement(address, port, kind, upstream)


def _check_signature(match: re.Match[str], secret: bytes, now_s: float) -> None:
    if match["mac"] is None:
        raise BadAnnouncement("it is not signed")
    signed, _, _ = match[0].rpartition(":")
    if not hmac.compare_digest(match["mac"], _mac(secret, signed)):
        raise BadAnnouncement("it is signed with another secret")
    if abs(now_s - int(match["signed"])) > WINDOW_S:
        raise BadAnnouncement("it was signed too long ago, or a clock is wrong")


def _mac(secret: bytes, text: str) -> str:
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
