"""Laws of distance and ranking, and the proof that the ranker that remembers equals the specification."""

from collections import Counter
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ugrpy.locality import (
    Candidate,
    Client,
    Place,
    Position,
    PreferenceRule,
    PrefixTable,
    Ranked,
    Ranker,
    RankPolicy,
    great_circle_km,
    outranks,
    rank,
    unmapped,
)
from ugrpy.locality.distance import EARTH_RADIUS_KM
from ugrpy.locality.rank import first_rule

# Few places, some of them near each other, so that ties, tiers and unknowns all happen often.
SPOTS = [
    Position(48.46, -123.31),
    Position(48.5, -123.3),
    Position(49.25, -123.1),
    Position(46.2, 6.15),
]
anywhere = st.builds(Position, st.floats(-90, 90), st.floats(-180, 180))
positions = st.one_of(st.none(), st.sampled_from(SPOTS), anywhere)
countries = st.sampled_from([None, "CA", "CH"])
asns = st.sampled_from([None, 559, 16462])
places = st.builds(Place, positions, countries, asns)
weights = st.one_of(st.sampled_from([0.0, 1.0, 2.0]), st.floats(0, 1e9))
names = st.sampled_from("abcdefg")
candidates = st.builds(
    Candidate,
    id=names,
    place=places,
    weight=weights,
    load=st.one_of(st.just(0.0), st.floats(0, 1)),
    sluggish=st.booleans(),
    excluded=st.sampled_from(["", "", "", "out of service"]),
)
rosters = st.lists(candidates, max_size=7, unique_by=lambda c: c.id)
networks = st.sampled_from(
    [
        ip_network(net)
        for net in (
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.0/24",
            "::/0",
            "fd00::/8",
            "::ffff:10.0.0.0/104",
        )
    ]
)
rules = st.builds(
    PreferenceRule,
    networks=st.lists(networks, min_size=1, max_size=2).map(tuple),
    asns=st.lists(st.sampled_from([559, 16462]), max_size=1).map(tuple),
    prefer=st.lists(names, max_size=3).map(tuple),
)
rule_lists = st.lists(rules, max_size=3)
addresses = st.sampled_from(
    [
        None,
        IPv4Address("10.1.2.3"),
        IPv4Address("10.200.0.1"),
        IPv4Address("192.0.2.1"),
        IPv6Address("fd00::1"),
        IPv6Address("2001:db8::1"),
        IPv6Address("::ffff:10.1.2.3"),
    ]
)
clients = st.builds(Client, addresses, places)
policies = st.builds(
    RankPolicy, st.one_of(st.sampled_from([0.0, 10.0, 100.0]), st.floats(0, 25_000))
)
seeds = st.integers(0, 2**32)


def ids(ranked: Ranked) -> list[str]:
    return [choice.id for choice in ranked.chosen]


@given(anywhere, anywhere)
def test_distance_is_symmetric_and_bounded(a, b):
    there = great_circle_km(a, b)
    assert there == great_circle_km(b, a)
    assert 0 <= there <= 3.1415927 * EARTH_RADIUS_KM
    assert great_circle_km(a, a) == 0


@given(anywhere, anywhere, anywhere)
def test_no_detour_is_shorter(a, b, c):
    assert great_circle_km(a, c) <= great_circle_km(a, b) + great_circle_km(b, c) + 1e-3


@given(clients, rosters, rule_lists, policies, seeds)
def test_everyone_once_and_the_excluded_never_chosen(client, roster, rules, policy, seed):
    ranked = rank(client, roster, rules, policy, Random(seed).random)
    assert Counter(ids(ranked)) == Counter(c.id for c in roster if not c.excluded)
    assert {r.id: r.reason for r in ranked.rejected} == {
        c.id: c.excluded for c in roster if c.excluded
    }
    assert all(choice.reason for choice in ranked.chosen)


@given(
    clients,
    rosters.flatmap(lambda r: st.tuples(st.just(r), st.permutations(r))),
    rule_lists,
    policies,
    seeds,
)
def test_the_order_of_arrival_does_not_matter(client, two, rules, policy, seed):
    roster, shuffled = two
    assert rank(client, roster, rules, policy, Random(seed).random) == rank(
        client, shuffled, rules, policy, Random(seed).random
    )


