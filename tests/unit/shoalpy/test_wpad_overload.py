"""Who asks too often is blocked for a while."""

from hypothesis import given
from hypothesis import strategies as st

from shoalpy.wpad.overload import Limit, Load, Overload

LIMIT = Limit(requests=4, minutes=2, block_minutes=10)


def test_the_story_of_an_organisation():
    overload = Overload()
    at = [overload.note("a", LIMIT, 600.0 + second) for second in range(4)]
    assert at == [Load(25, 0), Load(50, 0), Load(75, 0), Load(100, 0)]
    assert overload.note("b", LIMIT, 601.0) == Load(25, 0)
    assert overload.note("a", LIMIT, 659.0) == Load(125, 10)
    # two minutes later its requests have left the window, and it stays blocked
    assert overload.note("a", LIMIT, 720.0) == Load(25, 8)
    assert overload.note("a", LIMIT, 600.0 + 9 * 60 + 59) == Load(25, 1)
    assert overload.note("a", LIMIT, 600.0 + 10 * 60) == Load(50, 0)


def test_going_on_prolongs_it():
    overload = Overload()
    for second in range(5):
        overload.note("a", LIMIT, 600.0 + second)
    for second in range(4):
        overload.note("a", LIMIT, 900.0 + second)
    assert overload.note("a", LIMIT, 904.0) == Load(125, 10)


def test_only_so_many_organisations_are_counted():
    overload = Overload(most=2)
    for name in ("a", "b", "a", "c"):
        overload.note(name, LIMIT, 600.0)
    assert "2 organisations" in repr(overload)
    assert overload.note("a", LIMIT, 600.0).percent == 75
    assert overload.note("b", LIMIT, 600.0).percent == 25


@given(
    st.lists(st.integers(0, 40), max_size=60).map(sorted),
    st.integers(1, 10),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_it_counts_as_a_list_would(minutes, requests, window, block):
    overload, limit = Overload(), Limit(requests, window, block)
    over_at = None
    for place, minute in enumerate(minutes):
        inside = sum(minute - window < one <= minute for one in minutes[: place + 1])
        if inside > requests:
            over_at = minute
        blocked = 0 if over_at is None else max(0, block - (minute - over_at))
        assert overload.note("a", limit, minute * 60.0) == Load(inside * 100 // requests, blocked)
