"""What decisions do the laws of the flight recorder hold for? Strategies for names as they are known, clients, candidates and rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.properties.test_rank import addresses, places, rule_lists, weights
from ugrpy.federation.known import KnownName
from ugrpy.locality.drawn import Drawn
from ugrpy.locality.model import Candidate, Place, PreferenceRule
from ugrpy.locality.rank import RankPolicy
from ugrpy.locality.ranker import Ranker
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.merge import Conflict, Merged, Summary
from ugrpy.namespace.model import Cause, Denied, EndpointId, Entry, Kind, Unknown
from ugrpy.namespace.verdict import OutOfService
from ugrpy.recording.flights import Among
from ugrpy.recording.frames import render_frame
from ugrpy.recording.packing import KeptBits, Packer, Row, render_document
from ugrpy.recording.rules import Ruled, Rules
from ugrpy.security.identity import Identity

IDS = [EndpointId(name) for name in "abcdefg"]
ALL_BITS = KeptBits(32, 128)
SINCE_EPOCH_S = 1_790_000_000.0
FACTS = {"worker": 1, "process": "3f2a", "rules": "00ff"}

texts = st.text(st.characters(blacklist_characters="/"), max_size=8) | st.sampled_from(
    ["f", "\udc80"]
)
paths = st.lists(texts.filter(bool), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
draws = st.floats(0, 1, exclude_max=True)
some_ids = st.lists(st.sampled_from(IDS), unique=True).map(sorted).map(tuple)


@st.composite
def known_names(draw: st.DrawFn, holders: Sequence[EndpointId] | None = None) -> KnownName:
    """A name with these holders, or any; the other endpoints are absent, silent, refusing, in trouble, out or outvoted."""
    held = list(draw(some_ids)) if holders is None else list(holders)
    rest = [name for name in IDS if name not in held]
    roles = {
        name: draw(st.sampled_from(["absent", "silent", "denied", "unknown", "out", "outvoted"]))
        for name in rest
    }
    of = {role: tuple(n for n in rest if roles[n] == role) for role in set(roles.values())}
    path = draw(paths)
    conflicts = tuple(Conflict(name, "size", "1", "2") for name in of.get("outvoted", ()) if held)
    merged = (
        Merged(Entry(path.rpartition("/")[2], Kind.FILE, 2), tuple(held), conflicts)
        if held
        else None
    )
    summary = Summary(
        merged,
        of.get("absent", ()),
        {name: Denied(403, draw(texts)) for name in of.get("denied", ())},
        {name: Unknown(Cause.TIMEOUT, inside=draw(texts)) for name in of.get("unknown", ())},
    )
    out = {name: OutOfService(draw(texts)) for name in of.get("out", ())}
    silent = frozenset(of.get("silent", ()))
    return KnownName(path, summary, {}, silent, out, draw(st.floats(0, 1e6)))


candidate_sets = st.lists(
    st.builds(
        Candidate,
        id=st.sampled_from(IDS),
        place=places,
        weight=weights,
        load=st.just(0.0) | st.floats(0, 1),
        sluggish=st.booleans(),
    ),
    max_size=7,
    unique_by=lambda one: one.id,
)


@dataclass(frozen=True, slots=True)
class World:
    """A ranker with what it was made from, and a client."""

    ranker: Ranker
    rules: Rules
    zone: Zone
    client: str
    places: Mapping[object, Place]

    def locate(self, address: object) -> Place:
        """Where the client is, and nobody else."""
        return self.places[address]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any candidates, preferences and fuzz, and a client anywhere."""
    candidates: list[Candidate] = draw(candidate_sets)
    preferences: list[PreferenceRule] = draw(rule_lists)
    fuzz_km, address, place = (
        draw(st.sampled_from([0.0, 10.0, 500.0])),
        draw(addresses),
        draw(places),
    )
    ranker = Ranker(candidates, preferences, RankPolicy(fuzz_km), lambda _address: place)
    rules = Rules(
        tuple(Ruled(one.id, one.place, one.weight, writable=True) for one in candidates),
        tuple(preferences),
        fuzz_km=fuzz_km,
    )
    client = "-" if address is None else str(address)
    # where an address that IPv6 wraps is asked about unwrapped
    return World(ranker, rules, ranker.zone_of(address), client, _Everywhere(place))


class _Everywhere(dict[object, Place]):
    """One place for all."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place

    def __missing__(self, _key: object) -> Place:
        return self._place


def row_of(
    world: World,
    known: KnownName | None,
    order: Sequence[str],
    drawn: Drawn,
    *,
    absent: frozenset[EndpointId] = frozenset(),
    among: Among | None = None,
    number: int = 1,
    at_s: float = 5.0,
    path: str = "/d/f",
    status: int = 302,
    missing: Mapping[str, str] | None = None,
    why: str = "",
) -> Row:
    """What a request leaves behind."""
    return (
        at_s,
        0.000125,
        number,
        status,
        "GET",
        path,
        world.client,
        "hit",
        order[0] if order else "",
        why,
        tuple(EndpointId(name) for name in order),
        tuple(drawn.numbers),
        absent,
        Identity(),
        world.zone,
        known,
        missing,
        among,
        world.ranker.candidates,
    )


def framed(rows: Sequence[Row], rules: Rules, kept: KeptBits = ALL_BITS) -> bytes:
    """A block of these rows, as it stands in a file; each endpoint that is out of service is *down*."""
    packer = Packer(SINCE_EPOCH_S, kept)
    for at in range(0, len(rows), 2):  # in slices, as the recorder does
        packer.add(rows[at : at + 2])
    document = packer.document(dict.fromkeys(IDS, "down"), rules.preferences)
    head, sieve = packer.head(document, FACTS)
    return render_frame(head, sieve, render_document(document))
