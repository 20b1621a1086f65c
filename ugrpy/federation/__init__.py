"""The orchestrator: the only place where endpoints, cache, health and ranking meet.

``core`` is the entry; ``question`` drives the fan-out machine; ``known`` is what the caches hold; ``members`` says which
endpoint serves which part of the namespace; ``explain`` tells all of it about one path.
"""

from ugrpy.federation.asking import Surroundings
from ugrpy.federation.core import Federation, Policies
from ugrpy.federation.known import KnownListing, KnownName, Replica
from ugrpy.federation.listing import Follower
from ugrpy.federation.members import Member

__all__ = [
    "Federation",
    "Follower",
    "KnownListing",
    "KnownName",
    "Member",
    "Policies",
    "Replica",
    "Surroundings",
]
