"""Whose word counts less."""

from hypothesis import given
from hypothesis import strategies as st

from ugrpy.namespace.credit import BAD_SHARE, BAD_WORDS, MEMORY, Credit
from ugrpy.namespace.model import EndpointId

UVIC, CERN = EndpointId("uvic"), EndpointId("cern")


def told(credit: Credit, good: int, bad: int, name: EndpointId = UVIC) -> Credit:
    for _ in range(bad):
        credit.note(name, bad=True)
    for _ in range(good):
        credit.note(name, bad=False)
    return credit


def test_a_bad_word_or_two_are_forgiven():
    assert not told(Credit(), 0, BAD_WORDS - 1).doubted
    assert told(Credit(), 0, BAD_WORDS).doubted == {UVIC}


def test_one_is_doubted_for_its_own_words():
    credit = told(told(Credit(), 100, 0, CERN), 0, BAD_WORDS)
    assert credit.doubted == {UVIC}
    assert repr(credit) == "<Credit, bad words {uvic: 3.0 of 3.0}>"


def test_good_words_restore_the_credit():
    credit = told(Credit(), 0, 20)
    told(credit, 4 * MEMORY, 0)
    assert not credit.doubted
    told(credit, 0, BAD_WORDS - 1)
    assert not credit.doubted, "those of long ago are forgotten"


def test_the_odd_stale_copy_of_a_large_storage_costs_no_credit():
    credit = Credit()
    for _ in range(100):
        told(credit, 99, 1)
        assert not credit.doubted


@given(st.lists(st.tuples(st.sampled_from([UVIC, CERN]), st.booleans()), max_size=300))
def test_doubted_are_those_with_enough_bad_words_and_no_others(
    words: list[tuple[EndpointId, bool]],
):
    credit = Credit()
    counts = {UVIC: [0, 0], CERN: [0, 0]}
    for name, bad in words:
        credit.note(name, bad=bad)
        counts[name][0] += bad
        counts[name][1] += 1
    for name in credit.doubted:
        bad_words, all_words = counts[name]
        assert bad_words >= BAD_WORDS
        assert bad_words >= BAD_SHARE * min(all_words, BAD_WORDS / BAD_SHARE)
    for name, (bad_words, all_words) in counts.items():
        if all_words <= MEMORY // 4 and bad_words > BAD_WORDS:
            assert name in credit.doubted
