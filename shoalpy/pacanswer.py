"""What does the answer of a PAC script mean to CVMFS (reference section 10.3)?

``PROXY http://a:3128; SOCKS s:1080; DIRECT`` means: first the proxy, then none. Proxies are written with or without scheme; SOCKS and words
that nobody knows are passed over; an answer without any word means DIRECT, one in which every word is passed over means nothing. Each
proxy is a group of its own, since the order is a failover.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shoalpy.proxylist import BadProxyList, Group, Proxy, ProxyList, Special, parse_proxy

_DIRECT = "DIRECT"
_PROXY = "PROXY"


@dataclass(frozen=True, slots=True)
class PacWays:
    """The ways to go, first to last, each once; ``skipped`` are the words that mean nothing here."""

    ways: tuple[Proxy | Special, ...]
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agreed:
    """What goes for all servers that were asked about: the answer for the first; ``differing`` are those told otherwise."""

    ways: PacWays
    differing: tuple[str, ...] = ()


def parse_pac_answer(text: str) -> PacWays:
    """The ways that an answer names."""
    words = [one.strip() for one in text.split(";") if one.strip()]
    if not words:
        return PacWays((Special.DIRECT,))
    ways: list[Proxy | Special] = []
    skipped: list[str] = []
    for word in words:
        way = _way(word)
        if way is None:
            skipped.append(word)
        elif way not in ways:
            ways.append(way)
    return PacWays(tuple(ways), tuple(skipped))


def agree(answers: Sequence[tuple[str, str]]) -> Agreed:
    """One answer from those for several URLs, each given with its URL; at least one."""
    parsed = [(url, parse_pac_answer(text)) for url, text in answers]
    _, first = parsed[0]
    return Agreed(first, tuple(url for url, one in parsed if one.ways != first.ways))


def as_groups(ways: PacWays) -> tuple[Group, ...]:
    """The groups of a proxy list, which may be none."""
    return tuple((way,) for way in ways.ways)


def fill_in(proxies: ProxyList, found: Sequence[Group]) -> ProxyList:
    """The list with each ``auto`` replaced by what was discovered. Raises ``BadProxyList`` when nothing is left."""
    groups: list[Group] = []
    for group in proxies.groups:
        for one in found if group == (Special.AUTO,) else (group,):
            if one not in groups:
                groups.append(one)
    return ProxyList(tuple(groups))


def _way(word: str) -> Proxy | Special | None:
    """One word, blanks in it dropped."""
    kind, *where = word.split()
    if kind.upper() == _DIRECT and not where:
        return Special.DIRECT
    if kind.upper() != _PROXY or not where:
        return None
    try:
        return parse_proxy("".join(where))
    except BadProxyList:
        return None
