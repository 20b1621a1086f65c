"""How are tracked caches named in a script, and which of them share the load?

By host name, as agents report it. A name without a dot means nothing outside its own network, so such a cache is named by its address to others;
``by_address`` names all so. In its own network a cache without a public address is named by its private one.
"""

from collections.abc import Sequence

from shoalpy.proxylist import Proxy, is_host
from shoalpy.ranking import CostPolicy, Ranked, ties


def groups_of(
    ranked: Sequence[Ranked], costs: CostPolicy, *, by_address: bool = False
) -> tuple[tuple[Proxy, ...], ...]:
    """The caches in groups, those of nearly equal cost in one; a cache that cannot be named is left out."""
    by_cost = sorted(ranked, key=lambda one: one.cost)
    groups = (
        tuple(proxy for one in tied if (proxy := proxy_of(one, by_address=by_address)) is not None)
        for tied in ties(by_cost, costs)
    )
    return tuple(group for group in groups if group)


def proxy_of(ranked: Ranked, *, by_address: bool = False) -> Proxy | None:
    """The cache as this caller reaches it; ``None`` when there is no way to name it."""
    beat = ranked.cache.beat
    address = beat.reachable_ip or (beat.private_ip if ranked.local else None)
    far_and_short = "." not in beat.hostname and not ranked.local
    host = str(address) if address and (by_address or far_and_short) else beat.hostname
    return Proxy(host, beat.port) if is_host(host) else None