@given(clients, rosters, rule_lists, policies, seeds, seeds)
def test_chance_never_crosses_a_tier(client, roster, rules, policy, seed, other_seed):
    first = rank(client, roster, rules, policy, Random(seed).random)
    other = rank(client, roster, rules, policy, Random(other_seed).random)
    assert [c.tier for c in first.chosen] == [c.tier for c in other.chosen]
    assert {(c.id, c.tier, c.distance_km) for c in first.chosen} == {
        (c.id, c.tier, c.distance_km) for c in other.chosen
    }


@given(clients, rosters, seeds)
def test_without_fuzz_the_nearest_is_first(client, roster, seed):
    ranked = rank(client, roster, (), RankPolicy(0), Random(seed).random)
    distances = [c.distance_km for c in ranked.chosen]
    known = [d for d in distances if d is not None]
    assert distances == [*sorted(known), *[None] * (len(distances) - len(known))]


@given(clients, rosters, rule_lists, policies, seeds)
def test_a_tier_is_as_wide_as_the_fuzz(client, roster, rules, policy, seed):
    ranked = rank(client, roster, rules, policy, Random(seed).random)
    for tier in {c.tier for c in ranked.chosen}:
        distances = [c.distance_km for c in ranked.chosen if c.tier == tier]
        known = [d for d in distances if d is not None]
        assert len(known) in (0, len(distances))
        assert not known or max(known) - min(known) <= policy.fuzz_km


@given(clients, rosters, rule_lists, policies, seeds)
def test_sluggish_and_weightless_are_behind_in_their_tier(client, roster, rules, policy, seed):
    ranked = rank(client, roster, rules, policy, Random(seed).random)
    by_id = {c.id: c for c in roster}
    for tier in {c.tier for c in ranked.chosen}:
        members = [by_id[c.id] for c in ranked.chosen if c.tier == tier]
        places = [(c.sluggish, not c.weight * (1 - c.load) > 0) for c in members]
        assert places == sorted(places)


@given(clients, rosters, rule_lists, policies, seeds)
def test_outranks_agrees_with_rank(client, roster, rules, policy, seed):
    ranked = rank(client, roster, rules, policy, Random(seed).random)
    by_id = {c.id: c for c in roster}
    for i, ahead in enumerate(ranked.chosen):
        assert not outranks(client, by_id[ahead.id], by_id[ahead.id], rules, policy)
        for behind in ranked.chosen[i + 1 :]:
            # so an answer given early, because nobody silent outranks it, is never contradicted
            assert not outranks(client, by_id[behind.id], by_id[ahead.id], rules, policy)
            if outranks(client, by_id[ahead.id], by_id[behind.id], rules, policy):
                assert ahead.tier < behind.tier


@given(clients, rosters, rule_lists, policies, seeds)
def test_the_ranker_equals_the_specification(client, roster, rules, policy, seed):
    ranker = Ranker(roster, rules, policy, lambda _: client.place)
    ids_asked = tuple(c.id for c in roster)
    zone = ranker.zone_of(client.address)
    expected = rank(client, roster, rules, policy, Random(seed).random)
    for _ in range(2):  # planned, then remembered
        assert ranker.explain(zone, ids_asked, Random(seed).random) == expected
        assert list(ranker.order(zone, ids_asked, Random(seed).random)) == ids(expected)
    for a in roster:
        for b in roster:
            assert ranker.outranks(zone, a.id, b.id) == outranks(client, a, b, rules, policy)


@given(clients, rosters, rule_lists, policies, seeds, st.sets(names), st.sets(names))
def test_so_it_does_for_parts_of_the_roster(client, roster, rules, policy, seed, asked, out):
    ranker = Ranker(roster, rules, policy, lambda _: client.place)
    zone = ranker.zone_of(client.address)
    part = [c for c in roster if c.id in asked and c.id not in out]
    ids_asked = tuple(c.id for c in roster if c.id in asked)
    expected = rank(client, part, rules, policy, Random(seed).random)
    excluded = dict.fromkeys(out, "not a holder")
    assert list(ranker.order(zone, ids_asked, Random(seed).random, excluded)) == ids(expected)
    assert ranker.explain(zone, ids_asked, Random(seed).random, excluded).chosen == expected.chosen


