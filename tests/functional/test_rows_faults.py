"""Silence, death and recovery of endpoints (rows D23, D24, D36, D37, D39 to D43)."""

import http.client
import socket
import time
from contextlib import ExitStack

import pytest

from tests.functional.helpers.answers import (
    duplicates,
    names_in,
    parse_metalink3,
    parse_multistatus,
    propfind,
)
from tests.functional.helpers.asking import answer_of, health_of, until, wait_for_service
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import HANGING, WELL, asks, elements, tree_of
from tests.peers.ask import Answer, ask
from tests.peers.gateway import GatewayStarter
from ugrpy.testing import Faults

pytestmark = [pytest.mark.functional, pytest.mark.fault]

DEADLINE_S = 0.8
SLACK = 5.0
PATIENT_S = 60.0  # longer than a test lasts: what is answered sooner was answered without the silent endpoint
SLOW = Faults(delay_s=0.6)

NAMES = tuple(f"/f/{number}" for number in range(10))
COLD = tuple(f"/cold/{number}" for number in range(10))


@pytest.fixture(scope="module")
def storage():
    trees = {
        "quick": tree_of(*NAMES, *COLD, "/only/quick"),
        "other": tree_of(*NAMES, *COLD, "/only/other", "/only/broken"),
        "closed": tree_of(*NAMES, "/only/closed"),
    }
    with elements(trees) as running:
        yield running


@pytest.fixture(autouse=True)
def healthy(storage):
    """Each test finds the storage elements well and their counts at zero."""
    for element in storage.values():
        element.faults = WELL
        element.faults_at.clear()
        element.counts.clear()


def federation_of(storage, names=("quick", "other"), **settings):
    """The text of a configuration in which no failure takes anybody out of service."""
    return configuration(
        {
            name: {"url": storage[name].base_url, "first_byte_timeout_s": PATIENT_S, **QUIET}
            for name in names
        },
        health=NEVER_EJECT,
        **settings,
    )


@pytest.fixture(scope="module")
def patient(storage, tmp_path_factory):
    """A gateway that would wait a minute, and remembers."""
    text = federation_of(storage, federation={"deadline_s": PATIENT_S})
    with GatewayStarter(tmp_path_factory.mktemp("patient")) as start:
        yield start(config=text)


@pytest.fixture(scope="module")
def hasty(storage, tmp_path_factory):
    """A gateway with a short deadline that remembers no name and has a third endpoint nobody may read."""
    text = configuration(
        {
            name: {
                "url": storage[name].base_url,
                "first_byte_timeout_s": PATIENT_S,
                "readable": name != "closed",
                **QUIET,
            }
            for name in ("quick", "other", "closed")
        },
        federation={"deadline_s": DEADLINE_S},
        cache={"negative_ttl_s": 0.0, "listing_ttl_s": 0.0, "incomplete_ttl_s": 0.0},
        health=NEVER_EJECT,
    )
    with GatewayStarter(tmp_path_factory.mktemp("hasty")) as start:
        yield start(config=text)


def timed(method: str, url: str, **headers: str) -> tuple[Answer, float]:
    """The answer and the seconds it took."""
    started = time.monotonic()
    answer = ask(method, url, headers=headers, timeout_s=PATIENT_S)
    return answer, time.monotonic() - started


@pytest.mark.row("D23")
def test_a_missing_file_is_404_once_all_have_spoken(hasty, storage):
    storage["other"].faults = Faults(delay_s=0.3)
    answer, took_s = timed("GET", f"{hasty.url}/missing")
    assert answer.status == 404
    assert "location" not in answer.headers
    assert 0.3 <= took_s < DEADLINE_S * SLACK
    for name in ("quick", "other"):
        assert asks(storage[name]) == {("PROPFIND", "/missing"): 1}


@pytest.mark.row("D36")
def test_a_stat_returns_with_the_fastest_while_another_hangs(patient, storage):
    for hung, path in (("other", NAMES[0]), ("quick", NAMES[1])):
        storage[hung].faults_at[path] = HANGING
        head, took_s = timed("HEAD", patient.url + path)
        assert (head.status, head.headers["content-length"]) == (200, "10")
        assert took_s < PATIENT_S / SLACK
        answer, took_s = timed("PROPFIND", patient.url + path, Depth="0")
        assert answer.status == 207
        assert took_s < PATIENT_S / SLACK
        assert storage[hung].counts["PROPFIND", path] == 1, (
            "it was asked, and is waited for no longer"
        )


