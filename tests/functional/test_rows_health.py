"""When is an endpoint out of service, and when is it back (rows D119 to D123, D125, D126)?

One gateway watches them all. Each endpoint has a mount and a health policy of its own, so that the tests do not meet.
"""

import time
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from tests.functional.helpers.asking import health_of, until, wait_for_service
from tests.functional.helpers.settings import configuration
from tests.functional.helpers.storage import HANGING, WELL, asks, elements, tree_of
from tests.peers.ask import ask
from tests.peers.bench import Bench
from tests.peers.gateway import GatewayStarter
from ugrpy.testing import Faults

pytestmark = [pytest.mark.functional, pytest.mark.fault]

SLACK = 5.0
DEADLINE_S = 1.0
LATENCY_LIMIT_S = 0.6
QUIET_INTERVAL_S = 0.5
BUSY_INTERVAL_S = 0.6
QUARANTINE_INTERVAL_S = 0.2
QUARANTINE = 5
SHORTEST = (
    0.85  # an interval is up to 15 % shorter or longer, so that gateways do not probe in step
)
LONG_S = 600.0  # no probe comes by itself during a test
OFTEN_S = 0.2

FILES = tuple(f"/f/{number:03}" for number in range(100))
PROBE = ("PROPFIND", "/")

# what differs from [health], which has the native defaults but for the interval
POLICIES: dict[str, dict[str, object]] = {
    "quiet": {"probe_interval_s": QUIET_INTERVAL_S},
    "stopped": {"probe_interval_s": QUIET_INTERVAL_S},
    "paused": {"probe_interval_s": QUIET_INTERVAL_S, "max_latency_s": 0.5, "eject_after": 1},
    "rootless": {"probe_interval_s": OFTEN_S, "eject_after": 1},
    "rootless-server": {"probe_interval_s": OFTEN_S, "eject_after": 1},
    "rootless-plain": {"probe_interval_s": OFTEN_S, "eject_after": 1},
    "slow": {"probe_interval_s": OFTEN_S, "max_latency_s": LATENCY_LIMIT_S, "eject_after": 2},
    "slow-allowed": {"probe_interval_s": OFTEN_S, "max_latency_s": 60.0},
    "timid": {"eject_after": 1},
    "timid-deadline": {"eject_after": 1},
    "native": {},
    "quarantine": {
        "probe_interval_s": QUARANTINE_INTERVAL_S,
        "eject_after": 1,
        "return_after": QUARANTINE,
    },
    "busy": {"probe_interval_s": BUSY_INTERVAL_S},
    "failing": {"probe_interval_s": BUSY_INTERVAL_S, "eject_after": 0},
    "always": {"probe_interval_s": 0.05, "eject_after": 0},
}
REAL = {"stopped", "paused", "rootless-server", "rootless-plain"}
EXTRA: dict[str, dict[str, object]] = {
    "rootless-plain": {"kind": "http"},
    "timid": {"first_byte_timeout_s": 0.3},
    "native": {"first_byte_timeout_s": 0.3},
    "always": {"probe": False},
}


@pytest.fixture(scope="module")
def storage():
    trees = {name: tree_of(*FILES) for name in POLICIES if name not in REAL}
    with elements(trees) as running:
        for element in running.values():
            element.faults_at["/f/stuck"] = HANGING
        running["rootless"].faults_at["/"] = Faults(status=404)
        yield running


@pytest.fixture(scope="module")
def servers():
    """Real servers that a test may stop and pause, and one that serves other folders."""
    with Bench() as bench:
        running = {name: bench.nginx_dav() for name in ("stopped", "paused", "there")}
        for server in running.values():
            server.write("f/000", b"0123456789")
        yield running


