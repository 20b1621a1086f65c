"""May this server connect there? Agents say where their caches are, and must not make us knock on doors inside our own network.

A heartbeat names an address and a port, and verification connects to them (row S51): the address is judged by the rule that all share
(``ugrpy.security.guard``), the port by the operator's ranges. Caches are named by address and never by name; for whatever has a name the
rule is asked again with the address that was found (``ugrpy.transport``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shoalpy.model import Address
from ugrpy.locality import Network, parse_address
from ugrpy.security.guard import AddressGuard


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

    __slots__ = ("_addresses", "_ports")

    def __init__(
        self,
        *,
        allow_private: bool = False,
        networks: Sequence[Network] = (),
        ports: Sequence[PortRange],
    ) -> None:
        self._addresses = AddressGuard(networks, allow_private=allow_private)
        self._ports = tuple(ports)

    def __repr__(self) -> str:
        return f"<Guard by {self._addresses!r}>"

    def refusal(self, address: Address, port: int) -> str:
        """Why not to connect there, for people; empty when nothing is wrong with it."""
        if not any(port in ports for ports in self._ports):
            return f"port {port} is not among those that may be asked"
        return self._addresses.refusal(address)

    def may_connect(self, host: str, port: int) -> bool:
        """The same for ``ugrpy.transport``, which asks with the address that a name has."""
        # a link-local address comes with its interface, and is none that an agent may name
        address = parse_address(host)
        return address is not None and not self.refusal(address, port)
