"""How is a Frontier client told of its servers and proxies (reference section 10.3)? A string of ``(key=value)`` items, in an order that counts.

::

    (serverurl=http://launchpad.example.org:8000/atlr)(proxyurl=http://sq1.example.org:3128)(failovertoserver=no)

Parentheses that do not match make the client give up, so they are refused here; keys that nobody knows are kept, since clients ignore
them. A value may hold parentheses that match, as those of ``security`` do in old strings.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from shoalpy.proxylist import Proxy, unique
from ugrpy.core.errors import DataError


class BadConnectString(DataError):
    """Text that is no connect string; the message says where it breaks."""


class Key(StrEnum):
    """The keys that say something of servers and proxies; there are more."""

    SERVER = "serverurl"
    PROXY = "proxyurl"
    BACKUP = "backupproxyurl"
    PAC = "proxyconfigurl"
    BALANCE = "loadbalance"
    FAILOVER = "failovertoserver"


_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Item:
    """``(key=value)``. Raises ``BadConnectString``."""

    key: str
    value: str

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise BadConnectString(f"expected (key=value), found {ascii(str(self))[:80]}")
        if not _is_balanced(self.value):
            raise BadConnectString(f"parentheses do not match in the value of {self.key}")

    def __str__(self) -> str:
        return f"({self.key}={self.value})"


@dataclass(frozen=True, slots=True)
class ConnectString:
    """The items in order."""

    items: tuple[Item, ...] = ()

    def __str__(self) -> str:
        return "".join(str(item) for item in self.items)

    def values(self, key: Key) -> tuple[str, ...]:
        """All values of a key, in order."""
        return tuple(item.value for item in self.items if item.key == key)

    def with_proxies(self, proxies: Iterable[Proxy]) -> "ConnectString":
        """The same with these tried before any that it names; at its end when it names none (row S61). No proxy is named twice."""
        new = [Item(Key.PROXY, str(proxy)) for proxy in unique(proxies)]
        old = [item for item in self.items if item not in new]
        first = next((at for at, item in enumerate(old) if item.key == Key.PROXY), len(old))
        return ConnectString((*old[:first], *new, *old[first:]))

    def with_balance(self) -> "ConnectString":
        """The same with its proxies sharing the load, unless it says already what does."""
        if self.values(Key.BALANCE):
            return self
        return ConnectString((*self.items, Item(Key.BALANCE, "proxies")))


def parse_connect_string(text: str) -> ConnectString:
    """Read one; blanks between items count for nothing. An empty text has no items. Raises ``BadConnectString``."""
    items: list[Item] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        end = _closing(text, at)
        key, sign, value = text[at + 1 : end].partition("=")
        if not sign:
            raise BadConnectString(f"expected (key=value), found {ascii(text[at : end + 1])[:80]}")
        items.append(Item(key, value))
        at = end + 1
    return ConnectString(tuple(items))


def _closing(text: str, start: int) -> int:
    """Where the item that begins here ends."""
    if text[start] != "(":
        raise BadConnectString(
            f"expected '(' at character {start}, found {ascii(text[start:])[:40]}"
        )
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if depth == 0:
            return at
    raise BadConnectString(f"the parenthesis at character {start} is never closed")


def _is_balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0