@given(clients, rosters, rule_lists, policies, seeds, st.floats(0, 1), st.booleans(), st.data())
def test_so_it_does_after_health_changed(client, roster, rules, policy, seed, load, sluggish, data):
    if not roster:
        return
    ranker = Ranker(roster, rules, policy, lambda _: client.place)
    ids_asked = tuple(c.id for c in roster)
    zone = ranker.zone_of(client.address)
    ranker.order(zone, ids_asked, Random(seed).random)
    changed = data.draw(st.sampled_from(roster))
    ranker.note(changed.id, load=load, sluggish=sluggish)
    now = [
        Candidate(c.id, c.place, c.weight, load, sluggish, c.excluded) if c is changed else c
        for c in roster
    ]
    expected = rank(client, now, rules, policy, Random(seed).random)
    assert ranker.explain(zone, ids_asked, Random(seed).random) == expected


@given(clients, rule_lists)
def test_the_rule_index_equals_the_linear_search(client, rules):
    zone = Ranker((), rules, RankPolicy(), lambda _: client.place).zone_of(client.address)
    assert zone.rule is first_rule(client, rules)


any_network = st.one_of(
    st.builds(
        lambda a, n: IPv4Network((a, n), strict=False),
        st.integers(0, 2**32 - 1),
        st.integers(0, 32),
    ),
    st.builds(
        lambda a, n: IPv6Network((a, n), strict=False),
        st.integers(0, 2**128 - 1),
        st.integers(0, 128),
    ),
)


@given(st.lists(any_network, max_size=12, unique=True), st.data())
def test_the_prefix_table_equals_the_linear_search(nets, data):
    table = PrefixTable((net, str(net)) for net in nets)
    inside = [
        net.network_address + data.draw(st.integers(0, net.num_addresses - 1)) for net in nets
    ]
    for address in map(unmapped, [*inside, IPv4Address("10.0.0.1"), IPv6Address("::1")]):
        holding = [net for net in nets if address in net]
        expected = max(holding, key=lambda net: net.prefixlen, default=None)
        assert table.get(address) == (None if expected is None else str(expected))
        assert len(list(table.matches(address))) == len(holding)


def firsts(roster: list[Candidate], times: int = 4000) -> Counter[str]:
    """How often each is first, drawn ``times`` times with one seed."""
    draw = Random(20260401).random
    here = Client(None, Place(SPOTS[0]))
    return Counter(rank(here, roster, (), RankPolicy(), draw).chosen[0].id for _ in range(times))


@pytest.mark.row("D26")
def test_equals_share_evenly():
    # standard deviation of one count: 30; allowed: more than six of them
    counts = firsts([Candidate(name, Place(SPOTS[0])) for name in "abc"])
    assert all(abs(counts[name] - 4000 / 3) < 200 for name in "abc")


@pytest.mark.row("D28")
def test_without_positions_all_are_used():
    counts = firsts([Candidate("a"), Candidate("b")])
    assert all(abs(counts[name] - 2000) < 200 for name in "ab")


def test_shares_follow_weight_and_load():
    here = Place(SPOTS[0])
    counts = firsts(
        [
            Candidate("a", here, weight=1),
            Candidate("b", here, weight=2),
            Candidate("c", here, weight=2, load=0.5),
        ]
    )
    assert abs(counts["a"] - 1000) < 200
    assert abs(counts["b"] - 2000) < 200
    assert abs(counts["c"] - 1000) < 200


@settings(max_examples=20)
@given(seeds)
def test_one_seed_one_story(seed):
    roster = [Candidate(name) for name in "abcde"]
    draw = Random(seed).random
    story = [ids(rank(Client(), roster, (), RankPolicy(), draw)) for _ in range(5)]
    draw = Random(seed).random
    assert story == [ids(rank(Client(), roster, (), RankPolicy(), draw)) for _ in range(5)]
