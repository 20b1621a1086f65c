"""Apache with mod_dav as a storage, below a path of its own."""

import pytest

from tests.conformance.corpus import plant
from tests.conformance.http_changing_suite import HttpChangingSuite
from tests.conformance.http_suite import HttpSuite
from tests.peers.server import PeerServer

pytestmark = [pytest.mark.functional, pytest.mark.peer("apache")]


class TestDavOverApache(HttpSuite):
    @pytest.fixture
    def origin(self, apache_dav: PeerServer) -> str:
        return plant(apache_dav, "conformance/ünder")


class TestDavOverApacheChanges(HttpChangingSuite):
    @pytest.fixture
    def server(self, apache_dav: PeerServer) -> PeerServer:
        return apache_dav
