"""How is a list of proxies written for CVMFS, in ``CVMFS_HTTP_PROXY`` and ``cvmfs_talk proxy set`` (reference section 11)?

::

    list   = group *( ";" group )            ; tried in order
    group  = member *( "|" member ) / "auto" ; members share the load
    member = "DIRECT" / [ scheme "://" ] host [ ":" port ]

    http://sq1.example.org:3128|http://sq2.example.org:3128;http://[2001:db8::7]:3128;DIRECT

CVMFS trims no blanks, and takes ``; http://…`` for a host it cannot find; the same list then silently means no proxy. So blanks are
never written here, and a reader says what it does with those it meets. Empty groups, as the ``;`` that old clients put at the end
makes one, count for nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from ugrpy.core.errors import DataError

SCHEMES = ("http", "https")
MAX_HOST_CHARS = 253  # RFC 1035 section 2.3.4, as text
MAX_PORT = 65535

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_PROXY = re.compile(
    r"(?:(?P<scheme>[A-Za-z]+)://)?(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:/\[\]]+))(?::(?P<port>[0-9]{1,5}))?/?"
)
_BLANK = re.compile(r"\s")


class BadProxyList(DataError):
    """Text that is no list of proxies; the message says what was found and what was expected."""


class Special(StrEnum):
    """What can stand in place of a proxy: none at all, or whatever is discovered."""

    DIRECT = "DIRECT"
    AUTO = "auto"


class Blanks(StrEnum):
    """What a reader does with blanks around names and separators."""

    DROP = "drop"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy. ``host`` is a name or an address, without brackets; nothing else can be one, so it is safe to write anywhere.

    Raises ``BadProxyList``.
    """

    host: str
    port: int | None = None
    scheme: str = "http"

    def __post_init__(self) -> None:
        if not is_host(self.host):
            raise BadProxyList(f"expected a host name or an address, found {ascii(self.host)[:80]}")
        if self.port is not None and not 0 < self.port <= MAX_PORT:
            raise BadProxyList(f"expected a port from 1 to {MAX_PORT}, found {self.port}")
        if self.scheme not in SCHEMES:
            raise BadProxyList(f"expected http or https, found {ascii(self.scheme)[:20]}")

    def __str__(self) -> str:
        """As a URL."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL (RFC 3986 section 3.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


Member = Proxy | Special
Group = tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class ProxyList:
    """The groups in the order they are tried. There is at least one, none is empty, and ``auto`` stands alone in its own.

    Raises ``BadProxyList``.
    """

    groups: tuple[Group, ...]

    def __post_init__(self) -> None:
        if not self.groups or not all(self.groups):
            raise BadProxyList("expected at least one proxy, or DIRECT")
        if any(Special.AUTO in group and len(group) > 1 for group in self.groups):
            raise BadProxyList("auto is a group of its own")

    def __str__(self) -> str:
        """As CVMFS reads it, without quotes."""
        return ";".join("|".join(str(member) for member in group) for group in self.groups)

    @property
    def members(self) -> tuple[Member, ...]:
        """All of them in order."""
        return tuple(member for group in self.groups for member in group)


def parse_proxy_list(text: str, blanks: Blanks = Blanks.DROP) -> ProxyList:
    """Read a list. Raises ``BadProxyList``, also when there is nothing in it, and for blanks where they are refused."""
    text = text.strip()
    if blanks is Blanks.REFUSE and _BLANK.search(text):
        raise BadProxyList(f"there are blanks in {ascii(text)[:80]}, and CVMFS trims none")
    groups = (
        tuple(parse_member(one) for one in group.split("|") if one.strip())
        for group in text.split(";")
    )
    return ProxyList(tuple(group for group in groups if group))


def parse_member(text: str) -> Member:
    """A proxy, ``DIRECT`` or ``auto``, blanks around it dropped. Raises ``BadProxyList``."""
    text = text.strip()
    if text in (Special.DIRECT, Special.AUTO):
        return Special(text)
    return parse_proxy(text)


def parse_proxy(text: str, default_port: int | None = None) -> Proxy:
    """One proxy, with or without scheme. Raises ``BadProxyList``."""
    text = text.strip()
    match = _PROXY.fullmatch(text)
    if match is None:
        raise BadProxyList(f"expected [http://]host[:port], found {ascii(text)[:80]}")
    port = int(match["port"]) if match["port"] else default_port
    return Proxy(match["v6"] or match["host"], port, (match["scheme"] or "http").lower())


def is_host(text: str) -> bool:
    """Whether it is a host name (RFC 1123 section 2.1, and underscores) or an address without a zone."""
    if ":" in text:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return isinstance(address, IPv6Address) and address.scope_id is None
    return len(text) <= MAX_HOST_CHARS and _NAME.fullmatch(text) is not None


def unique(proxies: Iterable[Proxy]) -> tuple[Proxy, ...]:
    """Each once, in the order of their first mention."""
    return tuple(dict.fromkeys(proxies))
