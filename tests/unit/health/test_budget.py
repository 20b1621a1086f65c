"""How many second questions may be put."""

from hypothesis import given
from hypothesis import strategies as st

from ugrpy.health.budget import AT_LEAST, WINDOW_S, Budget


def granted(budget: Budget, wishes: int, now_s: float) -> int:
    return sum(budget.grant(now_s) for _ in range(wishes))


def test_a_quiet_gateway_may_ask_twice_once_in_a_window():
    budget = Budget(0.05)
    budget.asked(100.0)
    assert granted(budget, 5, 100.0) == 1
    assert granted(budget, 5, 100.0 + WINDOW_S - 1) == 0
    assert granted(budget, 5, 100.0 + WINDOW_S) == 1


def test_a_busy_one_may_do_so_for_its_share_of_the_questions():
    budget = Budget(0.05)
    for _ in range(100):
        budget.asked(100.0)
    assert granted(budget, 50, 103.0) == 5
    assert repr(budget) == "<Budget of 5%: 5 of 100>"


def test_without_a_share_there_is_none():
    budget = Budget(0.0)
    for _ in range(100):
        budget.asked(1.0)
    assert granted(budget, 5, 1.0) == 0


def test_a_clock_that_steps_back_a_little_changes_nothing():
    budget = Budget(0.05)
    budget.asked(100.5)
    budget.asked(99.9)
    assert repr(budget) == "<Budget of 5%: 0 of 2>"


@given(
    st.floats(0.01, 0.2),
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.7, 3.0, 20.0]), st.integers(0, 60), st.booleans()),
        max_size=60,
    ),
)
def test_at_no_time_are_more_granted_than_the_share_of_the_window_allows(
    share: float, moments: list[tuple[float, int, bool]]
):
    budget, now_s = Budget(share), 1000.0
    asked: list[float] = []
    extra: list[float] = []
    for step_s, questions, wishes in moments:
        now_s += step_s
        for _ in range(questions):
            budget.asked(now_s)
            asked.append(now_s)
        if wishes and budget.grant(now_s):
            extra.append(now_s)
            since_s = int(now_s) - WINDOW_S + 1
            within = sum(at_s >= since_s for at_s in extra)
            assert within <= max(AT_LEAST, share * sum(at_s >= since_s for at_s in asked))
