"""Which of several servers keeps a key, so that few keys move when a server is added or taken away?

Consistent hashing as in libketama: each server stands at many points of a circle, and a key belongs to the first point after its own. With one
server of N more or less, about one key in N has another home, and all others stay where they are. A server that is merely away
keeps its keys: were they looked up elsewhere meanwhile, two gateways that see different servers away would never find each other's changes.
"""

from bisect import bisect
from collections.abc import Sequence
from hashlib import blake2b

# 160 points as libketama has: the shares of the servers differ by some 10 %.
POINTS = 160


class Ring:
    """The servers by their names, in any order. Raises ``ValueError`` when there are none."""

    def __init__(self, names: Sequence[str], points: int = POINTS) -> None:
        if not names:
            raise ValueError("a ring needs a server")
        self.names = tuple(sorted(set(names)))
        placed = sorted(
            (_point(f"{name}-{number}"), name) for name in self.names for number in range(points)
        )
        self._points = [point for point, _name in placed]
        self._homes = [name for _point, name in placed]

    def __repr__(self) -> str:
        return f"<Ring {', '.join(self.names)}>"

    def home(self, key: str) -> str:
        """The server of a key."""
        return self._homes[bisect(self._points, _point(key)) % len(self._homes)]


def _point(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
