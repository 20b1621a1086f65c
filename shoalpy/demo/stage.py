"""What the tour runs on: an origin, three caches with agents, and a server, in a folder with a GeoIP database and a configuration."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from shoalpy.demo.agents import INACTIVE_S, Agents
from shoalpy.demo.caches import Program, cache_child
from shoalpy.demo.client import ask
from shoalpy.demo.geoip import write_geoip
from shoalpy.demo.origin import WHITELIST
from shoalpy.demo.sites import SERVER_ADDRESS, SITES, Site
from ugrpy.core.errors import DataError, UgrError
from ugrpy.service.tour.processes import (
    START_TIMEOUT_S,
    Child,
    free_port,
    python_module,
    tail,
    wait_until,
)

SERVER_PORT = 8100
ORIGIN_PORT = 8010
"""Wished for, so that URLs look the same each time; others are taken when they are in use."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The running servers. ``caches`` is keyed by the site's name."""

    folder: Path
    program: Program
    origin: Child
    caches: dict[str, Child]
    agents: Agents
    server: Child

    @property
    def server_url(self) -> str:
        """Without a trailing slash."""
        return _url(self.server)

    @property
    def origin_url(self) -> str:
        """Without a trailing slash."""
        return _url(self.origin)

    def lose(self, site: Site) -> None:
        """The machine with the cache of this place goes away without a word."""
        self.agents.machine_dies(site)
        self.caches[site.name].kill()

    def revive(self, site: Site) -> None:
        """It is back. Raises ``UgrError`` when the cache does not start."""
        self.caches[site.name].start()
        self.agents.machine_returns(site)


@contextmanager
def raised(
    folder: Path,
    program: Program,
    say: Callable[[str], None],
    on_laid: Callable[[Path], None] | None = None,
) -> Iterator[Stage]:
    """Lay out the files, start everything, and stop it at the end, whatever happens.

    ``say`` is told what is being done; ``on_laid`` may touch the caches' folders before they start. Raises ``UgrError`` when
    something does not start.
    """
    folder.chmod(0o711)  # started by root, squid is somebody else
    geoip = folder / "places.mmdb"
    write_geoip(geoip, SITES)
    origin = _child("origin", "shoalpy.demo.origin", ORIGIN_PORT, folder)
    origin.command = [*origin.command, f"{origin.address}:{origin.port}"]
    caches = {site.name: cache_child(site, folder / site.name, program) for site in SITES}
    if on_laid is not None:
        on_laid(folder)
    config = folder / "shoalpy.toml"
    server = _child("server", "shoalpy", SERVER_PORT, folder)
    server.command = [*server.command, "server", "--config", str(config)]
    agents = Agents(_url(server), caches)
    _write_private(folder / "keys", agents.keys_file)
    config.write_text(config_text(_url(origin), server.port, geoip))
    with ExitStack() as running:
        for child in (origin, *caches.values(), server):
            say(f"starting {child.name}")
            running.callback(child.stop)
            child.start()
        _wait_ready(server)
        running.callback(agents.stop)
        agents.start()
        yield Stage(folder, program, origin, caches, agents, server)


def config_text(origin_url: str, port: int, geoip: Path) -> str:
    """The server's configuration. JSON strings are valid TOML basic strings."""
    return f"""\
# written by `shoalpy demo`
[server]
listen = ["{SERVER_ADDRESS}:{port}"]

[beats]
keys_file = "keys"

[registry]
inactive_s = {INACTIVE_S}

[geo]
databases = [{json.dumps(str(geoip))}]

[verification]
squid_cvmfs = ["{origin_url}{WHITELIST}"]
allow_networks = ["127.0.0.0/8"]  # these caches are on this machine, which is refused otherwise
timeout_s = 5.0
retry_s = 1.0

[wpad]
by_address = true  # their names are in no name service
"""


def _child(name: str, module: str, port: int, folder: Path) -> Child:
    free = free_port(SERVER_ADDRESS, port)
    return Child(name, python_module(module), SERVER_ADDRESS, free, folder / f"{name}.log")


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(text)


def _url(child: Child) -> str:
    return f"http://{child.address}:{child.port}"


def _wait_ready(server: Child) -> None:
    def ready() -> bool:
        with suppress(OSError, DataError):
            return ask(f"{_url(server)}/readyz", source=SERVER_ADDRESS).status == 200
        return False

    if not wait_until(ready, START_TIMEOUT_S):
        raise UgrError(f"the server is not ready\n{tail(server.log)}".rstrip())
