"""Many processes, one probe: what one of them finds of an endpoint all of them know (row D124)."""

import os
import shutil
import time
from collections.abc import Iterator
from functools import partial

import pytest

from tests.functional.helpers.asking import health_of, until, wait_for_service
from tests.functional.helpers.settings import configuration
from tests.functional.helpers.storage import elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.process import ServerProcess
from tests.peers.programs import SEARCH_PATH

pytestmark = [pytest.mark.functional, pytest.mark.fault]

WORKERS = 3
INTERVAL_S = 0.5
SHORTEST = 0.85  # of an interval, by chance
WATCHED_S = 3.0
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


# -- several gateways -----------------------------------------------------------------------------

COMMANDS = {
    "memcached": lambda port: ("memcached", "-l", "127.0.0.1", "-p", str(port), "-U", "0"),
    "redis": lambda port: (
        *("redis-server", "--bind", "127.0.0.1", "--port", str(port)),
        *("--save", "", "--appendonly", "no"),
    ),
}


@pytest.fixture(params=sorted(COMMANDS))
def shared(request, tmp_path) -> Iterator[dict[str, object]]:
    """A real store, as the table of the configuration that names it."""
    command = COMMANDS[request.param]
    program = shutil.which(command(0)[0], path=SEARCH_PATH)
    if program is None:
        pytest.fail(f"{request.param} is missing; see tests/peers/debian-packages.txt")
    user = ("-u", "root") if request.param == "memcached" and os.getuid() == 0 else ()
    server = ServerProcess(
        lambda port: (program, *command(port)[1:], *user),
        address="127.0.0.1",
        log=tmp_path / "store.log",
    )
    server.start()
    where = f"127.0.0.1:{server.port}"
    yield {"memcached": [where]} if request.param == "memcached" else {"url": f"redis://{where}/0"}
    server.stop()


@pytest.fixture
def pair(storage, shared, tmp_path) -> Iterator[list[Gateway]]:
    with GatewayStarter(tmp_path) as start:
        yield [
            start(
                config=configuration(
                    {"one": {"url": storage.base_url}},
                    health={"probe_interval_s": INTERVAL_S, "return_after": 1},
                    changes={"state_dir": str(tmp_path / f"state-{number}")},
                    cache={"ttl_s": 600},
                    shared=shared,
                )
            )
            for number in range(2)
        ]


def has_probes(gateway) -> bool:
    return int(health_of(gateway, "one")["probes"]) > 0


@pytest.mark.row("D124")
def test_what_one_gateway_has_found_saves_the_other_the_probe(pair, storage):
    for gateway in pair:
        wait_for_service(gateway, "one", serving=True)
        until(partial(has_probes, gateway), "it has heard of a probe")
    before, began = storage.counts[PROBE], time.monotonic()
    heard = [health_of(gateway, "one")["probes"] for gateway in pair]
    time.sleep(WATCHED_S)
    probes, lasted_s = storage.counts[PROBE] - before, time.monotonic() - began
    assert 1 <= probes <= lasted_s / (INTERVAL_S * SHORTEST) + 2, "not each for itself"
    for gateway, known in zip(pair, heard, strict=True):
        assert health_of(gateway, "one")["probes"] > known, "but each knows"
    storage.from_thread(storage.refuse())
    for gateway in pair:
        wait_for_service(gateway, "one", serving=False)
    storage.from_thread(storage.accept())
    for gateway in pair:
        wait_for_service(gateway, "one", serving=True)
