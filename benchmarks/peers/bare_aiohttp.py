"""What is the ceiling of the HTTP library? An aiohttp handler that looks at nothing and answers a constant 302.

``python -m benchmarks.peers.bare_aiohttp LOCATION`` binds 127.0.0.1 to a free port and prints it; it ends with its standard input.
"""

import asyncio
import sys

import uvloop
from aiohttp import web


async def serve(location: str) -> None:
    """Answer every request with a 302 to ``location``, on the low-level server: no routes, no middleware, no access log."""

    async def redirect(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location})

    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        web.Server(redirect, access_log=None), "127.0.0.1", 0, backlog=1024
    )
    print(listener.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    listener.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1]))
