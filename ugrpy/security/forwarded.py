"""Which address is the client's, when proxies stand between?

The problem: ``X-Forwarded-For`` and ``Forwarded`` (RFC 7239) are lists that every proxy extends on the right, and
everything on the left is hearsay: a client can send such a header itself. Taking the leftmost value lets anybody
choose an address; taking none makes every client behind HAProxy look like HAProxy. So the list is walked from the
right, starting at the peer of the TCP connection, and a step to the left is made only when the hop we stand on is a
proxy the operator trusts. The first hop that is not trusted is the client. A value that is no address ends the walk
where it stands: nothing left of it can be told from an invention.

Two more rules follow from the same caution:

- Elements are cut off the right end one by one, so an unbalanced quote on the left cannot swallow what a proxy appended.
- A proxy usually extends one of the two headers and passes the other through untouched, as the client wrote it. When
  both are present and lead to different addresses, neither is believed and the address is unknown.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# node of RFC 7239 section 6 as far as it is an address: v4 or [v6], then perhaps a port, which may be obfuscated;
# X-Forwarded-For adds bare v6
_NODE = re.compile(
    r"(?:\[(?P<bracketed>[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\]|(?P<dotted>[0-9.]+))(?::(?:[0-9]{1,5}|_[\w.-]+))?",
    re.ASCII,
)
# The pair of a forwarded-element (RFC 7239 section 4) that we look for; no address needs an escape inside its quotes.
# The blanks after a plain value are taken with it: to leave them out here costs the square of their number.
_FOR = re.compile(
    r'(?:^|;)[ \t]*for=(?:"(?P<quoted>[^"\\]*)"[ \t]*|(?P<plain>[^";]*))(?=;|$)', re.IGNORECASE
)


class TrustedNetworks:
    """The networks whose proxies are believed: ``address in trusted``; false in a boolean context when empty."""

    __slots__ = ("_by_length", "_networks")

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)
        self._by_length: dict[tuple[int, int], set[int]] = {}
        for network in self._networks:
            shift = network.max_prefixlen - network.prefixlen
            prefixes = self._by_length.setdefault((network.version, shift), set())
            prefixes.add(int(network.network_address) >> shift)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: Address) -> bool:
        number = int(address)
        return any(
            version == address.version and number >> shift in prefixes
            for (version, shift), prefixes in self._by_length.items()
        )

    def __repr__(self) -> str:
        return f"TrustedNetworks({', '.join(map(str, self._networks))})"


def client_address(
    peer: str | None,
    *,
    x_forwarded_for: Sequence[str] = (),
    forwarded: Sequence[str] = (),
    trusted: TrustedNetworks,
) -> Address | None:
    """The client's address; ``None`` when there is none (a local socket) or it cannot be told.

    ``peer`` is the other end of the connection as the socket gives it. The two sequences hold the values of all
    header lines of that name, in order of arrival. v4-mapped v6 addresses come back as v4.
    """
    near = _parse_peer(peer) if peer else None
    if near is None or not trusted or not (x_forwarded_for or forwarded) or near not in trusted:
        return near
    if not forwarded:
        return _walk(near, _x_forwarded_nodes(x_forwarded_for), trusted)
    standard = _walk(near, _forwarded_nodes(forwarded), trusted)
    if not x_forwarded_for:
        return standard
    customary = _walk(near, _x_forwarded_nodes(x_forwarded_for), trusted)
    return standard if standard == customary else None


def _walk(near: Address, nodes: Iterator[str], trusted: TrustedNetworks) -> Address:
    """Go left from ``near`` while the hop is trusted and the next value is an address."""
    here = near
    for node in nodes:
        further = _parse_node(node)
        if further is None:
            return here
        here = further
        if here not in trusted:
            return here
    return here


def _x_forwarded_nodes(values: Sequence[str]) -> Iterator[str]:
    """The list members from right to left; empty ones do not count (RFC 9110 section 5.6.1)."""
    for value in reversed(values):
        rest = value
        while rest:
            rest, _, member = rest.rpartition(",")
            if stripped := member.strip(" \t"):
                yield stripped


def _forwarded_nodes(values: Sequence[str]) -> Iterator[str]:
    """The ``for`` of each element from right to left; an element without a usable one gives ``""``."""
    for value in reversed(values):
        for element in _elements_from_the_right(value):
            found = _FOR.findall(element)
            quoted, plain = found[0] if len(found) == 1 else ("", "")
            yield quoted or plain.rstrip(" \t")


def _elements_from_the_right(value: str) -> Iterator[str]:
    """Split at the commas outside quotes, starting at the end."""
    end = len(value)
    quoted = False
    for index in range(len(value) - 1, -1, -1):
        if value[index] == '"':
            quoted = not quoted
        elif value[index] == "," and not quoted:
            if element := value[index + 1 : end].strip(" \t"):
                yield element
            end = index
    if element := value[:end].strip(" \t"):
        yield element


def _parse_node(node: str) -> Address | None:
    """The address in a node, or ``None`` for ``unknown``, obfuscated names and everything malformed."""
    if match := _NODE.fullmatch(node):
        return _parse_address(match["bracketed"] or match["dotted"])
    return _parse_address(node) if ":" in node and "%" not in node else None


@lru_cache(maxsize=4096)
def _parse_peer(peer: str) -> Address | None:
    """A socket's own spelling, which may carry a zone (``fe80::1%eth0``). Asked for every request, hence the memo."""
    return _parse_address(peer.partition("%")[0])


def _parse_address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
