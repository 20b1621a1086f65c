"""The namespace that every process of a benchmark computes for itself."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpus import Corpus, list_name, list_path, lookup_path

CORPUS = Corpus(seed=3, list_entries=40)


@given(st.integers(0, 10**8 - 1))
def test_a_member_shows_a_name_exactly_when_it_holds_it(index):
    held = {m for m in range(3) if CORPUS.stat(m, lookup_path(index)) is not None}
    assert held == set(CORPUS.holders(index))


@given(st.integers(0, 10**6 - 1))
def test_replicas_stay_within_their_bounds(index):
    corpus = Corpus(members=8, replicas_min=2, replicas_max=3, miss_percent=0)
    assert 2 <= len(set(corpus.holders(index))) <= 3


def test_all_but_a_share_of_the_listed_names_are_on_one_member():
    corpus = Corpus(replicas_min=2, list_entries=3000, list_shared_percent=34)
    counts = Counter(len(corpus.list_holders(0, n)) for n in range(3000))
    assert set(counts) == {1, 2, 3}
    assert 1860 < counts[1] < 2100


def test_about_one_in_twenty_names_is_nowhere():
    misses = sum(not CORPUS.holders(index) for index in range(10_000))
    assert 400 < misses < 600


def test_replicas_agree_and_another_seed_places_them_elsewhere():
    index = next(i for i in range(1000) if len(CORPUS.holders(i)) == 3)
    assert len({CORPUS.stat(m, lookup_path(index)) for m in range(3)}) == 1
    other = Corpus(seed=4)
    assert any(CORPUS.holders(i) != other.holders(i) for i in range(100))


def test_listings_agree_with_stat_and_cover_every_name():
    listed = [
        {child.name for child in CORPUS.children(m, list_path(7))} for m in range(CORPUS.members)
    ]
    assert set.union(*listed) == {list_name(7, n) for n in range(40)}
    for member, names in enumerate(listed):
        for name in names:
            assert CORPUS.stat(member, list_path(7) + name) is not None
    first_set = {child.name for child in CORPUS.children(0, "/bench/set-000000")}
    held = {lookup_path(i).rpartition("/")[2] for i in range(100) if 0 in CORPUS.holders(i)}
    assert first_set == held


def test_collections_exist_everywhere_and_other_names_nowhere():
    for path in ("/", "/bench", "/bench/set-000012", "/lists/", "/lists/000099/"):
        item = CORPUS.stat(2, path)
        assert item is not None
        assert item.collection
    for path in ("/other", "/bench/set-000001/AOD.00000001._000001.pool.root.1", "/lists/1"):
        assert CORPUS.stat(0, path) is None
    assert CORPUS.stat(0, list_path(1) + list_name(2, 0)) is None
    assert CORPUS.stat(0, list_path(1) + list_name(1, 40)) is None
    assert [c.name for c in CORPUS.children(0, "/")] == ["bench", "lists"]
    assert len(CORPUS.children(0, "/bench")) == len(CORPUS.children(0, "/lists")) == 100


def test_a_corpus_survives_the_way_to_another_process():
    assert Corpus(**CORPUS.as_json()) == CORPUS


def test_names_of_one_shape_are_equally_long():
    assert len({len(lookup_path(i)) for i in (0, 99, 100, 12345678)}) == 1
