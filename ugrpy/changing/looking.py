"""What do the storages hold right now?

Whoever changes something wants the truth and not a memory: every endpoint in service is asked and waited for, until the deadline. What is
said is kept as it was said; ``visible`` is what readers are shown of it, seen through the changes under way.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from ugrpy.changing.ground import Ground
from ugrpy.core.errors import RequestError
from ugrpy.federation.known import KnownName
from ugrpy.federation.locating import named
from ugrpy.namespace.changes import Fingerprint
from ugrpy.namespace.merge import Merged, Sighting, synthetic_collection
from ugrpy.namespace.model import Cause, EndpointId, Entry, Found, Kind, Observation, Unknown
from ugrpy.namespace.verdict import OutOfService


@dataclass(frozen=True, slots=True)
class Look:
    """One name as it is now. ``said`` is what the storages say themselves; ``known`` what readers are shown."""

    path: str
    said: Mapping[EndpointId, Observation]
    known: KnownName
    last_seen: Mapping[EndpointId, Entry]
    made_by_mounts: bool = False

    @property
    def merged(self) -> Merged | None:
        """The name as readers see it, ``None`` when they are not shown any."""
        return self.known.merged

    @property
    def kind(self) -> Kind | None:
        """What it is, ``None`` when nobody is known to hold it."""
        return None if self.merged is None else self.merged.entry.kind

    @property
    def out(self) -> Mapping[EndpointId, OutOfService]:
        """Those that could not be asked."""
        return self.known.out

    @property
    def silent(self) -> dict[EndpointId, Unknown]:
        """Those in service that gave no usable answer."""
        return {name: said for name, said in self.said.items() if isinstance(said, Unknown)}

    @property
    def holders(self) -> dict[EndpointId, Entry]:
        """Every storage that says it holds the name, the outvoted and hidden ones included."""
        return {name: said.entry for name, said in self.said.items() if isinstance(said, Found)}

    def fingerprint(self, name: EndpointId) -> Fingerprint:
        """What is known of a copy there: as it is now, or as it was last seen."""
        entry = self.holders.get(name) or self.last_seen.get(name)
        return Fingerprint() if entry is None else Fingerprint.of(entry)


async def look(ground: Ground, path: str) -> Look:
    """Ask everybody who may hold ``path``."""
    asking = ground.asking
    covering = asking.admitted(path)
    started_s = ground.clock.monotonic()
    answers = await asyncio.gather(
        *(ask(ground, name, path, remote) for name, remote in covering.items())
    )
    said = dict(zip(covering, answers, strict=True))
    visible = {
        name: Sighting(asking.overlay.seen(path, name, observation), started_s)
        for name, observation in said.items()
    }
    known = asking.known(path, visible, frozenset(), started_s)
    last_seen = asking.memory.holders(path)
    mounted = ground.federation.members.synthetic.holds(path)
    return Look(path, said, known, last_seen, mounted)


async def ask(ground: Ground, name: EndpointId, path: str, remote: str) -> Observation:
    """What one storage says of a name, within the deadline; it counts for the storage's health."""
    asking = ground.asking
    started_s = ground.clock.monotonic()
    try:
        async with asyncio.timeout(asking.policy.deadline_s):
            said = await ground.member(name).endpoint.stat(remote)
    except TimeoutError:
        said = Unknown(Cause.TIMEOUT, f"silent for {asking.policy.deadline_s:g} s")
    took_s = ground.clock.monotonic() - started_s
    asking.counts.heard(name, "stat", said, took_s)
    asking.note_health(name, said, took_s)
    return named(said, path)


def visible_collection(look: Look) -> Merged | None:
    """The collection that this name is for readers, mounts included; ``None`` when it is none."""
    if look.merged is not None and look.merged.entry.kind is Kind.COLLECTION:
        return look.merged
    return synthetic_collection(look.path) if look.made_by_mounts else None


def refusal(ground: Ground, look: Look) -> RequestError | None:
    """The error that a name is which nobody shows, by the absence rule; ``None`` when somebody does."""
    try:
        ground.asking.expect(look.known)
    except RequestError as error:
        return error
    return None
