"""Which addresses may be connected to, and requests through a proxy."""

import pytest

from tests.faults.raw_server import RawServer, always, http
from ugrpy.core.errors import OffLimits
from ugrpy.transport.client import Transport
from ugrpy.transport.options import TransportOptions

pytestmark = pytest.mark.functional


async def status(url: str, *, may_connect=None, proxy: str | None = None) -> int:
    transport = Transport("e", TransportOptions(), may_connect=may_connect)
    try:
        async with transport.exchange("GET", url, proxy=proxy) as reply:
            return reply.status
    finally:
        await transport.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_address_is_asked_about_when_its_name_has_been_resolved(host):
    asked: list[tuple[str, int]] = []

    def refuses(address: str, port: int) -> bool:
        asked.append((address, port))
        return False

    async with RawServer(always(http(200))) as server:
        url = f"http://{host}:{server.port}/"
        with pytest.raises(OffLimits, match="permission denied"):
            await status(url, may_connect=refuses)
        assert server.requests == []
        assert await status(url, may_connect=lambda address, _port: address == "127.0.0.1") == 200
    assert ("127.0.0.1", server.port) in asked


async def test_a_proxy_is_asked_for_the_whole_url_and_is_what_is_connected_to():
    async with RawServer(always(http(200))) as server:
        own = ("127.0.0.1", server.port)
        through = await status(
            "http://origin.test/a%20b?c",
            proxy=server.url,
            may_connect=lambda address, port: (address, port) == own,
        )
    (asked,) = server.requests
    assert (through, asked.target) == (200, "http://origin.test/a%20b?c")
    assert asked.headers["host"] == "origin.test"
