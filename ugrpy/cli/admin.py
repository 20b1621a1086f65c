"""How does a command speak to the running gateway? By its admin listener, on loopback or a local socket."""

import http.client
import json
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ugrpy.cli.options import configuration
from ugrpy.core.errors import BadRequest, ConfigError, Forbidden, NotFound, UgrError, Unavailable
from ugrpy.core.listen import Address, Listen, UnixSocket
from ugrpy.settings.values import parse_admin

TIMEOUT_S = 30.0

Admin = Annotated[
    str | None,
    typer.Option(
        "--admin",
        metavar="ADDRESS",
        help="The gateway's admin listener, HOST:PORT or unix:/PATH; otherwise as configured.",
    ),
]


def admin_address(admin: str | None, config: Sequence[Path] | None) -> Address:
    """Where the admin listener is. Raises ``ConfigError`` when there is none."""
    if admin is None:
        found = configuration(config, None, None, None).service.admin
        if found is None:
            raise ConfigError("this gateway has no admin listener", where="service.admin")
        return found
    try:
        given = parse_admin(admin)
    except ValueError as error:
        raise ConfigError(str(error), where="--admin") from error
    if given is None:
        raise ConfigError("an address is needed", where="--admin")
    return given


def ask_admin(
    address: Address, method: str, path: str, fields: Mapping[str, object] | None = None
) -> object:
    """What the admin listener answers, as JSON. Raises the error that it amounts to."""
    body = None if fields is None else json.dumps(fields)
    headers = {} if body is None else {"Content-Type": "application/json"}
    connection = _connection(address)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer: object = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(
            f"no answer from the admin listener at {address}: {error}",
            hint="is the gateway running, and is this its admin listener?",
        ) from error
    finally:
        connection.close()
    if response.status >= 400:
        raise _error(response.status, answer)
    return answer


def _error(status: int, answer: object) -> UgrError:
    said = answer.get("detail", "") if isinstance(answer, dict) else ""
    detail = str(said) or f"the gateway answered {status}"
    match status:
        case 404:
            return NotFound(detail)
        case 403:
            return Forbidden(detail)
        case _ if status < 500:
            return BadRequest(detail)
        case _:
            return Unavailable(detail)


def _connection(address: Address) -> http.client.HTTPConnection:
    match address:
        case Listen(host, port):
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        case UnixSocket(path):
            return _LocalConnection(path)


class _LocalConnection(http.client.HTTPConnection):
    """HTTP over a local socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self._path)


def who_asks() -> str:
    """The name of whoever sits here, for the log of orders."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or str(os.getuid())