@pytest.fixture(scope="module")
def gateway(storage, servers, tmp_path_factory):
    urls = {name: element.base_url for name, element in storage.items()}
    urls |= {name: servers[name].url for name in ("stopped", "paused")}
    urls |= dict.fromkeys(("rootless-server", "rootless-plain"), servers["there"].url + "/nowhere")
    endpoints = {
        name: {"url": urls[name], "mounts": [f"/{name} = /"], **EXTRA.get(name, {})}
        for name in POLICIES
    }
    own: dict[str, Any] = {f"endpoints.{name}.health": POLICIES[name] for name in POLICIES}
    text = configuration(
        endpoints,
        federation={"deadline_s": DEADLINE_S},
        cache={"ttl_s": 0.001, "negative_ttl_s": 0.0, "incomplete_ttl_s": 0.0},
        health={"probe_interval_s": LONG_S},
        **own,
    )
    with GatewayStarter(tmp_path_factory.mktemp("watching")) as start:
        yield start(config=text)


@contextmanager
def afterwards_well(gateway, *names):
    """The test begins and ends with these endpoints in service."""
    for name in names:
        wait_for_service(gateway, name, serving=True)
    yield
    for name in names:
        wait_for_service(gateway, name, serving=True)


def status_of(gateway, path: str) -> int:
    return ask("GET", gateway.url + path).status


def seconds_between(health: Mapping[str, Any], before: str, after: str) -> float:
    """From the last time it entered one state to the last time it entered the other."""
    ages = {state: age for age, state in health["history"]}
    return float(ages[before] - ages[after])


# -- out of service -------------------------------------------------------------------------------


@pytest.mark.row("D119")
def test_a_dead_endpoint_is_out_within_about_the_probe_interval_without_any_traffic(
    gateway, storage
):
    element = storage["quiet"]
    with afterwards_well(gateway, "quiet"):
        started = time.monotonic()
        element.from_thread(element.refuse())
        wait_for_service(gateway, "quiet", serving=False)
        seen = health_of(gateway, "quiet")
        took_s = time.monotonic() - started - seen["state_age_s"]
        assert took_s < SLACK * QUIET_INTERVAL_S
        assert (seen["answered"], seen["failed"], seen["ejections"]) == (0, 0, 1)
        assert "probe" in seen["note"]
        started = time.monotonic()
        element.from_thread(element.accept())
        wait_for_service(gateway, "quiet", serving=True)
        back = health_of(gateway, "quiet")
        took_s = time.monotonic() - started - back["state_age_s"]
        assert took_s < SLACK * 3 * QUIET_INTERVAL_S
        assert (back["answered"], back["failed"]) == (0, 0)
    assert asks(element) == {}


@pytest.mark.row("D119")
@pytest.mark.parametrize("name", ["stopped", "paused"])
def test_a_real_server_that_dies_or_hangs_is_out_without_any_traffic(gateway, servers, name):
    server = servers[name]
    with afterwards_well(gateway, name):
        started = time.monotonic()
        if name == "stopped":
            server.stop()
        else:
            server.pause()
        wait_for_service(gateway, name, serving=False)
        seen = health_of(gateway, name)
        took_s = time.monotonic() - started - seen["state_age_s"]
        assert took_s < SLACK * (QUIET_INTERVAL_S + (0.5 if name == "paused" else 0.0))
        assert (seen["answered"], seen["failed"]) == (0, 0)
        # nobody ever saw the name there
        assert status_of(gateway, f"/{name}/f/000") == 404
        if name == "stopped":
            server.start()
        else:
            server.resume()
        wait_for_service(gateway, name, serving=True)
        assert status_of(gateway, f"/{name}/f/000") == 302


@pytest.mark.row("D120")
@pytest.mark.parametrize("name", ["rootless", "rootless-server", "rootless-plain"])
def test_a_probe_answered_404_is_a_sign_of_life(gateway, storage, name):
    until(lambda: health_of(gateway, name)["probes"] >= 5, "five probes")
    seen = health_of(gateway, name)
    assert (seen["in_service"], seen["state"], seen["note"]) == (True, "in_service", "")
    assert (seen["failed_probes"], seen["ejections"], seen["history"]) == (0, 0, [])
    if name == "rootless":
        assert storage[name].counts[PROBE] >= 5
        assert status_of(gateway, f"/{name}{FILES[0]}") == 302


