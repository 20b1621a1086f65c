"""The seam into aiohttp: is what we use of its inside still there?"""

import asyncio
import contextlib

import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from ugrpy.service.protocol import PRIVATE_NAMES, GatewayProtocol, ProtocolServer


async def hello(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="hello")


@contextlib.asynccontextmanager
async def connection(protocol: type[GatewayProtocol] = GatewayProtocol, **settings):
    """A connection's protocol that has not met its transport yet."""
    server = ProtocolServer(hello, protocol=protocol, access_log=None, **settings)
    made = server()
    yield server, made
    await server.shutdown(0)


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in PRIVATE_NAMES.items() for name in names]
)
async def test_the_private_names_exist(owner, name):
    async with connection() as (server, made):
        assert isinstance(made, RequestHandler)
        assert hasattr(made if owner is RequestHandler else server, name)


async def test_a_protocol_has_slots_and_so_must_its_subclasses():
    async with connection() as (_server, made):
        assert not hasattr(made, "__dict__")
        with pytest.raises(AttributeError):
            made.nonsense = 1


async def test_the_class_is_ours_to_choose():
    class Mine(GatewayProtocol):
        __slots__ = ()

    async with connection(Mine, keepalive_timeout=12.5) as (server, made):
        assert type(made) is Mine
        assert made.keepalive_timeout == 12.5
        assert server.handler_cancellation


async def test_a_wrong_setting_is_an_error_and_not_a_warning():
    server = ProtocolServer(hello, nonsense=1)
    with pytest.raises(TypeError, match="nonsense"):
        server()


async def test_idle_is_as_the_seam_reads_it():
    """Before the first request nothing is parked; the counter says that nothing was asked."""
    async with connection() as (_server, made):
        assert made._request_count == 0
        assert made._waiter is None
        assert not made._messages
        assert made._current_request is None
        assert made._payload_parser is None
        assert not made._upgraded
        assert not made._paused
        assert isinstance(made._loop, asyncio.AbstractEventLoop)
