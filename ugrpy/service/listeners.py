"""Accepting connections: TCP, shared between workers or not, and Unix sockets."""

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import Awaitable

from aiohttp import web

from ugrpy.core.errors import ConfigError

BACKLOG = 1024


async def listen_tcp(
    server: web.Server, host: str, port: int, *, shared: bool = False, backlog: int = BACKLOG
) -> asyncio.Server:
    """Listen on a TCP address; port 0 lets the system choose.

    ``shared``: other processes listen on the same port (SO_REUSEPORT). Raises ``ConfigError`` when the address cannot be had.
    """
    loop = asyncio.get_running_loop()
    starting = loop.create_server(server, host, port, backlog=backlog, reuse_port=shared or None)
    return await _started(starting, f"{host}:{port}", hint="is another program using the port?")


async def listen_unix(server: web.Server, path: str, *, backlog: int = BACKLOG) -> asyncio.Server:
    """Listen on a Unix socket that only this user may use; a socket left behind there is replaced, any other file is not.

    Raises ``ConfigError`` when that fails.
    """
    return await _started(_unix(server, path, backlog), f"unix:{path}", hint="is the path right?")


async def _unix(server: web.Server, path: str, backlog: int) -> asyncio.Server:
    await asyncio.to_thread(_remove_socket, path)
    before = os.umask(0o177)
    try:
        loop = asyncio.get_running_loop()
        return await loop.create_unix_server(server, path, backlog=backlog)
    finally:
        os.umask(before)


def _remove_socket(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        os.unlink(path)


async def _started(starting: Awaitable[asyncio.Server], address: str, hint: str) -> asyncio.Server:
    try:
        return await starting
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigError(f"cannot listen on {address}: {reason}", hint=hint) from error


def bound_addresses(listener: asyncio.Server) -> list[str]:
    """The addresses a listener has really got: ``host:port``, ``[v6]:port`` or ``unix:/path``."""
    found = []
    for sock in listener.sockets:
        name = sock.getsockname()
        if sock.family == socket.AF_UNIX:
            found.append(f"unix:{name}")
        else:
            host = f"[{name[0]}]" if ":" in name[0] else name[0]
            found.append(f"{host}:{name[1]}")
    return found
