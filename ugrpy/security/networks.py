"""From which network does a client come? A site's worker nodes share one, and so do the addresses that one machine can choose from."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network

# Clients come back: how their network is called is worked out once.
_KNOWN = 8192

NOBODY = "unknown"
"""The network of clients without an address (a Unix socket), or whose address cannot be told."""


@lru_cache(maxsize=_KNOWN)
def network_of(
    address: IPv4Address | IPv6Address | None, v4_bits: int = 24, v6_bits: int = 56
) -> str:
    """The network, as text: ``192.0.2.0/24``."""
    if address is None:
        return NOBODY
    bits = v4_bits if isinstance(address, IPv4Address) else v6_bits
    return str(ip_network(f"{address}/{bits}", strict=False))
