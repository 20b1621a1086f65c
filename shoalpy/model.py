"""The vocabulary: a cache as its agent describes it, and what the server knows of it beside.

Times are wall-clock seconds since the epoch, since they are compared with what agents send and shown to people; every function
that needs the time is given it. Loads are kilobytes (1024 bytes) per second, as agents measure them.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from ugrpy.locality.facts import GeoFacts

Address = IPv4Address | IPv6Address

# About 1 Gb/s: what a cache can send when neither it nor the operator says more (reference section 8).
DEFAULT_MAX_LOAD_KBPS = 122_000.0


class CacheType(StrEnum):
    """What kind of program it is: a forward proxy, or a reverse one in front of the upstream."""

    SQUID = "squid"
    VARNISH = "varnish"


class Upstream(StrEnum):
    """What it fronts."""

    BOTH = "both"
    CVMFS = "cvmfs"
    FRONTIER = "frontier"

    def serves(self, wanted: "Upstream") -> bool:
        """Whether a client that wants this upstream is served."""
        return self is Upstream.BOTH or self is wanted


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What an agent says of its cache, checked (``wire.parse_heartbeat``).

    ``key`` is the identity it gave itself; agents of ours keep it over restarts. ``max_load_kbps`` is ``None`` when none that makes
    sense was given. ``port_as_text``: the port came as text, and version 1 answers give it back so. ``signer`` is the key that
    signed it, empty for a beat nobody signed.
    """

    key: str
    hostname: str
    port: int
    sent_at_s: float
    load_kbps: float
    cache_type: CacheType = CacheType.SQUID
    upstream: Upstream = Upstream.BOTH
    max_load_kbps: float | None = None
    public_ip: Address | None = None
    private_ip: Address | None = None
    external_ip: Address | None = None
    port_as_text: bool = False
    signer: str = ""

    @property
    def reachable_ip(self) -> Address | None:
        """Where the rest of the world reaches it: its own public address, or that of the NAT before it."""
        return self.public_ip or self.external_ip


class Health(StrEnum):
    """What verification found."""

    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Verification:
    """The last word on whether the cache does its work. ``message`` is for people; ``failures`` counts those in a row."""

    health: Health = Health.PENDING
    message: str = ""
    checked_at_s: float | None = None
    next_at_s: float = 0.0
    failures: int = 0
    rtt_s: float | None = None


@dataclass(frozen=True, slots=True)
class Cache:
    """One cache that is tracked.

    ``beat`` is its latest heartbeat, ``facts`` where its reachable address is, ``drift_s`` how far its clock is ahead of ours (negative:
    behind) by the latest beat.
    """

    beat: Heartbeat
    created_s: float
    last_active_s: float
    facts: GeoFacts
    drift_s: float = 0.0
    verification: Verification = field(default_factory=Verification)

    @property
    def key(self) -> str:
        """Its identity."""
        return self.beat.key

    @property
    def is_global(self) -> bool:
        """Served to everybody: verified, or verification is off. All others are served to their own network only."""
        return self.verification.health in (Health.PASSED, Health.OFF)

    def with_verification(self, verification: Verification) -> "Cache":
        """The same cache after a check."""
        return replace(self, verification=verification)
