"""Many processes, one probe: what one of them finds of an endpoint all of them know (row D124)."""

import time

import pytest

from tests.functional.helpers.asking import until
from tests.functional.helpers.settings import configuration
from tests.functional.helpers.storage import elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import GatewayStarter

pytestmark = [pytest.mark.functional, pytest.mark.fault]

WORKERS = 3
INTERVAL_S = 0.5
SHORTEST = 0.85  # of an interval, by chance
WATCHED_S = 4.0
PROBE = ("PROPFIND", "/")


@pytest.fixture
def storage():
    with elements({"one": tree_of("/one/f")}) as running:
        yield running["one"]


@pytest.fixture
def gateway(storage, tmp_path):
    text = configuration(
        {"one": {"url": storage.base_url}},
        service={"workers": WORKERS},
        health={"probe_interval_s": INTERVAL_S, "return_after": 1},
        changes={"state_dir": str(tmp_path / "state")},
        cache={"ttl_s": 600},
    )
    with GatewayStarter(tmp_path) as start:
        gateway = start(config=text)
        until(lambda: gateway.log_text().count("event=listening") == 1 + WORKERS, "all listen")
        yield gateway


def statuses(gateway) -> set[int]:
    """What all workers say, as far as a few fresh connections meet them."""
    return {ask("GET", f"{gateway.url}/one/f").status for _ in range(8 * WORKERS)}


@pytest.mark.row("D124")
def test_one_worker_probes_and_all_know(gateway, storage):
    assert statuses(gateway) == {302}
    time.sleep(2 * INTERVAL_S)  # what was asked for names counts as a sign of life
    before, began = storage.counts[PROBE], time.monotonic()
    time.sleep(WATCHED_S)
    probes, lasted_s = storage.counts[PROBE] - before, time.monotonic() - began
    assert 1 <= probes <= lasted_s / (INTERVAL_S * SHORTEST) + 1, "not each worker for itself"
    storage.from_thread(storage.refuse())
    until(lambda: statuses(gateway) == {503}, "all workers know that it is out")
    assert gateway.log_text().count("after=ejected") >= WORKERS
    storage.from_thread(storage.accept())
    until(lambda: statuses(gateway) == {302}, "and that it is back")
