"""In which order are endpoints tried for an upload?"""

from hypothesis import given
from hypothesis import strategies as st

from ugrpy.changing.weighing import placing_order
from ugrpy.namespace.model import EndpointId

A, B, C, D = map(EndpointId, "abcd")
names = st.sampled_from([A, B, C, D])


def test_the_ranking_when_nothing_else_is_known():
    assert placing_order([B, A, C], None, (), ()) == [B, A, C]


def test_the_target_under_way_then_holders_then_those_preferred():
    assert placing_order([A, B, C, D], D, (C,), (B, C)) == [D, C, B, A]


def test_a_holder_is_better_than_one_that_is_preferred():
    assert placing_order([A, B], None, (B,), (A,)) == [B, A]


def test_of_holders_one_that_is_preferred():
    assert placing_order([A, B, C], None, (A, C), (C,)) == [C, A, B]


@given(st.permutations([A, B, C, D]), st.none() | names, st.frozensets(names), st.frozensets(names))
def test_nobody_is_lost_and_equals_keep_their_ranking(ranked, first, holders, preferred):
    order = placing_order(ranked, first, holders, preferred)
    assert sorted(order) == sorted(ranked)

    def group(name: EndpointId) -> tuple[bool, bool, bool]:
        return (name == first, name in holders, name in preferred)

    for one in ranked:
        for other in ranked:
            if group(one) == group(other):
                sooner = order.index(one) < order.index(other)
                assert sooner == (ranked.index(one) < ranked.index(other))
