"""Which script does this caller get?

Pure: what is known of the caller comes in, a script or a refusal goes out. A refusal is a 400 with a reason, as the services of WLCG give it: a script that
says DIRECT would send a whole site past its squids.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from shoalpy.model import Address, Upstream
from shoalpy.pac import Destination, Route, render_pac
from shoalpy.proxylist import Proxy
from shoalpy.ranking import CostPolicy, Ranked
from shoalpy.wpad.caches import groups_of
from shoalpy.wpad.directory import Directory, NoOffer, Offer, folded
from shoalpy.wpad.overload import Overload
from shoalpy.wpad.policy import WpadPolicy
from shoalpy.wpad.rules import ANY_HOST, NO_RULES, HostRules, Patterns, parse_rules

CACHE_CONTROL = "max-age=0"

UNKNOWN_HOST = "Unrecognized host name"
NO_CACHE = "no proxy found"


@dataclass(frozen=True, slots=True)
class WpadRequest:
    """Who asks, under which name of ours, and what is known of that.

    ``organisations`` are the names the databases have for the caller's address, the best first. ``nearest`` ranks the tracked squids for
    an upstream, or for any; ``in_order`` sorts proxies by their distance from the caller.
    """

    host: str
    address: Address | None
    organisations: tuple[str, ...]
    nearest: Callable[[Upstream | None], Sequence[Ranked]]
    in_order: Callable[[Sequence[Proxy]], Sequence[Proxy]] = tuple


@dataclass(frozen=True, slots=True)
class PacAnswer:
    """A script."""

    text: str


@dataclass(frozen=True, slots=True)
class WpadRefusal:
    """No script: status 400, and why."""

    reason: str

    @property
    def text(self) -> str:
        """The body."""
        return f"Bad Request: {self.reason}\n"


@dataclass(frozen=True, slots=True)
class _Ways:
    """What becomes a script: routes by alias, looked at in order, and the default."""

    default: Route
    destinations: Mapping[str, Route]
    comment: str = ""


class WpadService:
    """Answers by the rules of ``policy``; by none before the file that it names is read. ``directory`` and ``rules`` are replaced
    when their files have changed.

    Raises ``ConfigError`` when the rules cannot be understood.
    """

    def __init__(self, policy: WpadPolicy, costs: CostPolicy) -> None:
        self.directory = Directory()
        self._policy = policy
        self._costs = costs
        # where a file says more they can be understood only with it
        self.rules = NO_RULES if policy.rules_file else parse_rules(policy)
        self._overload = Overload()

    def answer(self, request: WpadRequest, now_s: float) -> PacAnswer | WpadRefusal:
        """The script for one request; it counts towards the caller's load where that is limited."""
        host = request.host.lower().rstrip(".")
        rules = self.rules.hosts.get(host) or self.rules.hosts.get(ANY_HOST)
        if rules is None:
            return WpadRefusal(UNKNOWN_HOST)
        ways = self._ways(rules, request, now_s)
        if isinstance(ways, NoOffer):
            return WpadRefusal(ways.reason)
        return PacAnswer(
            render_pac(
                ways.default,
                self._policy.style,
                comment=ways.comment,
                destinations=[
                    Destination(self.rules.destinations[alias].globs, route)
                    for alias, route in ways.destinations.items()
                    if alias in self.rules.destinations
                ],
            )
        )

    def _ways(self, rules: HostRules, request: WpadRequest, now_s: float) -> _Ways | NoOffer:
        if rules.empty:
            return _Ways(Route(), {})
        if rules.sites:
            offer = self.directory.find(request.address, request.organisations)
            if isinstance(offer, Offer):
                return self._offered(offer, rules, request)
            if rules.only_sites:
                return offer
        return self._blocked(rules, request, now_s) or self._listed(rules, request)

    def _offered(self, offer: Offer, rules: HostRules, request: WpadRequest) -> _Ways:
        """What the organisation offers; each destination that has backups gets them behind it, and a way of its own for that."""
        ways = dict(offer.destinations)
        if rules.site_backups:
            backed = {
                alias: request.in_order(one.backups)
                for alias, one in self.rules.destinations.items()
                if one.backups
            }
            with_backups = {
                alias: self._way_for(alias, offer).with_backups(proxies)
                for alias, proxies in backed.items()
            }
            # the destinations with backups are the narrower ones where they are part of another
            ways = {**with_backups, **{a: way for a, way in ways.items() if a not in backed}}
        order = [alias for alias in self.rules.destinations if alias in ways]
        order.sort(key=lambda alias: len(self.rules.destinations[alias].globs))
        return _Ways(offer.default, {alias: ways[alias] for alias in order}, offer.comment)

    def _way_for(self, alias: str, offer: Offer) -> Route:
        """The offer's way for a destination: its own, that of one which it is part of, or the default."""
        if alias in offer.destinations:
            return offer.destinations[alias]
        globs = set(self.rules.destinations[alias].globs)
        for other, way in offer.destinations.items():
            wider = self.rules.destinations.get(other)
            if wider is not None and globs <= set(wider.globs):
                return way
        return offer.default

    def _blocked(self, rules: HostRules, request: WpadRequest, now_s: float) -> _Ways | None:
        """The backups, for an organisation that asks too often; ``None`` for the others."""
        names = [name for name in map(folded, request.organisations) if name]
        if rules.overload is None or not names or names[0] in self.rules.excluded:
            return None
        alias, limit = rules.overload
        load = self._overload.note(names[0], limit, now_s)
        if not load.blocked_minutes:
            return None
        comment = (
            f"Organization blocked for {load.blocked_minutes} minutes (load {load.percent}%),"
            " needs own proxies; directing to backups"
        )
        backups = tuple(request.in_order(self.rules.destinations[alias].backups))
        return _Ways(Route(backups=backups), {}, comment)

    def _listed(self, rules: HostRules, request: WpadRequest) -> _Ways | NoOffer:
        """The rest of the list: single destinations, nearest caches, proxies, DIRECT."""
        after = Route((), tuple(request.in_order(rules.proxies)), rules.direct)
        ways = {
            alias: Route(backups=proxies, direct=alias in rules.direct_destinations)
            for alias, proxies in rules.destinations.items()
        }
        default = after
        if rules.nearest:
            default = self._nearest(request, None, after)
            for alias, patterns in self.rules.destinations.items():
                if patterns.upstream is not None and alias not in ways:
                    ways[alias] = self._nearest_for(patterns, request, after)
        if default == Route() and not ways:
            return NoOffer(NO_CACHE)
        return _Ways(default, ways)

    def _nearest_for(self, patterns: Patterns, request: WpadRequest, after: Route) -> Route:
        backups = tuple(request.in_order(patterns.backups))
        way = self._nearest(request, patterns.upstream, after)
        # before DIRECT, which never fails
        return replace(way, backups=way.backups + backups)

    def _nearest(self, request: WpadRequest, upstream: Upstream | None, after: Route) -> Route:
        ranked = request.nearest(upstream)[: self._policy.count]
        return replace(
            after, groups=groups_of(ranked, self._costs, by_address=self._policy.by_address)
        )
