"""WsgiDAV as a storage, below a path of its own."""

import pytest

from tests.conformance.changing_suite import Changes
from tests.conformance.corpus import plant
from tests.conformance.http_changing_suite import HttpChangingSuite
from tests.conformance.http_suite import HttpSuite
from tests.peers.server import PeerServer

# it comes from our own environment, so no program has to be there
pytestmark = [pytest.mark.functional, pytest.mark.peer()]


class TestDavOverWsgidav(HttpSuite):
    @pytest.fixture
    def origin(self, wsgidav_server: PeerServer) -> str:
        return plant(wsgidav_server, "conformance")


class TestDavOverWsgidavChanges(HttpChangingSuite):
    changes = Changes(
        tells_space=True,
        keeps_broken=True,
        unmoved_names=frozenset({"question?mark=1&b", "hash#tag", "semi;colon;v=1", "&amp;"}),
    )

    @pytest.fixture
    def server(self, wsgidav_server: PeerServer) -> PeerServer:
        return wsgidav_server
