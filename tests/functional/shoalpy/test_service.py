"""The process: health, metrics, expiry, configuration that cannot be used, and a stop."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from tests.functional.shoalpy.shoal import GENEVA, heartbeat
from tests.peers.process import free_port

pytestmark = pytest.mark.functional


@pytest.mark.row("S75")
def test_counts_of_caches_beats_and_drops(start_shoal):
    shoal = start_shoal()
    assert shoal.beat("one").status == 200
    assert shoal.beat("two", load="many").status == 422
    assert shoal.post(b"nonsense").status == 422
    shoal.ask("/nearest")

    assert shoal.metric('shoalpy_caches{health="off"}') == 1
    assert shoal.metric('shoalpy_heartbeats_total{transport="https"}') == 1
    dropped = 'shoalpy_heartbeats_dropped_total{reason="%s",transport="https"}'
    assert shoal.metric(dropped % "bad_number") == 1
    assert shoal.metric(dropped % "not_json") == 1
    assert shoal.metric('shoalpy_answers_total{answer="v1",status="200"}') == 1
    assert shoal.ask("/metrics", source="127.0.0.1").status == 200


@pytest.mark.row("S75")
def test_health_fails_while_the_broker_is_away_and_answers_go_on(start_shoal):
    shoal = start_shoal(f'[amqp]\nhost = "127.0.0.1"\nport = {free_port("127.0.0.1")}\n')
    shoal.beat("one")

    answer = shoal.ask("/healthz")

    assert answer.status == 503
    found = json.loads(answer.body)
    assert not found["healthy"]
    assert list(found["problems"]) == ["broker"]
    assert shoal.ask("/readyz").status == shoal.ask("/livez").status == 200
    assert shoal.hosts("/nearest") == ["one"]
    assert shoal.metric("shoalpy_broker_up") == 0


def test_health_is_good_without_a_broker(start_shoal):
    found = json.loads(start_shoal().ask("/healthz").body)

    assert (found["healthy"], found["problems"]) == (True, {})


@pytest.mark.row("S75")
def test_probes_and_the_age_of_databases_are_shown(start_shoal, tmp_path):
    database = tmp_path / "city.mmdb"
    writer = MMDBWriter(4, "GeoLite2-City")
    place = {"location": {"latitude": 46.2, "longitude": 6.15}, "city": {"names": {"en": "Meyrin"}}}
    writer.insert_network(IPSet(["198.18.0.0/15"]), place)
    writer.to_db_file(str(database))
    shoal = start_shoal(f"[geo]\ndatabases = ['{database}']\n", verifies=True)
    shoal.beat("one", public_ip="198.18.0.1")

    probes = 'shoalpy_probes_total{health="failed"}'
    shoal.until(lambda: probes in shoal.ask("/metrics").text and shoal.metric(probes) >= 1)
    assert shoal.metric('shoalpy_caches{health="failed"}') == 1
    assert 0 <= shoal.metric("shoalpy_geoip_age_seconds") < 3600
    assert shoal.entries("/all")[0]["geo_data"]["city"] == "Meyrin"


def test_the_table_is_there_again_after_a_restart(start_shoal, tmp_path):
    shoal = start_shoal(f"[store]\nfile = '{tmp_path / 'table.json'}'\n")
    shoal.beat("kept", load=7.5)
    before = shoal.entries("/all")

    shoal.process.stop()
    shoal.process.start()

    after = shoal.entries("/all")
    assert [one["hostname"] for one in after] == ["kept.example.org"]
    assert after == before
    assert shoal.hosts("/nearest") == ["kept"]


def test_a_cache_not_heard_of_goes(start_shoal):
    shoal = start_shoal("[registry]\ninactive_s = 1.0\n[server]\nsweep_s = 0.1\n")
    shoal.beat("short")
    assert shoal.hosts("/all") == ["short"]

    shoal.until(lambda: shoal.ask("/nearest").body == b"null")
    shoal.until(lambda: "cache not heard of" in shoal.process.log_text())


@pytest.mark.row("S30")
def test_a_change_of_port_or_address_shows_in_the_next_answer(start_shoal):
    shoal = start_shoal()
    for number in range(100):  # a table large enough for rankings to be kept
        shoal.beat(f"c{number}", public_ip="203.0.113.1", cache_port=1000 + number)
    shoal.beat("moving")
    assert shoal.entries("/nearest/1", source=GENEVA)[0]["squid_port"] == 3128

    shoal.beat("moving", cache_port=4128, public_ip="192.0.2.99")

    (entry,) = shoal.entries("/nearest/1", source=GENEVA)
    assert (entry["squid_port"], entry["public_ip"]) == (4128, "192.0.2.99")


def test_a_malformed_beat_never_breaks_an_answer(start_shoal):
    shoal = start_shoal()
    shoal.beat("good")
    for said in (
        {"load": "1; rm -rf /"},
        {"load": None},
        {"public_ip": "127.0.0.1; touch /tmp/x"},
        {"hostname": "'; alert(1); '"},
        {"max_load": "NaN"},
        {"cache_port": 70000},
        {"timestamp": -1},
        {"cache_type": "toaster"},
    ):
        assert shoal.beat("bad", **said).status == 422
    for path in ("/nearest", "/nearestcvmfs", "/all", "/", "/v2/caches", "/v2/stats", "/fsad.conf"):
        assert shoal.ask(path).status == 200
    assert shoal.hosts("/all") == ["good"]


def test_it_stops_when_told_to(start_shoal):
    shoal = start_shoal()
    shoal.process.signal(signal.SIGTERM)

    shoal.until(lambda: "stopping" in shoal.process.log_text())


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shoalpy", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_configuration_that_cannot_be_used_is_told_with_its_lines(tmp_path):
    file = tmp_path / "shoalpy.toml"
    file.write_text("[registry]\ninactive_s = -1\n[rankings]\n[server]\nlisten = ['nowhere']\n")

    for command in ("server", "check-config"):
        done = run(command, f"--config={file}")
        assert done.returncode == 78
        for said in (
            f"{file}:2: registry.inactive_s",
            f"{file}:3: rankings",
            f"{file}:5: server.listen",
        ):
            assert said in done.stderr
    assert run("check-config", SHOALPY_REGISTRY__INACTIVE_S="60").stdout.startswith(
        "the configuration"
    )
    keys = tmp_path / "none"
    assert run("server", SHOALPY_BEATS__KEYS_FILE=str(keys)).returncode == 78


def test_a_token_for_an_operator():
    lines = dict(line.split() for line in run("token").stdout.splitlines())

    assert len(lines["sha256"]) == 64
    assert len(lines["token"]) > 40


def test_heartbeats_of_tests_are_what_they_should_be():
    assert heartbeat("a", load=None).keys() >= {"uuid", "hostname", "timestamp", "cache_port"}


def test_clients_are_waited_for_as_long_as_is_set(start_shoal):
    shoal = start_shoal(
        "[server]\nhead_timeout_s = 0.5\nbody_timeout_s = 0.7\nkeepalive_s = 0.6\nmax_connections = 3\n"
    )
    assert b" 408 " in said_to(shoal, b"GET /nearest HTTP/1.1\r\nHost: x\r\n")
    half = b"POST /v2/heartbeats HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
    assert b" 408 " in said_to(shoal, half)
    idle = said_to(shoal, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert idle.count(b"HTTP/1.1 200 ") == 1

    with contextlib.ExitStack() as held:
        for _ in range(3):
            held.enter_context(connected(shoal))
        shoal.until(lambda: b" 503 " in said_to(shoal, b""))


def connected(shoal):
    return socket.create_connection((shoal.process.address, shoal.process.port), timeout=20)


def said_to(shoal, request):
    """Everything that comes until the server ends the connection by itself."""
    with connected(shoal) as wire:
        wire.sendall(request)
        found = b""
        with contextlib.suppress(ConnectionError):
            while piece := wire.recv(65536):
                found += piece
        return found
