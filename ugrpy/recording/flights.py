"""What is known of one decision, long after it was made?

A *flight* is one request that was decided: a redirect, a metalink, a place for an upload, an answer without the word of every endpoint, or
a refusal. It holds what the ranking saw then, so that the same decision can be made again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ugrpy.locality.model import Candidate, Place
from ugrpy.locality.tiers import Standing


@dataclass(frozen=True, slots=True)
class Among:
    """What a ranking of places for an upload was given beside the rest: ``rooms``, and who comes first whatever the ranking says.

    ``ahead`` has the group of each: those of group 0 are tried first.
    """

    rooms: Mapping[str, float]
    ahead: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SeenZone:
    """The client as the ranking saw it. ``rule`` is the number of the preference rule that held; ``standings`` are by endpoint."""

    place: Place
    rule: int | None
    standings: Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class SeenCandidate:
    """What spread the clients among equals then."""

    weight: float
    load: float
    sluggish: bool
    excluded: str = ""

    def at(self, name: str, place: Place) -> Candidate:
        """The candidate as it was."""
        return Candidate(name, place, self.weight, self.load, self.sluggish, self.excluded)


@dataclass(frozen=True, slots=True)
class Outvoted:
    """A replica that differed from the others."""

    endpoint: str
    about: str
    says: str
    majority: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What was known of the name. ``path`` is the federated one; ``unknown`` and ``out`` have reasons; ``at_s``: when it was asked for."""

    path: str
    at_s: float
    holders: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    outvoted: tuple[Outvoted, ...] = ()
    denied: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flight:
    """One decision.

    ``id`` is that of the access log, ``at_s`` when the request came (seconds since the epoch), ``cache`` says ``hit`` when the knowledge came from memory and ``miss``
    when endpoints were asked. ``order`` is what came out of the ranking for the draws ``drawn``, ``endpoint`` where the client was sent.
    ``withheld`` are the endpoints that were out of service or reserved then, ``missing`` those whose word the client was told to be missing, both with
    reasons. ``rules`` names the rules that held.
    """

    id: str
    at_s: float
    took_s: float
    worker: int
    method: str
    path: str
    client: str
    identity: str
    status: int
    cache: str
    endpoint: str
    why: str
    order: tuple[str, ...]
    drawn: tuple[float, ...]
    zone: SeenZone
    candidates: Mapping[str, SeenCandidate]
    rules: str
    scene: Scene | None = None
    among: Among | None = None
    withheld: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def age_s(self) -> float | None:
        """How old the knowledge was that decided; ``None`` when nothing was known or asked."""
        return None if self.scene is None else max(0.0, self.at_s - self.scene.at_s)

    @property
    def is_ranked(self) -> bool:
        """Whether endpoints were put in an order, so that there is something to replay."""
        return bool(self.order)
