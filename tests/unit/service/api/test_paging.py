"""Pages of a long list: every item exactly once, whatever comes and goes meanwhile."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ugrpy.service.api.paging import Key, Paging, page_of
from ugrpy.service.api.problem import InvalidRequest

keys = st.one_of(
    st.sets(st.tuples(st.text(max_size=5))),
    st.sets(st.tuples(st.integers())),
    st.sets(st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=3))),
)


def itself(item: Key) -> Key:
    return item


@given(keys, st.integers(1, 7))
def test_every_item_is_seen_exactly_once_and_in_order(found, limit):
    items = sorted(found)
    seen: list[Key] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        page = page_of(items, Paging(limit=limit, cursor=cursor), itself)
        assert len(page.items) <= limit
        assert page.items or not items
        seen += page.items
        cursor = page.next_cursor
        pages += 1
    assert seen == items
    assert pages == max(1, -(-len(items) // limit))


@given(
    st.sets(st.integers(0, 30)),
    st.integers(1, 5),
    st.lists(st.tuples(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30))), max_size=6),
)
def test_what_stays_is_seen_exactly_once_while_the_list_changes(start, limit, changes):
    now, stayed = set(start), set(start)
    seen: list[int] = []
    cursor: str | None = ""
    coming = iter(changes)
    while cursor is not None:
        page = page_of(sorted(now), Paging(limit=limit, cursor=cursor), lambda number: (number,))
        seen += page.items
        cursor = page.next_cursor
        gone, new = next(coming, (set(), set()))
        stayed -= gone
        now = (now - gone) | new
    assert seen == sorted(set(seen))
    assert stayed <= set(seen)


def test_cursors_are_fit_for_a_url():
    page = page_of([("é/?&",), ("ü",)], Paging(limit=1), itself)
    assert page.next_cursor is not None
    assert page.next_cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=40))
def test_any_cursor_is_understood_or_refused(cursor):
    with suppress(InvalidRequest):
        page_of([("a",), ("b",)], Paging(cursor=cursor), itself)


def test_a_cursor_of_another_list_is_refused():
    other = page_of([(1,), (2,)], Paging(limit=1), itself).next_cursor
    assert other is not None
    with pytest.raises(InvalidRequest, match="cursor"):
        page_of([("a",), ("b",)], Paging(cursor=other), itself)


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"cursor": "a" * 1025}])
def test_limits_are_bounded(query):
    with pytest.raises(ValidationError):
        Paging.model_validate(query)
