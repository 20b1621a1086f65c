"""memcached as the store that gateways share; it forgets everything when it ends."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from tests.peers.process import ServerProcess
from tests.peers.programs import require
from tests.peers.server import PeerServer


def memcached(folder: Path, address: str = "127.0.0.1") -> PeerServer:
    """A server of 32 MB, not started yet. Its root is not served."""
    program = require("memcached")
    user = ("-u", "root") if os.geteuid() == 0 else ()

    def command(port: int) -> tuple[str, ...]:
        return (
            program.path,
            "-l",
            address,
            "-p",
            str(port),
            "-U",
            "0",
            "-m",
            "32",
            "-t",
            "1",
            *user,
        )

    process = ServerProcess(command, address=address, log=folder / "output.log")
    return PeerServer("memcached", program.version, folder, process)


def place(server: PeerServer) -> str:
    """``host:port``, as it is configured."""
    return f"{server.process.address}:{server.process.port}"


def keys_in(server: PeerServer) -> list[str]:
    """Everything it keeps."""
    with _connection(server) as (wire, lines):
        wire.sendall(b"lru_crawler metadump all\r\n")
        keys: list[str] = []
        for line in lines:
            if line.startswith(b"END"):
                return keys
            keys.append(unquote(line.split()[0].removeprefix(b"key=").decode()))
    raise AssertionError("it broke off")


def put(server: PeerServer, key: str, value: bytes) -> None:
    """Have it keep that, whoever may read it."""
    with _connection(server) as (wire, lines):
        wire.sendall(b"set %b 0 0 %d\r\n%b\r\n" % (key.encode(), len(value), value))
        assert next(lines) == b"STORED\r\n"


def get(server: PeerServer, key: str) -> bytes | None:
    """What it keeps under that key, read as any old tool reads it."""
    with socket.create_connection((server.process.address, server.process.port), 10) as wire:
        wire.sendall(b"get %b\r\nquit\r\n" % key.encode())
        with wire.makefile("rb") as answer:
            fields = answer.readline().split()
            return answer.read(int(fields[3])) if fields[:1] == [b"VALUE"] else None


@contextmanager
def _connection(server: PeerServer) -> Iterator[tuple[socket.socket, Iterator[bytes]]]:
    at = (server.process.address, server.process.port)
    with socket.create_connection(at, timeout=10) as wire, wire.makefile("rb") as lines:
        yield wire, iter(lines)
