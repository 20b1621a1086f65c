"""Which collections were listed last, and who was seen there to hold what, however long ago?

A listing is remembered for a minute and is then asked for anew. What it said of holders stays of use for as long as a
holder is out of service, as with single names. Fresh listings are the same objects as those in the memory, so that they take no more room.
"""

from collections.abc import Set
from dataclasses import replace

from ugrpy.cache.entries import AgingCache
from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId, Kind
from ugrpy.namespace.paths import name_of, parent_of

_FOR_EVER = float("inf")


class Seen:
    """The last listings, the least recently used ones gone beyond ``max_weight``."""

    def __init__(self, max_weight: int) -> None:
        self._listings: AgingCache[KnownListing] = AgingCache(
            max_weight, lambda listing: listing.weight
        )

    def __repr__(self) -> str:
        return f"<Seen {self._listings!r}>"

    def keep(self, listing: KnownListing) -> None:
        """The collection was listed; a part of it tells less than an older whole."""
        before = self._listings.peek(listing.path, 0.0)
        if listing.complete or before is None or not before.complete:
            self._put(listing)

    def listing(self, path: str) -> KnownListing | None:
        """What was seen last in a collection."""
        return self._listings.get(path, 0.0)

    def child(self, path: str) -> tuple[Merged, float] | None:
        """How a name was last seen in the collection around it, and when that was asked for."""
        around = self._listings.peek(parent_of(path), 0.0)
        if around is None or (child := around.child(name_of(path))) is None:
            return None
        return child, around.at_s

    def note(self, known: KnownName) -> None:
        """All have spoken of a name."""
        around = self._listings.peek(parent_of(known.path), 0.0)
        if (
            around is not None
            and around.at_s <= known.at_s
            and around.itself.entry.kind is Kind.COLLECTION
        ):
            self._change(around, name_of(known.path), known.merged)

    def forget(self, path: str, away: Set[EndpointId]) -> None:
        """A name has been changed: of it counts only what those hold who are ``away``."""
        self._forget_contents(path, away)
        seen, around = self.child(path), self._listings.peek(parent_of(path), 0.0)
        if seen is not None and around is not None:
            self._change(around, name_of(path), _held_by(seen[0], away))

    def forget_below(self, path: str, away: Set[EndpointId]) -> None:
        """The same for a name and all below it."""
        for collection in self._listings.below(path):
            self._forget_contents(collection, away)
        self.forget(path, away)

    def _forget_contents(self, path: str, away: Set[EndpointId]) -> None:
        listing = self._listings.peek(path, 0.0)
        if listing is None:
            return
        held = [kept for child in listing.children if away and (kept := _held_by(child, away))]
        if held and listing.itself.entry.kind is Kind.COLLECTION:
            self._put(replace(listing, children=tuple(held)))
        else:
            self._listings.pop(path)

    def _change(self, around: KnownListing, name: str, child: Merged | None) -> None:
        after = around.noting(name, child)
        if after is not around:
            self._put(after)

    def _put(self, listing: KnownListing) -> None:
        self._listings.put(listing.path, listing, _FOR_EVER, 0.0)


def _held_by(child: Merged, some: Set[EndpointId]) -> Merged | None:
    holders = tuple(name for name in child.holders if name in some)
    return Merged(child.entry, holders) if holders else None
