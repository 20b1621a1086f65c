"""What is worth keeping of an answer, and what is left of it after a change? Pure.

Kept is what endpoints said, not what they failed to say. Of an endpoint that could not be asked the older word stands.
"""

from collections.abc import Set
from dataclasses import replace

from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.namespace.merge import Knowledge, Merged, summarise
from ugrpy.namespace.model import EndpointId, Found, Unknown


def worth_keeping(known: KnownName, older: KnownName | None = None) -> KnownName:
    """``known`` without doubts, and with what ``older`` has of holders that could not be asked."""
    away = {*known.out, *known.summary.unknown}
    said = {n: s for n, s in known.knowledge.items() if not isinstance(s.observation, Unknown)}
    if older is not None:
        said = {**_found(older, away), **said}
    return _of(known, said)


def left_with(known: KnownName, away: Set[EndpointId]) -> KnownName | None:
    """What is known of those who are away, after the name was changed elsewhere; ``None``: nothing."""
    found = _found(known, away)
    return _of(known, found) if found else None


def listing_without(listing: KnownListing, name: str, away: Set[EndpointId]) -> KnownListing:
    """The listing after one name in it was changed, but for what those hold who are away."""
    child = listing.child(name)
    return listing if child is None else listing.noting(name, _held_by(child, away))


def listing_left_with(listing: KnownListing, away: Set[EndpointId]) -> KnownListing | None:
    """The same for all names in it."""
    children = tuple(kept for child in listing.children if (kept := _held_by(child, away)))
    return replace(listing, children=children) if children else None


def _of(known: KnownName, said: Knowledge) -> KnownName:
    return KnownName(known.path, summarise(said), said, frozenset(), {}, known.at_s)


def _found(known: KnownName, some: Set[EndpointId]) -> Knowledge:
    return {
        name: sighting
        for name, sighting in known.knowledge.items()
        if name in some and isinstance(sighting.observation, Found)
    }


def _held_by(child: Merged, some: Set[EndpointId]) -> Merged | None:
    holders = tuple(name for name in child.holders if name in some)
    return Merged(child.entry, holders) if holders else None
