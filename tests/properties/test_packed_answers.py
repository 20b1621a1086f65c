"""Laws of what is remembered in bytes: it comes back as it was, on the reader's clock, and nonsense raises nothing but ours."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.test_codecs import NAMES, PATHS
from ugrpy.core.errors import DataError
from ugrpy.core.packing import Packer, Unpacker
from ugrpy.federation.codec import VERSION, decode_listing, decode_name, encode_listing, encode_name
from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.namespace.merge import Conflict, Merged, Sighting, summarise
from ugrpy.namespace.model import (  # fmt: skip
    Absent,
    Cause,
    Denied,
    Digest,
    EndpointId,
    Entry,
    Found,
    Kind,
    Unknown,
)
from ugrpy.namespace.paths import can_be_asked_for, name_of
from ugrpy.namespace.verdict import OutOfService

ENDPOINTS = st.sampled_from([EndpointId(name) for name in ("uvic-dcache", "cern", "é", "x" * 300)])
USABLE = NAMES.filter(can_be_asked_for)
TEXTS = st.text(max_size=12)
DIGESTS = st.lists(
    st.builds(
        Digest,
        st.sampled_from(["adler32", "md5", "sha-256", "newest"]),
        st.binary(max_size=32).map(bytes.hex) | TEXTS,
    ),
    max_size=3,
    unique=True,
).map(lambda digests: tuple(sorted(digests)))
SIZES = st.none() | st.integers(-1, 1 << 66)
TIMES = st.none() | st.integers(-(1 << 40), 1 << 40)
# replicas are mostly alike
FILES = st.builds(Entry, st.just(""), st.just(Kind.FILE), SIZES, TIMES, DIGESTS) | st.just(
    Entry("", Kind.FILE, 10, 1_700_000_000, (Digest("adler32", "00000001"),))
)
FOLDERS = st.builds(Entry, st.just(""), st.just(Kind.COLLECTION), st.none(), TIMES)
ENTRIES = FILES | FOLDERS
WISHES = st.none() | st.floats(0, 1e6)
OBSERVATIONS = st.one_of(
    st.builds(Found, ENTRIES, st.just(0) | st.integers(0, 1 << 20)),
    st.just(Absent()),
    st.builds(Denied, st.integers(400, 599), TEXTS),
    st.builds(Unknown, st.sampled_from(Cause), TEXTS, WISHES),
)
OUT = st.builds(OutOfService, TEXTS, st.floats(0, 1e6), st.booleans(), st.booleans())
# whole milliseconds of a clock that is some days old, since those are kept
AFTER_S = st.integers(0, 10_000).map(lambda milliseconds: milliseconds / 1000)
AT_S = 250_000.0
NOW_S = AT_S + 20.0
WALL_S = 1.8e9

Decode = Callable[[bytes, float, float], KnownName | KnownListing]


@st.composite
def names(draw: st.DrawFn) -> KnownName:
    """All that can be known of a name."""
    path = draw(st.lists(USABLE, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts)))
    knowledge = {
        endpoint: Sighting(_called(said, name_of(path)), AT_S + draw(AFTER_S))
        for endpoint, said in draw(st.dictionaries(ENDPOINTS, OBSERVATIONS)).items()
    }
    rest = st.sets(ENDPOINTS).map(lambda some: frozenset(some) - knowledge.keys())
    out = {endpoint: draw(OUT) for endpoint in sorted(draw(rest))}
    return KnownName(path, summarise(knowledge), knowledge, draw(rest), out, AT_S)


def _called(said: object, name: str):
    return replace(said, entry=replace(said.entry, name=name)) if isinstance(said, Found) else said


@st.composite
def listings(draw: st.DrawFn) -> KnownListing:
    """All that can be known of a collection."""
    path = "/" + draw(USABLE)
    conflicts = st.lists(st.builds(Conflict, ENDPOINTS, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple)
    holders = st.sets(ENDPOINTS).map(lambda some: tuple(sorted(some)))
    children = tuple(
        Merged(replace(draw(ENTRIES), name=name), draw(holders), draw(conflicts))
        for name in sorted(draw(st.sets(USABLE, max_size=6)))
    )
    itself = Merged(Entry(path[1:], Kind.COLLECTION), draw(holders))
    parts = draw(st.dictionaries(ENDPOINTS, AFTER_S.map(lambda after_s: AT_S + after_s)))
    missing = {str(name): draw(TEXTS) for name in sorted(draw(st.sets(ENDPOINTS)))}
    return KnownListing(path, itself, children, missing, AT_S, parts)


@given(names())
def test_a_name_comes_back_as_it_was(known: KnownName):
    data = encode_name(known, NOW_S, NOW_S)
    assert data is not None
    after = decode_name(data, NOW_S, NOW_S)
    assert after == replace(known, knowledge=after.knowledge)
    assert list(after.knowledge) == list(known.knowledge)
    for endpoint, sighting in known.knowledge.items():
        # compared as text, since wishes to retry do not count when they are compared
        assert repr(after.knowledge[endpoint].observation) == repr(sighting.observation)
        assert after.knowledge[endpoint].at_s == pytest.approx(sighting.at_s, abs=1e-6)
    assert (after.merged, after.settled, after.missing) == (
        known.merged,
        known.settled,
        known.missing,
    )


@given(listings())
def test_a_listing_comes_back_as_it_was(known: KnownListing):
    data = encode_listing(known, NOW_S, NOW_S)
    assert data is not None
    after = decode_listing(data, NOW_S, NOW_S)
    assert after == known
    assert after.parts == pytest.approx(known.parts, abs=1e-6)


@given(names(), st.floats(0, 1e6), st.floats(-100, 1e6))
def test_ages_are_told_by_the_wall_and_nothing_is_younger_than_now(
    known: KnownName, other_clock_s: float, later_s: float
):
    data = encode_name(known, WALL_S, NOW_S)
    assert data is not None
    after = decode_name(data, WALL_S + later_s, other_clock_s)
    age_s = max(0.0, NOW_S - AT_S + later_s)
    assert other_clock_s - after.at_s == pytest.approx(age_s, abs=1e-5)
    assert all(sighting.at_s <= other_clock_s for sighting in after.knowledge.values())


@given(names() | listings(), st.data())
def test_what_is_cut_is_refused_and_what_is_flipped_is_refused_or_read(
    known: KnownName | KnownListing, data: st.DataObject
):
    octets, decode = _written(known)
    for length in range(len(octets)):
        with pytest.raises(DataError):
            decode(octets[:length], WALL_S, NOW_S)
    with pytest.raises(DataError):
        decode(octets + b"\0", WALL_S, NOW_S)
    place = data.draw(st.integers(0, len(octets) - 1))
    for bit in range(8):
        flipped = bytearray(octets)
        flipped[place] ^= 1 << bit
        _read(decode, bytes(flipped))


def _written(known: KnownName | KnownListing) -> tuple[bytes, Decode]:
    if isinstance(known, KnownName):
        octets = encode_name(known, WALL_S, NOW_S)
        decode: Decode = decode_name
    else:
        octets, decode = encode_listing(known, WALL_S, NOW_S), decode_listing
    assert octets is not None
    return octets, decode


HEADS = st.sampled_from([kind + bytes([VERSION]) + bytes(8) + b"\2\0/a" for kind in (b"N", b"L")])


@given(st.binary(max_size=300), HEADS)
def test_nonsense_is_refused_or_read(tail: bytes, head: bytes):
    for decode in (decode_name, decode_listing):
        _read(decode, tail)
        _read(decode, head + tail)


def _read(decode: Decode, octets: bytes) -> None:
    try:
        known = decode(octets, WALL_S, NOW_S)
    except DataError:
        return
    assert known.at_s <= NOW_S
    # what was read can be written, and means the same then
    if isinstance(known, KnownName):
        again = encode_name(known, WALL_S, NOW_S)
        assert again is not None
        assert decode_name(again, WALL_S, NOW_S).summary == known.summary
    else:
        again = encode_listing(known, WALL_S, NOW_S)
        assert again is not None
        assert decode_listing(again, WALL_S, NOW_S).children == known.children


@given(st.integers(-(1 << 124), 1 << 124), PATHS, st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_and_texts(number: int, text: str, real: float):
    packer = Packer()
    packer.signed(number)
    packer.number(abs(number))
    packer.text(text)
    packer.real(real)
    reader = Unpacker(bytes(packer.data))
    assert (reader.signed(), reader.number(), reader.text(), reader.real()) == (
        number,
        abs(number),
        text,
        real,
    )
    reader.end()


def one_name(*said: Found | Absent) -> KnownName:
    knowledge = {EndpointId(f"e{n}"): Sighting(one, AT_S) for n, one in enumerate(said)}
    return KnownName("/f", summarise(knowledge), knowledge, frozenset(), {}, AT_S)


def with_digests(count: int) -> Found:
    return Found(Entry("f", Kind.FILE, 1, 1, tuple(Digest(f"a{n}", "00") for n in range(count))))


@pytest.mark.parametrize(
    ("fits", "too_large"),
    [
        (one_name(*[Absent()] * 1024), one_name(*[Absent()] * 1025)),
        (one_name(with_digests(32)), one_name(with_digests(33))),
        (
            one_name(Found(Entry("f", Kind.FILE, 1 << 120))),
            one_name(Found(Entry("f", Kind.FILE, 1 << 130))),
        ),
        (
            one_name(Found(Entry("f" * 100_000, Kind.FILE))),
            one_name(Found(Entry("f" * 140_000, Kind.FILE))),
        ),
    ],
)
def test_what_is_absurd_is_not_written(fits: KnownName, too_large: KnownName):
    octets = encode_name(fits, NOW_S, NOW_S)
    assert octets is not None
    assert decode_name(octets, NOW_S, NOW_S) == fits
    assert encode_name(too_large, NOW_S, NOW_S) is None


def test_long_listings_are_not_written():
    children = tuple(Merged(Entry(f"{n:04}", Kind.FILE), ()) for n in range(100))
    known = KnownListing("/d", Merged(Entry("d", Kind.COLLECTION), ()), children, {}, AT_S)
    octets = encode_listing(known, WALL_S, NOW_S, most_children=100)
    assert octets is not None
    assert encode_listing(known, WALL_S, NOW_S, most_children=99) is None
    assert encode_listing(known, WALL_S, NOW_S, most_bytes=len(octets) - 1) is None
    with pytest.raises(DataError):
        decode_listing(octets, WALL_S, NOW_S, most_children=99)
    with pytest.raises(DataError):
        decode_listing(octets, WALL_S, NOW_S, most_bytes=len(octets) - 1)


def test_two_replicas_of_a_file_take_little_more_than_its_path():
    path = "/atlas/rucio/data18_13TeV/f0/3a/DAOD_PHYS.29277471._000123.pool.root.1"
    said = Found(
        Entry(
            name_of(path), Kind.FILE, 4_831_838_208, 1_700_000_000, (Digest("adler32", "0a1b2c3d"),)
        )
    )
    knowledge = {
        EndpointId("uvic-dcache"): Sighting(said, AT_S + 0.1),
        EndpointId("triumf-tape"): Sighting(said, AT_S + 0.2),
    }
    octets = encode_name(
        KnownName(path, summarise(knowledge), knowledge, frozenset(), {}, AT_S), WALL_S, NOW_S
    )
    assert octets is not None
    assert len(octets) < len(path) + 80
