"""May this server connect there? Agents say where their caches are, and must not make us knock on doors inside our own network.

A heartbeat names an address and a port, and verification connects to them: without this rule anybody who may send one could have us
ask a cloud's metadata service, our own loopback, or a neighbour's mail server (row S51). Caches are named by address and never by
name; for whatever has a name the rule is asked again with the address that was found (``ugrpy.transport``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from shoalpy.model import Address
from ugrpy.locality import Network, PrefixTable, parse_address

# Where clouds answer their machines; refused even where private addresses are allowed, unless the very address is allowed.
_METADATA = frozenset(
    map(
        ip_address,
        ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"),
    )
)
# RFC 6052 section 2.1: the last 32 bits are an IPv4 address that a translator connects to.
_TRANSLATED = IPv6Network("64:ff9b::/96")
# RFC 8215: translated, too, but only its owner knows how.
_TRANSLATED_HERE = IPv6Network("64:ff9b:1::/48")
# RFC 4291 section 2.5.5.1, deprecated; some systems still connect to the IPv4 address.
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports from ``first`` to ``last``, both included."""

    first: int
    last: int

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def parse_port_range(text: object) -> PortRange:
    """``"3128"`` or ``"1024-65535"``; raises ``ValueError``."""
    if isinstance(text, PortRange):
        return text
    first, dash, last = text.partition("-") if isinstance(text, str) else ("", "", "")
    ends = (first, last if dash else first)
    if all(end.isascii() and end.isdigit() and len(end) <= 5 for end in ends):
        found = PortRange(int(ends[0]), int(ends[1]))
        if 0 < found.first <= found.last < 65536:
            return found
    raise ValueError(f'expected a port or a range such as "1024-65535", got {text!r}')


class Guard:
    """The rule. ``networks`` are allowed whatever they are; ``allow_private`` adds private ones, but nothing of our own machine."""

    __slots__ = ("_allow_private", "_networks", "_ports")

    def __init__(
        self,
        *,
        allow_private: bool = False,
        networks: Sequence[Network] = (),
        ports: Sequence[PortRange],
    ) -> None:
        self._allow_private = allow_private
        self._networks = PrefixTable((network, None) for network in networks)
        self._ports = tuple(ports)

    def __repr__(self) -> str:
        return f"<Guard of {self._networks!r}, private {self._allow_private}>"

    def refusal(self, address: Address, port: int) -> str:
        """Why not to connect there, for people; empty when nothing is wrong with it."""
        if not any(port in ports for ports in self._ports):
            return f"port {port} is not among those that may be asked"
        for one in _meant(address):
            if next(self._networks.matches(one), None) is not None:
                continue
            if why := self._why_not(one):
                return f"{address} {why}"
        return ""

    def may_connect(self, host: str, port: int) -> bool:
        """The same for ``ugrpy.transport``, which asks with the address that a name has."""
        # a link-local address comes with its interface, and is none that an agent may name
        address = parse_address(host)
        return address is not None and not self.refusal(address, port)

    def _why_not(self, address: Address) -> str:
        match address:
            case _ if address in _METADATA:
                return "is the metadata service of a cloud"
            case _ if address.is_loopback:
                return "is this machine itself"
            case _ if address.is_link_local:
                return "is a link-local address"
            case _ if address in _TRANSLATED_HERE:
                return "leads to an address that cannot be known"
            case _ if address.is_unspecified or address.is_multicast or address.is_reserved:
                return "is not the address of one machine"
            case _ if not address.is_global and not self._allow_private:
                return "is a private address"
            case _:
                return ""


def _meant(address: Address) -> Iterator[Address]:
    """The address, unless it only carries an IPv4 address, and those that it carries."""
    carried = list(_carried(address)) if isinstance(address, IPv6Address) else []
    # the network of translators is "reserved" by the tables, and as good as what is behind it
    if not carried:
        yield address
    yield from carried


def _carried(address: IPv6Address) -> Iterator[IPv4Address]:
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    compatible = address in _COMPATIBLE and int(address) > 0xFFFF
    if compatible or address.ipv4_mapped is not None or address in _TRANSLATED:
        yield low
    elif address.sixtofour is not None:
        yield address.sixtofour
    elif address.teredo is not None:
        yield from address.teredo