@pytest.mark.row("D121")
def test_a_probe_slower_than_the_limit_takes_the_endpoint_out_and_one_within_it_does_not(
    gateway, storage
):
    late = Faults(delay_s=1.5 * LATENCY_LIMIT_S)
    with afterwards_well(gateway, "slow", "slow-allowed"):
        before = health_of(gateway, "slow-allowed")["probes"]
        for name in ("slow", "slow-allowed"):
            storage[name].faults_at["/"] = late
        wait_for_service(gateway, "slow", serving=False)
        seen = health_of(gateway, "slow")
        assert (seen["failed"], seen["ejections"]) == (0, 1)
        assert f"{LATENCY_LIMIT_S:g} s" in seen["last_error"]
        assert status_of(gateway, f"/slow{FILES[0]}") == 404
        assert asks(storage["slow"]) == {}, "it is not asked any more"
        until(
            lambda: health_of(gateway, "slow-allowed")["probes"] > before + 1,
            "the other is probed as slowly",
        )
        other = health_of(gateway, "slow-allowed")
        assert (other["in_service"], other["failed_probes"]) == (True, 0)
        for name in ("slow", "slow-allowed"):
            storage[name].faults_at.clear()
    assert status_of(gateway, f"/slow{FILES[0]}") == 302


@pytest.mark.row("D122")
@pytest.mark.parametrize("name", ["timid", "timid-deadline"])
def test_one_time_out_takes_the_endpoint_out_at_once_when_so_configured(gateway, storage, name):
    """The endpoint's own limit, or the gateway's deadline, whichever ends the operation."""
    element = storage[name]
    assert status_of(gateway, f"/{name}{FILES[0]}") == 302
    stuck = ask("GET", f"{gateway.url}/{name}/f/stuck")
    assert stuck.status == 504
    seen = health_of(gateway, name)
    assert (seen["state"], seen["in_service"], seen["failed"]) == ("ejected", False, 1)
    element.counts.clear()
    known = ask("GET", f"{gateway.url}/{name}{FILES[0]}")
    assert known.status == 503
    assert f'next-hop="{name}"' in known.headers["proxy-status"]
    for path in FILES[1:5]:
        assert ask("HEAD", f"{gateway.url}/{name}{path}").status == 404
        assert ask("PROPFIND", f"{gateway.url}/{name}{path}", headers={"Depth": "1"}).status == 404
    assert not element.counts, "nobody asks it any more"


@pytest.mark.row("D122")
def test_natively_one_time_out_is_forgiven_and_three_in_a_row_are_not(gateway, storage):
    for number in (1, 2):
        assert status_of(gateway, "/native/f/stuck") == 504
        assert health_of(gateway, "native")["in_service"] is True
        assert health_of(gateway, "native")["failures"] == number
    assert status_of(gateway, f"/native{FILES[0]}") == 302, "a good answer forgives"
    for number in (1, 2, 3):
        assert status_of(gateway, "/native/f/stuck") == 504
        assert health_of(gateway, "native")["in_service"] is (number < 3)
    assert health_of(gateway, "native")["ejections"] == 1


# -- and back -------------------------------------------------------------------------------------


@pytest.mark.row("D123")
def test_the_way_back_takes_the_configured_number_of_stable_intervals(gateway, storage):
    element = storage["quarantine"]
    with afterwards_well(gateway, "quarantine"):
        element.faults_at["/"] = Faults(status=503)
        wait_for_service(gateway, "quarantine", serving=False)
        element.faults_at.pop("/")
        climb(gateway, good_at(gateway), until_good=2)
        failed = health_of(gateway, "quarantine")["failed_probes"]
        element.faults_at["/"] = Faults(status=503)
        until(
            lambda: health_of(gateway, "quarantine")["failed_probes"] > failed,
            "a failure in between",
        )
        start = good_at(gateway)
        element.faults_at.pop("/")
        failed_at = time.monotonic() - health_of(gateway, "quarantine")["last_error_age_s"]
        climb(gateway, start, until_good=QUARANTINE)
        seen = health_of(gateway, "quarantine")
        took_s = time.monotonic() - seen["state_age_s"] - failed_at
        least_s = QUARANTINE * QUARANTINE_INTERVAL_S * SHORTEST
        assert least_s <= took_s
        assert seconds_between(seen, "ejected", "in_service") > least_s
        assert status_of(gateway, f"/quarantine{FILES[0]}") == 302