@pytest.mark.row("D37")
@pytest.mark.parametrize("accept", ["*/*", "application/metalink4+xml"])
def test_the_metalink_waits_for_every_endpoint(patient, storage, accept):
    path = NAMES[2] if accept == "*/*" else NAMES[3]
    storage["other"].faults_at[path] = SLOW
    redirect = ask("GET", patient.url + path)
    assert redirect.headers["location"] == storage["quick"].base_url + path
    assert "link" not in redirect.headers, "the redirect was not to wait"
    answer = ask("GET", f"{patient.url}{path}?metalink=3", headers={"Accept": accept})
    assert answer.status == 200
    assert set(parse_metalink3(answer.body).urls) == {
        storage[name].base_url + path for name in ("quick", "other")
    }
    assert "proxy-status" not in answer.headers
    assert storage["other"].counts["PROPFIND", path] == 1


@pytest.mark.row("D37")
def test_a_cold_metalink_waits_for_every_endpoint(patient, storage):
    path = NAMES[4]
    storage["other"].faults_at[path] = SLOW
    answer, took_s = timed("GET", f"{patient.url}{path}?metalink")
    assert len(parse_metalink3(answer.body).urls) == 2
    assert took_s >= SLOW.delay_s


@pytest.mark.row("D39")
def test_100_parallel_gets_of_a_cold_path_ask_each_endpoint_once(patient, storage):
    path = COLD[0]
    for element in storage.values():
        element.faults_at[path] = Faults(delay_s=2.5)
    with ExitStack() as stack:
        connections = []
        for _ in range(100):
            connection = http.client.HTTPConnection(
                patient.process.address, patient.process.port, timeout=PATIENT_S
            )
            stack.callback(connection.close)
            connection.request("GET", path)
            connections.append(connection)
        assert not any(answered_already(connection) for connection in connections)
        answers = [answer_of(connection.getresponse()) for connection in connections]
    assert {answer.status for answer in answers} == {302}
    assert all(answer.headers["location"].endswith(path) for answer in answers)
    for name in ("quick", "other"):
        assert asks(storage[name]) == {("PROPFIND", path): 1}


