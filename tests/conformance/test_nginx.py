"""nginx as a storage: with dav-ext below a path of its own, and serving plain files."""

import pytest

from tests.conformance.changing_suite import Changes
from tests.conformance.corpus import plant
from tests.conformance.endpoint_suite import Expectations
from tests.conformance.http_changing_suite import HttpChangingSuite
from tests.conformance.http_suite import HttpSuite
from tests.peers.server import PeerServer

pytestmark = [pytest.mark.functional, pytest.mark.peer("nginx")]


class TestDavOverNginx(HttpSuite):
    # dav-ext leaves names with a dot in front out of its listings
    expects = Expectations(not_listed_names=frozenset({".hidden", "..two dots"}))

    @pytest.fixture
    def origin(self, nginx_dav: PeerServer) -> str:
        return plant(nginx_dav, "conformance/at 100%")


class TestPlainHttpOverNginx(HttpSuite):
    kind = "http"
    # without an index it shows nobody what is in its root
    expects = Expectations(lists=False, probe_status=403, probe_refused=True)

    @pytest.fixture
    def origin(self, nginx_plain: PeerServer) -> str:
        return plant(nginx_plain, "conformance")


class TestDavOverNginxChanges(HttpChangingSuite):
    # MOVE and COPY of files are 204 always, of collections 201
    changes = Changes(
        tells_created=frozenset({"write"}),
        makes_parents_for=frozenset({"write", "move"}),
        unlisted_names=frozenset({".hidden", "..two dots"}),
    )

    @pytest.fixture
    def server(self, nginx_dav: PeerServer) -> PeerServer:
        return nginx_dav
