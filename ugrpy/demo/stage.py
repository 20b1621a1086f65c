"""What the tour runs on: a folder with data, a GeoIP database and a configuration, and four servers over it."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from ugrpy.core.errors import DataError, UgrError
from ugrpy.demo.client import ask
from ugrpy.demo.data import lay_out
from ugrpy.demo.folder import config_text
from ugrpy.demo.geoip import write_geoip
from ugrpy.demo.scene import Explained, Scene
from ugrpy.demo.sites import GATEWAY_ADDRESS, SITES, Site
from ugrpy.service.tour.processes import (
    START_TIMEOUT_S,
    Child,
    clean_environment,
    free_port,
    python_module,
    tail,
    wait_until,
)

GATEWAY_PORT = 8080
STORAGE_PORT = 8401
"""Wished for, so that URLs look the same each time; another is taken when they are in use."""
EXPLAIN_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Stage:
    """The running servers. ``storages`` is keyed by the site's name."""

    folder: Path
    config: Path
    storages: dict[str, Child]
    gateway: Child

    @property
    def gateway_url(self) -> str:
        """Without a trailing slash."""
        return f"http://{self.gateway.address}:{self.gateway.port}"

    def storage_url(self, site: Site) -> str:
        """Without a trailing slash."""
        return _url(self.storages[site.name])

    def pids(self) -> dict[str, int | None]:
        """Process ids by name; ``None`` for one that does not run."""
        children = [*self.storages.values(), self.gateway]
        return {child.name: child.pid for child in children}

    def scene(self) -> Scene:
        """What the steps may see of this."""
        return Scene(
            gateway_url=self.gateway_url,
            storage_urls={site.name: self.storage_url(site) for site in SITES},
            ask=ask,
            pids=self.pids,
            kill=lambda site: self.storages[site.name].kill(),
            revive=lambda site: self.storages[site.name].start(),
            explain=self.explain,
            wait=wait_until,
        )

    def explain(self, path: str, client: str) -> Explained:
        """Run ``ugrpy explain`` with this gateway's configuration; a time-out is an exit code of its own."""
        width = shutil.get_terminal_size((100, 24)).columns - len(
            "  │  │  "
        )  # it is shown in a box
        command = python_module("ugrpy", "explain", path, "--client", client)
        try:
            done = subprocess.run(  # noqa: S603 - our own command line
                [*command, "--config", str(self.config)],
                capture_output=True,
                check=False,
                env={**clean_environment(), "COLUMNS": str(width)},
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=EXPLAIN_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            return Explained(124, f"no answer within {EXPLAIN_TIMEOUT_S:.0f} s")
        return Explained(done.returncode, done.stdout or done.stderr)


@contextmanager
def raised(
    folder: Path, say: Callable[[str], None], on_laid: Callable[[Path], None] | None = None
) -> Iterator[Stage]:
    """Lay out the data, start the servers, and stop them all at the end, whatever happens.

    ``say`` is told what is being done; ``on_laid`` may touch the storage elements' folders before they start.
    Raises ``UgrError`` when something does not start.
    """
    say("laying out files")
    data, logs = folder / "data", folder / "logs"
    data.mkdir()
    logs.mkdir()
    lay_out(data)
    if on_laid is not None:
        on_laid(data)
    geoip = folder / "places.mmdb"
    write_geoip(geoip, SITES)
    with ExitStack() as running:
        storages = {}
        for number, site in enumerate(SITES):
            say(f"starting the storage element in {site.city}")
            child = storage_child(site, data / site.name, logs, STORAGE_PORT + number)
            running.callback(child.stop)
            child.start()
            storages[site.name] = child
        say("starting the gateway")
        config = folder / "demo.toml"
        gateway = gateway_child(config, logs)
        config.write_text(
            config_text(
                {name: _url(child) for name, child in storages.items()}, gateway.port, geoip
            )
        )
        running.callback(gateway.stop)
        gateway.start()
        _wait_ready(gateway)
        yield Stage(folder, config, storages, gateway)


def storage_child(site: Site, root: Path, logs: Path, preferred_port: int) -> Child:
    """The process of one storage element, not started yet."""
    address = site.storage_address
    port = free_port(address, preferred_port)
    listen = f"{address}:{port}"
    command = python_module("ugrpy.demo.storage", "--root", str(root), "--listen", listen)
    return Child(site.name, command, address, port, logs / f"{site.name}.log")


def gateway_child(config: Path, logs: Path) -> Child:
    """The process of the gateway, not started yet; its configuration is written to ``config`` before the start."""
    port = free_port(GATEWAY_ADDRESS, GATEWAY_PORT)
    command = python_module("ugrpy", "serve", "--config", str(config))
    return Child("gateway", command, GATEWAY_ADDRESS, port, logs / "gateway.log")


def _url(child: Child) -> str:
    return f"http://{child.address}:{child.port}"


def _wait_ready(gateway: Child) -> None:
    """Return when ``/readyz`` says so; ``UgrError`` when it does not in time."""
    last = "no answer"

    def ready() -> bool:
        nonlocal last
        try:
            reply = ask("GET", f"{_url(gateway)}/readyz", source=GATEWAY_ADDRESS)
        except (OSError, DataError) as error:
            last = str(error)
            return False
        last = f"status {reply.status}"
        return reply.status == HTTPStatus.OK

    if not wait_until(ready, START_TIMEOUT_S):
        raise UgrError(f"the gateway is not ready: {last}\n{tail(gateway.log)}".rstrip())
