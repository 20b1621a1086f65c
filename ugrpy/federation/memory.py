"""What is remembered, and for how long?

Names and listings age from the moment their question was put. What an endpoint in doubt did not contribute to is
kept for a shorter time; a miss in doubt is not kept at all. Who was ever seen to hold a name is kept without an age,
because it is asked only while a holder is out of service, when nobody can say anything newer.
"""

from collections.abc import Set

from ugrpy.cache.entries import AgingCache, CachePolicy
from ugrpy.federation.known import CHILDREN_PER_WEIGHT, KnownListing, KnownName
from ugrpy.federation.names import NOBODY, Holders, Names
from ugrpy.federation.past import NoPast, Past
from ugrpy.federation.seen import Seen
from ugrpy.namespace.model import EndpointId, Entry, Kind
from ugrpy.namespace.paths import name_of, parent_of

# Misses of longer names are not kept: nobody asks for them twice but to fill the memory.
LONGEST_MISS = 1024
# What a child of a listing takes, held loose.
CHILD_BYTES = 400


class Memory:
    """One worker's memory. ``now`` is in seconds of the monotonic clock that stamps ``at_s``."""

    def __init__(self, policy: CachePolicy) -> None:
        self.policy = policy
        self.names = Names(policy.max_items, policy.max_bytes, policy.refresh_ahead)
        # as many children in all listings together as there may be names
        children = min(policy.max_items, policy.max_bytes // CHILD_BYTES)
        weight = max(1, children // CHILDREN_PER_WEIGHT)
        self.listings: AgingCache[KnownListing] = AgingCache(weight, lambda one: one.weight)
        self.seen = Seen(weight)
        self.past: Past = NoPast()
        self.too_long: AgingCache[str] = AgingCache(policy.max_items)

    def __repr__(self) -> str:
        return f"<Memory names {self.names!r}, listings {self.listings!r}>"

    def keep_name(self, known: KnownName, now: float) -> None:
        """Remember a finished question."""
        if known.summary.unknown:
            # counted from now, or a question that ran into its deadline would be stale before it was answered
            until_s = now + self.policy.incomplete_ttl_s if known.merged else now
        else:
            ttl_s = self.policy.ttl_s if known.merged else self.policy.negative_ttl_s
            until_s = known.at_s + ttl_s
        if known.merged is None and len(known.path) > LONGEST_MISS:
            until_s = now
        known.fresh_until(until_s)
        self.names.keep(known, until_s, now)
        self.past.note_name(known)

    def keep_for_now(self, known: KnownName, until_s: float, now: float) -> None:
        """Remember what is known of a question still under way, if it is of use."""
        if known.merged is not None:
            known.fresh_until(until_s)
            self.names.put(known, until_s, now)

    def keep_listing(self, known: KnownListing, now: float) -> None:
        """Remember the contents of a collection."""
        until_s = known.at_s + self.policy.listing_ttl_s
        if not known.complete:
            until_s = now + min(self.policy.listing_ttl_s, self.policy.incomplete_ttl_s)
        known.fresh_until(until_s)
        self.listings.put(known.path, known, until_s, now)
        self.seen.keep(known)
        self.past.note_listing(known)

    def keep_too_long(self, path: str, why: str, now: float) -> None:
        """Remember that a collection has more items than may be listed."""
        self.too_long.put(path, why, now + self.policy.listing_ttl_s, now)

    def tell_parent(self, known: KnownName, now: float) -> None:
        """The remembered listing around a name learns what all have said of it since; its age stays what it was (row D59)."""
        whole = known.complete and not known.out and not known.summary.denied
        if whole:
            self.seen.note(known)
        parent = parent_of(known.path)
        listing = self.listings.peek(parent, now)
        until_s = self.listings.expires_at(parent)
        if listing is None or until_s is None or known.at_s < listing.at_s:
            return
        if listing.itself.entry.kind is Kind.FILE:
            return  # what an outvoted collection holds is readable, and still no child of a file
        if whole:
            after = listing.noting(name_of(known.path), known.merged)
            if after is not listing:
                self.listings.put(parent, after, until_s, now)

    def forget(self, path: str, away: Set[EndpointId] = frozenset()) -> None:
        """Nothing that was known of this name counts any more, nor what is known of the collection around it.

        But for what those hold who are ``away``: nobody can ask them anew.
        """
        self._forget(path, away)
        self.seen.forget(path, away)
        self.past.forget(path, away, below=False)

    def _forget(self, path: str, away: Set[EndpointId]) -> None:
        self.names.forget(path, away)
        for listed in (path, parent_of(path)):
            self.listings.pop(listed)
            self.too_long.pop(listed)

    def forget_below(self, path: str, away: Set[EndpointId] = frozenset()) -> None:
        """The same for a name and all below it."""
        for cache in (self.listings, self.too_long):
            cache.pop_prefix(path)
        self.names.forget_below(path, away)
        self._forget(path, away)
        self.seen.forget_below(path, away)
        self.past.forget(path, away, below=True)

    def note_holder(self, path: str, name: EndpointId, entry: Entry) -> None:
        """Somebody has been written to, whom nobody has asked since."""
        self.names.note_holder(path, name, entry)

    def holders(self, path: str) -> Holders:
        """Who was last seen to hold the name, and as what."""
        if holders := self.names.holders(path):
            return holders
        child = self.seen.child(path)
        return NOBODY if child is None else dict.fromkeys(child[0].holders, child[0].entry)
