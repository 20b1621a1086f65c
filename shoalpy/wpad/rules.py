"""What do the lists of ``[wpad]`` mean?

Pure: words come in (``shoalpy.wpad.policy`` says which there are), rules go out that ``shoalpy.wpad.service`` answers by.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shoalpy.model import Upstream
from shoalpy.proxylist import BadProxyList, Proxy
from shoalpy.wpad.directory import folded
from shoalpy.wpad.overload import Limit
from shoalpy.wpad.policy import WpadPolicy
from shoalpy.wpad.sites import proxy_item
from ugrpy.core.errors import ConfigError

ANY_HOST = "*"
# Evaluators make a regular expression of a pattern and escape only some of it: one parenthesis breaks the whole script (seen in pacparser).
_GLOB = re.compile(r"[A-Za-z0-9*?._~:/%@!&=,;#-]+")
_SITES = ("WLCG", "WLCG+BACKUP")
_NEAREST = "NEAREST"
_OVERLOAD = "OVERLOAD"


@dataclass(frozen=True, slots=True)
class HostRules:
    """One list, understood. ``overload`` is the alias of the backups and the limit; ``empty``: the operator gave no list on purpose."""

    sites: bool = False
    site_backups: bool = False
    overload: tuple[str, Limit] | None = None
    destinations: Mapping[str, tuple[Proxy, ...]] = field(default_factory=dict)
    direct_destinations: frozenset[str] = frozenset()
    nearest: bool = False
    proxies: tuple[Proxy, ...] = ()
    direct: bool = False
    empty: bool = False

    @property
    def only_sites(self) -> bool:
        """Whether nothing is left when the caller's organisation offers nothing."""
        return self == HostRules(sites=self.sites, site_backups=self.site_backups)


NEAREST_ONLY = HostRules(nearest=True, direct=True)


@dataclass(frozen=True, slots=True)
class Patterns:
    """A destination with all names in it replaced."""

    globs: tuple[str, ...]
    upstream: Upstream | None
    backups: tuple[Proxy, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """All of it: lists by host, destinations by alias in the order they are looked at, organisations (folded) without a limit, lines of ``/fsad.conf``."""

    hosts: Mapping[str, HostRules]
    destinations: Mapping[str, Patterns]
    excluded: frozenset[str] = frozenset()
    fsad: Mapping[str, str] = field(default_factory=dict)

    @property
    def named_proxies(self) -> frozenset[Proxy]:
        """All proxies that are named, which have to be sorted by distance."""
        lists = [host.proxies for host in self.hosts.values()]
        lists += [one.backups for one in self.destinations.values()]
        return frozenset(proxy for proxies in lists for proxy in proxies)


NO_RULES = Rules({}, {})


def parse_rules(policy: WpadPolicy, fsad: Mapping[str, str] | None = None) -> Rules:
    """What the settings mean. Raises ``ConfigError``."""
    return Rules(
        parse_hosts(policy),
        parse_destinations(policy),
        frozenset(map(folded, policy.overload_excludes)),
        fsad or {},
    )


def parse_hosts(policy: WpadPolicy) -> Mapping[str, HostRules]:
    """The rules by host name in lower case. Raises ``ConfigError``."""
    lists: dict[str, tuple[str, ...]] = {}
    for host in policy.hosts:
        lists[host.name.lower()] = tuple(
            word for item in host.proxies for word in lists.get(item.lower(), (item,))
        )
    if not lists:
        return {ANY_HOST: NEAREST_ONLY}
    known = {one.name for one in policy.destinations}
    return {name: _parse_list(name, words, known) for name, words in lists.items()}


def parse_destinations(policy: WpadPolicy) -> Mapping[str, Patterns]:
    """The destinations by alias, in the order they are looked at. Raises ``ConfigError``."""
    found: dict[str, Patterns] = {}
    for one in policy.destinations:
        where = f"wpad.destinations, {one.name}"
        globs: list[str] = []
        for glob in one.globs:
            globs += found[glob].globs if glob in found else (glob,)
        backups, _ = _ways(one.backups, where)
        for glob in globs:
            if not _GLOB.fullmatch(glob):
                raise ConfigError(f"not a pattern of URLs: {glob!r}", where=where)
        found[one.name] = Patterns(tuple(globs), one.upstream, backups)
    return found


def _parse_list(name: str, words: Sequence[str], known: set[str]) -> HostRules:
    where = f"wpad.hosts, {name}"
    rest = list(words)
    sites = rest.pop(0) if rest and rest[0] in _SITES else ""
    overload = None
    if rest and rest[0].startswith(f"{_OVERLOAD}="):
        overload = _overload(rest.pop(0), where, known)
    ways: dict[str, tuple[Proxy, ...]] = {}
    direct: set[str] = set()
    while rest and "=" in rest[0]:
        alias, _, members = rest.pop(0).partition("=")
        if alias not in known:
            raise ConfigError(f"no destination is named {alias!r}", where=where)
        ways[alias], is_direct = _ways(members.split(";") if members else (), where)
        if is_direct:
            direct.add(alias)
    nearest = _NEAREST in rest
    proxies, is_direct = _ways([one for one in rest if one != _NEAREST], where)
    return HostRules(
        sites=bool(sites),
        site_backups=sites == _SITES[1],
        overload=overload,
        destinations=ways,
        direct_destinations=frozenset(direct),
        nearest=nearest,
        proxies=proxies,
        direct=is_direct,
        empty=not words,
    )


def _overload(word: str, where: str, known: set[str]) -> tuple[str, Limit]:
    alias, *numbers = word.partition("=")[2].split(";")
    try:
        requests, minutes, block = (int(number) for number in numbers)
    except ValueError:
        requests = minutes = block = 0
    if min(requests, minutes, block) < 1:
        raise ConfigError(f"expected OVERLOAD=destination;N;M;P, found {word!r}", where=where)
    if alias not in known:
        raise ConfigError(f"no destination is named {alias!r}", where=where)
    return alias, Limit(requests, minutes, block)


def _ways(words: Sequence[str], where: str) -> tuple[tuple[Proxy, ...], bool]:
    """The proxies before ``DIRECT``, and whether it is there."""
    proxies: list[Proxy] = []
    for word in words:
        try:
            member = proxy_item(word)
        except BadProxyList as error:
            raise ConfigError(str(error), where=where) from None
        if not isinstance(member, Proxy):
            return tuple(proxies), True
        proxies.append(member)
    return tuple(proxies), False
