"""Squid, varnish, and what stands behind them: an origin in the part of a stratum-1 server and of a Frontier launchpad."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.peers.process import ServerProcess
from tests.peers.programs import require
from tests.peers.server import PeerServer

_ORIGIN = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
  log_format seen '$msec $http_host $request_uri $status $http_x_frontier_id "$http_cache_control"';
  access_log {folder}/access.log seen;
  default_type application/octet-stream;
  server {{
    {listen}
    root {root};
  }}
}}
"""

# No cache on disk, no helpers; what is fetched is kept nowhere, so that the origin sees each request.
_SQUID = """\
http_port {address}:{port}
visible_hostname squid.test
pid_filename {folder}/squid.pid
cache_log {folder}/cache.log
access_log stdio:{folder}/access.log squid
cache_store_log none
coredump_dir {folder}
{user}
cache_mem 8 MB
cache deny all
max_filedescriptors 1024
shutdown_lifetime 0 seconds
pinger_enable off
http_access {access} all
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the origin saw it."""

    at_s: float
    host: str
    path: str
    status: int
    frontier_id: str
    cache_control: str


def stratum_one(folder: Path, *addresses: str) -> PeerServer:
    """A web server for the files below its root, at one port of all these loopback addresses; ``seen`` reads its log."""
    program = require("nginx")
    root = folder / "root"
    root.mkdir()
    listening = addresses or ("127.0.0.1",)

    def command(port: int) -> tuple[str, ...]:
        text = _ORIGIN.format(
            folder=folder,
            root=root,
            user="user root;" if os.geteuid() == 0 else "",
            listen=" ".join(f"listen {address}:{port};" for address in listening),
        )
        (folder / "nginx.conf").write_text(text)
        return program.path, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")

    process = ServerProcess(command, address=listening[0], log=folder / "output.log")
    return PeerServer("nginx", program.version, root, process, folder / "access.log")


def seen(origin: PeerServer) -> list[Seen]:
    """The requests a ``stratum_one`` has answered so far."""
    return [_seen(line) for line in origin.requests()]


def squid(folder: Path, address: str = "127.0.0.1", *, denies: bool = False) -> PeerServer:
    """A forward proxy for everybody, or for nobody; ``set_access`` changes that for its next start. Its root is not served."""
    program = require("squid")
    folder.chmod(0o777)  # as root it drops to a user of its own
    set_access(folder, denies=denies)

    def command(port: int) -> tuple[str, ...]:
        text = _SQUID.format(
            folder=folder,
            address=address,
            port=port,
            user="cache_effective_user proxy" if os.geteuid() == 0 else "",
            access=(folder / "access").read_text(),
        )
        (folder / "squid.conf").write_text(text)
        return program.path, "-N", "-f", str(folder / "squid.conf")

    process = ServerProcess(command, address=address, log=folder / "output.log")
    return PeerServer("squid", program.version, folder, process, folder / "access.log")


def set_access(folder: Path, *, denies: bool) -> None:
    """Whether a squid in this folder lets anybody through, from its next start on."""
    (folder / "access").write_text("deny" if denies else "allow")


def varnish(folder: Path, origin: PeerServer, address: str = "127.0.0.1") -> PeerServer:
    """A reverse proxy before the origin that asks it anew for each request. Its root is not served."""
    program = require("varnish")

    def command(port: int) -> tuple[str, ...]:
        backend = origin.url.removeprefix("http://")
        return (
            *(program.path, "-F", "-j", "none", "-n", str(folder / "work")),
            *("-a", f"{address}:{port}", "-b", backend, "-s", "malloc,16m", "-t", "0"),
        )

    process = ServerProcess(command, address=address, log=folder / "output.log", limit_s=60)
    return PeerServer("varnish", program.version, folder, process)


def _seen(line: str) -> Seen:
    at, host, path, status, frontier, control = line.split(" ", 5)
    return Seen(
        float(at),
        host,
        path,
        int(status),
        "" if frontier == "-" else frontier,
        "" if control == '"-"' else control.strip('"'),
    )
