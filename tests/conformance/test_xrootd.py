"""XRootD's HTTP door as a storage, below a path of its own."""

import pytest

from tests.conformance.changing_suite import Changes
from tests.conformance.corpus import plant
from tests.conformance.endpoint_suite import Expectations
from tests.conformance.http_changing_suite import HttpChangingSuite
from tests.conformance.http_suite import HttpSuite
from tests.peers.server import PeerServer

pytestmark = [pytest.mark.functional, pytest.mark.peer("xrootd")]


class TestDavOverXrootd(HttpSuite):
    # It decodes the target before it looks for a query, so that %3F in a name ends the name.
    expects = Expectations(
        not_found_names=frozenset({"question?mark=1&b"}),
        connections_for_a_series=3,
    )

    @pytest.fixture
    def origin(self, xrootd_http: PeerServer) -> str:
        return plant(xrootd_http, "conformance/store")


class TestDavOverXrootdChanges(HttpChangingSuite):
    changes = Changes(
        tells_created=frozenset(),
        makes_parents_for=frozenset({"make", "write", "move"}),
        refused_names=frozenset({"question?mark=1&b"}),
        copies=False,
        digests=frozenset({"adler32"}),
        serves_suffixes=False,
        keeps_broken=True,
    )

    @pytest.fixture
    def server(self, xrootd_http: PeerServer) -> PeerServer:
        return xrootd_http
