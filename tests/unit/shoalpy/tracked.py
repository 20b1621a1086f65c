"""Caches for tests: a registry with some in it, as heartbeats would have put them there."""

from ipaddress import ip_address

from shoalpy.model import CacheType, Health, Heartbeat, Upstream, Verification
from shoalpy.registry import Registry
from ugrpy.locality import Place, Position
from ugrpy.locality.facts import GeoFacts

NOW = 1_795_365_733.0
GENEVA = Position(46.2, 6.15)
VANCOUVER = Position(49.26, -123.11)
BATAVIA = Position(41.85, -88.31)


def beat(
    key: str,
    *,
    port: int = 3128,
    load: float = 0.0,
    kind: CacheType = CacheType.SQUID,
    upstream: Upstream = Upstream.BOTH,
    public: str | None = "192.0.2.1",
    private: str | None = None,
    hostname: str = "",
    max_load: float | None = None,
    sent_at_s: float = NOW,
    port_as_text: bool = False,
) -> Heartbeat:
    return Heartbeat(
        key=key,
        hostname=hostname or f"{key}.example.org",
        port=port,
        sent_at_s=sent_at_s,
        load_kbps=load,
        cache_type=kind,
        upstream=upstream,
        max_load_kbps=max_load,
        public_ip=ip_address(public) if public else None,
        private_ip=ip_address(private) if private else None,
        port_as_text=port_as_text,
    )


def facts(
    position: Position | None, *, asn: int | None = None, city: str | None = None
) -> GeoFacts:
    return GeoFacts(
        Place(position, "CH" if position == GENEVA else None, asn), city=city, continent="EU"
    )


def add(
    registry: Registry,
    one: Heartbeat,
    where: GeoFacts | None = None,
    *,
    now_s: float = NOW,
    health: Health = Health.PASSED,
    message: str = "",
) -> None:
    registry.apply(one, where or facts(GENEVA), now_s)
    registry.verified(one.key, Verification(health, message))
