"""What does this worker remember, of everything or of one path, as plain data for an operator?"""

from collections.abc import Mapping
from typing import Any

from ugrpy.federation.core import Federation
from ugrpy.federation.counts import outcome_of
from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.namespace.merge import Merged

Facts = dict[str, Any]


def facts_of_memory(federation: Federation) -> Facts:
    """How much is remembered, and of what use it was."""
    memory = federation.memory
    names, tiers, listings = memory.names, memory.names.tiers, memory.listings
    return {
        "names": len(names),
        "names_live": tiers.live_count,
        "names_bytes": tiers.bytes_held,
        "names_hits": names.hits,
        "names_misses": names.misses,
        "names_unpacked": tiers.unpacked,
        "names_evicted": tiers.evicted,
        "listings": len(listings),
        "listings_hits": listings.hits,
        "listings_misses": listings.misses,
        "listings_evicted": listings.evicted,
    }


def facts_of_path(federation: Federation, path: str) -> Facts:
    """What is remembered of a path: as a name, as a collection, and who was ever seen to hold it."""
    memory, now = federation.memory, federation.clock.monotonic()
    name, listing = memory.names.peek(path, now), memory.listings.peek(path, now)
    return {
        "path": path,
        "name": None if name is None else facts_of_name(name, now),
        "listing": None if listing is None else facts_of_listing(listing, now),
        "seen_at": sorted(memory.holders(path)),
    }


def facts_of_name(known: KnownName, now: float) -> Facts:
    """What is known of a name, by whom, and for how long it is good."""
    return {
        **_ages(known, now),
        "merged": _merged(known.merged),
        "said": {name: outcome_of(one.observation) for name, one in known.knowledge.items()},
        "silent": sorted(known.silent),
        "missing": dict(known.missing),
    }


def facts_of_listing(known: KnownListing, now: float) -> Facts:
    """The same of a collection; its children are only counted."""
    return {
        **_ages(known, now),
        "merged": _merged(known.itself),
        "children": len(known.children),
        "missing": dict(known.missing),
    }


def _ages(known: KnownName | KnownListing, now: float) -> Facts:
    until_s = known.fresh_until_s
    return {
        "origin": known.origin.value,
        "age_s": round(now - known.at_s, 3),
        "fresh_for_s": None if until_s is None else round(until_s - now, 3),
    }


def _merged(merged: Merged | None) -> Mapping[str, Any] | None:
    if merged is None:
        return None
    entry = merged.entry
    return {
        "kind": entry.kind.value,
        "size_bytes": entry.size_bytes,
        "mtime_s": entry.mtime_s,
        "digests": {digest.algorithm: digest.value for digest in entry.digests},
        "holders": list(merged.holders),
        "conflicts": [
            f"{one.endpoint}: {one.about} {one.says}, others {one.majority}"
            for one in merged.conflicts
        ],
    }
