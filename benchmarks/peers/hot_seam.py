"""A bare handler behind the gateway's own protocol server, one path answered before the parser.

``python -m benchmarks.peers.hot_seam PATH LOCATION`` binds 127.0.0.1 to a free port and prints it; it ends with its standard input.
"""

import asyncio
import sys

import uvloop
from aiohttp import web

from benchmarks.seam import FixedPathProtocol
from ugrpy.service.protocol import ProtocolServer


async def serve(path: str, location: str) -> None:
    """Answer ``path`` in ``data_received``, everything else by a handler; both with a 302 to ``location``."""

    class Protocol(FixedPathProtocol):
        line = f"GET {path} HTTP/1.1\r\n".encode()

        __slots__ = ()

    Protocol.location = location.encode()

    async def redirect(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location})

    loop = asyncio.get_running_loop()
    server = ProtocolServer(redirect, protocol=Protocol, access_log=None)
    listener = await loop.create_server(server, "127.0.0.1", 0, backlog=1024)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    listener.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], sys.argv[2]))
