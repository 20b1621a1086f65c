"""The suite of changes over real servers: each test has a folder of its own on one that serves the whole run."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from tests.conformance.changing_suite import ChangingSuite
from tests.peers.server import PeerServer
from ugrpy.core.urls import join_url
from ugrpy.endpoints.base import Endpoint
from ugrpy.endpoints.registry import make_endpoint
from ugrpy.namespace.model import EndpointId
from ugrpy.transport.options import TransportOptions

OPTIONS = TransportOptions(connect_timeout_s=20, first_byte_timeout_s=20, total_timeout_s=40)


class HttpChangingSuite(ChangingSuite):
    """Subclass it with a ``server`` fixture."""

    @pytest.fixture
    async def endpoint(self, server: PeerServer) -> AsyncIterator[Endpoint]:
        folder = f"changes at 100%/ü {uuid4().hex[:8]}"
        server.make_directory(folder)
        endpoint = make_endpoint(
            "dav", EndpointId("conformance"), join_url(server.url, folder), OPTIONS
        )
        yield endpoint
        await endpoint.close()
