"""What several endpoints say together: votes, conflicts, unions."""

from itertools import permutations

import pytest

from ugrpy.namespace.merge import (
    Conflict,
    Merged,
    Sighting,
    Summary,
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

A, B, C, D, E = (EndpointId(name) for name in "abcde")
MD5, SHA = "md5", "sha-256"


def file(
    size: int | None = None, mtime: int | None = None, /, name: str = "f", **digests: str
) -> Entry:
    said = tuple(Digest(algorithm.replace("_", "-"), value) for algorithm, value in digests.items())
    return Entry(name, Kind.FILE, size, mtime, said)


FOLDER = Entry("f", Kind.COLLECTION)


# -- one name ----------------------------------------------------------------------------------------


def test_one_holder_is_believed():
    entry = file(10, 5, md5="00")
    assert merge_entries({A: entry}) == Merged(entry, (A,))


def test_holders_that_agree_are_one_file():
    assert merge_entries({B: file(10, 5), A: file(10, 5)}) == Merged(file(10, 5), (A, B))


def test_what_one_does_not_say_another_adds():
    merged = merge_entries(
        {A: file(None, 7), B: file(10, None, md5="00"), C: file(None, 9, sha_256="ff")}
    )
    assert merged == Merged(
        Entry("f", Kind.FILE, 10, 9, (Digest(MD5, "00"), Digest(SHA, "ff"))), (A, B, C)
    )


def test_the_newest_date_is_shown_and_is_no_conflict():
    merged = merge_entries({A: file(10, 7), B: file(10, 9), C: file(10)})
    assert merged == Merged(file(10, 9), (A, B, C))
    assert merge_entries({A: file(10), B: file()}).entry.mtime_s is None


VOTES = [
    pytest.param(
        {A: file(1), B: file(2), C: file(2)},
        (B, C),
        [Conflict(A, "size", "1", "2")],
        id="the more holders of a size win",
    ),
    pytest.param(
        {A: file(1, 5), B: file(2, 6)},
        (B,),
        [Conflict(A, "size", "1", "2")],
        id="of as many, the newer copy",
    ),
    pytest.param(
        {A: file(1, 5), B: file(1), C: file(2, 4), D: file(2, 6)},
        (C, D),
        [Conflict(A, "size", "1", "2"), Conflict(B, "size", "1", "2")],
        id="the newest of a camp speaks for it",
    ),
    pytest.param(
        {A: file(1, 5), B: file(2, 5)},
        (B,),
        [Conflict(A, "size", "1", "2")],
        id="of equally new ones, the larger",
    ),
    pytest.param(
        {A: file(1), B: file(2), C: file(None)},
        (B, C),
        [Conflict(A, "size", "1", "2")],
        id="who gives no size contradicts nobody",
    ),
    pytest.param(
        {A: file(0), B: file(2), C: file(2)},
        (B, C),
        [Conflict(A, "size", "0", "2")],
        id="an empty file is not a file of unknown size",
    ),
    pytest.param(
        {A: file(1, md5="aa"), B: file(1, md5="bb"), C: file(1, md5="bb"), D: file(1)},
        (B, C, D),
        [Conflict(A, "md5", "aa", "bb")],
        id="digests are voted on, and silence about them is no vote",
    ),
    pytest.param(
        {A: file(1, md5="aa", sha_256="11"), B: file(1, md5="aa"), C: file(1, sha_256="22")},
        (A, B),
        [Conflict(C, "sha-256", "22", "11")],
        id="digests of different algorithms cannot contradict, and a tie goes to the first name",
    ),
    pytest.param(
        {
            A: file(1, md5="aa", sha_256="11"),
            B: file(1, md5="bb", sha_256="11"),
            C: file(1, md5="bb"),
        },
        (B, C),
        [Conflict(A, "md5", "aa", "bb")],
        id="who is outvoted on one digest has no vote on the next",
    ),
    pytest.param(
        {A: file(1, md5="aa"), B: file(2, md5="bb"), C: file(2, md5="bb")},
        (B, C),
        [Conflict(A, "size", "1", "2")],
        id="who is outvoted on the size has no vote on digests",
    ),
    pytest.param(
        {A: FOLDER, B: file(1), C: file(1)},
        (B, C),
        [Conflict(A, "kind", "collection", "file")],
        id="two files outvote a collection",
    ),
    pytest.param(
        {A: file(1), B: FOLDER},
        (B,),
        [Conflict(A, "kind", "file", "collection")],
        id="a tie on the kind goes to the collection",
    ),
    pytest.param(
        {A: file(1), B: FOLDER, C: file(2), D: FOLDER, E: FOLDER},
        (B, D, E),
        [Conflict(A, "kind", "file", "collection"), Conflict(C, "kind", "file", "collection")],
        id="files outvoted on the kind do not go on to vote on the size",
    ),
]


@pytest.mark.parametrize(("found", "holders", "conflicts"), VOTES)
def test_replicas_that_disagree_vote(found, holders, conflicts):
    merged = merge_entries(found)
    assert merged.holders == holders
    assert list(merged.conflicts) == conflicts
    assert {conflict.endpoint for conflict in conflicts} | set(holders) == set(found)
    for order in permutations(found.items()):
        assert merge_entries(dict(order)) == merged


def test_the_outvoted_add_nothing_to_the_entry():
    merged = merge_entries({A: file(1, 99, md5="aa"), B: file(2, 5), C: file(2, 6, md5="bb")})
    assert merged.entry == file(2, 6, md5="bb")


def test_a_holder_that_gives_two_values_agrees_with_either():
    both = Entry("f", Kind.FILE, 1, None, (Digest(MD5, "aa"), Digest(MD5, "bb")))
    merged = merge_entries({A: both, B: file(1, md5="bb"), C: file(1, md5="cc")})
    assert merged.holders == (A, B)
    assert merged.conflicts == (Conflict(C, "md5", "cc", "bb"),)


def test_collections_are_one_whatever_their_dates():
    merged = merge_entries(
        {A: Entry("d", Kind.COLLECTION, mtime_s=3), B: Entry("d", Kind.COLLECTION, mtime_s=4)}
    )
    assert merged == Merged(Entry("d", Kind.COLLECTION, mtime_s=4), (A, B))


# -- all that was said -------------------------------------------------------------------------------


def test_everybody_is_sorted_by_what_he_said():
    denied, silence = Denied(401, "who are you"), Unknown(Cause.TIMEOUT)
    summary = summarise(
        {
            E: Sighting(Absent(), 1.0),
            B: Sighting(Found(file(1)), 2.0),
            C: Sighting(denied, 3.0),
            D: Sighting(silence, 4.0),
            A: Sighting(Absent(), 5.0),
        }
    )
    assert summary == Summary(Merged(file(1), (B,)), (A, E), {C: denied}, {D: silence})


def test_nothing_said_is_nothing_known():
    assert summarise({}) == Summary(None, (), {}, {})


def test_of_two_sightings_the_later_counts():
    early, late = Sighting(Absent(), 1.0), Sighting(Found(file(1)), 2.0)
    assert join({A: early}, {A: late, B: early}) == {A: late, B: early}
    assert join({A: late, B: early}, {A: early}) == {A: late, B: early}


def test_joining_changes_neither_side():
    left = {A: Sighting(Absent(), 1.0)}
    right = {A: Sighting(Denied(), 2.0)}
    join(left, right)
    assert left == {A: Sighting(Absent(), 1.0)}
    assert right == {A: Sighting(Denied(), 2.0)}


@pytest.mark.parametrize(
    ("found", "doubted", "holders"),
    [
        pytest.param({A: file(1, 5), B: file(2, 6)}, {B}, (A,), id="of two, the one not doubted"),
        pytest.param({A: file(1, 5), B: file(2, 6)}, {A, B}, (B,), id="both doubted: as ever"),
        pytest.param({A: file(1), B: file(2), C: file(2)}, {B, C}, (B, C), id="more holders win"),
        pytest.param({A: file(1), B: file(1, md5="aa"), C: file(1, md5="bb")}, {B}, (A, C), id="md5"),
        pytest.param({B: file(2)}, {B}, (B,), id="alone it is believed"),
    ],
)  # fmt: skip
def test_the_doubted_lose_ties(
    found: dict[EndpointId, Entry], doubted: set[EndpointId], holders: tuple[EndpointId, ...]
):
    assert merge_entries(found, doubted).holders == holders
