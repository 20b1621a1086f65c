"""The real servers and clients as fixtures.

``nginx_dav``, ``nginx_plain``, ``apache_dav``, ``xrootd_http`` and ``wsgidav_server`` start on first use and serve the
whole run: give each test a directory of its own on them, and do not stop or pause them. ``bench`` starts servers for
one test, which may be stopped, paused and started again at will. ``start_gateway`` runs ``ugrpy serve``. The clients
are callables.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import clients
from tests.peers.bench import Bench
from tests.peers.gateway import GatewayStarter
from tests.peers.pac import PacParser, require_pacparser
from tests.peers.programs import require
from tests.peers.rabbitmq import Broker
from tests.peers.server import PeerServer


def pytest_runtest_setup(item: pytest.Item) -> None:
    """``@pytest.mark.peer("curl", ...)``: these programs must be installed."""
    for marker in item.iter_markers("peer"):
        for name in marker.args:
            require(name)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Servers for this test alone."""
    with Bench() as mine:
        yield mine


@pytest.fixture(scope="session")
def shared_bench() -> Iterator[Bench]:
    """Servers for the whole run."""
    with Bench() as shared:
        yield shared


@pytest.fixture(scope="session")
def nginx_dav(shared_bench: Bench) -> PeerServer:
    """nginx with WebDAV, shared."""
    return shared_bench.nginx_dav()


@pytest.fixture(scope="session")
def nginx_plain(shared_bench: Bench) -> PeerServer:
    """nginx serving files, shared."""
    return shared_bench.nginx_plain()


@pytest.fixture(scope="session")
def apache_dav(shared_bench: Bench) -> PeerServer:
    """Apache with mod_dav, shared."""
    return shared_bench.apache_dav()


@pytest.fixture(scope="session")
def xrootd_http(shared_bench: Bench) -> PeerServer:
    """XRootD with HTTP, shared."""
    return shared_bench.xrootd_http()


@pytest.fixture(scope="session")
def wsgidav_server(shared_bench: Bench) -> PeerServer:
    """WsgiDAV, shared."""
    return shared_bench.wsgidav_server()


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[Broker]:
    """RabbitMQ, for one file of tests, which may stop and start it."""
    with Bench() as mine:
        yield mine.rabbitmq()


@pytest.fixture(scope="session")
def pacparser() -> PacParser:
    """What evaluates PAC scripts in CVMFS and Frontier clients."""
    return require_pacparser()


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[GatewayStarter]:
    """Starts gateways for this test: ``start_gateway({"a": url_a, "b": url_b})``."""
    with GatewayStarter(tmp_path) as starter:
        yield starter


@pytest.fixture
def curl(tmp_path: Path) -> clients.Client:
    """curl."""
    return clients.curl(tmp_path)


@pytest.fixture
def davix(tmp_path: Path) -> clients.Client:
    """The davix commands."""
    return clients.davix(tmp_path)


@pytest.fixture
def gfal(tmp_path: Path) -> clients.Client:
    """The gfal2 commands."""
    return clients.gfal(tmp_path)


@pytest.fixture
def xrd(tmp_path: Path) -> clients.Client:
    """xrdcp and xrdfs."""
    return clients.xrd(tmp_path)


@pytest.fixture
def aria2(tmp_path: Path) -> clients.Client:
    """aria2c."""
    return clients.aria2(tmp_path)


@pytest.fixture
def rclone(tmp_path: Path) -> clients.Client:
    """rclone."""
    return clients.rclone(tmp_path)


@pytest.fixture
def cadaver(tmp_path: Path) -> clients.Client:
    """cadaver."""
    return clients.cadaver(tmp_path)


@pytest.fixture
def wget2(tmp_path: Path) -> clients.Client:
    """wget2."""
    return clients.wget2(tmp_path)


@pytest.fixture
def litmus(tmp_path: Path) -> clients.Client:
    """litmus."""
    return clients.litmus(tmp_path)
