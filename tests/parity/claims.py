"""What does a test claim to prove?"""

from collections.abc import Mapping

import pytest

from tests.parity.records import Claim
from tests.parity.rows import Row


def claim_of(item: pytest.Item, rows: Mapping[str, Row]) -> Claim:
    """What the markers of a test say. Raises ``pytest.Collector.CollectError`` for an unknown row or a malformed marker."""
    claimed = [row_id for marker in item.iter_markers("row") for row_id in marker.args]
    partial: dict[str, str] = {}
    for marker in item.iter_markers("row_partial"):
        if len(marker.args) != 1 or set(marker.kwargs) != {"missing"}:
            raise pytest.Collector.CollectError(
                f'{item.nodeid}: write row_partial("ID", missing="...")'
            )
        partial[marker.args[0]] = str(marker.kwargs["missing"])
    unknown = sorted({str(row_id) for row_id in (*claimed, *partial)} - rows.keys())
    if unknown:
        raise pytest.Collector.CollectError(
            f"{item.nodeid}: no such row in tests/rows.toml: {', '.join(unknown)}"
        )
    return Claim(tuple(sorted(set(claimed))), dict(sorted(partial.items())))
