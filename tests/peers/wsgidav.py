"""WsgiDAV under cheroot, from our own environment, as a storage element."""

import importlib.metadata
import sys
from pathlib import Path

from tests.peers.process import ServerProcess
from tests.peers.server import PeerServer


def wsgidav_server(folder: Path, address: str = "127.0.0.1") -> PeerServer:
    """A WebDAV server in Python: two ranges asked, only the last one answered; locks; no Digest."""
    root = folder / "root"
    root.mkdir()

    def command(port: int) -> tuple[str, ...]:
        return (
            *(sys.executable, "-m", "wsgidav.server.server_cli", "--no-config"),
            *("--host", address, "--port", str(port), "--root", str(root)),
            *("--auth", "anonymous", "--server", "cheroot"),
        )

    process = ServerProcess(command, address=address, log=folder / "output.log")
    return PeerServer("wsgidav", importlib.metadata.version("wsgidav"), root, process)
