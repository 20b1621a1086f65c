"""How many connections has each client network? Counted only where an operator limits them.

Only networks with connections are in the table, so it is never longer than the list of these.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from ipaddress import IPv4Network, IPv6Network

from ugrpy.security.forwarded import TrustedNetworks, client_address
from ugrpy.security.networks import network_of

_NO_PROXIES = TrustedNetworks()


class Crowds:
    """``most`` connections from one network; 0 means any number. ``proxies`` have connections for everybody, and are not counted."""

    def __init__(self, most: int = 0, proxies: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._most = most
        self._proxies = TrustedNetworks(proxies)
        self._networks: dict[Hashable, str] = {}
        self._counts: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<Crowds {dict(self._counts)}>"

    def __len__(self) -> int:
        return len(self._counts)

    def admits(self, connection: Hashable, peer: str) -> bool:
        """Whether there is room for one more from there; it is counted either way, until it has ``ended``."""
        if not self._most:
            return True
        address = client_address(peer, trusted=_NO_PROXIES)
        if address is None or address in self._proxies:
            return True
        network = self._networks[connection] = network_of(address)
        self._counts[network] += 1
        return self._counts[network] <= self._most

    def ended(self, connection: Hashable) -> None:
        """The connection is no more; harmless for one that was not counted."""
        network = self._networks.pop(connection, None)
        if network is not None:
            self._counts[network] -= 1
            if not self._counts[network]:
                del self._counts[network]
