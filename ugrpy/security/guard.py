"""May this process connect to that address? Whoever names an address must not make us knock on doors inside our own network.

Strangers name servers to us: agents say where their caches are, clients where a copy comes from or goes to. Without this rule anybody
could have us ask a cloud's metadata service, our own loopback, or a neighbour's mail server. A name is no protection, since its owner
decides what it means and may change his mind between two questions: the rule is asked with the address, right before it is connected to
(``ugrpy.transport``).
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from ugrpy.locality import Network, PrefixTable, parse_address

Address = IPv4Address | IPv6Address

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


class AddressGuard:
    """The rule. ``networks`` are allowed whatever they are; ``allow_private`` adds private ones, but nothing of our own machine.

    With ``named_only`` nothing else than ``networks`` is.
    """

    __slots__ = ("_allow_private", "_named_only", "_networks")

    def __init__(
        self,
        networks: Sequence[Network] = (),
        *,
        allow_private: bool = False,
        named_only: bool = False,
    ) -> None:
        self._networks = PrefixTable((network, None) for network in networks)
        self._allow_private = allow_private
        self._named_only = named_only

    def __repr__(self) -> str:
        return f"<AddressGuard of {self._networks!r}, private {self._allow_private}, named only {self._named_only}>"

    def refusal(self, address: Address) -> str:
        """Why not to connect there, for people; empty when nothing is wrong with it."""
        for one in _meant(address):
            if next(self._networks.matches(one), None) is not None:
                continue
            if why := self._why_not(one):
                return f"{address} {why}"
        return ""

    def may_connect(self, host: str, _port: int) -> bool:
        """The same for ``ugrpy.transport``, which asks with the address that a name has."""
        # a link-local address comes with its interface, and is none that a stranger may name
        address = parse_address(host)
        return address is not None and not self.refusal(address)

    def _why_not(self, address: Address) -> str:
        match address:
            case _ if self._named_only:
                return "is in none of the networks that may be connected to"
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
