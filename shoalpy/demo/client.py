"""A VM as plain as possible: one request from a chosen address, straight or through a proxy."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from ugrpy.core.errors import DataError

TIMEOUT_S = 10.0
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer with the whole body. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON; raises ``DataError``."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise DataError(f"status {self.status}, and no JSON: {self.text[:100]}") from error


def ask(
    url: str,
    *,
    source: str,
    proxy: tuple[str, int] | None = None,
    method: str = "GET",
    headers: Mapping[str, str] = _NOTHING,
    body: bytes | None = None,
) -> Reply:
    """Send one request from a local address over a connection of its own, to ``proxy`` if there is one.

    Raises ``OSError`` when there is no connection, ``DataError`` when the answer is not HTTP.
    """
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host, port = proxy or (parts.hostname or "", parts.port or 80)
    connection = http.client.HTTPConnection(
        host, port, timeout=TIMEOUT_S, source_address=(source, 0)
    )
    try:
        connection.request(method, url if proxy else path, body=body, headers=dict(headers))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, response.read())
    except http.client.HTTPException as error:
        raise DataError(f"{url} did not answer in HTTP: {error!r}") from error
    finally:
        connection.close()
