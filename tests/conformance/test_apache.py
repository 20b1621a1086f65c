"""Apache with mod_dav as a storage, below a path of its own."""

import pytest

from tests.conformance.corpus import plant
from tests.conformance.endpoint_suite import Expectations
from tests.conformance.http_suite import HttpSuite
from tests.peers.server import PeerServer
from ugrpy.namespace.model import Cause, Unknown

pytestmark = [pytest.mark.functional, pytest.mark.peer("apache")]


class TestDavOverApache(HttpSuite):
    # mod_dav: "The URL contains extraneous path components. The resource could not be identified."
    expects = Expectations(
        below_a_file=Unknown(Cause.MALFORMED, "PROPFIND: the endpoint answered 400")
    )

    @pytest.fixture
    def origin(self, apache_dav: PeerServer) -> str:
        return plant(apache_dav, "conformance/ünder")
