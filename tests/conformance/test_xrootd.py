"""XRootD's HTTP door as a storage, below a path of its own."""

import pytest

from tests.conformance.corpus import plant
from tests.conformance.endpoint_suite import Expectations
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
