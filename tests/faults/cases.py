"""What is asked, of whom, and in which company?

A case is a trouble, a verb, a front (the dialect of the endpoint in trouble, or its door) and the company it is in. Each
case has names of its own, so that no cache couples one to another::

    /FRONT/COMPANY/TROUBLE.VERB/c         a collection with f (10 bytes), g (3 bytes) and the collection sub
    /FRONT/COMPANY/TROUBLE.VERB/c/h       the same at the healthy holders, and one file more
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tests.faults.catalogue import Door, Effect, Trouble
from ugrpy.testing.dialects import DIALECTS

CONTENT = b"0123456789"
# Name to size; a collection has none. What the endpoint in trouble holds, and what the healthy ones do.
CHILDREN: Mapping[str, int | None] = {"f": 10, "g": 3, "sub": None}
HEALTHY_CHILDREN: Mapping[str, int | None] = {**CHILDREN, "h": 4}


class Company(StrEnum):
    """Who else may hold the name."""

    ALONE = "alone"
    HOLDER = "holder"  # a healthy endpoint that holds it as well
    OTHER = "other"  # a healthy endpoint that does not hold it
    MAJORITY = "majority"  # two that hold it; for lies, since one word against one proves nothing

    @property
    def healthy_holders(self) -> tuple[str, ...]:
        """The healthy endpoints that hold the name."""
        match self:
            case Company.HOLDER:
                return (HOLDS,)
            case Company.MAJORITY:
                return (HOLDS, HOLDS_TOO)
            case _:
                return ()


HOLDS, HOLDS_TOO, LACKS = "holds", "holds-too", "lacks"
HEALTHY = (HOLDS, HOLDS_TOO, LACKS)
PRESENT: Mapping[str, tuple[Company, ...]] = {
    HOLDS: (Company.HOLDER, Company.MAJORITY),
    HOLDS_TOO: (Company.MAJORITY,),
    LACKS: (Company.OTHER,),
}


@dataclass(frozen=True, slots=True)
class Verb:
    """One way to read. ``listing``: it waits for everybody, and shows what a collection holds."""

    id: str
    method: str
    target: str
    headers: Mapping[str, str]
    listing: bool = False


VERBS = (
    Verb("GET", "GET", "c/f", {}),
    Verb("HEAD", "HEAD", "c/f", {}),
    Verb("stat-file", "PROPFIND", "c/f", {"Depth": "0"}),
    Verb("stat-collection", "PROPFIND", "c", {"Depth": "0"}),
    Verb("list", "PROPFIND", "c/", {"Depth": "1"}, listing=True),
    Verb("page", "GET", "c/", {"Accept": "text/html"}, listing=True),
    Verb("metalink", "GET", "c/f?metalink=4", {}),
)
VERB_WORDS = {
    "GET": "GET",
    "HEAD": "HEAD",
    "stat-file": "PROPFIND 0 file",
    "stat-collection": "PROPFIND 0 collection",
    "list": "PROPFIND 1",
    "page": "HTML page",
    "metalink": "metalink",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One question."""

    trouble: Trouble
    verb: Verb
    front: str
    company: Company
    front_lists: bool = True

    @property
    def id(self) -> str:
        """What a failure is called."""
        return f"{self.trouble.id}.{self.verb.id}.{self.front}.{self.company}"

    @property
    def folder(self) -> str:
        """Where the case's names are on a healthy endpoint; on the one in trouble, below the company."""
        return f"/{self.trouble.id}.{self.verb.id}"

    @property
    def path(self) -> str:
        """What a client asks for."""
        return f"/{self.front}/{self.company}{self.folder}/{self.verb.target}"


def fronts(trouble: Trouble) -> tuple[str, ...]:
    """The endpoints that can have this trouble."""
    if isinstance(trouble.does, Door):
        return (trouble.does.value,)
    return tuple(one.name for one in DIALECTS if one.dav or not trouble.needs_body)


def companies(trouble: Trouble) -> tuple[Company, ...]:
    """The company in which something can be said about this trouble."""
    if trouble.effect is Effect.LIES:
        return (Company.MAJORITY,)
    return (Company.ALONE, Company.HOLDER, Company.OTHER)


def cases_of(trouble: Trouble) -> Iterator[Case]:
    """All that is tried of it."""
    listing = {one.name: one.dav for one in DIALECTS}
    for front in fronts(trouble):
        for company in companies(trouble):
            for verb in VERBS:
                yield Case(trouble, verb, front, company, listing.get(front, True))
