"""What the caches hold: everything known of one name, or of the contents of one collection."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from ugrpy.federation.contents import Contents
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.merge import Knowledge, Merged, Summary
from ugrpy.namespace.model import EndpointId, Kind
from ugrpy.namespace.origin import Origin
from ugrpy.namespace.verdict import OutOfService, missing_reasons


@dataclass(frozen=True, slots=True)
class Replica:
    """One copy to send a client to, best first in every list. ``country`` is an ISO code in lower case, or ``None``."""

    endpoint: EndpointId
    url: str
    country: str | None = None


@dataclass(frozen=True, slots=True)
class KnownName:
    """What is known of one name.

    ``silent`` had not spoken when this was put together; ``out`` was not asked. ``at_s`` is when the question was put
    (monotonic). ``merged`` is the name as the federation sees it, ``None`` when nobody is known to hold it; ``settled``
    says that it is a file of which everybody has spoken. ``used`` fills up with the replicas as clients are sent to them, signed URLs excepted; ``prepared`` is
    the front end's, for the heads of redirects by order of replicas. ``origin`` is where it came from when it was put together,
    and ``fresh_until_s`` when it is to be asked for anew (monotonic; ``None``: it was not kept).
    """

    path: str
    summary: Summary
    knowledge: Knowledge
    silent: frozenset[EndpointId]
    out: Mapping[EndpointId, OutOfService]
    at_s: float
    used: dict[EndpointId, Replica] = field(default_factory=dict, compare=False, repr=False)
    prepared: dict[tuple[EndpointId, ...], bytes] = field(
        default_factory=dict, compare=False, repr=False
    )
    origin: Origin = field(default=Origin.ENDPOINTS, compare=False)
    fresh_until_s: float | None = field(default=None, compare=False, repr=False)
    # kept and not computed, since each redirect asks for them
    merged: Merged | None = field(init=False, compare=False, repr=False)
    settled: bool = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        merged = self.summary.merged
        object.__setattr__(self, "merged", merged)
        settled = merged is not None and merged.entry.kind is Kind.FILE and self.complete
        object.__setattr__(self, "settled", settled and not self.out)

    @property
    def complete(self) -> bool:
        """Whether every endpoint in service that covers the path has given its word, and a usable one."""
        return not self.silent and not self.summary.unknown

    @property
    def is_collection(self) -> bool:
        """Whether it is known to be a collection."""
        return self.merged is not None and self.merged.entry.kind is Kind.COLLECTION

    @property
    def missing(self) -> dict[str, str]:
        """Whose word could not be had, and why; for people. Those who merely have not spoken yet are not in it."""
        return missing_reasons(self.summary.unknown, self.out)

    @property
    def parts(self) -> Mapping[EndpointId, float]:
        """When each endpoint that was heard had spoken (monotonic)."""
        return {name: sighting.at_s for name, sighting in self.knowledge.items()}

    @property
    def asked(self) -> int:
        """How many endpoints may know of it."""
        return len(self.knowledge) + len(self.silent) + len(self.out)

    def fresh_until(self, until_s: float) -> None:
        """Whoever keeps it notes for how long; nothing else of it ever changes."""
        object.__setattr__(self, "fresh_until_s", until_s)

    def suffices(self, want: Want) -> bool:
        """Whether a question of this kind needs no more asking."""
        if want in (Want.ALL, Want.MOST) or self.merged is None:
            return not self.silent
        return True


CHILDREN_PER_WEIGHT = 100


class Children(Protocol):
    """Children that can be counted and gone through, again and again: a tuple in the order of the names, or ``Contents``."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Merged]: ...


@dataclass(frozen=True, slots=True)
class KnownListing:
    """The contents of one collection, or the file that stands where one was expected.

    ``missing`` endpoints contributed nothing or not all; an empty map means the listing is whole. ``parts`` says of those that were
    heard when each had spoken (monotonic). ``origin`` and ``fresh_until_s`` are as in ``KnownName``.
    """

    path: str
    itself: Merged
    children: Children
    missing: Mapping[str, str]
    at_s: float
    parts: Mapping[EndpointId, float] = field(default_factory=dict, compare=False, repr=False)
    origin: Origin = field(default=Origin.ENDPOINTS, compare=False)
    fresh_until_s: float | None = field(default=None, compare=False, repr=False)
    weight: int = field(init=False, compare=False, repr=False)
    """How much of the memory it takes, in ``CHILDREN_PER_WEIGHT`` children."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", 1 + len(self.children) // CHILDREN_PER_WEIGHT)

    @property
    def complete(self) -> bool:
        """Whether every endpoint that covers the collection has contributed."""
        return not self.missing

    @property
    def asked(self) -> int:
        """How many endpoints may hold something of it."""
        return len(self.parts.keys() | self.missing.keys())

    def fresh_until(self, until_s: float) -> None:
        """Whoever keeps it notes for how long."""
        object.__setattr__(self, "fresh_until_s", until_s)

    def child(self, name: str) -> Merged | None:
        """The child of this name, if there is one."""
        if isinstance(self.children, Contents):
            return self.children.find(name)
        children = tuple(self.children)
        at = bisect_left(children, name, key=_name)
        return children[at] if at < len(children) and _name(children[at]) == name else None

    def noting(self, name: str, child: Merged | None) -> "KnownListing":
        """The listing after news of one name: it is there as ``child`` describes, or not at all (row D59)."""
        if isinstance(self.children, Contents):
            if child is None:
                self.children.remove(name)
            else:
                self.children.put(child)
            return self
        children = list(self.children)
        at = bisect_left(children, name, key=_name)
        there = at < len(children) and _name(children[at]) == name
        if there and children[at] == child:
            return self
        children[at : at + there] = () if child is None else (child,)
        return replace(self, children=tuple(children))


def _name(child: Merged) -> str:
    return child.entry.name
