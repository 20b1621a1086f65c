"""Does the benchmark of streaming measure what it says, in small?"""

import pytest

from benchmarks.macro import streaming
from benchmarks.model import Settings

SIZE_BYTES = 3_000_001


@pytest.mark.functional
@pytest.mark.peer("nginx")
def test_the_benchmark_in_small():
    result = streaming.run(Settings(repeat=1), size_bytes=SIZE_BYTES)
    assert result.statuses == {name: {"200": 1} for name in ("direct", "nginx", "gateway")}
    for cells in result.subjects.values():
        assert cells["mb_per_s"].median > 0
    assert set(result.ratios["gateway / nginx"]) == {"speed", "cpu"}
    assert [check.text for check in result.checks] == [
        "throughput, gateway / nginx proxy_pass >= 0.5",
        "growth of the gateway, MB <= 32",
    ]
