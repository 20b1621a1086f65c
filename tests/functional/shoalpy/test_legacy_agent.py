"""The agent of shoal, unmodified, registers a cache with us through RabbitMQ (row S19).

It is the agent of the package index in an environment of its own. Around it, and not in it, stands what it cannot have on loopback
(reference section 4): its configuration has a fixed place below /etc, it asks public STUN servers for its address, demands
a name for that, finds out its network card's address, tests its cache at that address, and broadcasts to the local network.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.shoalpy.publishing import config, until
from tests.functional.shoalpy.shoal import ShoalStarter
from tests.parity import peers_used
from tests.peers.bench import Bench
from tests.peers.legacy import installed
from tests.peers.process import ServerProcess
from tests.peers.rabbitmq import Broker

pytestmark = [pytest.mark.functional, pytest.mark.peer("nginx")]

VERSION = "1.0.2"
_INTERVAL_S = 8

# Imported by Python before anything else (PYTHONPATH).
_SURROUNDINGS = """\
import builtins, os.path, socket
FIXED = "/etc/shoal/shoal_agent.conf"
real_open, real_exists = builtins.open, os.path.exists
builtins.open = lambda file, *a, **k: real_open(os.environ["AGENT_CONF"] if file == FIXED else file, *a, **k)
os.path.exists = lambda path: path == FIXED or real_exists(path)
socket.gethostbyaddr = lambda address: ("cache1.site.test", [], [address])
real_getaddrinfo = socket.getaddrinfo
socket.getaddrinfo = lambda host, *a, **k: real_getaddrinfo("127.0.0.1" if host == "10.1.2.3" else host, *a, **k)
class Socket(socket.socket):
    def sendto(self, data, address):
        return super().sendto(data, ("127.255.255.255", address[1]) if address[0] == "<broadcast>" else address)
socket.socket = Socket
"""
_STUN = 'def get_ip_info():\n    return ("Full Cone", "192.0.2.50", 3478)\n'
# the loopback device has a counter of bytes sent like any other
_NETIFACES = """\
AF_INET = 2
def interfaces():
    return ["lo"]
def ifaddresses(interface):
    return {AF_INET: [{"addr": "10.1.2.3"}]}
"""
_CONFIGURATION = """\
[rabbitmq]
amqp_server_url = {broker.address}
amqp_port = {broker.port}
amqp_virtual_host = /
amqp_exchange = shoal
[general]
interval = {interval}
squid_port = {port}
[logging]
log_file = {folder}/agent.log
logging_level = INFO
"""


@pytest.fixture(scope="module")
def cache_port() -> Iterator[int]:
    """nginx in the place of a squid: it answers requests in proxy form with the whitelist that the agent asks for."""
    with Bench() as bench:
        nginx = bench.nginx_plain()
        nginx.write("cvmfs/atlas.cern.ch/.cvmfswhitelist", b"20261122\nNatlas.cern.ch\n")
        yield nginx.process.port


@contextlib.contextmanager
def agent(folder: Path, broker: Broker, port: int) -> Iterator[ServerProcess]:
    """The agent, running."""
    commands = installed(f"shoal-agent=={VERSION}")
    around = folder / "around"
    around.mkdir()
    (around / "sitecustomize.py").write_text(_SURROUNDINGS)
    (around / "stun.py").write_text(_STUN)
    (around / "netifaces.py").write_text(_NETIFACES)
    conf = folder / "shoal_agent.conf"
    conf.write_text(
        _CONFIGURATION.format(broker=broker, interval=_INTERVAL_S, port=port, folder=folder)
    )
    process = ServerProcess(
        lambda _port: (str(commands / "python"), str(commands / "shoal-agent")),
        address="127.0.0.1",
        log=folder / "output.log",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(around), "AGENT_CONF": str(conf)},
        ready=lambda _address, _port: True,
    )
    process.start()
    peers_used.record("shoal-agent", VERSION)
    try:
        yield process
    finally:
        process.stop()


@pytest.mark.row("S19")
def test_an_unmodified_agent_registers_within_one_interval_and_stays(
    rabbitmq: Broker, start_shoal: ShoalStarter, cache_port: int, tmp_path: Path
):
    shoal = start_shoal(config(rabbitmq))
    until(lambda: shoal.ask("/healthz").status == 200)

    with agent(tmp_path, rabbitmq, cache_port) as process:
        # its own start and the second in which it measures the load come before the first heartbeat
        until(lambda: shoal.entries("/all"), limit_s=_INTERVAL_S, what=process.log_text())
        [first] = shoal.entries("/all")
        until(lambda: shoal.entries("/all")[0]["last_active"] > first["last_active"])

    [cache] = shoal.entries("/nearest")
    assert (cache["hostname"], cache["squid_port"]) == ("cache1.site.test", str(cache_port))
    assert (cache["public_ip"], cache["external_ip"]) == ("192.0.2.50", "192.0.2.50")
    assert (cache["private_ip"], cache["cache_type"], cache["upstream"]) == ("10.1.2.3", "squid", "both")  # fmt: skip
    assert cache["created"] == first["created"]
    taken = 'shoalpy_heartbeats_total{transport="amqp"}'
    assert shoal.metric(taken) >= 2
