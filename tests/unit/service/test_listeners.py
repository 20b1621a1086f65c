"""Accepting connections: where, shared with whom, allowed to whom, and what is said when it cannot be had."""

import asyncio
import os
import socket
import stat
import struct
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from ugrpy.core.errors import ConfigError
from ugrpy.service.listeners import bound_addresses, listen_tcp, listen_unix
from ugrpy.service.protocol import ProtocolServer

pytestmark = pytest.mark.functional


async def hello(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="hello")


def a_server() -> ProtocolServer:
    return ProtocolServer(hello, access_log=None)


@asynccontextmanager
async def closing(server: ProtocolServer, *listeners: asyncio.Server):
    try:
        yield
    finally:
        for listener in listeners:
            listener.close()
        await server.shutdown(1)


async def says_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"hello")


async def test_tcp():
    server = a_server()
    listener = await listen_tcp(server, "127.0.0.1", 0)
    async with closing(server, listener):
        (address,) = bound_addresses(listener)
        host, _, port = address.partition(":")
        assert host == "127.0.0.1"
        assert int(port) > 0
        assert await says_hello(*await asyncio.open_connection(host, int(port)))


async def test_so_many_may_wait_to_be_accepted():
    server = a_server()
    listener = await listen_tcp(server, "127.0.0.1", 0, backlog=7)
    async with closing(server, listener):
        told = listener.sockets[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        # struct tcp_info of linux/tcp.h: of a listening socket, tcpi_sacked is its backlog
        assert struct.unpack_from("I", told, 28) == (7,)


async def test_tcp_over_ipv6():
    server = a_server()
    try:
        listener = await listen_tcp(server, "::1", 0)
    except ConfigError:
        pytest.skip("this machine has no IPv6")
    async with closing(server, listener):
        (address,) = bound_addresses(listener)
        assert address.startswith("[::1]:")


async def test_a_port_in_use_is_told_with_a_hint():
    server = a_server()
    listener = await listen_tcp(server, "127.0.0.1", 0)
    async with closing(server, listener):
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            await listen_tcp(server, "127.0.0.1", port)
        assert str(caught.value) == f"cannot listen on 127.0.0.1:{port}: Address already in use"
        assert caught.value.hint == "is another program using the port?"


async def test_an_address_of_another_machine_is_told():
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:0: "):
        await listen_tcp(a_server(), "192.0.2.1", 0)


async def test_workers_share_a_port():
    server = a_server()
    first = await listen_tcp(server, "127.0.0.1", 0, shared=True)
    port = first.sockets[0].getsockname()[1]
    second = await listen_tcp(server, "127.0.0.1", port, shared=True)
    async with closing(server, first, second):
        assert bound_addresses(first) == bound_addresses(second)
        assert await says_hello(*await asyncio.open_connection("127.0.0.1", port))


async def test_a_unix_socket_is_for_this_user_only(tmp_path):
    path = tmp_path / "admin.sock"
    server = a_server()
    before = os.umask(0o022)
    os.umask(before)
    listener = await listen_unix(server, str(path))
    async with closing(server, listener):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert bound_addresses(listener) == [f"unix:{path}"]
        assert await says_hello(*await asyncio.open_unix_connection(str(path)))
    after = os.umask(before)
    assert after == before


async def test_a_socket_left_behind_is_replaced(tmp_path):
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.exists()
    server = a_server()
    listener = await listen_unix(server, str(path))
    async with closing(server, listener):
        assert await says_hello(*await asyncio.open_unix_connection(str(path)))


async def test_a_unix_socket_that_cannot_be_had(tmp_path):
    path = tmp_path / "missing" / "admin.sock"
    before = os.umask(0o022)
    os.umask(before)
    with pytest.raises(ConfigError, match=f"cannot listen on unix:{path}: No such file"):
        await listen_unix(a_server(), str(path))
    after = os.umask(before)
    assert after == before


async def test_no_other_file_is_replaced(tmp_path):
    file = tmp_path / "precious"
    file.write_text("data")
    with pytest.raises(ConfigError, match=f"cannot listen on unix:{file}: File exists"):
        await listen_unix(a_server(), str(file))
    assert file.read_text() == "data"
    with pytest.raises(ConfigError, match=f"cannot listen on unix:{tmp_path}: File exists"):
        await listen_unix(a_server(), str(tmp_path))