def answered_already(connection: http.client.HTTPConnection) -> bool:
    """Whether there is something to read on the connection."""
    connection.sock.setblocking(False)
    try:
        return bool(connection.sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.sock.settimeout(PATIENT_S)


@pytest.mark.row("D40")
def test_an_answer_after_the_reply_still_enriches_the_cache(patient, storage):
    path = COLD[1]
    storage["other"].faults_at[path] = SLOW
    first = ask("GET", patient.url + path)
    assert first.headers["location"] == storage["quick"].base_url + path
    assert duplicates(first) == []
    both = {storage[name].base_url + path for name in ("quick", "other")}
    until(
        lambda: set(duplicates(ask("GET", patient.url + path))) == both, "both replicas are known"
    )
    later = ask("GET", patient.url + path)
    assert later.headers["cache-status"].startswith("ugrpy; hit;")
    for name in ("quick", "other"):
        assert asks(storage[name]) == {("PROPFIND", path): 1}


@pytest.mark.row("D41")
def test_a_hanging_endpoint_costs_at_most_the_deadline(hasty, storage):
    storage["other"].faults = HANGING
    path = NAMES[0]
    cases = [
        ("GET", f"{path}?metalink", {}, 200),
        ("GET", "/missing", {}, 504),
        ("PROPFIND", "/f", {"Depth": "1"}, 207),
    ]
    for method, target, headers, status in cases:
        answer, took_s = timed(method, hasty.url + target, **headers)
        assert answer.status == status, (method, target)
        assert DEADLINE_S * 0.9 <= took_s < DEADLINE_S * SLACK, (method, target)
    redirect, took_s = timed("GET", hasty.url + path)
    assert redirect.status == 302
    assert took_s < DEADLINE_S * SLACK


@pytest.mark.row("D42")
def test_a_time_out_is_504_and_names_who_was_silent(hasty, storage):
    storage["other"].faults = HANGING
    for method, headers in (("GET", {}), ("HEAD", {}), ("PROPFIND", {"Depth": "1"})):
        answer = ask(method, f"{hasty.url}/only/other", headers=headers)
        assert answer.status == 504, method
        said = answer.headers["proxy-status"]
        assert 'next-hop="other"' in said
        assert 'next-hop="quick"' not in said
    assert ask("GET", f"{hasty.url}/only/other?metalink").status == 504
    storage["other"].faults = WELL
    assert ask("GET", f"{hasty.url}/only/other").status == 302


@pytest.mark.row("D42")
def test_a_time_out_stays_no_404_when_the_endpoint_is_ejected_for_it(storage, start_gateway):
    gateway = start_gateway(
        config=configuration(
            {
                "quick": {"url": storage["quick"].base_url},
                "other": {"url": storage["other"].base_url, "absence": "strict"},
            },
            federation={"deadline_s": 0.5},
            health={"probe_interval_s": 0.2, "max_latency_s": 0.5},
        )
    )
    assert ask("GET", f"{gateway.url}/only/other").status == 302
    storage["other"].faults = HANGING
    wait_for_service(gateway, "other", serving=False)
    for target in ("/only/other", "/f/missing"):
        answer = ask("GET", gateway.url + target)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert 'next-hop="other"' in answer.headers["proxy-status"]


@pytest.mark.row("D43")
def test_an_endpoint_that_is_not_readable_is_not_asked_for_metadata(hasty, storage):
    for path in (NAMES[5], "/only/closed", "/f", "/missing"):
        for method in ("GET", "HEAD"):
            ask(method, hasty.url + path)
        ask("GET", f"{hasty.url}{path}?metalink")
        ask("GET", f"{hasty.url}{path}/")
        for depth in ("0", "1"):
            propfind(hasty.url + path, depth)
    assert not storage["closed"].counts
    assert storage["quick"].counts["PROPFIND", NAMES[5]] > 0
    assert ask("HEAD", f"{hasty.url}/only/closed").status == 404
    assert names_in(f"{hasty.url}/only/") == ["broken", "other", "quick"]


def test_a_broken_answer_is_502_and_a_busy_one_503(hasty, storage):
    cases = [
        (Faults(status=500), 502),
        (Faults(garbage=True), 502),
        (Faults(status=503, retry_after_s=7), 503),
        (Faults(status=429, retry_after_s=7), 503),
        (Faults(status=403), 403),
        (Faults(reset_after_bytes=-1), 503),
    ]
    for faults, status in cases:
        storage["other"].faults = faults
        answer = ask("GET", f"{hasty.url}/only/broken")
        assert answer.status == status, faults
        if faults.retry_after_s is not None:
            assert answer.headers["retry-after"] == "7"
        found = ask("GET", f"{hasty.url}{NAMES[6]}")
        assert found.status == 302, "what another holds is served all the same"


@pytest.fixture
def pair(bench, start_gateway):
    """Two real servers, quickly found dead and alive again, with a file on each and one on both."""
    servers = {"near": bench.nginx_dav(), "far": bench.apache_dav()}
    for name, server in servers.items():
        server.write(f"d/{name}", b"1")
        server.write("d/both", b"22")
    gateway = start_gateway(
        config=configuration(
            {name: {"url": server.url} for name, server in servers.items()},
            health={"probe_interval_s": 0.2},
            cache={"negative_ttl_s": 0.1, "incomplete_ttl_s": 0.1, "listing_ttl_s": 0.1},
        )
    )
    return gateway, servers


@pytest.mark.row("D22", "D24")
def test_a_name_known_only_on_dead_servers_is_503_and_comes_back_with_them(pair):
    gateway, servers = pair
    for path in ("/d/far", "/d/both", "/d/near"):
        assert ask("GET", gateway.url + path).status == 302
    servers["far"].stop()
    wait_for_service(gateway, "far", serving=False)

    gone = ask("GET", f"{gateway.url}/d/far")
    assert gone.status == 503
    assert "location" not in gone.headers
    assert int(gone.headers["retry-after"]) >= 1
    assert 'next-hop="far"' in gone.headers["proxy-status"]
    assert gone.headers["content-type"] == "application/problem+json"
    assert b"out of service" in gone.body
    assert health_of(gateway, "far")["in_service"] is False

    for _ in range(20):
        still = ask("GET", f"{gateway.url}/d/both")
        assert (still.status, still.headers["location"]) == (302, servers["near"].url + "/d/both")
        assert duplicates(still) == []

    never = ask("GET", f"{gateway.url}/d/never")
    assert never.status == 404
    assert 'next-hop="far"' in never.headers["proxy-status"]
    assert "retry-after" not in never.headers

    listing = propfind(f"{gateway.url}/d/")
    assert 'next-hop="far"' in listing.headers["proxy-status"]
    assert [one.href for one in parse_multistatus(listing.body)] == ["/d/", "/d/both", "/d/near"]

    servers["far"].start()
    wait_for_service(gateway, "far", serving=True)
    back = ask("GET", f"{gateway.url}/d/far")
    assert (back.status, back.headers["location"]) == (302, servers["far"].url + "/d/far")
    assert "proxy-status" not in ask("GET", f"{gateway.url}/d/never").headers
    until(lambda: names_in(f"{gateway.url}/d/") == ["both", "far", "near"], "the listing is whole")
    until(lambda: len(duplicates(ask("GET", f"{gateway.url}/d/both"))) == 2, "two replicas again")


@pytest.mark.row("D24")
def test_with_all_servers_dead_nobody_is_redirected(pair):
    gateway, servers = pair
    assert ask("GET", f"{gateway.url}/d/both").status == 302
    for name, server in servers.items():
        server.stop()
        wait_for_service(gateway, name, serving=False)
    known = ask("GET", f"{gateway.url}/d/both")
    assert known.status == 503
    assert int(known.headers["retry-after"]) >= 1
    never = ask("GET", f"{gateway.url}/d/never")
    assert never.status in (404, 503)
    for answer in (known, never):
        assert "location" not in answer.headers
        for name in servers:
            assert f'next-hop="{name}"' in answer.headers["proxy-status"]
