"""What was learnt of single replicas: what it counts for, and when it counts no more."""

import pytest

from ugrpy.namespace.changes import Fingerprint
from ugrpy.namespace.learnt import Learnt, LearntDigests, Unwritten
from ugrpy.namespace.merge import Sighting, summarise
from ugrpy.namespace.model import Absent, Digest, EndpointId, Entry, Found, Kind

A, B = EndpointId("a"), EndpointId("b")
GOOD, BAD = Digest("md5", "00"), Digest("md5", "ff")
ADLER = Digest("adler32", "00000001")
NOW_S = 10_000.0


def a_file(size_bytes=5, mtime_s=100, *digests: Digest) -> Entry:
    return Entry("f", Kind.FILE, size_bytes, mtime_s, digests)


def learnt(*digests: Digest, path="/d/f", endpoint=A, size_bytes=5, mtime_s=100, at_s=NOW_S):
    return Learnt(path, endpoint, Fingerprint(size_bytes, mtime_s), digests, at_s)


def test_it_counts_for_the_copy_it_was_learnt_of():
    known = LearntDigests()
    assert known.put(learnt(GOOD))
    assert known.of("/d/f", A, a_file()) == (GOOD,)
    for other in (a_file(6), a_file(5, 101), a_file(None), a_file(5, None)):
        assert known.of("/d/f", A, other) == ()
    assert known.of("/d/f", B, a_file()) == known.of("/d/g", A, a_file()) == ()


@pytest.mark.parametrize(
    ("size_bytes", "mtime_s", "at_s"),
    [(None, 100, NOW_S), (5, None, NOW_S), (5, 100, 101.9), (5, 100, 99.0)],
)
def test_a_copy_whose_change_could_not_be_seen_is_not_remembered(size_bytes, mtime_s, at_s):
    known = LearntDigests()
    assert not known.put(learnt(GOOD, size_bytes=size_bytes, mtime_s=mtime_s, at_s=at_s))
    assert (len(known), known.unwritten()) == (0, Unwritten())


def test_replicas_that_look_alike_are_told_apart():
    known = LearntDigests()
    said = {name: Sighting(Found(a_file()), 1.0) for name in (A, B, EndpointId("c"))}
    assert known.over("/d/f", said) is said
    known.put(learnt(BAD, endpoint=B))
    for name in ("a", "c"):
        known.put(learnt(GOOD, endpoint=EndpointId(name)))
    merged = summarise(known.over("/d/f", said)).merged
    assert merged is not None
    assert merged.holders == (A, "c")
    assert [(one.endpoint, one.about, one.says) for one in merged.conflicts] == [(B, "md5", "ff")]
    assert merged.entry.digests == (GOOD,)
    assert said[A].observation == Found(a_file())


def test_what_a_storage_says_itself_goes_first():
    known = LearntDigests()
    known.put(learnt(GOOD, ADLER))
    said = {A: Sighting(Found(a_file(5, 100, BAD)), 1.0), B: Sighting(Absent(), 1.0)}
    seen = known.over("/d/f", said)
    assert seen[A].observation == Found(a_file(5, 100, ADLER, BAD))
    assert seen[B] is said[B]


def test_children_are_completed_too():
    known = LearntDigests()
    children = [a_file(), Entry("g", Kind.FILE, 1, 1), Entry("f", Kind.COLLECTION)]
    assert known.over_children("/d", A, children) is children
    known.put(learnt(GOOD))
    assert list(known.over_children("/d", A, children)) == [a_file(5, 100, GOOD), *children[1:]]
    assert known.over_children("/", A, children) is children


def test_more_of_the_same_copy_is_added_and_another_copy_starts_afresh():
    known = LearntDigests()
    known.put(learnt(GOOD))
    assert known.put(learnt(ADLER))
    assert known.of("/d/f", A, a_file()) == (ADLER, GOOD)
    assert not known.put(learnt(GOOD, at_s=NOW_S + 1))
    assert known.put(learnt(BAD, mtime_s=200))
    assert known.of("/d/f", A, a_file(5, 200)) == (BAD,)
    assert known.of("/d/f", A, a_file()) == ()
    assert len(known) == 1


def test_what_is_written_already_is_news_only_when_it_is_newer():
    known = LearntDigests()
    known.put(learnt(GOOD))
    assert not known.put(learnt(BAD), written=True)
    assert known.put(learnt(BAD, at_s=NOW_S + 1), written=True)
    assert known.unwritten() == Unwritten((learnt(GOOD),))
    assert known.unwritten() == Unwritten()


def test_a_name_that_has_changed_is_forgotten_here_and_in_writing():
    known = LearntDigests()
    for path in ("/d/f", "/d/e/f", "/df"):
        known.put(learnt(GOOD, path=path))
    known.forget("/nothing")
    known.forget("/d/f")
    assert known.of("/d/f", A, a_file()) == ()
    assert known.unwritten() == Unwritten(
        (learnt(GOOD, path="/d/e/f"), learnt(GOOD, path="/df")), ("/d/f",)
    )
    known.forget_below("/d")
    assert len(known) == 1
    assert known.unwritten() == Unwritten((), ("/d/e/f",), ("/d",))
    known.forget_below("/")
    assert len(known) == 0
    assert known.over_children("/", A, [a_file()]) == [a_file()]


def test_the_bound_takes_the_names_longest_not_learnt_of():
    known = LearntDigests(most=2)
    for number in range(3):
        known.put(learnt(GOOD, path=f"/d/{number}"))
        known.put(learnt(GOOD, path="/d/0", at_s=NOW_S + number))
    assert len(known) == 2
    assert known.of("/d/0", A, a_file()) == (GOOD,)
    assert known.of("/d/1", A, a_file()) == ()
    assert known.of("/d/2", A, a_file()) == (GOOD,)
