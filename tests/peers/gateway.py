"""How is the gateway itself run as an operator runs it: a process, by its command line?"""

import contextlib
import http.client
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.peers.ask import ask
from tests.peers.process import ServerProcess, free_port

PROTOCOL_VARIABLE = "UGRPY_TEST_PROTOCOL"


class Gateway:
    """A running ``ugrpy serve``. ``url`` and ``admin_url`` have no trailing slash."""

    def __init__(self, process: ServerProcess, admin: str) -> None:
        self.process = process
        self.admin_url = f"http://{admin}"

    @property
    def url(self) -> str:
        """``http://address:port``."""
        return f"http://{self.process.address}:{self.process.port}"

    def log_text(self) -> str:
        """All it has logged."""
        return self.process.log_text()

    def stop(self) -> None:
        """Ask it to end, as a supervisor would."""
        self.process.stop()

    def start(self) -> None:
        """Run it again on the same port."""
        self.process.start()


class GatewayStarter:
    """Starts gateways and stops them all at the end. Logs are kept below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Gateway] = []

    def __enter__(self) -> "GatewayStarter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for gateway in reversed(self._started):
            gateway.stop()

    def __call__(
        self,
        endpoints: Mapping[str, str] | None = None,
        *,
        address: str = "127.0.0.1",
        locations: Mapping[str, tuple[float, float]] | None = None,
        geoip: Sequence[Path] = (),
        config: Path | str | None = None,
        trusted_proxies: Sequence[str] = (),
        arguments: Sequence[str] = (),
    ) -> Gateway:
        """Run one and wait until ``/readyz`` says 200.

        ``endpoints`` maps names to URLs, ``locations`` names to (latitude, longitude). ``config`` is a file, or the
        text of one. ``arguments`` are passed on as they are. The admin listener gets a free port of its own.
        """
        options = [
            *(f"--endpoint={name}={url}" for name, url in (endpoints or {}).items()),
            *(f"--location={n}={lat},{lon}" for n, (lat, lon) in (locations or {}).items()),
            *(f"--geoip={path}" for path in geoip),
            *(f"--trusted-proxy={network}" for network in trusted_proxies),
            *protocol_option(),
            *arguments,
        ]
        number = len(self._started) + 1
        admin = f"{address}:{free_port(address)}"
        if config is not None:
            options.append(f"--config={self._config_file(config, number)}")
        process = ServerProcess(
            lambda port: (
                *(sys.executable, "-m", "ugrpy", "serve", f"--listen={address}:{port}"),
                *options,
            ),
            address=address,
            log=self._folder / f"gateway-{number}.log",
            env=_environment(admin),
            ready=is_ready,
        )
        gateway = Gateway(process, admin)
        process.start()
        self._started.append(gateway)
        return gateway

    def _config_file(self, config: Path | str, number: int) -> Path:
        if isinstance(config, Path):
            return config
        path = self._folder / f"gateway-{number}.toml"
        path.write_text(config, encoding="utf-8")
        return path


def protocol_option() -> tuple[str, ...]:
    """Another connection class for every gateway, when the run asks for one (``tests/functional/test_seam.py``)."""
    name = os.environ.get(PROTOCOL_VARIABLE)
    return (f"--protocol={name}",) if name else ()


def _environment(admin: str) -> dict[str, str]:
    """Ours less every setting and proxy of whoever runs the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("UGRPY_") and not name.lower().endswith("_proxy")
    }
    return {**kept, "UGRPY_SERVICE__ADMIN": admin}


def is_ready(address: str, port: int) -> bool:
    """Whether a gateway there says that it may be sent requests."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        return ask("GET", f"http://{address}:{port}/readyz", timeout_s=2).status == 200
    return False
