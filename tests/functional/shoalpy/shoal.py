"""``shoalpy server`` as an operator runs it, and agents that post signed heartbeats to it."""

import base64
import contextlib
import http.client
import json
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from shoalpy.signing import Algorithm, Key, sign
from tests.peers.ask import Answer, ask
from tests.peers.process import ServerProcess

AGENT = Key("tests", Algorithm.HMAC_SHA256, b"0123456789abcdef" * 2)
KEYS_FILE = f"tests hmac-sha256 {base64.b64encode(AGENT.secret).decode()}\n"

# Callers by the address they come from, and the networks that caches of the tests pretend to be in.
PLACES = """\
[[geo.networks]]
networks = ["127.0.11.0/24", "192.0.2.0/25"]
site = "cern"
position = [46.2, 6.15]
city = "Geneva"
country = "CH"

[[geo.networks]]
networks = ["127.0.12.0/24", "198.51.100.0/25", "2001:db8:12::/48"]
site = "fnal"
position = [41.85, -88.31]
city = "Batavia"
country = "US"

[[geo.networks]]
networks = ["127.0.13.0/24", "203.0.113.0/25"]
site = "uvic"
position = [48.46, -123.31]
city = "Victoria"
country = "CA"
"""
GENEVA, BATAVIA, VICTORIA, NOWHERE = "127.0.11.1", "127.0.12.1", "127.0.13.1", "127.0.0.1"


class Shoal:
    """A running server. ``url`` has no slash at its end."""

    def __init__(self, process: ServerProcess) -> None:
        self.process = process

    @property
    def url(self) -> str:
        """``http://address:port``."""
        return f"http://{self.process.address}:{self.process.port}"

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        source: str = NOWHERE,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """One request from the given loopback address; the path goes out as it is."""
        connection = http.client.HTTPConnection(
            self.process.address, self.process.port, timeout=20, source_address=(source, 0)
        )
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def entries(self, path: str, *, source: str = NOWHERE) -> list[dict[str, Any]]:
        """The caches of a version 1 answer, in the order of their keys."""
        answer = self.ask(path, source=source)
        assert answer.status == 200, (path, answer.status, answer.text)
        found = json.loads(answer.body) or {}
        assert list(found) == [str(rank) for rank in range(len(found))]
        return list(found.values())

    def hosts(self, path: str, *, source: str = NOWHERE) -> list[str]:
        """Their host names without the domain."""
        return [one["hostname"].partition(".")[0] for one in self.entries(path, source=source)]

    def beat(self, key: str, **said: object) -> Answer:
        """Post a heartbeat, signed; what it says beside the usual, or instead of it (``None`` leaves a field out)."""
        return self.post(json.dumps(heartbeat(key, **said)).encode())

    def post(self, body: bytes) -> Answer:
        """Post any bytes as a heartbeat, signed."""
        path = "/v2/heartbeats"
        nonce = secrets.token_hex(8)
        headers = sign(AGENT, path=path, body=body, now_s=time.time(), nonce=nonce)
        return self.ask(path, method="POST", headers=headers, body=body)

    def until(self, holds: Callable[[], bool], limit_s: float = 30.0) -> None:
        """Wait for something that the server does by itself."""
        deadline = time.monotonic() + limit_s
        while not holds():
            assert time.monotonic() < deadline, f"it never did; {self.process.log_tail()}"
            time.sleep(0.02)

    def metric(self, line: str) -> float:
        """The value of one series, as ``/metrics`` names it."""
        page = self.ask("/metrics").text
        found = re.search(rf"^{re.escape(line)} (\S+)$", page, re.MULTILINE)
        assert found, f"{line} is not among\n{page}"
        return float(found[1])


def heartbeat(key: str, **said: object) -> dict[str, object]:
    """What an agent says."""
    beat: dict[str, object] = {
        "uuid": key,
        "hostname": f"{key}.example.org",
        "timestamp": time.time(),
        "load": 0.0,
        "cache_port": 3128,
        "cache_type": "squid",
        "upstream": "both",
        "public_ip": "192.0.2.1",
        **said,
    }
    return {name: value for name, value in beat.items() if value is not None}


@dataclass
class ShoalStarter:
    """Starts servers and stops them all at the end. Files are kept below ``folder``."""

    folder: Path

    def __post_init__(self) -> None:
        self._started: list[Shoal] = []

    def __enter__(self) -> "ShoalStarter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for shoal in reversed(self._started):
            shoal.process.stop()

    def __call__(self, config: str = "", *, verifies: bool = False) -> Shoal:
        """Run one with this configuration after ``PLACES``, and wait until ``/readyz`` says 200."""
        number = len(self._started) + 1
        keys = self.folder / "keys"
        keys.write_text(KEYS_FILE)
        file = self.folder / f"shoalpy-{number}.toml"
        verification = "" if verifies else "[verification]\nenabled = false\n"
        file.write_text(f'[beats]\nkeys_file = "keys"\n{verification}{PLACES}{config}')
        process = ServerProcess(
            lambda port: (
                *(sys.executable, "-m", "shoalpy", "server"),
                *(f"--listen=127.0.0.1:{port}", f"--config={file}"),
            ),
            address="127.0.0.1",
            log=self.folder / f"shoalpy-{number}.log",
            env=_environment(),
            ready=_is_ready,
        )
        process.start()
        shoal = Shoal(process)
        self._started.append(shoal)
        return shoal


def _environment() -> dict[str, str]:
    """Ours less every setting and proxy of whoever runs the tests."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SHOALPY_") and not name.lower().endswith("_proxy")
    }


def _is_ready(address: str, port: int) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return ask("GET", f"http://{address}:{port}/readyz", timeout_s=2).status == 200
    return False
