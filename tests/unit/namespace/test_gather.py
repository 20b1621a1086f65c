"""Children leave when nobody can add to them, each once, merged as if all had been known at once."""

import pytest

from ugrpy.namespace.gather import Gathering
from ugrpy.namespace.merge import Conflict, Merged
from ugrpy.namespace.model import EndpointId, Entry, Kind

A, B, C = EndpointId("a"), EndpointId("b"), EndpointId("c")


def file(name: str, size_bytes: int = 1) -> Entry:
    return Entry(name, Kind.FILE, size_bytes)


def test_one_alone_is_passed_through_at_once():
    gathering = Gathering([A])
    gathering.add(A, [file("x"), file("y")])
    assert gathering.take(10) == [Merged(file("x"), (A,)), Merged(file("y"), (A,))]
    assert gathering.take(10) == []


def test_a_child_leaves_when_all_who_still_list_have_named_it():
    gathering = Gathering([A, B, C])
    gathering.add(A, [file("x"), file("y")])
    gathering.add(B, [file("x")])
    assert gathering.take(10) == []
    gathering.end(C)
    assert gathering.take(10) == [Merged(file("x"), (A, B))]
    gathering.add(B, [file("y")])
    assert gathering.take(10) == [Merged(file("y"), (A, B))]


def test_what_is_left_is_settled_by_the_end_of_the_last():
    gathering = Gathering([A, B])
    gathering.add(A, [file("x")])
    gathering.add(B, [file("y")])
    gathering.end(A)
    assert gathering.take(10) == [Merged(file("y"), (B,))]
    gathering.end(B)
    assert gathering.take(10) == [Merged(file("x"), (A,))]


def test_after_the_others_have_ended_the_last_one_is_passed_through_and_merged_with_what_waits():
    gathering = Gathering([A, B])
    gathering.add(A, [file("x")])
    gathering.end(A)
    gathering.add(B, [file("z"), file("x", 2)])
    assert gathering.take(10) == [
        Merged(file("z"), (B,)),
        Merged(file("x", 2), (B,), (Conflict(A, "size", "1", "2"),)),
    ]


def test_the_work_of_one_call_is_bounded_and_nothing_is_lost():
    gathering = Gathering([A, B])
    gathering.add(A, [file(str(n)) for n in range(7)])
    gathering.end(B)
    taken = [gathering.take(3) for _ in range(4)]
    assert [len(one) for one in taken] == [3, 3, 1, 0]
    assert {child.entry.name for one in taken for child in one} == {str(n) for n in range(7)}


def test_an_end_during_a_sweep_is_not_forgotten():
    gathering = Gathering([A, B, C])
    gathering.add(A, [file("x")])
    gathering.add(B, [file("x"), file("y"), file("z")])
    gathering.end(C)
    gathering.end(A)
    assert [child.entry.name for child in gathering.take(1)] == ["x"]
    gathering.end(B)
    assert sorted(child.entry.name for child in gathering.take(9)) == ["y", "z"]


@pytest.mark.parametrize("taken_between", [True, False])
def test_a_name_said_twice_is_one_child_and_the_first_counts(taken_between: bool):
    gathering = Gathering([A, B])
    gathering.add(A, [file("x", 1)])
    gathering.add(A, [file("x", 2)])
    gathering.add(B, [file("x", 1)])
    children = gathering.take(10) if taken_between else []
    gathering.add(A, [file("x", 3)])
    gathering.add(B, [file("x", 3)])
    gathering.end(A)
    gathering.end(B)
    assert children + gathering.take(10) == [Merged(file("x", 1), (A, B))]
    assert gathering.count == 1


def test_it_knows_what_was_named():
    gathering = Gathering([A, B])
    gathering.add(A, [file("x")])
    assert (gathering.holds("x"), gathering.holds("y")) == (True, False)
    gathering.end(B)
    gathering.take(1)
    assert (gathering.holds("x"), gathering.holds("y")) == (True, False)
    assert (gathering.count, gathering.named_by) == (1, {A: 1, B: 0})
    assert repr(gathering) == "<Gathering 1 names, 0 waiting for ['a']>"
