"""May this identity do this to this path, and which rule says so?"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

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


class AllowReading:
    """Anyone may look, nobody may change anything."""

    def authorise(self, identity: Identity, operation: Operation, path: str) -> Decision:
        """Grant READ, LIST and STAT to everybody; refuse the rest."""
        match operation:
            case Operation.READ | Operation.LIST | Operation.STAT:
                return _GRANTED
            case Operation.WRITE | Operation.DELETE | Operation.COPY:
                return _REFUSED
