"""Laws of the flight recorder: what is written is read back, what is damaged is passed over, and what was decided is decided so again."""

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.properties.flown import (
    IDS,
    SINCE_EPOCH_S,
    World,
    draws,
    framed,
    known_names,
    paths,
    row_of,
    some_ids,
    texts,
    worlds,
)
from ugrpy.changing.weighing import groups, placing_order
from ugrpy.locality.drawn import Drawn
from ugrpy.namespace.model import EndpointId
from ugrpy.recording.flights import Among, Flight, Outvoted
from ugrpy.recording.frames import Damage, Frame, read_content, scan
from ugrpy.recording.packing import KeptBits
from ugrpy.recording.reading import Looked, Query, every, find
from ugrpy.recording.replay import OtherRules, order_of, replay
from ugrpy.recording.ring import RingWriter, segments_in
from ugrpy.recording.rules import parse_rules, render_rules
from ugrpy.recording.sieve import (
    MOST_LEVELS,
    add_path_tokens,
    client_tokens,
    kept_bits,
    make_sieve,
    may_hold,
    network_token,
    path_token,
)
from ugrpy.recording.unpacking import Block, Damaged

BYTES = st.binary(max_size=40)


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder, for one example."""
    path = Path(tempfile.mkdtemp(prefix="ugrpy-flights-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def flights_in(data: bytes) -> list[Flight]:
    """All that can be read of a file with these bytes."""
    file, found = io.BytesIO(data), []
    for frame in scan(file, len(data)):
        if isinstance(frame, Frame):
            try:
                block = Block(frame.head, read_content(file, frame))
                found += [block.flight(row) for row in range(block.rows)]
            except Damaged:
                continue
    return found


def never() -> float:
    """For rankings that draw nothing."""
    raise AssertionError("nothing is to be drawn")


# -- what is written is read back ----------------------------------------------------------------------


@given(
    worlds(),
    st.lists(st.tuples(known_names() | st.none(), paths, some_ids, texts), min_size=1, max_size=6),
)
def test_what_was_known_is_read_back(world, requests):
    rows = [
        row_of(
            world,
            known,
            (),
            Drawn(never),
            number=n,
            at_s=5.0 + n,
            path=path,
            absent=frozenset(absent),
            why=why,
        )
        for n, (known, path, absent, why) in enumerate(requests)
    ]
    read = flights_in(framed(rows, world.rules))
    assert len(read) == len(rows)
    for n, (flight, (known, path, absent, why)) in enumerate(zip(read, requests, strict=True)):
        assert (flight.id, flight.path, flight.why) == (f"3f2a-{n:x}", path, why)
        assert abs(flight.at_s - (SINCE_EPOCH_S + 5.0 + n)) < 2e-6
        assert flight.withheld == dict.fromkeys(absent, "down")
        assert flight.zone.standings == world.zone.standings
        assert flight.zone.place == world.zone.place
        assert {
            name: (one.weight, one.load, one.sluggish) for name, one in flight.candidates.items()
        } == {
            name: (one.weight, one.load, one.sluggish)
            for name, one in world.ranker.candidates.items()
        }
        scene = flight.scene
        if known is None:
            assert scene is None
            continue
        assert scene is not None
        assert scene.path == known.path
        assert abs(scene.at_s - (SINCE_EPOCH_S + known.at_s)) < 2e-3
        assert scene.holders == (known.merged.holders if known.merged else ())
        assert scene.absent == known.summary.absent
        assert set(scene.silent) == known.silent
        assert scene.denied == {name: one.detail for name, one in known.summary.denied.items()}
        assert scene.unknown == {
            n: one.inside or "timeout" for n, one in known.summary.unknown.items()
        }
        assert scene.out == {name: one.reason for name, one in known.out.items()}
        conflicts = known.merged.conflicts if known.merged else ()
        assert scene.outvoted == tuple(
            Outvoted(c.endpoint, c.about, c.says, c.majority) for c in conflicts
        )


@given(worlds())
def test_rules_are_read_back_and_equal_rules_have_one_version(world):
    rules = parse_rules(render_rules(world.rules))
    assert rules.version == world.rules.version
    assert rules == replace(
        world.rules, endpoints=tuple(sorted(world.rules.endpoints, key=lambda one: one.name))
    )
    heavier = replace(rules, fuzz_km=rules.fuzz_km + 1)
    assert heavier.version != rules.version


# -- what is damaged is passed over --------------------------------------------------------------------


def three_blocks(world: World) -> list[bytes]:
    """Blocks of two decisions each."""
    return [
        framed(
            [row_of(world, None, (), Drawn(never), number=10 * b + n) for n in range(2)],
            world.rules,
        )
        for b in range(3)
    ]


@given(worlds(), st.data())
def test_a_torn_end_costs_its_own_block_only(world, data):
    blocks = three_blocks(world)
    whole = b"".join(blocks)
    cut = data.draw(st.integers(0, len(whole)))
    ends = [len(b"".join(blocks[: n + 1])) for n in range(3)]
    assert len(flights_in(whole[:cut])) == 2 * sum(end <= cut for end in ends)


@given(worlds(), st.data())
def test_flipped_bits_cost_the_block_they_are_in_and_are_noticed(world, data):
    blocks = three_blocks(world)
    whole = bytearray(b"".join(blocks))
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    whole[at] ^= 1 << bit
    hit = next(n for n in range(3) if at < len(b"".join(blocks[: n + 1])))
    kept = {f"3f2a-{10 * b + n:x}" for b in range(3) if b != hit for n in range(2)}
    assert {one.id for one in flights_in(bytes(whole))} == kept
    with folder() as path:
        (path / "0-00000001.flights").write_bytes(whole)
        looked = Looked()
        assert {one.id for one in every(path, Query(), looked)} == kept
        assert looked.damaged == 1
        assert looked.damaged_bytes > 0


@given(st.lists(BYTES | st.just(b"\xf1ugfl\x01\r\n"), max_size=6).map(b"".join))
def test_any_bytes_are_read_without_an_error(data):
    file = io.BytesIO(data)
    found = list(scan(file, len(data)))
    assert sum(one.size_bytes for one in found if isinstance(one, Damage)) == len(data)


# -- nothing that fits is passed over ------------------------------------------------------------------


@given(st.lists(paths, min_size=1, max_size=20), st.data())
def test_a_path_and_all_above_it_pass_the_sieve(known, data):
    tokens: set[str] = set()
    for path in known:
        add_path_tokens(tokens, path)
    sieve = make_sieve(tokens)
    path = data.draw(st.sampled_from(known))
    parts = path.split("/")
    for length in range(2, len(parts) + 1):
        assert may_hold(sieve, "/".join(parts[:length]))


@given(st.integers(1, 400), st.data())
def test_a_deep_path_costs_few_tokens_and_is_found_all_the_same(levels, data):
    tokens: set[str] = set()
    path = "/d" * levels
    add_path_tokens(tokens, path)
    assert len(tokens) <= MOST_LEVELS + 1
    sieve = make_sieve(tokens)
    above = "/d" * data.draw(st.integers(1, levels))
    for wanted, below in ((path, False), (above, True)):
        token = path_token(wanted, below=below)
        assert token is None or may_hold(sieve, token)


@given(
    st.lists(st.ip_addresses(), min_size=1, max_size=10),
    st.integers(0, 32),
    st.integers(0, 128),
    st.data(),
)
def test_a_client_is_found_by_every_network_around_it_whatever_is_kept_of_it(
    addresses, v4, v6, data
):
    kept = KeptBits(v4, v6)
    clients = [kept.of(str(address)) for address in addresses]
    sieve = make_sieve(token for client in clients for token in client_tokens(client))
    address = data.draw(st.sampled_from(addresses))
    bits = data.draw(st.integers(0, address.max_prefixlen))
    network = ip_network((address, bits), strict=False)
    token = network_token(network, kept_bits(clients)[str(address.version)])
    assert token is None or may_hold(sieve, token)


@settings(max_examples=25)
@given(
    worlds(),
    st.lists(
        st.tuples(paths, st.sampled_from([200, 302, 404, 503]), st.floats(0, 100)),
        min_size=1,
        max_size=12,
    ),
    st.data(),
)
def test_a_query_finds_what_a_filter_over_everything_does(world, requests, data):
    rows = [
        row_of(world, None, (), Drawn(never), number=n, path=path, status=status, at_s=at_s)
        for n, (path, status, at_s) in enumerate(requests)
    ]
    blocks = data.draw(st.integers(1, 4))
    with folder() as where:
        ring = RingWriter(where, 0, 10_000_000)
        for n in range(blocks):
            if part := rows[n::blocks]:
                ring.append(framed(part, world.rules))
        ring.close()
        everything = list(every(where, Query(), Looked()))
        assert len(everything) == len(rows)
        path, since_s, until_s = requests[0][0], SINCE_EPOCH_S + 20, SINCE_EPOCH_S + 80
        assert {f.id for f in find(where, Query(path=path), 100).flights} == {
            f.id for f in everything if f.path == path
        }
        parent = path.rpartition("/")[0]
        if parent:
            assert {f.id for f in find(where, Query(path=parent, below=True), 100).flights} == {
                f.id for f in everything if f.path.startswith(parent + "/") or f.path == parent
            }
        found = find(where, Query(since_s=since_s, until_s=until_s, statuses=(4, 503)), 100)
        assert {f.id for f in found.flights} == {
            f.id for f in everything if since_s <= f.at_s < until_s and f.status in (404, 503)
        }
        newest = find(where, Query(), 3)
        ages = sorted((f.at_s for f in everything), reverse=True)
        assert [f.at_s for f in newest.flights] == ages[:3]
        assert newest.more is (len(everything) > 3)


# -- the ring has its bound ----------------------------------------------------------------------------


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60_000)), max_size=40),
    st.integers(70_000, 400_000),
)
def test_a_ring_keeps_its_bound_and_its_newest(blocks, max_bytes):
    with folder() as where:
        rings = [RingWriter(where, n, max_bytes, workers=3) for n in range(3)]
        for worker, size in blocks:
            rings[worker].append(bytes([worker]) * size)
            for one in range(3):
                ours = [s for s in segments_in(where) if s.worker == one]
                assert sum(s.size_bytes for s in ours) <= max_bytes
            last = max(
                (s for s in segments_in(where) if s.worker == worker), key=lambda s: s.number
            )
            assert last.path.read_bytes().endswith(bytes([worker]) * size)
        for ring in rings:
            ring.close()


# -- what was decided is decided so again --------------------------------------------------------------


@given(worlds(), known_names(), some_ids, st.lists(draws, min_size=8, max_size=8))
def test_a_redirect_comes_out_as_it_was(world, known, out, numbers):
    assume(known.merged is not None)
    drawn, absent = Drawn(iter(numbers).__next__), frozenset(out)
    holders = tuple(name for name in known.merged.holders if name not in absent)
    order = world.ranker.order(world.zone, holders, drawn)
    assume(order)
    (flight,) = flights_in(framed([row_of(world, known, order, drawn, absent=absent)], world.rules))
    then = parse_rules(render_rules(world.rules))
    again = replay(flight, then, OtherRules(then, world.locate))
    assert order_of(again.then) == order
    assert again.exact
    # the rules of now being those of then, nothing changes: not even who is drawn
    assert again.now is not None
    assert order_of(again.now) == order
    assert not again.elsewhere
    assert not again.reordered
    # everybody is either in the order or has a reason why not
    named = {*order, *(one.id for one in again.then.rejected)}
    assert named == set(world.ranker.candidates)
    assert all(one.reason for one in again.then.rejected)


@given(
    worlds(),
    st.dictionaries(st.sampled_from(IDS), st.floats(1, 1e15), min_size=1),
    some_ids,
    some_ids,
    st.lists(draws, min_size=8, max_size=8),
)
def test_a_place_for_an_upload_comes_out_as_it_was(world, rooms, holders, preferred, numbers):
    drawn = Drawn(iter(numbers).__next__)
    ranked = [EndpointId(one.id) for one in world.ranker.place(world.zone, rooms, drawn)]
    assume(ranked)
    first = ranked[-1]
    order = placing_order(ranked, first, holders, preferred)
    among = Among(rooms, groups(order, first, holders, preferred))
    (flight,) = flights_in(
        framed([row_of(world, None, order, drawn, among=among, status=307)], world.rules)
    )
    again = replay(flight, world.rules, OtherRules(world.rules, world.locate))
    assert order_of(again.then) == tuple(order)
    assert again.now is not None
    assert order_of(again.now) == tuple(order)


@given(worlds(), worlds(), known_names(), st.lists(draws, min_size=8, max_size=8))
def test_under_other_rules_the_same_answer_comes_each_time(world, other, known, numbers):
    assume(known.merged is not None)
    drawn = Drawn(iter(numbers).__next__)
    order = world.ranker.order(world.zone, known.merged.holders, drawn)
    assume(order)
    (flight,) = flights_in(framed([row_of(world, known, order, drawn)], world.rules))
    once, twice = (
        replay(flight, world.rules, OtherRules(other.rules, other.locate)) for _ in range(2)
    )
    assert once == twice
    assert once.now is not None
    assert set(order_of(once.now)) == set(order) & {one.name for one in other.rules.endpoints}
