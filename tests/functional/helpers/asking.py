"""How does a client ask from a certain place, or byte by byte?"""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

from tests.peers.ask import Answer, ask
from tests.peers.gateway import Gateway

WAIT_S = 10.0
_POLL_S = 0.02


def ask_from(
    source: str, method: str, url: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """Like ``ask``, from the loopback address ``source``."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=WAIT_S, source_address=(source, 0)
    )
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, headers=dict(headers or {}))
        return answer_of(connection.getresponse())
    finally:
        connection.close()


def answer_of(response: http.client.HTTPResponse) -> Answer:
    """What came back, read to its end; repeated headers are joined by commas."""
    joined: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return Answer(response.status, joined, response.read())


def until(holds: Callable[[], bool], what: str) -> None:
    """Look again and again until it holds; fails the test after ``WAIT_S``."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"still not so after {WAIT_S:g} s: {what}"
        time.sleep(_POLL_S)


def health_of(gateway: Gateway, endpoint: str) -> dict[str, Any]:
    """What the admin listener says of an endpoint."""
    listed = json.loads(ask("GET", f"{gateway.admin_url}/v1/endpoints").body)
    (found,) = [one for one in listed if one["endpoint"] == endpoint]
    return dict(found)


def wait_for_service(gateway: Gateway, endpoint: str, *, serving: bool) -> None:
    """Wait until the gateway sees the endpoint in or out of service."""
    until(
        lambda: health_of(gateway, endpoint)["in_service"] is serving,
        f"{endpoint} {'in' if serving else 'out of'} service",
    )


def metric(gateway: Gateway, series: str) -> float:
    """The value of a series, written as ``/metrics`` shows it; fails the test when there is none."""
    for line in ask("GET", f"{gateway.admin_url}/metrics").text.splitlines():
        if line.startswith(f"{series} "):
            return float(line.rpartition(" ")[2])
    raise AssertionError(f"no series {series}")


class Wire:
    """One connection to a gateway, on which a test writes what it likes."""

    def __init__(self, gateway: Gateway) -> None:
        self._socket = socket.create_connection(
            (gateway.process.address, gateway.process.port), timeout=WAIT_S
        )
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Write these bytes."""
        self._socket.sendall(data)

    def send_all_it_takes(self, data: bytes) -> None:
        """Write these bytes; the gateway may have closed the connection before the last of them."""
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(data)

    def finish(self) -> None:
        """Say that nothing more comes; harmless when the gateway has gone."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def receive(self, *, head_only: bool = False) -> Answer:
        """Read exactly one response; ``head_only`` when it answers HEAD. Raises ``AssertionError`` at the end."""
        status_line = self._file.readline()
        assert status_line.startswith(b"HTTP/1."), status_line
        status = int(status_line.split()[1])
        headers: dict[str, str] = {}
        while (line := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        if head_only or status in (204, 304):
            return Answer(status, headers, b"")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return Answer(status, headers, self._chunks())
        if "content-length" in headers:
            return Answer(status, headers, self._exactly(int(headers["content-length"])))
        return Answer(status, headers, self._file.read())

    def at_end(self) -> bool:
        """Whether the gateway has closed the connection; waits for one more byte or the end."""
        return self._file.read(1) == b""

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._file.readline().partition(b";")[0], 16):
            body += self._exactly(size)
            assert self._exactly(2) == b"\r\n"
        assert self._file.readline() == b"\r\n"
        return body

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        assert len(data) == size, f"{len(data)} bytes of {size}, then the end"
        return data


def request(method: str, target: str, *headers: str, version: str = "HTTP/1.1") -> bytes:
    """The bytes of a request without a body."""
    return "\r\n".join([f"{method} {target} {version}", "Host: gateway", *headers, "", ""]).encode()
