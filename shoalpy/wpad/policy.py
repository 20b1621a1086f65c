"""What does the operator say of PAC scripts: ``[wpad]``, and the words of its lists?

::

    [[wpad.destinations]]
    name = "cvmfs"
    globs = ["*/cvmfs/*"]
    upstream = "cvmfs"

    [[wpad.hosts]]
    name = "lhchomeproxy.example.org"
    proxies = ["WLCG", "OVERLOAD=cvmfs;1000;15;60", "cvmfs=DIRECT", "b1.example.org", "DIRECT"]

A list is tried from its beginning, which may be ``WLCG``: what the caller's organisation offers, with ``WLCG+BACKUP`` followed by the backups of each
destination. If it offers nothing, and the organisation does not ask too often (``OVERLOAD=destination;requests;minutes;minutes blocked``), the rest
counts: ways for single destinations; ``NEAREST``, the caches tracked here; proxies, nearest first; ``DIRECT``. The name of a host
further up stands for its list. An empty list gives ``NONE``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from shoalpy.model import Upstream
from shoalpy.pac import PacStyle
from shoalpy.proxylist import BadProxyList, Proxy
from shoalpy.wpad.overload import Limit
from shoalpy.wpad.sites import proxy_item
from ugrpy.core.errors import ConfigError

ANY_HOST = "*"
# Evaluators make a regular expression of a pattern and escape only some of it: one parenthesis breaks the whole script (seen in pacparser).
_GLOB = re.compile(r"[A-Za-z0-9*?._~:/%@!&=,;#-]+")
_SITES = ("WLCG", "WLCG+BACKUP")
_NEAREST = "NEAREST"
_OVERLOAD = "OVERLOAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationSettings:
    """A kind of URLs."""

    name: Annotated[
        str, Field(min_length=1, description="its alias, in lists here and in the files of sites")
    ]
    globs: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="shell patterns of URLs; the name of a destination further up stands for its patterns",
        ),
    ]
    upstream: Annotated[
        Upstream | None,
        Field(description="caches that must front this are the nearest ones for these URLs"),
    ] = None
    backups: Annotated[
        tuple[str, ...], Field(description="proxies to fall back to, host or host:port")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """What is answered to those who ask for the script under one name of this server."""

    name: Annotated[str, Field(min_length=1, description='the name; "*" is any other')]
    proxies: Annotated[
        tuple[str, ...],
        Field(
            description="tried in this order: WLCG or WLCG+BACKUP, what the organisation of the caller offers; OVERLOAD=destination;requests;minutes;minutes blocked; destination=proxy;proxy; NEAREST; host:port; DIRECT"
        ),
    ]


@dataclass(frozen=True, slots=True)
class WpadPolicy:
    """PAC scripts for callers."""

    style: Annotated[
        PacStyle,
        Field(
            description='"wlcg": PROXY http://host:port, as CVMFS and Frontier have it; "standard": as browsers do'
        ),
    ] = PacStyle.WLCG
    count: Annotated[int, Field(ge=1, le=100, description="most nearest caches in a script")] = 10
    by_address: Annotated[
        bool, Field(description="name nearest caches by address instead of host name")
    ] = False
    hosts: Annotated[
        tuple[HostSettings, ...],
        Field(description="lists by the name that callers ask for; without any, nearest caches"),
    ] = ()
    destinations: Annotated[
        tuple[DestinationSettings, ...], Field(description="kinds of URLs that go their own ways")
    ] = ()
    overload_excludes: Annotated[
        tuple[str, ...], Field(description="organisations that may ask as often as they like")
    ] = ()
    worker_proxies: Annotated[
        str, Field(description="file of squids that sites have registered: worker-proxies.json")
    ] = ""
    shoal_squids: Annotated[
        str, Field(description="file of squids that registered elsewhere: shoal-squids.json")
    ] = ""
    export_worker_proxies: Annotated[
        str, Field(description="file that registered squids are written to, for other servers")
    ] = ""
    export_shoal_squids: Annotated[
        str, Field(description="file that the caches tracked here are written to, likewise")
    ] = ""
    reload_s: Annotated[
        float, Field(gt=0, description="how often the files are read and written")
    ] = 300.0


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
