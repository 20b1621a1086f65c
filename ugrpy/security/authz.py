"""May this identity do this to this path, and which rule says so?"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
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


class AllowReading:
    """Anyone may look, except below the paths the operator has closed; nobody may change anything."""

    def __init__(self, closed: Iterable[str] = ()) -> None:
        self._closed = tuple(closed)

    def __repr__(self) -> str:
        return f"AllowReading(closed={list(self._closed)})"

    def authorise(self, identity: Identity, operation: Operation, path: str) -> Decision:
        """Grant READ, LIST and STAT to everybody outside the closed paths; refuse the rest."""
        if self._closed:
            for prefix in self._closed:
                if is_within(path, prefix):
                    return Decision(False, f"closed {prefix}", "the operator has closed this path")
        match operation:
            case Operation.READ | Operation.LIST | Operation.STAT:
                return _GRANTED
            case Operation.WRITE | Operation.DELETE | Operation.COPY:
                return _REFUSED
