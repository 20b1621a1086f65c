"""Two gateways of two workers each on one real store that is killed, hangs and comes back: who may still tell of what is gone?"""

import pytest

from tests.functional.sharing import run_schedule, sharing
from tests.peers.bench import Bench

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SCHEDULES = 10
ROUNDS = 2


@pytest.mark.peer("redis", "memcached")
@pytest.mark.parametrize("kind", ["redis", "memcached"])
def test_nobody_tells_of_what_is_gone(kind, tmp_path):
    with Bench() as bench, sharing(tmp_path, [getattr(bench, kind)()]) as site:
        for seed in range(SCHEDULES):
            run_schedule(site, seed, ROUNDS)
        for gateway in site.gateways:
            assert "Traceback" not in gateway.log_text()
