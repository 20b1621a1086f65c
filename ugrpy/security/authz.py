"""May this identity do this to this path, and which rule says so?"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from ugrpy.namespace.paths import is_within
from ugrpy.security.identity import Identity


class Operation(StrEnum):
    """What a request amounts to, whatever its method is called."""

    READ = "read"
    LIST = "list"
    STAT = "stat"
    WRITE = "write"
    DELETE = "delete"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, the rule that gave it (for logs and ``explain``) and a reason fit for the client."""

    allowed: bool
    rule: str
    reason: str


class Policy(Protocol):
    """Anything that can decide. The same inputs always give the same decision; no I/O."""

    def authorise(self, identity: Identity, operation: Operation, path: str) -> Decision:
        """Decide on ``operation`` at the federated, decoded ``path``."""
        ...


_GRANTED = Decision(True, "allow-reading", "anyone may read, list and stat")
_REFUSED = Decision(False, "allow-reading", "this gateway is read-only")


_MAY_CHANGE = Decision(True, "write-from", "clients of this network may make changes")
_MAY_NOT_CHANGE = Decision(
    False, "write-from", "changes are taken from the networks the operator has named only"
)


class AllowReading:
    """Anyone may look, except below the paths the operator has closed; changes are made from the networks of ``write_from`` only.

    A client whose address is not known makes none.
    """

    def __init__(
        self, closed: Iterable[str] = (), write_from: Iterable[IPv4Network | IPv6Network] = ()
    ) -> None:
        self._closed = tuple(closed)
        self._write_from = tuple(write_from)

    def __repr__(self) -> str:
        return f"AllowReading(closed={list(self._closed)}, write_from={[str(n) for n in self._write_from]})"

    def authorise(self, identity: Identity, operation: Operation, path: str) -> Decision:
        """Grant READ, LIST and STAT to everybody outside the closed paths, and the rest to those who may make changes."""
        if self._closed:
            for prefix in self._closed:
                if is_within(path, prefix):
                    return Decision(False, f"closed {prefix}", "the operator has closed this path")
        match operation:
            case Operation.READ | Operation.LIST | Operation.STAT:
                return _GRANTED
            case Operation.WRITE | Operation.DELETE | Operation.COPY:
                return self._may_change(identity)

    def _may_change(self, identity: Identity) -> Decision:
        if not self._write_from:
            return _REFUSED
        address = identity.address
        if address is not None and any(address in network for network in self._write_from):
            return _MAY_CHANGE
        return _MAY_NOT_CHANGE
