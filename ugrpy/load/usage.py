"""What did each network have? A bounded table for operators: the networks seen last, with what they asked for and got."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

# A row takes some 300 bytes.
MOST_NETWORKS = 4096


@dataclass(slots=True)
class Used:
    """One network since its row was made. ``waited_s`` is the sum of all waits."""

    admitted: int = 0
    waited: int = 0
    waited_s: float = 0.0
    refused: int = 0


class Usage:
    """The networks seen last."""

    def __init__(self, most: int = MOST_NETWORKS) -> None:
        self._most = most
        self._rows: OrderedDict[str, Used] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Usage of {len(self._rows)} networks>"

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[tuple[str, Used]]:
        return iter(self._rows.items())

    def of(self, network: str) -> Used:
        """The row of this network, which was seen just now."""
        row = self._rows.get(network)
        if row is None:
            row = self._rows[network] = Used()
            if len(self._rows) > self._most:
                self._rows.popitem(last=False)
        else:
            self._rows.move_to_end(network)
        return row
