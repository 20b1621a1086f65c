"""Why is a client sent where it is sent? Everything that went into one answer, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ugrpy.core.errors import RequestError
from ugrpy.federation.core import Federation
from ugrpy.federation.counts import outcome_of
from ugrpy.federation.known import KnownName
from ugrpy.locality.model import Ranked
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.merge import Conflict
from ugrpy.namespace.model import Denied, EndpointId, Entry, Found, Observation, Unknown


@dataclass(frozen=True, slots=True)
class Said:
    """What one endpoint contributed. ``outcome``: one of the four answers, ``silent``, ``not asked`` or ``not mounted``."""

    endpoint: EndpointId
    outcome: str
    detail: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One path seen by one client. ``ranked`` is ``None`` when there is nothing to rank, and ``refusal`` says why."""

    path: str
    entry: Entry | None
    said: tuple[Said, ...]
    conflicts: tuple[Conflict, ...]
    ranked: Ranked | None
    location: str = ""
    refusal: str = ""
    status: int = 302
    age_s: float = 0.0
    notes: Mapping[str, str] = field(default_factory=dict)


async def explain(federation: Federation, path: str, zone: Zone) -> Explanation:
    """Ask as for a metalink, so that everybody's word is in, and rank for that client."""
    known = await federation.locate(path, Want.ALL, zone)
    said = all_said(federation, known)
    age_s = federation.clock.monotonic() - known.at_s
    try:
        merged = federation.expect(known)
        if known.is_collection:
            return Explanation(
                path, merged.entry, said, merged.conflicts, None, status=200, age_s=age_s
            )
        federation.order(known, zone)  # raises what a client would be told
    except RequestError as error:
        conflicts = known.merged.conflicts if known.merged else ()
        entry = known.merged.entry if known.merged else None
        return Explanation(
            path, entry, said, conflicts, None, refusal=str(error), status=error.status, age_s=age_s
        )
    ranked = federation.ranker.explain(
        zone,
        tuple(member.id for member in federation.members),
        federation.draw,
        _excluded(federation, known),
    )
    # the draw decides anew each time, so the location is that of this explanation's own winner
    (first,) = federation.replicas(known, [EndpointId(ranked.chosen[0].id)])
    return Explanation(path, merged.entry, said, merged.conflicts, ranked, first.url, age_s=age_s)


async def explain_metadata(federation: Federation, path: str, zone: Zone) -> Explanation:
    """The same of a HEAD: answered by the gateway, unless nobody tells a length, which only the storage then knows."""
    explanation = await explain(federation, path, zone)
    entry = explanation.entry
    if explanation.refusal or (entry is not None and entry.size_bytes is None):
        return explanation
    return replace(explanation, ranked=None, location="", status=200)


async def explain_listing(federation: Federation, path: str) -> Explanation:
    """The same of a PROPFIND: who contributes to the listing, and who is missing from it and why."""
    known = await federation.locate(path, Want.ALL)
    said = all_said(federation, known)
    try:
        listing = await federation.list(path)
    except RequestError as error:
        entry = known.merged.entry if known.merged else None
        return Explanation(path, entry, said, (), None, refusal=str(error), status=error.status)
    itself = listing.itself
    notes = {"children": str(len(listing.children))}
    notes |= {f"missing {name}": why for name, why in sorted(listing.missing.items())}
    age_s = federation.clock.monotonic() - listing.at_s
    return Explanation(
        path, itself.entry, said, itself.conflicts, None, status=207, age_s=age_s, notes=notes
    )


def _excluded(federation: Federation, known: KnownName) -> dict[str, str]:
    merged = known.merged
    assert merged is not None
    now = federation.clock.monotonic()
    outvoted = {
        c.endpoint: f"outvoted: {c.about} {c.says}, others say {c.majority}"
        for c in merged.conflicts
    }
    size_bytes = merged.entry.size_bytes
    fittest = federation.board.fittest(merged.holders, size_bytes, now)
    excluded: dict[str, str] = {}
    for member in federation.members:
        if member.id in outvoted:
            excluded[member.id] = outvoted[member.id]
        elif member.id not in merged.holders:
            excluded[member.id] = "does not hold it, as far as is known"
        elif member.id not in fittest:
            excluded[member.id] = federation.board.why_unfit(member.id, size_bytes, now)
    return excluded


def all_said(federation: Federation, known: KnownName) -> tuple[Said, ...]:
    """What each endpoint contributed, in configured order."""
    return tuple(_said(federation, known, member.id) for member in federation.members)


def _said(federation: Federation, known: KnownName, name: EndpointId) -> Said:
    member = federation.members[name]
    remote = member.mounts.translate(known.path)
    if remote is None:
        return Said(name, "not mounted", f"mounted at {', '.join(member.mounts.prefixes)}")
    url = member.endpoint.url(remote)
    if name in known.out:
        return Said(name, "not asked", known.out[name].reason, url)
    if not member.readable:
        return Said(name, "not asked", "not readable", url)
    sighting = known.knowledge.get(name)
    if sighting is None and name in known.silent:
        return Said(name, "silent", "has not answered yet", url)
    if sighting is None:
        return Said(name, "not asked", "the collection exists because of what is mounted", url)
    return Said(name, outcome_of(sighting.observation), _detail(sighting.observation), url)


def _detail(observation: Observation) -> str:
    match observation:
        case Found(entry):
            size = "" if entry.size_bytes is None else f", {entry.size_bytes} bytes"
            return f"{entry.kind}{size}"
        case Denied(_, detail):
            return detail
        case Unknown(cause, detail, inside=inside):
            return inside or detail or cause.value
        case _:
            return ""
