"""Does a cache stand in the caller's own network? Then it may be told of caches that are for their own network only (row S44).

What each address belongs to is one value, a ``Belonging``, and two addresses are in one network if their values meet:

1. by the operator's site map, if both are in it: the same site, or not; nothing else counts then;
2. else by any of these that are switched on: the same autonomous system, the same organisation, the same *mailbox in the SOA record* of
   their reverse zones (what the system before this one went by; reference section 6).

IPv4 and IPv6 of a site usually share an autonomous system; organisations of the two may be spelt differently in the databases, and
then only the site map brings them together. Networks of clouds and large providers say little: ``shared_asns`` lists those by which nobody
is in anybody's network.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from shoalpy.model import Address, Cache
from shoalpy.nearest import Caller
from ugrpy.locality.facts import GeoFacts

# Addresses of callers and caches remembered, about 300 bytes each.
KNOWN_ADDRESSES = 50_000

_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """What makes two addresses neighbours, beside the site map in ``geo.networks``."""

    by_asn: Annotated[
        bool, Field(description="addresses of one autonomous system are in one network")
    ] = True
    by_organisation: Annotated[
        bool, Field(description="addresses of one organisation or provider are in one network")
    ] = True
    by_soa: Annotated[
        bool,
        Field(
            description="addresses whose reverse zones have one mailbox in their SOA records are in one network; asks the name service"
        ),
    ] = False
    shared_asns: Annotated[
        tuple[int, ...],
        Field(description="autonomous systems that many share, as those of clouds: not a network"),
    ] = ()


@dataclass(frozen=True, slots=True)
class Belonging:
    """What an address belongs to, as far as it is known and counts."""

    site: str | None = None
    asn: int | None = None
    organisation: str | None = None
    mailbox: str | None = None


NOWHERE = Belonging()


def belonging(
    facts: GeoFacts, site: str | None, mailbox: str | None, policy: NetworkPolicy
) -> Belonging:
    """What counts of all that is known. ``site`` is the operator's word, ``mailbox`` that of the reverse zone."""
    asn = facts.place.asn
    shared = asn is not None and asn in policy.shared_asns
    return Belonging(
        site or None,
        asn if policy.by_asn and not shared else None,
        _folded(facts.organisation) if policy.by_organisation and not shared else None,
        _folded(mailbox) if policy.by_soa else None,
    )


def meet(a: Belonging, b: Belonging) -> bool:
    """Whether two addresses are in one network."""
    if a.site is not None and b.site is not None:
        return a.site == b.site
    return (
        (a.asn is not None and a.asn == b.asn)
        or (a.organisation is not None and a.organisation == b.organisation)
        or (a.mailbox is not None and a.mailbox == b.mailbox)
    )


class Networks:
    """The rule, with what it knows of addresses remembered until ``forget``.

    ``mailbox_of`` answers at once with what is known (``reverse_zone``), ``None`` for nothing.
    """

    def __init__(
        self,
        policy: NetworkPolicy,
        *,
        facts_of: Callable[[Address], GeoFacts],
        site_of: Callable[[Address], str | None],
        mailbox_of: Callable[[Address], str | None] = lambda _: None,
    ) -> None:
        self._policy = policy
        self._facts_of = facts_of
        self._site_of = site_of
        self._mailbox_of = mailbox_of
        self._memo = lru_cache(maxsize=KNOWN_ADDRESSES)(self._find)

    def of(self, address: Address) -> Belonging:
        """What the address belongs to."""
        # the mailbox is asked for each time: nothing may be known of it now, and something soon
        return self._memo(address, self._mailbox_of(address) if self._policy.by_soa else None)

    def caller(self, address: Address) -> Caller:
        """All that matters of a caller at this address."""
        return Caller(self._facts_of(address).place, self.of(address))

    def same_network(self, caller: Caller, cache: Cache) -> bool:
        """Whether the cache stands in the caller's network, by the address the world reaches it at, or else its own."""
        address = cache.beat.reachable_ip or cache.beat.private_ip
        if address is None or not isinstance(caller.network, Belonging):
            return False
        return meet(caller.network, self.of(address))

    def forget(self) -> None:
        """More or other things are known of addresses now."""
        self._memo.cache_clear()

    def _find(self, address: Address, mailbox: str | None) -> Belonging:
        return belonging(self._facts_of(address), self._site_of(address), mailbox, self._policy)


def _folded(name: str | None) -> str | None:
    """Names that differ in case, blanks or a full stop at the end are the same."""
    return _BLANKS.sub(" ", (name or "").strip().rstrip(".")).casefold() or None
