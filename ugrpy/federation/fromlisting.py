"""When does the listing around a name say as much of it as asking for the name would? Pure.

Clients that list a collection go on to its files, and by then nearly all is known. But a listing has one description for all holders, so it serves
only where that leaves no doubt: a file that all agree on, of known size and date, in a listing to which everybody who may hold the file has
contributed. Who wants all that can be known (a metalink, checksums) asks.
"""

from collections.abc import Mapping

from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.namespace.merge import Merged, Sighting, Summary
from ugrpy.namespace.model import Absent, EndpointId, Found, Kind
from ugrpy.namespace.origin import Origin
from ugrpy.namespace.paths import join, name_of

LONGEST_LISTED_BYTES = 254


def name_in(
    listing: KnownListing,
    path: str,
    covering: Mapping[EndpointId, str],
    around: Mapping[EndpointId, str],
) -> KnownName | None:
    """The name as the listing around it has it, if that leaves no doubt.

    ``covering`` are the endpoints that may hold it, ``around`` those that may hold the collection, each with its own path for it.
    """
    if not _is_whole(listing) or covering.keys() != around.keys():
        return None
    name = name_of(path)
    if not _is_listed_as_served(name):
        return None
    if any(covering[one] != join(around[one], name) for one in covering):
        return None  # something else is mounted there
    child = listing.child(name)
    if child is None or not _is_certain(child) or not covering.keys() >= set(child.holders):
        return None
    found, absent = Sighting(Found(child.entry), listing.at_s), Sighting(Absent(), listing.at_s)
    knowledge = {one: found if one in child.holders else absent for one in covering}
    others = tuple(sorted(covering.keys() - set(child.holders)))
    summary = Summary(child, others, {}, {})
    return KnownName(path, summary, knowledge, frozenset(), {}, listing.at_s)


def _is_listed_as_served(name: str) -> bool:
    """XRootD lists names that it does not find when it is asked for them: it ends them at a ``?``, and after 254 bytes (5.5.3)."""
    return "?" not in name and len(name.encode("utf-8", "surrogateescape")) < LONGEST_LISTED_BYTES


def _is_whole(listing: KnownListing) -> bool:
    return (
        listing.complete
        and listing.origin is Origin.ENDPOINTS
        and listing.itself.entry.kind is Kind.COLLECTION
        # of very long ones, looking for one name takes too long
        and isinstance(listing.children, tuple)
    )


def _is_certain(child: Merged) -> bool:
    entry = child.entry
    return (
        entry.kind is Kind.FILE
        and entry.size_bytes is not None
        and entry.mtime_s is not None
        and bool(child.holders)
        and not child.conflicts
    )
