"""Which configured networks hold an address, the longest prefix first?

One dictionary per prefix length, keyed by the leading bits: a look-up costs one probe per *length in use*, which for an
operator's list is a handful, and nothing needs rebalancing. A radix tree saves probes only for routing tables.

An IPv4 address that arrives inside IPv6 (``::ffff:a.b.c.d``, RFC 4291 section 2.5.5.2) is the IPv4 address: a
dual-stack listener reports IPv4 clients so. Networks inside ``::ffff:0:0/96`` are likewise IPv4 networks.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Generic, TypeVar

from ugrpy.locality.model import Address, Network

T = TypeVar("T")

_MAPPED = IPv6Network("::ffff:0:0/96")
# (how far to shift an address to the right, leading bits -> (network, value)), longest prefix first
_Lengths = tuple[tuple[int, Mapping[int, tuple[Network, T]]], ...]


def unmapped(address: Address) -> Address:
    """The address itself, or the IPv4 address it carries."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def parse_address(text: str) -> Address | None:
    """The address written in ``text``, unmapped; ``None`` when it is none (a socket path, a host name)."""
    try:
        return unmapped(ip_address(text))
    except ValueError:
        return None


def unmapped_network(network: Network) -> Network:
    """The network itself, or the IPv4 network it is when all of it lies inside ``::ffff:0:0/96``."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        carried = IPv4Address(int(network.network_address) & 0xFFFF_FFFF)
        return IPv4Network((carried, network.prefixlen - 96))
    return network


class PrefixTable(Generic[T]):
    """Values by network, IPv4 and IPv6 in one; it does not change after it is built.

    Of several values for one network the first given is kept.
    """

    __slots__ = ("_size", "_v4", "_v6")

    def __init__(self, entries: Iterable[tuple[Network, T]] = ()) -> None:
        v4: dict[int, dict[int, tuple[Network, T]]] = {}
        v6: dict[int, dict[int, tuple[Network, T]]] = {}
        for network, value in entries:
            net = unmapped_network(network)
            shift = net.max_prefixlen - net.prefixlen
            lengths = v4 if net.version == 4 else v6
            key = int(net.network_address) >> shift
            lengths.setdefault(shift, {}).setdefault(key, (net, value))
        self._v4: _Lengths[T] = tuple(sorted(v4.items(), key=lambda item: item[0]))
        self._v6: _Lengths[T] = tuple(sorted(v6.items(), key=lambda item: item[0]))
        self._size = sum(len(nets) for _, nets in (*self._v4, *self._v6))

    def __len__(self) -> int:
        """How many networks it holds."""
        return self._size

    def __repr__(self) -> str:
        return f"<PrefixTable of {self._size} networks>"

    def matches(self, address: Address) -> Iterator[tuple[Network, T]]:
        """Every network that holds the address, with its value, the longest prefix first."""
        plain = unmapped(address)
        bits = int(plain)
        for shift, networks in self._v4 if plain.version == 4 else self._v6:
            if (hit := networks.get(bits >> shift)) is not None:
                yield hit

    def match(self, address: Address) -> tuple[Network, T] | None:
        """The longest prefix that holds the address and its value, or ``None``."""
        return next(self.matches(address), None)

    def get(self, address: Address) -> T | None:
        """The value of the longest prefix that holds the address, or ``None``."""
        hit = self.match(address)
        return None if hit is None else hit[1]
