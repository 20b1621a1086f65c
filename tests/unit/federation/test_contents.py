"""Children packed and unpacked are the same children, and readers keep their place."""

import pytest

from ugrpy.federation.contents import LOOSE, Contents
from ugrpy.namespace.merge import Conflict, Merged
from ugrpy.namespace.model import Digest, EndpointId, Entry, Kind

A, B = EndpointId("a"), EndpointId("b")

ODD = [
    Merged(Entry("plain", Kind.FILE, 5, 1_600_000_000), (A, B)),
    Merged(Entry("no numbers", Kind.FILE), (B,)),
    Merged(Entry("empty", Kind.FILE, 0, 0), (A,)),
    Merged(Entry("before 1970", Kind.FILE, 1, -1), (A,)),
    Merged(Entry("absurd", Kind.FILE, 1 << 70, -(1 << 63)), (A,)),
    Merged(Entry("collection", Kind.COLLECTION, None, 7), (A, B)),
    Merged(Entry("bare collection", Kind.COLLECTION), ()),
    Merged(Entry("summed", Kind.FILE, 1, 2, (Digest("md5", "00"),)), (A,)),
    Merged(Entry("disputed", Kind.FILE, 1), (A,), (Conflict(B, "size", "2", "1"),)),
    Merged(Entry("bytes \udcff and line\nbreak", Kind.FILE, 1), (B,)),
    Merged(Entry("a" * 255, Kind.FILE, (1 << 63) - 1), (A,)),
]


def files(count: int, first: int = 0) -> list[Merged]:
    return [Merged(Entry(f"f{n}", Kind.FILE, n), (A,)) for n in range(first, first + count)]


@pytest.mark.parametrize("packed", [False, True])
def test_what_goes_in_comes_out(packed: bool):
    contents = Contents()
    contents.extend(ODD)
    if packed:
        contents.seal()
    assert list(contents) == list(contents) == ODD
    assert len(contents) == len(ODD)


def test_many_are_packed_as_they_come_and_come_out_in_order():
    contents = Contents()
    expected: list[Merged] = []
    for start in range(0, LOOSE + 3000, 700):
        contents.extend(files(700, start))
        expected += files(700, start)
    assert "12 blocks" in repr(contents)
    assert list(contents) == expected
    contents.seal()
    assert list(contents) == expected
    assert len(contents) == len(expected)


def test_a_reader_follows_what_grows():
    contents = Contents()
    assert contents.after(0) == ([], 0)
    contents.extend(files(3))
    first, place = contents.after(0)
    assert first == files(3)
    assert contents.after(place) == ([], place)
    contents.extend(files(LOOSE, 3))
    read, (more, place) = list(first), contents.after(place)
    while more:
        read += more
        more, place = contents.after(place)
    contents.extend(files(5, LOOSE + 3))
    contents.seal()
    more, place = contents.after(place)
    assert read + list(more) == files(LOOSE + 8)
    assert contents.after(place)[0] == []


def test_a_child_is_changed_in_its_place():
    contents = Contents()
    contents.extend([*files(LOOSE + 2000), *ODD])
    contents.seal()
    changed = Merged(Entry("f1500", Kind.FILE, 99), (B,))
    contents.put(changed)
    children = list(contents)
    assert children[1500] == changed
    assert [*children[:1500], *children[1501:]] == [*files(1500), *files(LOOSE + 499, 1501), *ODD]


def test_a_child_more_and_a_child_less():
    contents = Contents()
    contents.extend(files(3))
    contents.seal()
    contents.remove("f1")
    contents.remove("nobody")
    new = Merged(Entry("new", Kind.FILE, 1), (A,))
    contents.put(new)
    left = [files(3)[0], files(3)[2], new]
    assert (list(contents), len(contents)) == (left, 3)
    contents.put(files(3)[1])
    assert list(contents) == [*files(3), new]


def test_a_block_whose_children_have_all_gone_does_not_end_the_reading():
    contents = Contents()
    contents.extend(files(1))
    contents.seal()
    contents.put(Merged(Entry("last", Kind.FILE, 1), (A,)))
    contents.remove("f0")
    assert [child.entry.name for child in contents] == ["last"]


def test_a_reader_does_not_lose_its_place_when_a_child_goes():
    contents = Contents()
    contents.extend(files(3000))
    contents.seal()
    contents.extend([])
    seen, place = contents.after(0)
    contents.remove("f0")
    rest, _ = contents.after(place)
    assert [*seen, *rest] == files(3000)
