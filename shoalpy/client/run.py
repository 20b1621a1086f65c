"""Which proxies does this machine use now? The network is listened to first, then a server asked, then PAC files; what they name is tested.

When no source can be asked, what was found last time is tested instead. What was found is followed by ``HTTP_PROXY`` and by the
operator's own list, each of which stays only if it works, unless nothing works: then they are left as they are, since the tests
may be what fails.
"""

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shoalpy.client.candidates import Candidate, Route, best, grouped, routes
from shoalpy.client.discover import NoPac, Sources, question
from shoalpy.client.lan import CannotListen, first_announced, parser
from shoalpy.client.settings import ClientTables
from shoalpy.client.state import Memory
from shoalpy.client.trials import Trials
from shoalpy.model import Address, Upstream
from shoalpy.pacanswer import PacWays, as_groups
from shoalpy.proxylist import BadProxyList, Group, Proxy, ProxyList, Special, parse_proxy_list
from ugrpy.core.clock import Clock
from ugrpy.core.errors import ConfigError, DataError, EndpointError
from ugrpy.locality import parse_address

LEAST_SECRET_BYTES = 16  # as agents have it

Note = Callable[[str], None]
"""Takes a message for the operator."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for on the command line. ``server`` replaces the URL of the settings unless it is empty."""

    upstream: Upstream = Upstream.CVMFS
    count: int = 2
    server: str = ""
    listen: bool = True
    force_server: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it: ``groups`` that were found and work, and ``others`` that were there before. ``recalled``: found not now, but last time."""

    groups: tuple[Group, ...] = ()
    others: tuple[Group, ...] = ()
    recalled: bool = False

    @property
    def proxies(self) -> ProxyList | None:
        """All of it as one list; ``None`` when there is none."""
        both = _each_once((*self.groups, *self.others))
        return ProxyList(both) if both else None

    @property
    def discovered(self) -> tuple[Proxy, ...]:
        """The proxies that were found."""
        return tuple(one for group in self.groups for one in group if isinstance(one, Proxy))


@dataclass
class Search:
    """One search. ``defaults`` is the operator's own list as text."""

    tables: ClientTables
    wanted: Wanted
    memory: Memory
    clock: Clock
    note: Note
    environ: Mapping[str, str] = field(repr=False)
    defaults: str = ""

    async def run(self) -> Found:
        """Look for proxies. What fails on the way is noted, and raises nothing; a secret that cannot be read is a ``ConfigError``."""
        self._asked = False  # whether a source gave an answer, be it that there is no cache
        self._recalled = False
        async with (
            Sources(self.tables.client.server_timeout_s) as self._sources,
            Trials(self.tables.tests, self.wanted.upstream, self.clock) as self._trials,
        ):
            groups = await self._discovered()
            return await self._with_others(groups)

    async def _discovered(self) -> tuple[Group, ...]:
        announced = await self._announced()
        near = await self._best(announced)
        if near and not self.wanted.force_server:
            return near
        told = await self._told()
        groups = _each_once((*near, *await self._best(told)))
        if not groups and self.tables.client.pac_urls:
            groups = await self._working(as_groups(await self._by_pac()), keep_specials=False)
        if not groups and not self._asked and self.memory.groups:
            self.note("using the list that was found last time")
            groups = await self._working(self.memory.groups, keep_specials=False)
            self._recalled = True
        return _cut(groups, self.wanted.count)

    async def _announced(self) -> tuple[Candidate, ...]:
        """By a cache in this network: tested like any other."""
        lan = self.tables.lan
        if not self.wanted.listen:
            return ()
        is_cvmfs = self.wanted.upstream is Upstream.CVMFS
        ports = (lan.squid_port, lan.cvmfs_port if is_cvmfs else lan.frontier_port)
        secret = self._secret()
        try:
            said = await first_announced(
                lan.address,
                ports,
                self.wanted.upstream,
                wait_s=lan.wait_s,
                parse=parser(secret, self.clock.wall),
                note=self.note,
            )
        except CannotListen as error:
            self.note(str(error))
            return ()
        # it speaks for itself in our network, so its address is good here whatever it looks like
        return () if said is None else (Candidate(said.port, public=said.address),)

    def _secret(self) -> bytes:
        file = self.tables.lan.secret_file
        if file is None:
            return b""
        try:
            secret = file.read_bytes().strip()
        except OSError as error:
            raise ConfigError(error.strerror or str(error), where=str(file)) from None
        if len(secret) < LEAST_SECRET_BYTES:
            raise ConfigError(f"a secret has at least {LEAST_SECRET_BYTES} bytes", where=str(file))
        return secret

    async def _told(self) -> tuple[Candidate, ...]:
        """By the server."""
        client, wanted = self.tables.client, self.wanted
        usual = client.cvmfs_url if wanted.upstream is Upstream.CVMFS else client.frontier_url
        url = wanted.server or usual
        try:
            url = question(url, wanted.upstream, wanted.count)
            told = await self._sources.server(url)
        except (EndpointError, DataError, ValueError) as error:
            self.note(f"{url}: {error}")
            return ()
        self._asked = True
        return told

    async def _by_pac(self) -> PacWays:
        tests = self.tables.tests
        targets = tests.cvmfs if self.wanted.upstream is Upstream.CVMFS else tests.frontier
        try:
            ways = await self._sources.pac(self.tables.client.pac_urls, targets)
        except NoPac as error:
            self.note(str(error))
            return PacWays(())
        self._asked = True
        return ways

    async def _best(self, candidates: Sequence[Candidate]) -> tuple[Group, ...]:
        """Those that work, fastest first."""
        passed = await self._trials.passed(
            routes(candidates, own_address_towards), self.wanted.count
        )
        chosen = best(passed, self.wanted.count)
        if candidates and not chosen:
            self.note(f"none of {len(candidates)} caches works from here")
        return grouped(chosen, self.tables.client.grouping)

    async def _working(self, groups: Sequence[Group], *, keep_specials: bool) -> tuple[Group, ...]:
        """The same groups without what does not work."""
        named = list(
            dict.fromkeys(one for group in groups for one in group if isinstance(one, Proxy))
        )
        tried = [Route(number, proxy) for number, proxy in enumerate(named)]
        good = {one.route.proxy for one in await self._trials.passed(tried, len(tried))}
        return _only(
            groups, lambda one: one in good or (keep_specials and not isinstance(one, Proxy))
        )

    async def _with_others(self, groups: tuple[Group, ...]) -> Found:
        if self.wanted.upstream is Upstream.FRONTIER:  # its own proxies stand in its string
            return Found(groups, recalled=self._recalled)
        others = await self._filled((*self._from_environ(), *self._from_defaults()))
        known = {one for group in groups for one in group}
        others = _only(_each_once(others), lambda one: one not in known)
        working = await self._working(others, keep_specials=True)
        if not groups and not any(isinstance(one, Proxy) for group in working for one in group):
            working = others
        return Found(groups, working, self._recalled)

    async def _filled(self, groups: Sequence[Group]) -> tuple[Group, ...]:
        """With what PAC files say in place of ``auto``."""
        if (Special.AUTO,) not in groups:
            return tuple(groups)
        found = as_groups(await self._by_pac()) if self.tables.client.pac_urls else ()
        if not found:
            return tuple(groups)  # CVMFS asks for itself
        return tuple(
            one for group in groups for one in (found if group == (Special.AUTO,) else (group,))
        )

    def _from_environ(self) -> tuple[Group, ...]:
        text = self.environ.get("HTTP_PROXY") or self.environ.get("http_proxy") or ""
        try:
            return parse_proxy_list(text).groups if text.strip() else ()
        except BadProxyList:  # without what stands there, which may be a password
            self.note("HTTP_PROXY is passed over: expected [http://]host[:port]")
            return ()

    def _from_defaults(self) -> tuple[Group, ...]:
        try:
            return parse_proxy_list(self.defaults).groups if self.defaults.strip() else ()
        except BadProxyList as error:
            self.note(f"the list of CVMFS is passed over: {error}")
            return ()


def own_address_towards(other: Address) -> Address | None:
    """The address that we would have in a connection to another; nothing is sent."""
    family = socket.AF_INET if other.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(other), 9))
            return parse_address(probe.getsockname()[0])
    except OSError:
        return None


def _only(groups: Iterable[Group], wanted: Callable[[Proxy | Special], bool]) -> tuple[Group, ...]:
    kept = (tuple(one for one in group if wanted(one)) for group in groups)
    return tuple(group for group in kept if group)


def _each_once(groups: Iterable[Group]) -> tuple[Group, ...]:
    """No proxy twice."""
    seen: set[Proxy | Special] = set()
    found: list[Group] = []
    for group in groups:
        new = tuple(one for one in dict.fromkeys(group) if one not in seen)
        seen.update(new)
        if new:
            found.append(new)
    return tuple(found)


def _cut(groups: Sequence[Group], count: int) -> tuple[Group, ...]:
    """The first so many proxies."""
    kept: list[Group] = []
    for group in groups:
        part = group[: count - sum(map(len, kept))]
        if part:
            kept.append(part)
    return tuple(kept)
