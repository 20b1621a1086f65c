"""redis-server, in the place of Valkey, as the store that gateways share. It writes to its disk only when it is told to, and reads that when it starts."""

import socket
from contextlib import suppress
from pathlib import Path

from tests.peers.process import ServerProcess
from tests.peers.programs import require
from tests.peers.server import PeerServer


def redis_server(folder: Path, address: str = "127.0.0.1") -> PeerServer:
    """A server, not started yet. Its root is not served, but is where it dumps to."""
    program = require("redis")

    def command(port: int) -> tuple[str, ...]:
        return (
            *(program.path, "--bind", address, "--port", str(port), "--dir", str(folder)),
            *("--save", "", "--appendonly", "no", "--daemonize", "no"),
        )

    process = ServerProcess(command, address=address, log=folder / "output.log", ready=_answers)
    return PeerServer("redis", program.version, folder, process)


def url_of(server: PeerServer) -> str:
    """As it is configured."""
    return f"valkey://{server.process.address}:{server.process.port}/0"


def _answers(address: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((address, port), timeout=1) as wire:
        wire.sendall(b"PING\r\n")
        return wire.recv(5) == b"+PONG"
    return False
