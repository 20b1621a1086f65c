"""Laws of knowledge: the order and the number of arrivals do not matter, and nobody is lost."""

import random

from hypothesis import given
from hypothesis import strategies as st

from ugrpy.namespace.gather import Gathering
from ugrpy.namespace.merge import (
    Knowledge,
    Merged,
    Sighting,
    join,
    merge_entries,
    summarise,
)
from ugrpy.namespace.model import (
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

# Few values of each sort, so that agreement, conflict and ties are all frequent.
ENDPOINTS = st.sampled_from([EndpointId(name) for name in "abcde"])
# Each algorithm once, as the readers of listings and metalinks give them: who names two values contradicts itself.
DIGESTS = st.lists(
    st.builds(Digest, st.sampled_from(["md5", "adler32"]), st.sampled_from(["00", "ff"])),
    max_size=2,
    unique_by=lambda digest: digest.algorithm,
).map(lambda digests: tuple(sorted(digests)))
FILES = st.builds(
    Entry,
    name=st.just("f"),
    kind=st.just(Kind.FILE),
    size_bytes=st.sampled_from([None, 0, 1, 2]),
    mtime_s=st.sampled_from([None, 5, 6]),
    digests=DIGESTS,
)
FOLDERS = st.builds(
    Entry,
    name=st.just("f"),
    kind=st.just(Kind.COLLECTION),
    mtime_s=st.sampled_from([None, 5, 6]),
)
ENTRIES = st.one_of(FILES, FILES, FOLDERS)
OBSERVATIONS = st.one_of(
    st.builds(Found, ENTRIES),
    st.just(Absent()),
    st.builds(Denied, st.sampled_from([401, 403])),
    st.builds(Unknown, st.sampled_from(Cause), st.sampled_from(["", "why"])),
)
SIGHTINGS = st.builds(Sighting, OBSERVATIONS, st.sampled_from([1.0, 2.0, 3.0]))
KNOWLEDGE = st.dictionaries(ENDPOINTS, SIGHTINGS)
FOUND = st.dictionaries(ENDPOINTS, ENTRIES, min_size=1)
CHANCE = st.randoms(use_true_random=False)


@given(KNOWLEDGE, KNOWLEDGE)
def test_join_is_commutative(left: Knowledge, right: Knowledge):
    assert join(left, right) == join(right, left)


@given(KNOWLEDGE, KNOWLEDGE, KNOWLEDGE)
def test_join_is_associative(one: Knowledge, two: Knowledge, three: Knowledge):
    assert join(join(one, two), three) == join(one, join(two, three))


@given(KNOWLEDGE, KNOWLEDGE)
def test_join_is_idempotent_and_has_a_neutral_element(left: Knowledge, right: Knowledge):
    assert join(left, left) == left
    assert join(left, {}) == left == join({}, left)
    joined = join(left, right)
    assert join(joined, right) == joined


@given(st.lists(KNOWLEDGE, max_size=4), CHANCE)
def test_the_order_of_arrival_and_repetitions_do_not_matter(
    news: list[Knowledge], chance: random.Random
):
    def together(arrivals: list[Knowledge]) -> Knowledge:
        known: Knowledge = {}
        for arrival in arrivals:
            known = join(known, arrival)
        return known

    shuffled = news + news[:1]
    chance.shuffle(shuffled)
    assert summarise(together(shuffled)) == summarise(together(news))


@given(KNOWLEDGE, CHANCE)
def test_a_summary_does_not_depend_on_the_order_of_the_map(
    knowledge: Knowledge, chance: random.Random
):
    items = list(knowledge.items())
    chance.shuffle(items)
    assert summarise(dict(items)) == summarise(knowledge)


@given(KNOWLEDGE)
def test_a_summary_loses_nobody_and_counts_nobody_twice(knowledge: Knowledge):
    summary = summarise(knowledge)
    merged = summary.merged
    found = (*merged.holders, *(c.endpoint for c in merged.conflicts)) if merged else ()
    everybody = (*found, *summary.absent, *summary.denied, *summary.unknown)
    assert sorted(everybody) == sorted(knowledge)
    assert (merged is not None) == any(
        isinstance(sighting.observation, Found) for sighting in knowledge.values()
    )


@given(FOUND)
def test_holders_agree_with_the_entry_and_the_outvoted_do_not(found: dict[EndpointId, Entry]):
    merged = merge_entries(found)
    assert merged.holders
    assert merged.holders == tuple(sorted(merged.holders))
    for name in merged.holders:
        said = found[name]
        assert said.kind is merged.entry.kind
        assert said.size_bytes in (None, merged.entry.size_bytes)
        assert set(said.digests) <= set(merged.entry.digests)
        assert said.mtime_s is None or said.mtime_s <= (merged.entry.mtime_s or 0)
    for conflict in merged.conflicts:
        assert conflict.says != conflict.majority


@given(FOUND)
def test_merging_again_without_the_outvoted_changes_nothing(found: dict[EndpointId, Entry]):
    merged = merge_entries(found)
    again = merge_entries({name: found[name] for name in merged.holders})
    assert (again.entry, again.holders, again.conflicts) == (merged.entry, merged.holders, ())


@given(FOUND, st.sets(ENDPOINTS))
def test_doubt_decides_ties_and_nothing_else(
    found: dict[EndpointId, Entry], doubted: set[EndpointId]
):
    """Against a majority it has no weight, and where nobody or everybody is doubted it says nothing."""
    plain, wary = merge_entries(found), merge_entries(found, doubted)
    assert wary.entry.kind is plain.entry.kind
    assert {*wary.holders, *(c.endpoint for c in wary.conflicts)} == set(found)
    if doubted.isdisjoint(found) or doubted >= found.keys():
        assert wary == plain
    if {c.about for c in (*plain.conflicts, *wary.conflicts)} <= {"kind", "size"}:
        votes = [entry.size_bytes for entry in found.values() if entry.kind is Kind.FILE]
        size_bytes = plain.entry.size_bytes  # who gives none has no vote
        if size_bytes is not None and votes.count(size_bytes) * 2 > len(votes):
            assert wary.entry.size_bytes == size_bytes


@given(FOUND, ENDPOINTS)
def test_one_more_who_says_the_same_changes_no_entry(
    found: dict[EndpointId, Entry], newcomer: EndpointId
):
    merged = merge_entries(found)
    joined = merge_entries({**found, EndpointId("z" + newcomer): merged.entry})
    assert joined.entry == merged.entry
    assert set(joined.holders) == {*merged.holders, "z" + newcomer}


CHILDREN = st.lists(
    st.builds(Entry, st.sampled_from("xyz"), st.sampled_from(Kind), st.sampled_from([None, 1])),
    max_size=3,
    unique_by=lambda entry: entry.name,
)


@given(st.dictionaries(ENDPOINTS, CHILDREN, min_size=1), st.sampled_from([1, 2, 100]), CHANCE)
def test_gathering_gives_each_name_once_merged_as_if_all_had_been_known_at_once(
    parts: dict[EndpointId, list[Entry]], at_most: int, chance: random.Random
):
    expected: dict[str, dict[EndpointId, Entry]] = {}
    for endpoint, entries in parts.items():
        for entry in entries:
            expected.setdefault(entry.name, {})[endpoint] = entry
    gathering = Gathering(list(parts))
    taken: list[Merged] = []
    unsaid = {endpoint: chance.sample(entries, len(entries)) for endpoint, entries in parts.items()}
    while unsaid:
        endpoint = chance.choice(list(unsaid))
        if unsaid[endpoint]:
            gathering.add(endpoint, [unsaid[endpoint].pop()])
        else:
            gathering.end(endpoint)
            del unsaid[endpoint]
        if chance.random() < 0.3:
            taken += gathering.take(at_most)
    while more := gathering.take(at_most):
        taken += more
    assert {child.entry.name: child for child in taken} == {
        name: merge_entries(found) for name, found in expected.items()
    }
    assert len(taken) == len(expected) == gathering.count
