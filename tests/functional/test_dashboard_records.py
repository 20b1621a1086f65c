"""DynaFed's dashboard goes on reading from memcached which storages are well (row D152)."""

import time

import pytest

from tests.functional.helpers.asking import until, wait_for_service
from tests.functional.helpers.settings import configuration
from tests.functional.helpers.storage import elements, tree_of
from tests.peers import memcached
from tests.peers.bench import Bench
from tests.peers.gateway import GatewayStarter
from ugrpy.testing import Faults

EVERY_S = 0.2


@pytest.mark.peer("memcached")
@pytest.mark.row("D152")
def test_the_records_of_a_dashboard_are_written_once_a_turn_and_read_as_ever(tmp_path):
    with (
        Bench() as bench,
        elements({"one": tree_of("/f"), "two": tree_of("/f")}) as storage,
        GatewayStarter(tmp_path) as start,
    ):
        store = bench.memcached()
        text = configuration(
            {name: {"url": element.base_url} for name, element in storage.items()},
            service={"workers": 2},
            health={"probe_interval_s": 0.3, "eject_after": 1},
            shared={"memcached": [memcached.place(store)], "dashboard_every_s": EVERY_S},
        )
        gateway = start(config=text)
        until(lambda: states(store) == {"one": "1", "two": "1"}, "both are online")
        storage["two"].faults = Faults(status=500)
        wait_for_service(gateway, "two", serving=False)
        until(lambda: states(store) == {"one": "1", "two": "2"}, "one of them is not")
        first, began = count(store), time.monotonic()
        time.sleep(5 * EVERY_S)
        turns = (time.monotonic() - began) / EVERY_S
        assert 0 < count(store) - first <= turns + 1, "one worker writes for both"
        store.process.kill()
        store.start()
        until(lambda: states(store) == {"one": "1", "two": "2"}, "it goes on with a new server")
        assert "Traceback" not in gateway.log_text()


def count(store) -> int:
    return int(memcached.get(store, "Ugrpluginstats_idx") or 0)


def states(store) -> dict[str, str]:
    """What the dashboard would show: of the latest record, the state by name."""
    record = memcached.get(store, f"Ugrpluginstats_{count(store)}")
    if record is None:
        return {}
    assert record.endswith(b"\0")
    endpoints = [one.split("%%") for one in record[:-1].decode().split("&&")]
    for name, again, heard, state, latency_ms, _status, _words in endpoints:
        assert name == again
        assert state == "0" or abs(time.time() - int(heard)) < 60
        assert latency_ms.isdigit()
    return {fields[0]: fields[3] for fields in endpoints}
