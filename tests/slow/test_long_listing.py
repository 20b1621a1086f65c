"""A hundred thousand names over three real servers: how much does the gateway grow while it merges and sends them?"""

import pytest

from benchmarks.macro import listing_100k
from benchmarks.model import Settings
from tests.parity import peers_used
from tests.peers.programs import require

pytestmark = [pytest.mark.slow, pytest.mark.peer("nginx")]


@pytest.mark.timeout(600)
@pytest.mark.row("D53")
def test_100_000_entries_are_listed_in_bounded_memory():
    """Every name is there once (the benchmark looks), and the growth stays below its bound, sorted or not."""
    peers_used.record("nginx", require("nginx").version)
    result = listing_100k.run(Settings(repeat=1))
    assert {check.text: check.value for check in result.checks if not check.holds} == {}
    assert result.statuses["cold"] == {"207": 1}
