"""Which proxies does the caller's own organisation offer (reference section 10.1)?

A caller belongs to the site whose squid has an address of the same organisation, by the names in the databases. IPv4 and IPv6 of one site may
be of differently named organisations, so each address of a squid counts, those of IPv4 first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from shoalpy.model import Address
from shoalpy.pac import Route, route_of
from shoalpy.proxylist import Proxy
from shoalpy.wpad.sites import DEFAULT, Entry, ShoalSquid, Site

OrganisationOf = Callable[[Address], str | None]

NO_ORGANISATION = "no org found for remote ip address"
NO_SQUID = "no squid found matching the remote ip address"


@dataclass(frozen=True, slots=True)
class Offer:
    """The way for each destination by its alias, in the order they are looked at, ``default`` apart; and what people are told of whose it is."""

    default: Route
    destinations: Mapping[str, Route]
    comment: str = ""


@dataclass(frozen=True, slots=True)
class NoOffer:
    """There is none, and why."""

    reason: str


class Directory:
    """Sites by organisation. It does not change: a new one is made of what the files say now."""

    def __init__(
        self,
        sites: Sequence[Site] = (),
        squids: Iterable[ShoalSquid] = (),
        *,
        organisation_of: OrganisationOf = lambda _: None,
    ) -> None:
        self._sites: dict[str, Site] = {}
        for version in (6, 4):  # what is written last counts
            for site in sites:
                for address in site.addresses:
                    name = folded(organisation_of(address)) if address.version == version else ""
                    if name:
                        self._sites[name] = site
        self._sites |= _self_registered(squids, organisation_of, self._sites)

    def __len__(self) -> int:
        """How many organisations it knows."""
        return len(self._sites)

    def __repr__(self) -> str:
        return f"<Directory of {len(self)} organisations>"

    def find(self, caller: Address | None, organisations: Sequence[str]) -> Offer | NoOffer:
        """What the first of the caller's organisations that is known offers it."""
        names = [name for name in map(folded, organisations) if name]
        if caller is None or not names:
            return NoOffer(NO_ORGANISATION)
        site = next((self._sites[name] for name in names if name in self._sites), None)
        return NoOffer(NO_SQUID) if site is None else offer_of(site, caller)


def offer_of(site: Site, caller: Address) -> Offer | NoOffer:
    """What a site offers a caller: entries for other addresses are passed over, those behind the first default never looked at.

    A site that is disabled still offers what it has for the caller's range of addresses.
    """
    ways: dict[str, Route] = {}
    names, cms_names, in_range = site.names, site.cms_names, False
    for entry in site.entries:
        if not entry.is_for(caller):
            continue
        if entry.ranges and not in_range:
            names, cms_names, in_range = entry.names, entry.cms_names, True
        for alias, members in entry.proxies.items():
            ways.setdefault(alias, route_of(members, balance=entry.balance))
        if DEFAULT in entry.proxies:
            break
    if site.disabled and not in_range:
        return NoOffer(site.disabled)
    default = ways.pop(DEFAULT, None)
    if default == Route() or (default is None and not ways):
        return NoOffer(NO_SQUID)
    return Offer(default or Route(), ways, comment_of(names, cms_names))


def comment_of(names: Sequence[str], cms_names: Sequence[str]) -> str:
    """``For SITE-A; CMS: T2_A``."""
    parts = [f"For {', '.join(names)}"] if names else []
    if cms_names:
        parts.append(f"CMS: {','.join(cms_names)}")
    return "; ".join(parts)


def folded(name: str | None) -> str:
    """Names that differ in case and blanks only are the same."""
    return " ".join((name or "").split()).casefold()


def _self_registered(
    squids: Iterable[ShoalSquid], organisation_of: OrganisationOf, registered: Mapping[str, Site]
) -> dict[str, Site]:
    """One site for each organisation that has no registered squid; several squids of it share the load."""
    by_name: dict[str, list[ShoalSquid]] = {}
    for squid in squids:
        name = folded(organisation_of(squid.public_ip))
        if name and name not in registered:
            by_name.setdefault(name, []).append(squid)
    return {name: _site_of(found) for name, found in by_name.items()}


def _site_of(squids: Sequence[ShoalSquid]) -> Site:
    proxies: tuple[Proxy, ...] = tuple(squid.proxy for squid in squids)
    places = tuple(dict.fromkeys(squid.place for squid in squids if squid.place))
    entry = Entry({DEFAULT: proxies}, balance=len(proxies) > 1)
    return Site(squids[0].hostname, tuple(one.public_ip for one in squids), (entry,), places)
