"""With which servers may a copy be exchanged, and to which may this process itself connect?

Two questions. The operator's list of partners is about every third-party copy, whoever carries it out. Addresses and schemes are about
our own connections only: they are looked at before each (``ugrpy.security.guard``), redirects included, and a storage element that
connects for itself has rules of its own.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from ugrpy.copying.settings import CopySettings
from ugrpy.security.guard import AddressGuard

_PORTS = {"http": 80, "https": 443}


class Way(StrEnum):
    """Which connections a URL may be asked over: without a guard, with TLS, in the clear."""

    ENDPOINT = "endpoint"
    TLS = "tls"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Server:
    """One server by its name and port."""

    host: str
    port: int


def server_of(url: str) -> Server:
    """The server of an absolute URL for HTTP."""
    parts = urlsplit(url)
    return Server((parts.hostname or "").lower(), parts.port or _PORTS[parts.scheme])


class Partners:
    """The operator's rules. ``endpoints`` are the base URLs of the federation's own, with which copies are always exchanged."""

    def __init__(self, settings: CopySettings, endpoints: Collection[str]) -> None:
        self._hosts = settings.partners
        self._own = frozenset(map(server_of, endpoints))
        networks = settings.partner_networks
        self.guards = {
            Way.TLS: AddressGuard(networks),
            Way.CLEAR: AddressGuard(networks, named_only=not settings.allow_http),
        }

    def __repr__(self) -> str:
        return f"<Partners {', '.join(self._hosts) or 'any'}, {len(self._own)} endpoints>"

    def admits(self, url: str) -> bool:
        """Whether copies are exchanged with that server."""
        return not self._hosts or self.vouches_for(url)

    def vouches_for(self, url: str) -> bool:
        """Whether the operator has named that server; it may be shown a credential that was meant for another one that he has named."""
        server = server_of(url)
        return server in self._own or any(_matches(server.host, one) for one in self._hosts)

    def way_to(self, url: str) -> Way:
        """Over which connections it may be asked."""
        if server_of(url) in self._own:
            return Way.ENDPOINT
        return Way.TLS if url.startswith("https:") else Way.CLEAR


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern
