"""What must every endpoint that speaks HTTP do besides? Right bytes behind its URLs, and care with connections.

A subclass gives the fixture ``origin``: the URL under which the tree of ``corpus`` lies. The endpoint under test goes
through a relay that counts; it must have let go of every connection when the test is over.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.conformance.corpus import ODD_NAMES, SIZES, TREE
from tests.conformance.endpoint_suite import EndpointSuite, listing
from tests.conformance.relay import Relay, settled
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.endpoints.base import Endpoint
from ugrpy.endpoints.registry import make_endpoint
from ugrpy.namespace.model import Absent, EndpointId, Entry, Found
from ugrpy.transport.options import TransportOptions

MOST_CONNECTIONS = 3
OPTIONS = TransportOptions(
    max_connections=MOST_CONNECTIONS,
    connect_timeout_s=20,
    first_byte_timeout_s=20,
    total_timeout_s=40,
)


class HttpSuite(EndpointSuite):
    """Subclass it as ``Test...`` with ``kind`` and an ``origin`` fixture."""

    kind = "dav"

    @pytest.fixture
    async def relay(self, origin: str) -> AsyncIterator[Relay]:
        async with Relay(origin) as relay:
            yield relay

    @pytest.fixture
    async def endpoint(self, relay: Relay) -> AsyncIterator[Endpoint]:
        endpoint = make_endpoint(self.kind, EndpointId("conformance"), relay.url, OPTIONS)
        yield endpoint
        await endpoint.close()
        assert await settled(lambda: relay.open == 0), relay

    async def test_what_lies_behind_the_urls(self, endpoint: Endpoint):
        paths = ["/top", *(f"/sizes/{name}" for name in SIZES)]
        paths += [f"/odd/{name}" for name in ODD_NAMES if name not in self.expects.not_found_names]
        wrong = {}
        async with aiohttp.ClientSession() as client:
            for path in paths:
                async with client.get(URL(endpoint.url(path), encoded=True)) as answer:
                    if (answer.status, await answer.read()) != (200, TREE.files[path].content):
                        wrong[path] = answer.status
        assert wrong == {}

    async def test_what_is_read_through_it(self, endpoint: Endpoint):
        paths = ["/top", *(f"/sizes/{name}" for name in SIZES)]
        paths += [f"/odd/{name}" for name in ODD_NAMES if name not in self.expects.not_found_names]
        wrong = {}
        for path in paths:
            async with endpoint.open(path, {}, idle_s=20) as opened:
                read = b"".join([piece async for piece in opened.pieces])
                if (opened.status, read) != (200, TREE.files[path].content):
                    wrong[path] = opened.status
        assert wrong == {}
        async with endpoint.open("/absent", {}, idle_s=20) as opened:
            assert opened.status == 404

    async def test_many_questions_share_few_connections(self, endpoint: Endpoint, relay: Relay):
        paths = [f"/many/f{number:03}" for number in range(0, 300, 10)]
        said = await asyncio.gather(*(endpoint.stat(path) for path in paths))
        assert said == [Found(self.entry(path)) for path in paths]
        assert 1 < relay.peak <= MOST_CONNECTIONS

    async def test_a_series_of_questions_keeps_its_connection(
        self, endpoint: Endpoint, relay: Relay
    ):
        for _ in range(2):
            assert await endpoint.stat("/top") == Found(self.entry("/top"))
            assert await endpoint.stat("/absent") == Absent()
            assert isinstance(await endpoint.stat("/nested"), Found)
            await listing(endpoint, "/nested")
            await listing(endpoint, "/top")
            await endpoint.probe()
        assert relay.total <= self.expects.connections_for_a_series

    @pytest.mark.parametrize("passed_bytes", [0, 20])
    @pytest.mark.parametrize("what", ["stat", "list", "probe"])
    async def test_cancelling_lets_go_of_the_connection(
        self, endpoint: Endpoint, relay: Relay, what: str, passed_bytes: int
    ):
        children: list[Entry] = []
        questions: dict[str, Any] = {
            "stat": lambda: endpoint.stat("/top"),
            "list": lambda: endpoint.list("/many", children.extend),
            "probe": endpoint.probe,
        }
        relay.hold_after(passed_bytes)
        asking = spawn(questions[what](), name=what)
        assert await settled(lambda: relay.open == 1 and relay.passed_bytes == passed_bytes)
        await cancel_and_wait(asking)
        assert asking.cancelled()
        assert children == []
        assert await settled(lambda: relay.open == 0), relay
        relay.let_go()
        assert await endpoint.stat("/top") == Found(self.entry("/top"))

    async def test_cancelling_at_once_leaves_nothing(self, endpoint: Endpoint, relay: Relay):
        for turns in range(6):
            asking = spawn(endpoint.stat("/top"), name="stat")
            for _ in range(turns):
                await asyncio.sleep(0)
            await cancel_and_wait(asking)
        assert await settled(lambda: relay.open <= 1), relay
        assert await endpoint.stat("/top") == Found(self.entry("/top"))

    async def test_those_who_wait_for_a_connection_can_leave(
        self, endpoint: Endpoint, relay: Relay
    ):
        relay.hold_after(0)
        asking = [spawn(endpoint.stat("/top"), name="stat") for _ in range(2 * MOST_CONNECTIONS)]
        assert await settled(lambda: relay.open == MOST_CONNECTIONS)
        await cancel_and_wait(*asking)
        assert all(task.cancelled() for task in asking)
        assert await settled(lambda: relay.open == 0), relay
        relay.let_go()
        assert await endpoint.stat("/top") == Found(self.entry("/top"))
        assert relay.total == MOST_CONNECTIONS + 1
