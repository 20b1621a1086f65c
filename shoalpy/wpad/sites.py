"""Which site is an organisation, and what does it tell its machines to use?

Two files say so at WLCG. ``worker-proxies.json`` has the squids that sites have registered, by the squid's name::

    {"squid.site-a.example": {
        "ips": {"squid.site-a.example": ["192.0.2.7", "2001:db8::7"]},
        "names": ["SITE-A"], "cmsnames": ["T2_A"], "source": "wlcg",
        "disabled": "site asked for it",
        "proxies": [{"ipranges": ["192.0.2.64/26"], "names": ["SITE-A-CLOUD"], "default": ["c.site-a.example:3128"]},
                    {"frontier": ["f.site-a.example:3128"]},
                    {"default": ["squid.site-a.example:3128"], "loadbalance": "proxies"}]}}

``shoal-squids.json`` has those that registered themselves: ``{"vm1.example.org": {"public_ip": "198.51.100.7", "private_ip": "10.1.2.3",
"city": "Victoria", "country_code": "CA"}}``. They count only for organisations without a registered squid.

What is said about one squid and cannot be understood leaves out that squid, never the others; why is kept in ``problems``.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Generic, TypeVar

from shoalpy.model import Address, Cache, CacheType
from shoalpy.proxylist import Member, Proxy, parse_member, parse_proxy
from ugrpy.core.errors import DataError
from ugrpy.locality import Network, parse_address

T = TypeVar("T")

DEFAULT_PORT = 3128
DEFAULT = "default"
# The words of an entry that are no destination.
_WORDS = frozenset({DEFAULT, "ipranges", "names", "cmsnames", "loadbalance"})


class BadSiteFile(DataError):
    """A file that is not what it should be as a whole."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Proxies by destination, ``default`` among them or not, for callers in ``ranges`` or, without any, for all.

    ``names`` and ``cms_names`` stand in place of the site's for callers in the ranges.
    """

    proxies: Mapping[str, tuple[Member, ...]]
    ranges: tuple[Network, ...] = ()
    names: tuple[str, ...] = ()
    cms_names: tuple[str, ...] = ()
    balance: bool = False

    def is_for(self, caller: Address) -> bool:
        """Whether the caller is in its ranges; so is everybody when there are none."""
        return not self.ranges or any(caller in network for network in self.ranges)


@dataclass(frozen=True, slots=True)
class Site:
    """One registered squid and what its site says. ``disabled`` is why it gives no proxies; empty when it does."""

    squid: str
    addresses: tuple[Address, ...]
    entries: tuple[Entry, ...]
    names: tuple[str, ...] = ()
    cms_names: tuple[str, ...] = ()
    disabled: str = ""


@dataclass(frozen=True, slots=True)
class ShoalSquid:
    """One squid that registered itself. ``proxy`` is how its own site reaches it."""

    hostname: str
    public_ip: Address
    proxy: Proxy
    place: str = ""


@dataclass(frozen=True, slots=True)
class Understood(Generic[T]):
    """What a file says, and what in it could not be understood, a line each."""

    found: tuple[T, ...] = ()
    problems: tuple[str, ...] = ()


def parse_worker_proxies(text: str) -> Understood[Site]:
    """Read ``worker-proxies.json``. Raises ``BadSiteFile`` when it is not JSON or not an object."""
    return _each(text, _site)


def parse_shoal_squids(text: str) -> Understood[ShoalSquid]:
    """Read ``shoal-squids.json``. Raises ``BadSiteFile`` when it is not JSON or not an object."""
    return _each(text, _shoal_squid)


def render_worker_proxies(sites: Iterable[Site]) -> str:
    """Write ``worker-proxies.json``."""
    return _document({site.squid: _site_as_json(site) for site in sites})


def render_shoal_squids(caches: Iterable[Cache]) -> str:
    """Write ``shoal-squids.json``: the squids that everybody may know of and the world reaches.

    Readers of this file take port 3128 for granted, so those at another port are left out.
    """
    return _document(
        {
            cache.beat.hostname: _without_nothing(
                public_ip=str(cache.beat.reachable_ip),
                private_ip=str(cache.beat.private_ip or ""),
                city=cache.facts.city,
                country_code=cache.facts.place.country,
            )
            for cache in caches
            if _is_shown(cache) and cache.beat.port == DEFAULT_PORT
        }
    )


def shoal_squids_of(caches: Iterable[Cache]) -> tuple[ShoalSquid, ...]:
    """The same from the table, with the ports they really have."""
    return tuple(
        ShoalSquid(
            cache.beat.hostname,
            cache.beat.reachable_ip,
            Proxy(str(cache.beat.private_ip or cache.beat.reachable_ip), cache.beat.port),
            _place(cache.facts.city, cache.facts.place.country),
        )
        for cache in caches
        if _is_shown(cache) and cache.beat.reachable_ip is not None
    )


def _is_shown(cache: Cache) -> bool:
    return (
        cache.is_global
        and cache.beat.cache_type is CacheType.SQUID
        and cache.beat.reachable_ip is not None
    )


def _each(text: str, read: Callable[[str, Mapping[str, Any]], T]) -> Understood[T]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadSiteFile(f"it is not JSON: {error}") from None
    if not isinstance(said, dict):
        raise BadSiteFile("expected an object with one member for each squid")
    found: list[T] = []
    problems: list[str] = []
    for name, value in said.items():
        try:
            found.append(read(name, _mapping(value)))
        except (DataError, ValueError) as error:
            problems.append(f"{ascii(name)[:80]}: {error}")
    return Understood(tuple(found), tuple(problems))


def _site(squid: str, said: Mapping[str, Any]) -> Site:
    addresses = _texts(_mapping(said.get("ips", {})).get(squid, []))
    if not addresses:
        raise BadSiteFile("no address of it is given")
    if "proxies" in said:
        entries = tuple(_entry(_mapping(one)) for one in _list(said["proxies"]))
    else:
        entries = (Entry({DEFAULT: (parse_proxy(squid, DEFAULT_PORT),)}),)
    return Site(
        squid,
        tuple(_address(one) for one in addresses),
        entries,
        _texts(said.get("names", [])),
        _texts(said.get("cmsnames", [])),
        _text(said.get("disabled", "")),
    )


def _entry(said: Mapping[str, Any]) -> Entry:
    return Entry(
        {
            alias: tuple(proxy_item(one) for one in _texts(proxies))
            for alias, proxies in said.items()
            if alias not in _WORDS or alias == DEFAULT
        },
        tuple(ip_network(one, strict=False) for one in _texts(said.get("ipranges", []))),
        _texts(said.get("names", [])),
        _texts(said.get("cmsnames", [])),
        said.get("loadbalance") == "proxies",
    )


def proxy_item(text: str) -> Member:
    """``host``, ``host:port`` or ``DIRECT``; the port is 3128 unless given. Raises ``BadProxyList``."""
    member = parse_member(text)
    return parse_proxy(text, DEFAULT_PORT) if isinstance(member, Proxy) else member


def _shoal_squid(hostname: str, said: Mapping[str, Any]) -> ShoalSquid:
    public = _address(_text(said.get("public_ip", "")))
    private = said.get("private_ip")
    inside = public if private is None else _address(_text(private))
    place = _place(said.get("city"), said.get("country_code"))
    return ShoalSquid(hostname, public, Proxy(str(inside), DEFAULT_PORT), place)


def _site_as_json(site: Site) -> dict[str, object]:
    return _without_nothing(
        ips={site.squid: [str(address) for address in site.addresses]},
        names=list(site.names),
        cmsnames=list(site.cms_names),
        disabled=site.disabled,
    ) | {"proxies": [_entry_as_json(entry) for entry in site.entries]}


def _entry_as_json(entry: Entry) -> dict[str, object]:
    proxies = {
        alias: [one.authority if isinstance(one, Proxy) else str(one) for one in members]
        for alias, members in entry.proxies.items()
    }
    more = _without_nothing(
        ipranges=[str(network) for network in entry.ranges],
        names=list(entry.names),
        cmsnames=list(entry.cms_names),
        loadbalance="proxies" if entry.balance else "",
    )
    return {**more, **proxies}


def _without_nothing(**members: object) -> dict[str, object]:
    return {name: value for name, value in members.items() if value}


def _document(members: Mapping[str, object]) -> str:
    return json.dumps(members, indent=1, sort_keys=True) + "\n"


def _place(city: object, country: object) -> str:
    return ".".join(one for one in (city, country) if isinstance(one, str) and one)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadSiteFile("expected an object")
    return value


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise BadSiteFile("expected a list")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(one) for one in _list(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadSiteFile(f"expected text, found {ascii(value)[:60]}")
    return value


def _address(text: str) -> Address:
    address = parse_address(text)
    if address is None or getattr(address, "scope_id", None):
        raise BadSiteFile(f"expected an address, found {ascii(text)[:60]}")
    return address
