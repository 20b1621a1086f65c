"""WsgiDAV as a storage, below a path of its own."""

import pytest

from tests.conformance.corpus import plant
from tests.conformance.http_suite import HttpSuite
from tests.peers.server import PeerServer

# it comes from our own environment, so no program has to be there
pytestmark = [pytest.mark.functional, pytest.mark.peer()]


class TestDavOverWsgidav(HttpSuite):
    @pytest.fixture
    def origin(self, wsgidav_server: PeerServer) -> str:
        return plant(wsgidav_server, "conformance")
