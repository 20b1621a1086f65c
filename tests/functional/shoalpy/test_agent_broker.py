"""``shoalpy agent`` tells of its cache through a real RabbitMQ: with credentials and TLS, over a restart of the broker, and goodbye."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.shoalpy.publishing import config, until
from tests.functional.shoalpy.shoal import Shoal, ShoalStarter
from tests.peers.bench import Bench
from tests.peers.process import ServerProcess
from tests.peers.rabbitmq import PASSWORD, USER, VIRTUAL_HOST, Broker

pytestmark = [pytest.mark.functional, pytest.mark.peer("nginx")]

_LABEL = "/cvmfs/atlas.cern.ch/.cvmfswhitelist"


@pytest.fixture(scope="module")
def cache_port() -> Iterator[int]:
    """nginx in the place of a squid: it answers requests in proxy form with the whitelist that the agent asks for."""
    with Bench() as bench:
        nginx = bench.nginx_plain()
        nginx.write(_LABEL.lstrip("/"), b"20261122\nNatlas.cern.ch\n")
        yield nginx.process.port


@contextlib.contextmanager
def agent(folder: Path, amqp: str, cache_port: int) -> Iterator[ServerProcess]:
    """One that speaks to a broker only: no server is named, so nothing is asked over HTTP either."""
    file = folder / "agent.toml"
    file.write_text(
        f"""\
[agent]
state_dir = "state"
interval_s = 0.5
hostname = "cache1.example.org"
cache_port = {cache_port}
external_ip = "192.0.2.50"
private_ip = "10.1.2.3"
max_load_kbps = 1000
[announce]
enabled = false
[verification]
squid_cvmfs = ["http://stratum.example{_LABEL}"]
{amqp}"""
    )
    process = ServerProcess(
        lambda _port: (sys.executable, "-m", "shoalpy", "agent", f"--config={file}"),
        address="127.0.0.1",
        log=folder / "agent.log",
        env=dict(os.environ),
        ready=lambda _address, _port: True,
    )
    process.start()
    try:
        yield process
    finally:
        process.stop()


def connected(start_shoal: ShoalStarter, amqp: str) -> Shoal:
    shoal = start_shoal(amqp)
    until(lambda: shoal.ask("/healthz").status == 200, what="the broker is connected")
    return shoal


def last_active(shoal: Shoal) -> float:
    [cache] = shoal.entries("/all")
    return float(cache["last_active"])


@pytest.mark.row("S22", "S32", "S55")
def test_it_registers_with_credentials_and_says_goodbye(
    rabbitmq: Broker, start_shoal: ShoalStarter, cache_port: int, tmp_path: Path
):
    (tmp_path / "password").write_text(PASSWORD + "\n")
    login = f'virtual_host = "{VIRTUAL_HOST}"\nusername = "{USER}"\npassword_file = "{tmp_path}/password"\n'
    shoal = connected(start_shoal, config(rabbitmq, login))
    amqp = config(rabbitmq, login)
    with agent(tmp_path, amqp, cache_port) as process:
        until(lambda: shoal.entries("/all"), what=process.log_text())
        first = last_active(shoal)
        until(lambda: last_active(shoal) > first, what=process.log_text())
        [cache] = shoal.entries("/nearest")
        assert (cache["hostname"], cache["squid_port"]) == ("cache1.example.org", cache_port)
        assert (cache["external_ip"], cache["private_ip"]) == ("192.0.2.50", "10.1.2.3")
        assert cache["max_load"] == 1000
        assert shoal.metric('shoalpy_heartbeats_total{transport="amqp"}') >= 2
    until(lambda: not shoal.entries("/all"), limit_s=2, what="the cache is gone with its agent")


@pytest.mark.row("S23")
def test_it_speaks_tls_with_a_certificate_of_its_own(
    rabbitmq: Broker, start_shoal: ShoalStarter, cache_port: int, tmp_path: Path
):
    shoal = connected(start_shoal, config(rabbitmq))
    issued = rabbitmq.authority.issue_cert("agent")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    amqp = (
        f'[amqp]\nhost = "{rabbitmq.address}"\nport = {rabbitmq.tls_port}\ntls = true\n'
        f'ca_file = "{rabbitmq.ca_file}"\ncert_file = "cert.pem"\nkey_file = "key.pem"\n'
    )
    with agent(tmp_path, amqp, cache_port) as process:
        until(lambda: shoal.hosts("/all") == ["cache1"], what=process.log_text())


@pytest.mark.row("S24")
def test_a_broker_that_goes_away_is_told_again_when_it_is_back(
    rabbitmq: Broker, start_shoal: ShoalStarter, cache_port: int, tmp_path: Path
):
    shoal = connected(start_shoal, config(rabbitmq))
    with agent(tmp_path, config(rabbitmq), cache_port) as process:
        until(lambda: shoal.entries("/all"), what=process.log_text())
        rabbitmq.stop()
        until(lambda: "not told" in process.log_text())
        stopped_s = time.time()
        rabbitmq.start()
        until(lambda: last_active(shoal) > stopped_s, what=process.log_text())
    assert "Traceback" not in process.log_text()
