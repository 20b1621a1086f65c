"""How is a decision told: as plain data, and in words?"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from ugrpy.locality.model import Place, Ranked
from ugrpy.recording.flights import Flight
from ugrpy.recording.replay import Replayed, why_not
from ugrpy.recording.summary import Summary

SOURCES = {
    "hit": "memory",
    "miss": "the endpoints, which were asked",
    "shared": "the store that gateways share",
    "last-known": "the last known state",
}


def render_time(at_s: float) -> str:
    """The time as logs write it, to the millisecond."""
    at = datetime.fromtimestamp(at_s, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def facts_of(flight: Flight) -> dict[str, object]:
    """The decision as JSON has it."""
    facts = asdict(flight)
    facts["time"] = render_time(flight.at_s)
    facts["age_s"] = flight.age_s
    facts["rejected"] = [asdict(one) for one in why_not(flight)] if flight.is_ranked else []
    return facts


def facts_of_replay(one: Replayed) -> dict[str, object]:
    """The decision made again, as JSON has it."""
    facts: dict[str, object] = {
        "id": one.flight.id,
        "time": render_time(one.flight.at_s),
        "method": one.flight.method,
        "path": one.flight.path,
        "client": one.flight.client,
        "order": one.flight.order,
        "exact": one.exact,
        "then": asdict(one.then),
    }
    if one.now is not None:
        facts |= {
            "now": asdict(one.now),
            "elsewhere": one.elsewhere,
            "reordered": one.reordered,
            "would_go_to": one.would_go_to,
            "because": because(one),
        }
    return facts


def facts_of_summary(summary: Summary) -> dict[str, object]:
    """The sums, as JSON has them."""
    return {
        "replayed": summary.replayed,
        "exact": summary.exact,
        "elsewhere": summary.elsewhere,
        "reordered": summary.reordered,
        "unusable": summary.unusable,
        "why_unusable": dict(summary.why.most_common()),
        "went_to": dict(summary.went_to.most_common()),
        "would_go_to": dict(summary.would_go_to.most_common()),
        "moves": [
            {"from": before, "to": after, "flights": count}
            for (before, after), count in summary.moves.most_common()
        ],
        "examples": [facts_of_replay(one) for one in summary.examples],
    }


def because(one: Replayed) -> str:
    """Why a client would be sent elsewhere: what is said now of the one that it was sent to, and of the one it would be."""
    if one.now is None or not one.elsewhere:
        return ""
    words = [f"{one.went_to}: {reason_for(one.now, one.went_to)}"]
    if one.would_go_to:
        words.append(f"{one.would_go_to}: {reason_for(one.now, one.would_go_to)}")
    return "; ".join(words)


def reason_for(ranked: Ranked, name: str) -> str:
    """What a ranking says of one endpoint."""
    reasons = {choice.id: choice.reason for choice in ranked.chosen}
    reasons |= {rejection.id: rejection.reason for rejection in ranked.rejected}
    return reasons.get(name, "not among the candidates")


def words_of(flight: Flight) -> Iterator[str]:
    """The decision in sentences, but for the ranking itself."""
    yield f"{render_time(flight.at_s)} {flight.method} {flight.path}"
    yield f"client: {flight.client} ({flight.identity}), {_where(flight.zone.place)}"
    sent = f", sent to {flight.endpoint}" if flight.endpoint else ""
    yield f"answer: {flight.status}{sent}, after {flight.took_s * 1000:.3f} ms, by worker {flight.worker}"
    if flight.why:
        yield f"why: {flight.why}"
    yield from _knowledge(flight)
    for word, reasons in (
        ("withheld", flight.withheld),
        ("told to be missing", flight.missing),
    ):
        if reasons:
            yield f"{word}: {_listed(reasons)}"
    if flight.among is not None:
        rooms = ", ".join(f"{name} {room:.0f}" for name, room in flight.among.rooms.items())
        yield f"room: {rooms}"
    if flight.drawn:
        yield f"drawn: {', '.join(f'{number:.6f}' for number in flight.drawn)}"
    yield f"rules: {flight.rules}"


def _knowledge(flight: Flight) -> Iterator[str]:
    scene = flight.scene
    if scene is None:
        return
    source = SOURCES.get(flight.cache, flight.cache or "what was known")
    yield f"known from: {source}, {flight.age_s or 0.0:.1f} s old"
    yield f"held by: {', '.join(scene.holders) or 'nobody'}"
    for word, names in (("absent at", scene.absent), ("silent", scene.silent)):
        if names:
            yield f"{word}: {', '.join(names)}"
    for word, reasons in (
        ("refused to say", scene.denied),
        ("no usable answer from", scene.unknown),
        ("not asked", scene.out),
    ):
        if reasons:
            yield f"{word}: {_listed(reasons)}"
    for one in scene.outvoted:
        yield f"outvoted: {one.endpoint} has {one.about} {one.says}, others {one.majority}"


def _listed(reasons: Mapping[str, str]) -> str:
    return ", ".join(f"{n} ({why})" if why else n for n, why in sorted(reasons.items()))


def _where(place: Place) -> str:
    at = place.position
    where = "at an unknown place" if at is None else f"at {at.latitude_deg:g}, {at.longitude_deg:g}"
    system = "" if place.asn is None else f", AS{place.asn}"
    country = f" ({place.country})" if place.country else ""
    return f"{where}{country}{system}" + (f" by {place.source}" if place.source else "")