def good_at(gateway) -> int:
    """How many probes were good so far."""
    seen = health_of(gateway, "quarantine")
    return int(seen["probes"]) - int(seen["failed_probes"])


def climb(gateway, start: int, *, until_good: int) -> None:
    """Watch until there were that many good probes; at each look it is back if and only if they are enough."""

    def there() -> bool:
        seen = health_of(gateway, "quarantine")
        good = seen["probes"] - seen["failed_probes"] - start
        assert seen["in_service"] is (good >= QUARANTINE), (good, seen)
        return bool(good >= until_good)

    until(there, f"{until_good} good probes")


# -- instead of probes ----------------------------------------------------------------------------


@pytest.mark.row("D125")
def test_successful_traffic_takes_the_place_of_probes(gateway, storage):
    element = storage["busy"]
    until(lambda: element.counts[PROBE] >= 1, "the first probe")
    gaps = 0
    element.counts.clear()
    last = started = time.monotonic()
    while time.monotonic() - started < 3 * BUSY_INTERVAL_S:
        for path in FILES[:10]:
            assert status_of(gateway, f"/busy{path}") == 302
        # on a crowded machine we may be the ones who were silent for so long
        gaps += time.monotonic() - last > BUSY_INTERVAL_S * SHORTEST / 2
        last = time.monotonic()
    assert element.counts["PROPFIND", FILES[0]] > 3
    assert element.counts[PROBE] <= 1 + gaps, "1: one may have been due when the traffic began"
    probes = element.counts[PROBE]
    until(lambda: element.counts[PROBE] >= probes + 2, "silence is filled with probes")


@pytest.mark.row("D125")
def test_traffic_that_fails_does_not(gateway, storage):
    element = storage["failing"]
    until(lambda: element.counts[PROBE] >= 1, "the first probe")
    element.faults_at.update(dict.fromkeys(FILES, Faults(status=500)))
    element.counts.clear()

    def probed_while_failing() -> bool:
        assert status_of(gateway, f"/failing{FILES[0]}") == 502
        return bool(element.counts[PROBE] >= 3)

    until(probed_while_failing, "it is probed all the same")
    assert health_of(gateway, "failing")["in_service"] is True


@pytest.mark.row("D126")
def test_with_checking_off_it_is_never_probed_and_always_used(gateway, storage):
    element = storage["always"]
    probes = health_of(gateway, "quarantine")["probes"]
    element.faults = Faults(status=500)
    for path in FILES[:20]:
        assert status_of(gateway, f"/always{path}") == 502
        assert asks(element)["PROPFIND", path] == 1, "it is asked each time"
    element.faults = WELL
    assert status_of(gateway, "/always/f/stuck") == 504
    element.from_thread(element.refuse())
    for path in FILES[20:30]:
        gone = ask("GET", f"{gateway.url}/always{path}")
        assert gone.status == 503
        assert "out of service" not in gone.text
    element.from_thread(element.accept())
    assert status_of(gateway, f"/always{FILES[30]}") == 302, "at once, with the first request"
    until(lambda: health_of(gateway, "quarantine")["probes"] > probes + 2, "others are probed")
    seen = health_of(gateway, "always")
    assert (seen["in_service"], seen["probes"], seen["ejections"]) == (True, 0, 0)
    assert (seen["failed"], seen["history"]) == (31, [])
    assert element.counts[PROBE] == 0
